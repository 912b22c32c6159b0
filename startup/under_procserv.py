"""Runs a command in a session of its own, so that procServ's end stops it in order:

    python startup/under_procserv.py COMMAND [ARGUMENT...]

When procServ itself is stopped, it sends its child SIGTERM and, without waiting, SIGKILL. This process takes
both; the command only ever gets SIGTERM, from here or (Linux) from the kernel once this process is dead, and
has the time it needs. procServ also lets its child begin with SIGTERM blocked. Standard library only.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import FrameType

PR_SET_PDEATHSIG = 1  # prctl(2)
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(command: Sequence[str]) -> int:
    """Runs the command; its exit status, as a shell tells it."""
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not running:
            raise SystemExit(128 + number)
        running[0].terminate()

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    running.append(subprocess.Popen(command, start_new_session=True, preexec_fn=last_will()))
    status = running[0].wait()
    return status if status >= 0 else 128 - status


def last_will() -> Callable[[], None] | None:
    """What the command does before it begins: have itself stopped when its parent dies."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def bequeath() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was dead already
            os.kill(os.getpid(), signal.SIGKILL)

    return bequeath


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
