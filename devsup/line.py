"""One open serial line: bytes out, bytes in, exclusive.

Knows pyserial, locks and hang-ups; knows no protocol, no queue and no instrument.
"""

import errno
import hashlib
import os
import select
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import serial
from serial.rs485 import RS485Settings

from devsup.errors import GaveWay, LineLost, PortInUse

# What pyserial and its back-ends raise when a port is not there, not capable or not any more.
_FAILURES: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
)
if sys.platform != "win32":  # there, COM ports are exclusive by themselves
    import fcntl
    import termios

    _FAILURES += (termios.error,)

_CHUNK = 4096
_SLICE_S = 0.01  # longest wait inside read() of a back-end that cannot be waited for otherwise
_WRITE_LIMIT_S = 2.0
_FLUSH_LIMIT_S = 0.05


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
    rts_on_send: bool = True
    rts_before_s: float = 0.0
    rts_after_s: float = 0.0

    @property
    def bits_per_byte(self) -> float:
        """Start, data, parity and stop bits of one character."""
        return 1 + self.bytesize + (self.parity != "N") + self.stopbits

    @property
    def is_device(self) -> bool:
        """A local device, as against `socket://` and the like."""
        return "://" not in self.url

    @property
    def claim(self) -> str:
        """What two spellings of one network line have in common; empty where there is no network."""
        return urlsplit(self.url).netloc.lower()


class Line:
    """Exclusive use of an open line. Every method raises LineLost when the port has gone."""

    def __init__(self, settings: LineSettings) -> None:
        self.settings = settings
        self.bytes_moved = 0
        self.strays = 0
        self.sent_at = 0.0  # when the latest request went out (monotonic seconds)
        self.heard_at = 0.0  # when the latest byte came
        self.on_sent: Callable[[], object] = _nothing  # called when a request has gone out
        self.is_wanted: Callable[[], object] = _nothing  # does somebody more urgent wait for the line?
        self._patience: tuple[float, float] = (0.0, 0.0)  # a deadline, and how far it was at first sight
        self._serial: Any = None
        self._fd: int | None = None
        self._lock: int | None = None

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def open(self) -> None:
        """Open and claim the line. Raises PortInUse when it is claimed, LineLost when it is not there."""
        try:
            self._lock = _lock_file(self.settings) if self.settings.claim else None
            self._serial = _open_serial(self.settings)
        except PortInUse:
            raise
        except _FAILURES as error:
            self.close()
            if self.settings.is_device and _is_claimed(error):
                raise PortInUse(f"{self.settings.url} is in use by another program or line") from error
            raise LineLost(f"{self.settings.url} cannot be opened: {error}") from error
        self._fd = _descriptor(self.settings, self._serial)
        self._set_exclusive(True)

    def close(self) -> None:
        """Give the line back. Never raises; closing twice is harmless."""
        self._set_exclusive(False)
        port, self._serial, self._fd = self._serial, None, None
        lock, self._lock = self._lock, None
        if port is not None:
            with suppress(*_FAILURES):  # the device has gone already
                port.close()
        if lock is not None:
            os.close(lock)

    def send(self, data: bytes) -> None:
        """Put all of `data` on the wire."""
        self.sent_at = time.monotonic()
        try:
            self._serial.write(data)
        except _FAILURES as error:
            raise LineLost(f"{self.settings.url}: {error}") from error
        self.bytes_moved += len(data)
        self.on_sent()

    def receive(self, deadline: float) -> bytes:
        """At least one byte, or b"" when `deadline` (monotonic seconds) passes first."""
        wait_s = max(0.0, deadline - time.monotonic())
        try:
            data = self._read(wait_s)
        except _FAILURES as error:
            raise LineLost(f"{self.settings.url}: {error}") from error
        if data:
            self.bytes_moved += len(data)
            self.heard_at = time.monotonic()
        return data

    def rest(self, until: float) -> None:
        """Send nothing until then (monotonic seconds). Who waits for the last result gets it meanwhile."""
        self.on_sent()
        time.sleep(max(0.0, until - time.monotonic()))

    def renewed(self, deadline: float) -> float:
        """Deadline of the exchange that begins now. Each exchange of a transaction has as long as its first:
        a time-out is how long to wait for one reply, however many a transaction needs."""
        now = time.monotonic()
        if self._patience[0] != deadline:
            self._patience = (deadline, max(0.0, deadline - now))
        return now + self._patience[1]

    def give_way(self) -> None:
        """For a transaction that is about to ask again, and may be begun anew instead. Raises GaveWay
        when a more urgent order waits."""
        if self.is_wanted():
            raise GaveWay

    def flush(self) -> int:
        """Throw away what has arrived unasked; returns how many bytes that was. A flood does not hold it."""
        dropped, limit = 0, time.monotonic() + _FLUSH_LIMIT_S
        while data := self.receive(0.0):
            dropped += len(data)
            if time.monotonic() > limit:
                break
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
            return self._read_in_slices(time.monotonic() + wait_s)
        if not _readable(self._fd, wait_s):
            return b""
        data = os.read(self._fd, _CHUNK)
        if not data:
            raise LineLost(f"{self.settings.url} hung up")
        return data

    def _read_in_slices(self, deadline: float) -> bytes:
        """Where there is no descriptor. The port's own time-out stays as it is, because to change
        it negotiates all settings anew with an RFC 2217 server."""
        while True:
            waiting = self._serial.in_waiting
            if not waiting and time.monotonic() >= deadline:
                return b""
            if first := bytes(self._serial.read(waiting or 1)):
                return first + bytes(self._serial.read(self._serial.in_waiting))

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


