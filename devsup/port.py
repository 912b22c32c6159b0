"""The one owner of a line: one thread, one transaction at a time, the most urgent first.

A transaction is a callable `work(line, deadline)`; its protocol builds and checks frames, the port
keeps the rules of the wire: flush, deadline, drain after a silence, retries, back-off, re-open, statistics.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from devsup.errors import DeviceError, DeviceFault, LineLost, Overruled, PortInUse
from devsup.health import Health, Manners
from devsup.line import Line, LineSettings
from devsup.orders import Order, OrderQueue, Priority
from devsup.stats import Snapshot, Stats

__all__ = ["Port", "Priority"]

T = TypeVar("T")
REOPEN_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)  # capped back-off between attempts to open the line
DRAIN_LIMIT_S = 2.0


class Port:
    """Owner of one line. Thread-safe; `run` is for asyncio, `submit` for everybody else."""

    def __init__(self, name: str, settings: LineSettings, manners: Manners | None = None) -> None:
        self.name = name
        self.settings = settings
        self.manners = manners or Manners()
        self.stats = Stats()
        self.devices: list[Health] = []
        self.log = logging.getLogger(f"port.{name}")
        self._line = Line(settings)
        self._queue = OrderQueue()
        self._wake = threading.Condition()
        self._worker: threading.Thread | None = None
        self._stopping = False
        self._busy = False
        self._started = time.monotonic()
        self._stats_since = self._started
        self._openings = 0
        self._open_failures = 0
        self._next_open = 0.0
        self._owed: tuple[Health, float] | None = None

    # -- for the owner of the port ------------------------------------------------------------

    def start(self) -> None:
        """Claim the line and begin. Raises PortInUse when another owns it; a line that is
        merely absent is opened when it appears."""
        try:
            self._open()
        except LineLost as error:
            self._open_failed(error)
        self._stopping = False
        self._worker = threading.Thread(target=self._run, name=f"port-{self.name}", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Finish the transaction in flight, refuse what waits, give the line back."""
        with self._wake:
            self._stopping = True
            waiting = self._queue.take_all()
            self._wake.notify()
        for order in waiting:
            order.fail(LineLost(f"{self.name}: port stopped"))
        if self._worker is not None:
            self._worker.join()
            self._worker = None
        self._line.close()

    def device(self, name: str, manners: Manners | None = None) -> Health:
        """Register an instrument of this line; its transactions are booked on the answer."""
        health = Health(name, manners or self.manners)
        self.devices.append(health)
        return health

    @property
    def connected(self) -> bool:
        return self._line.is_open

    def snapshot(self) -> Snapshot:
        """Statistics now."""
        return self.stats.snapshot(
            now=time.monotonic(),
            since=self._stats_since,
            connected=self.connected,
            queued=len(self._queue),
            backed_off=sum(device.lost for device in self.devices),
        )

    def reset_statistics(self) -> None:
        self.stats = Stats()
        self._stats_since = time.monotonic()

    # -- for its clients ----------------------------------------------------------------------

    def submit(
        self,
        work: Callable[[Line, float], T],
        device: Health,
        priority: Priority = Priority.POLL,
        *,
        timeout_s: float | None = None,
        retries: int | None = None,
        key: object = None,
        label: str = "",
    ) -> "Future[T]":
        """Queue a transaction. The future gives its result or one of devsup.errors.

        `timeout_s`: its deadline; by default what the instrument's history asks for.
        `retries`: further attempts after a recoverable failure; 0 for what must not be repeated.
        `key`: a newer order with the same key replaces this one while it waits, and answers for it.
        """
        future: Future[T] = Future()
        order = Order(
            work=work,
            health=device,
            priority=priority,
            timeout_s=timeout_s,
            retries=device.retries() if retries is None else retries,
            key=key,
            label=label or f"{self.name}/{device.name}",
            waiters=[future],
            born=time.monotonic(),
            delays_s=device.manners.retry_delays_s,
        )
        with self._wake:
            if self._stopping or self._worker is None:
                raise LineLost(f"{self.name}: port is not running")
            self.stats.blocked += self._busy or len(self._queue) > 0
            overruled = self._queue.put(order)
            self._wake.notify()
        for loser in overruled:
            loser.fail(Overruled(f"{loser.label}: overruled by {order.label}"))
        return future

    async def run(
        self,
        work: Callable[[Line, float], T],
        device: Health,
        priority: Priority = Priority.POLL,
        *,
        timeout_s: float | None = None,
        retries: int | None = None,
        key: object = None,
        label: str = "",
    ) -> T:
        """`submit`, awaited. A cancelled waiter withdraws what still waits; what is on the wire finishes."""
        return await asyncio.wrap_future(
            self.submit(work, device, priority, timeout_s=timeout_s, retries=retries, key=key, label=label)
        )

    # -- the worker ---------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            order = self._next()
            if order is not None:
                if order.claim():
                    self._attempt(order)
                self._busy = False
            elif not self.connected:
                self._try_open()

    def _next(self) -> Order | None:
        """The next order; None after a wait in which something may have changed."""
        with self._wake:
            now = time.monotonic()
            order = self._queue.take(now)
            if order is None and not self._stopping:
                self._wake.wait(self._idle_s(now))
            self._busy = order is not None
            return order

    def _idle_s(self, now: float) -> float | None:
        """How long nothing will have to be done, if nobody comes."""
        moments = [self._queue.next_ready(), None if self.connected else self._next_open]
        return min((max(0.0, at - now) for at in moments if at is not None), default=None)

    def _attempt(self, order: Order) -> None:
        start = time.monotonic()
        order.attempts += 1
        try:
            result = self._on_the_wire(order)
        except DeviceError as error:
            self._answered(order, start, error)
        except LineLost as error:
            self._close(error)
            self._unanswered(order, start, error)
        except DeviceFault as error:
            self._unanswered(order, start, error)
        except Exception as error:  # a mistake in a protocol must not end the line
            self.log.exception("%s: %s failed in our own code", self.name, order.label)
            self._finish(order, start, error)
        else:
            end = time.monotonic()
            order.health.answered(end - start, end)
            self._finish(order, start, None)
            order.succeed(result)

    def _on_the_wire(self, order: Order) -> object:
        if not self.connected and not self._try_open():
            raise LineLost(self.stats.last_error)
        line, before = self._line, self._line.bytes_moved
        if line.flush():
            self._late_bytes(time.monotonic())
        line.strays = 0
        timeout_s = order.health.wait_s() if order.timeout_s is None else order.timeout_s
        try:
            return order.work(line, time.monotonic() + timeout_s)
        finally:
            now = time.monotonic()
            if line.strays:
                self._late_bytes(now)
            bits = (line.bytes_moved - before) * self.settings.bits_per_byte
            self.stats.moved(bits / self.settings.baudrate, now)

    def _answered(self, order: Order, start: float, error: DeviceError) -> None:
        """The instrument said no: that is an answer, and repeating the question will not change it."""
        now = time.monotonic()
        order.health.refused(now - start, now, str(error))
        self.stats.attempt_failed(error.kind, f"{order.health.name}: {error}")
        self._finish(order, start, error)

    def _unanswered(self, order: Order, start: float, error: DeviceFault) -> None:
        order.health.attempt_failed(str(error))
        self.stats.attempt_failed(error.kind, f"{order.health.name}: {error}")
        if not isinstance(error, LineLost):
            self._drain(order.health, start)
        if error.recoverable and order.attempts <= order.retries:
            self._again(order, start, error)
            return
        if order.health.spent():
            now = time.monotonic()
            order.health.gave_up(now - start, now)
        self._finish(order, start, error)

    def _again(self, order: Order, start: float, error: DeviceFault) -> None:
        delay_s = order.delays_s[min(order.attempts, len(order.delays_s)) - 1] if order.delays_s else 0.0
        self.stats.retries += 1
        now = time.monotonic()
        order.busy_s += now - start
        with self._wake:
            if not self._stopping:
                overruled = self._queue.put_back(order, now + delay_s)
            else:
                overruled = error
        if overruled is not None:
            self._finish(order, now, overruled)

    def _finish(self, order: Order, start: float, error: BaseException | None) -> None:
        duration_s = order.busy_s + time.monotonic() - start
        self.stats.finished(error is None, duration_s)
        if error is not None:
            order.fail(error)

    # -- late replies -------------------------------------------------------------------------

    def _drain(self, device: Health, sent_at: float) -> None:
        """Listen for one reply time after a failure, so that a late answer cannot meet the next question."""
        self._owed = (device, sent_at)
        try:
            last = self._line.drain(device.slowest_s, DRAIN_LIMIT_S)
        except LineLost as error:
            self._close(error)
            return
        if last is not None:
            self._late_bytes(last)

    def _late_bytes(self, at: float) -> None:
        """Bytes nobody waited for: if an instrument owes an answer, it is slow rather than silent."""
        self.stats.late_replies += 1
        if self._owed is None:
            return
        device, sent_at = self._owed
        self._owed = None
        if at - sent_at <= device.manners.response_timeout_s + DRAIN_LIMIT_S:
            device.late_reply(at - sent_at)

    # -- opening and closing ------------------------------------------------------------------

    def _open(self) -> None:
        self._line.open()
        self._openings += 1
        self._open_failures = 0
        self._owed = None
        if self._openings > 1:
            self.stats.reconnects += 1
        self.log.info("%s: open at %s", self.name, self.settings.url)
        for device in self.devices:
            device.line_back()

    def _try_open(self) -> bool:
        if time.monotonic() < self._next_open:
            return False
        try:
            self._open()
        except (LineLost, PortInUse) as error:
            self._open_failed(error)
        return self.connected

    def _open_failed(self, error: Exception) -> None:
        self._open_failures += 1
        self._next_open = time.monotonic() + REOPEN_S[min(self._open_failures, len(REOPEN_S) - 1)]
        self.stats.last_error = str(error)
        if self._open_failures == 1:
            self.log.warning("%s: %s; will keep trying", self.name, error)

    def _close(self, error: LineLost) -> None:
        if self.connected:
            self.log.warning("%s: lost: %s", self.name, error)
            self._line.close()
            self._next_open = time.monotonic() + REOPEN_S[0]
