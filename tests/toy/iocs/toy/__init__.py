"""A subsystem without instruments, for tests of the command line and of the demo."""
