"""An IOC, or any other program of the repository, as a real process under test."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A program with its output in a file. Ends with the `with` block, by force if it must."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> None:
        self.log = log
        with log.open("ab") as sink:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.child.pid

    def output(self) -> str:
        """All that the program has printed so far."""
        return self.log.read_text(errors="replace")

    def is_running(self) -> bool:
        return self.child.poll() is None

    def wait_for(self, pattern: str, timeout: float = 20.0) -> re.Match[str]:
        """The first match of a pattern in the output; fails at once if the program ends without it."""

        def matched_or_ended() -> re.Match[str] | bool | None:
            running = self.is_running()
            return re.search(pattern, self.output()) or (not running)

        found = wait_until(matched_or_ended, timeout, f"{pattern!r} in the output:\n{self.output()}")
        assert isinstance(found, re.Match), f"ended without {pattern!r}:\n{self.output()}"
        return found

    def signal(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def wait(self, timeout: float = 20.0) -> int:
        """The exit status, once the program ends by itself."""
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:g} s:\n{self.output()}") from None

    def terminate(self, timeout: float = 20.0) -> int:
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """Ends the program and all that it started, without asking."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            sys.stderr.write(f"\n--- output of {self.child.args!r}\n{self.output()}\n")
        self.kill()


class IocProcess(Process):
    """`python -m iocs SUBSYSTEM ...`, started; `with` waits until it serves and ends it by SIGTERM."""

    READY = r"serving \d+ PVs"

    def __init__(
        self, subsystem: str, *arguments: str, log: Path, env: Mapping[str, str], wrap: Sequence[str] = ()
    ) -> None:
        """`wrap` goes before the command: what runs it elsewhere."""
        super().__init__([*wrap, sys.executable, "-m", "iocs", subsystem, *arguments], log, env)

    def __enter__(self) -> "IocProcess":
        try:
            self.wait_for(self.READY)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.is_running():
                self.terminate()
        finally:
            super().__exit__(kind, error, trace)