def _nothing() -> None:
    """Nobody wants to know."""


def _open_serial(settings: LineSettings) -> Any:
    port = serial.serial_for_url(
        settings.url,
        baudrate=settings.baudrate,
        bytesize=settings.bytesize,
        parity=settings.parity,
        stopbits=settings.stopbits,
        rtscts=settings.rtscts,
        timeout=_SLICE_S,
        do_not_open=True,
    )
    port.exclusive = True
    if not settings.url.startswith("rfc2217://"):  # refuses to open with a write time-out
        port.write_timeout = _WRITE_LIMIT_S
    if settings.rs485:
        port.rs485_mode = RS485Settings(
            rts_level_for_tx=settings.rts_on_send,
            rts_level_for_rx=not settings.rts_on_send,
            delay_before_tx=settings.rts_before_s,
            delay_before_rx=settings.rts_after_s,
        )
    port.open()
    return port


def _descriptor(settings: LineSettings, port: Any) -> int | None:
    """A file descriptor to wait on, where there is one and nothing sits between it and the bytes."""
    if sys.platform == "win32" or not (settings.is_device or settings.url.startswith("socket://")):
        return None
    return int(port.fileno())


def _readable(descriptor: int, wait_s: float) -> bool:
    """select() cannot take descriptors above 1023, poll() cannot take terminals on macOS."""
    if sys.platform != "linux":
        return bool(select.select([descriptor], [], [], wait_s)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(1000.0 * wait_s))


def _is_claimed(error: Exception) -> bool:
    if sys.platform == "win32":
        return "PermissionError(13" in str(error)
    taken = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY)  # of flock, of TIOCEXCL
    return getattr(error, "errno", None) in taken


def _lock_file(settings: LineSettings) -> int | None:
    """A network line has no device to lock, so its claim is a locked file in the temporary folder."""
    if sys.platform == "win32":
        return None
    name = hashlib.sha256(settings.claim.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"line-{name}.lock"
    descriptor = _open_anybodys(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise PortInUse(f"{settings.url} is in use by another program or line ({path})") from error
    return descriptor


def _open_anybodys(path: Path) -> int:
    """Another user's left-over lock file can be locked as well, but must not be asked to be created."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
