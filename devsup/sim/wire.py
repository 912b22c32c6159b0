"""A serial line made of a pseudo-terminal: delivers bytes at the pace of the real one, hangs up, comes back.

Knows time and bytes; must not know any protocol. Serves every simulator.
"""

import contextlib
import errno
import logging
import os
import pty
import queue
import random
import secrets
import select
import tempfile
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, runtime_checkable

from devsup.sim.faults import LineFault, garble
from devsup.sim.pace import Pacer, Sleeper

ANSWER_S = 5.0  # for the line's own thread to obey


@dataclass(frozen=True, slots=True)
class Transmission:
    """Bytes to send, `delay_s` after the request has crossed the line."""

    delay_s: float
    data: bytes


class Server(Protocol):
    """What stands at the far end of a line."""

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        """Take bytes in any portions; `now` is when the last of them has crossed (monotonic seconds)."""
        ...


@runtime_checkable
class Talker(Server, Protocol):
    """A server that also speaks without being asked."""

    def speaks_at(self) -> float | None:
        """When it will speak next (monotonic seconds); None if it will not."""
        ...

    def unasked(self, now: float) -> list[Transmission]:
        """What it has to say by `now`."""
        ...


class PtyLine:
    """One line with a server at its far end; `url` is what a master opens.

    `url` is a symbolic link that stays the same when the line hangs up and comes back.
    All methods may be called from any thread; start and stop any number of times.
    """

    def __init__(
        self,
        server: Server,
        baudrate: float | None = 38400,
        link: str | Path | None = None,
        name: str = "sim",
        seed: int = 0,
    ) -> None:
        self.server = server
        self._talker = server if isinstance(server, Talker) else None
        self.baudrate = baudrate
        self.name = name
        self._link = Path(link or Path(tempfile.gettempdir(), f"{name}-{secrets.token_hex(6)}"))
        self._random = random.Random(seed)
        self._fault = LineFault.OK
        self._noise_probability = 1.0
        self._pacer = Pacer(baudrate)
        self._sleeper = Sleeper()
        self._master = self._slave = -1
        self._bell: tuple[int, int] | None = None
        self._errands: queue.SimpleQueue[tuple[Callable[[], None], threading.Event]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running = False
        self._control = threading.RLock()
        self._log = logging.getLogger(f"sim.{name}")

    # ---- for whoever runs it ------------------------------------------------------------

    @property
    def url(self) -> str:
        """Path of the line, valid before the start and after a hang-up as well."""
        return str(self._link)

    @property
    def up(self) -> bool:
        return self._master >= 0

    @property
    def running(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        """Create the pty, unless hung up, and serve it. FileExistsError if `link` is no link."""
        with self._control:
            if self._thread is not None:
                return
            if self._fault is not LineFault.HUNG_UP:
                self._plug_in()
            self._bell = os.pipe()
            self._running = True
            self._thread = threading.Thread(target=self._run, name=f"line-{self.name}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop serving, close the pty, remove the link. Returns when the thread has ended."""
        with self._control:
            if self._thread is None or self._bell is None:
                return
            self._running = False
            os.write(self._bell[1], b"!")
            self._thread.join()
            for end in self._bell:
                os.close(end)
            self._thread = self._bell = None
            self._pull_out()

    def __enter__(self) -> "PtyLine":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- faults of the line -------------------------------------------------------------

    @property
    def fault(self) -> LineFault:
        return self._fault

    def set_fault(self, fault: LineFault, probability: float = 1.0) -> None:
        """Switch the fault of the whole line. `probability` is for NOISE, per chunk and direction."""
        self._noise_probability = probability
        if fault is LineFault.HUNG_UP:
            self.hang_up()
        else:
            self.come_back()
            self._fault = fault

    def hang_up(self) -> None:
        """Unplug: the peer's descriptor fails with EIO, the link disappears, what was under way is lost."""
        self._in_thread(self._pull_out)
        self._fault = LineFault.HUNG_UP

    def come_back(self) -> None:
        """Plug in again: a new pty under the same link. Nothing happens if it was not unplugged."""
        self._in_thread(self._plug_in)
        if self._fault is LineFault.HUNG_UP:
            self._fault = LineFault.OK

    # ---- the thread ---------------------------------------------------------------------

    def _in_thread(self, errand: Callable[[], None]) -> None:
        """Let the line's own thread do what concerns its descriptors."""
        with self._control:
            if self._bell is None:
                return
            done = threading.Event()
            self._errands.put((errand, done))
            os.write(self._bell[1], b"!")
            if not done.wait(ANSWER_S):
                raise TimeoutError(f"{self.name}: the simulated line does not obey")

    def _run(self) -> None:
        try:
            while self._running:
                self._turn()
        except Exception:  # root of the thread: a broken simulator must look broken to its peer
            self._log.exception("%s: simulator failed, line hung up", self.name)
            self._pull_out()
            self._obey_until_stopped()

    def _turn(self) -> None:
        assert self._bell is not None
        sources = [self._bell[0], self._master] if self.up else [self._bell[0]]
        moments = (self._pacer.due(), self._talker.speaks_at() if self._talker else None)
        ready = self._sleeper.wait(sources, min((one for one in moments if one is not None), default=None))
        while (data := self._pacer.take(time.monotonic() + self._sleeper.lateness_s)) is not None:
            self._deliver(data)
        if self._talker:
            self._let_speak(self._talker)
        if self._master in ready:
            self._listen()
        if self._bell[0] in ready:
            self._obey()

    def _obey_until_stopped(self) -> None:
        assert self._bell is not None
        while self._running:
            select.select([self._bell[0]], [], [])
            self._obey()

    def _obey(self) -> None:
        assert self._bell is not None
        os.read(self._bell[0], 64)
        with contextlib.suppress(queue.Empty):
            while True:
                errand, done = self._errands.get_nowait()
                errand()
                done.set()

    def _listen(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:  # the peer has flushed what it sent
            return
        crossed = self._pacer.arrived(len(data), time.monotonic())
        if self._fault is LineFault.SILENT:
            return
        for answer in self.server.receive(self._noisy(data), crossed):
            self._pacer.send(self._noisy(answer.data), crossed + answer.delay_s)

    def _let_speak(self, talker: Talker) -> None:
        """What comes without being asked, from now on; nothing while unplugged or silent."""
        now, at = time.monotonic(), talker.speaks_at()
        if at is None or at > now:
            return
        for answer in talker.unasked(now):
            if self.up and self._fault is not LineFault.SILENT:
                self._pacer.send(self._noisy(answer.data), now + answer.delay_s)

    def _noisy(self, data: bytes) -> bytes:
        if self._fault is LineFault.NOISE and self._random.random() < self._noise_probability:
            return garble(data, self._random)
        return data

    def _deliver(self, data: bytes) -> None:
        if self._fault is LineFault.SILENT:
            return
        try:
            os.write(self._master, data)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EIO):  # nobody reads: a line does not wait
                raise

    # ---- the pty ------------------------------------------------------------------------

    def _plug_in(self) -> None:
        if self.up:
            return
        if self._link.exists() and not self._link.is_symlink():
            raise FileExistsError(errno.EEXIST, "not a link, will not replace it", self.url)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)  # our own hold on the slave keeps these settings while nobody else has it
        os.set_blocking(self._master, False)
        fresh = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self._link)

    def _pull_out(self) -> None:
        if not self.up:
            return
        if self._link.is_symlink() and os.readlink(self._link) == os.ttyname(self._slave):
            self._link.unlink()
        self._pacer.clear()
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
