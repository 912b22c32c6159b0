"""The sonicator IOC: up to four sonicators behind a Modbus RTU board."""
