"""The far end of a line in the hands of a test, that hears and answers. The protocol is lines of text."""

import fcntl
import os
import select
import struct
import tempfile
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from devsup.errors import NoReply
from devsup.line import Line
from tests.support.waiting import wait_until

PATIENCE_S = 10.0


def ask(text: str) -> Callable[[Line, float], str]:
    """A transaction: `text` goes out, one line of text comes back."""

    def work(line: Line, deadline: float) -> str:
        line.send(f"{text}\n".encode())
        reply = b""
        while chunk := line.receive(deadline):
            reply += chunk
            if reply.endswith(b"\n"):
                return reply.decode().strip()
        raise NoReply(f"{text}: no reply")

    return work


class FarEnd:
    """A pty that a Port can open under `url`, a link that survives hanging up. Use as a context."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="far-end-")
        self.url = str(Path(self._folder.name, "line"))
        self._master = self._slave = -1
        self._heard = b""

    def __enter__(self) -> "FarEnd":
        self.plug_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()
        self._folder.cleanup()

    @property
    def device(self) -> str:
        """What the link points at."""
        return os.ttyname(self._slave)

    def plug_in(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        Path(self.url).symlink_to(self.device)

    def unplug(self) -> None:
        if self._master < 0:
            return
        Path(self.url).unlink()
        for end in (self._slave, self._master):
            os.close(end)
        self._master = self._slave = -1
        self._heard = b""

    def expect(self, timeout_s: float = PATIENCE_S) -> str:
        """The next line of text that was sent. Fails when none comes."""
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._heard:
            left_s = deadline - time.monotonic()
            if left_s < 0 or not select.select([self._master], [], [], left_s)[0]:
                raise AssertionError(f"nothing asked within {timeout_s} s; heard {self._heard!r}")
            self._heard += os.read(self._master, 4096)
        text, _, self._heard = self._heard.partition(b"\n")
        return text.decode()

    def say(self, text: str) -> None:
        self.send(f"{text}\n".encode())

    def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def send_through(self, data: bytes) -> None:
        """Send, and wait until all of it lies ready at the near end, where nobody may be reading."""
        self.send(data)
        wait_until(lambda: self._lying() == len(data), what=f"{data!r} crosses the pty")

    def _lying(self) -> int:
        (count,) = struct.unpack("i", fcntl.ioctl(self._slave, termios.FIONREAD, b"\0" * 4))
        return int(count)

    def heard_nothing(self) -> bool:
        """Has nothing been asked since the last expect()?"""
        return not self._heard and not select.select([self._master], [], [], 0)[0]
