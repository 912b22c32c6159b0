"""One open serial line: bytes out, bytes in, exclusive.

Knows pyserial, locks and hang-ups; knows no protocol, no queue and no instrument.
"""

import hashlib
import os
import select
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import serial
from serial.rs485 import RS485Settings

from devsup.errors import LineLost, PortInUse

if sys.platform != "win32":  # there, COM ports are exclusive by themselves
    import fcntl
    import termios

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Where a line is and how its bytes are shaped; `url` is anything pyserial opens."""

    url: str
    baudrate: int = 38400
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1
    rtscts: bool = False
    rs485: bool = False

    @property
    def bits_per_byte(self) -> float:
        """Start, data, parity and stop bits of one character."""
        return 1 + self.bytesize + (self.parity != "N") + self.stopbits

    @property
    def is_device(self) -> bool:
        """A local device, as against `socket://` and the like."""
        return "://" not in self.url


class Line:
    """Exclusive use of an open line. Every method raises LineLost when the port has gone."""

    def __init__(self, settings: LineSettings) -> None:
        self.settings = settings
        self.bytes_moved = 0
        self.strays = 0
        self._serial: Any = None
        self._fd: int | None = None
        self._lock: BinaryIO | None = None

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def open(self) -> None:
        """Open and claim the line. Raises PortInUse when it is claimed, LineLost when it is not there."""
        self._lock = None if self.settings.is_device else _lock_file(self.settings.url)
        try:
            self._serial = _open_serial(self.settings)
        except (OSError, ValueError) as error:
            self.close()
            if _is_claimed(error):
                raise PortInUse(f"{self.settings.url} is in use by another program or line") from error
            raise LineLost(f"{self.settings.url} cannot be opened: {error}") from error
        self._fd = _descriptor(self._serial)
        self._set_exclusive(True)

    def close(self) -> None:
        """Give the line back. Never raises; closing twice is harmless."""
        self._set_exclusive(False)
        port, self._serial, self._fd = self._serial, None, None
        lock, self._lock = self._lock, None
        for thing in (port, lock):
            if thing is not None:
                try:
                    thing.close()
                except OSError:
                    pass  # the device has gone already

    def send(self, data: bytes) -> None:
        """Put all of `data` on the wire."""
        try:
            self._serial.write(data)
        except (OSError, AttributeError) as error:
            raise self._lost(error) from error
        self.bytes_moved += len(data)

    def receive(self, deadline: float) -> bytes:
        """At least one byte, or b"" when `deadline` (monotonic seconds) passes first."""
        wait_s = max(0.0, deadline - time.monotonic())
        try:
            data = self._read(wait_s)
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise self._lost(error) from error
        self.bytes_moved += len(data)
        return data

    def flush(self) -> int:
        """Throw away what has arrived unasked; returns how many bytes that was."""
        dropped = 0
        while data := self.receive(0.0):
            dropped += len(data)
        return dropped

    def drain(self, quiet_s: float, limit_s: float) -> float | None:
        """Listen until the line has been quiet for `quiet_s`, at most `limit_s`.

        Returns when the last late byte came (monotonic seconds), None when none did.
        """
        last: float | None = None
        now = time.monotonic()
        end, limit = now + quiet_s, now + limit_s
        while now < min(end, limit):
            if self.receive(min(end, limit)):
                last = time.monotonic()
                end = last + quiet_s
            now = time.monotonic()
        return last

    def _read(self, wait_s: float) -> bytes:
        if self._fd is None:
            self._serial.timeout = wait_s
            first: bytes = self._serial.read(1)
            return first + self._serial.read(self._serial.in_waiting) if first else b""
        if not select.select([self._fd], [], [], wait_s)[0]:
            return b""
        data = os.read(self._fd, _CHUNK)
        if not data:
            raise LineLost(f"{self.settings.url} hung up")
        return data

    def _lost(self, error: Exception) -> LineLost:
        return error if isinstance(error, LineLost) else LineLost(f"{self.settings.url}: {error}")

    def _set_exclusive(self, on: bool) -> None:
        """TIOCEXCL keeps terminal programs out; a pty outlives its opener, so it is left alone."""
        if sys.platform == "win32" or self._fd is None or not self.settings.is_device:
            return
        if os.path.realpath(self.settings.url).startswith("/dev/pts/"):
            return
        try:
            fcntl.ioctl(self._fd, termios.TIOCEXCL if on else termios.TIOCNXCL)
        except OSError:
            pass  # not a terminal, or gone


def _open_serial(settings: LineSettings) -> Any:
    port = serial.serial_for_url(
        settings.url,
        baudrate=settings.baudrate,
        bytesize=settings.bytesize,
        parity=settings.parity,
        stopbits=settings.stopbits,
        rtscts=settings.rtscts,
        timeout=0,
        write_timeout=2.0,
        do_not_open=True,
    )
    if settings.is_device:
        port.exclusive = True
    if settings.rs485:
        port.rs485_mode = RS485Settings()
    port.open()
    return port


def _descriptor(port: Any) -> int | None:
    """A file descriptor to wait on, where the back-end has one."""
    if sys.platform == "win32":
        return None
    try:
        return int(port.fileno())
    except (OSError, AttributeError, ValueError, NotImplementedError):
        return None


def _is_claimed(error: Exception) -> bool:
    number = getattr(error, "errno", None)
    return number in (11, 16) or "exclusively lock" in str(error)  # EAGAIN of flock, EBUSY of TIOCEXCL


def _lock_file(url: str) -> BinaryIO | None:
    """A network line has no device to lock, so its claim is a locked file in the temporary folder."""
    if sys.platform == "win32":
        return None
    path = Path(tempfile.gettempdir()) / f"line-{hashlib.sha256(url.encode()).hexdigest()[:16]}.lock"
    try:
        handle = path.open("ab")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise PortInUse(f"{url} is claimed by another program or line ({path})") from error
    return handle
