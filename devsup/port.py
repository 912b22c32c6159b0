"""The one owner of a line: one thread, one transaction at a time, the most urgent first.

A transaction is a callable `work(line, deadline)`; its protocol builds and checks frames, the port
decides whose turn it is, who is asked again and when, and books what happened.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from devsup.errors import DeviceError, DeviceFault, GaveWay, Implausible, LineLost, NoReply
from devsup.health import Health, Manners
from devsup.keeper import LineKeeper
from devsup.line import Line, LineSettings
from devsup.orders import Order, OrderQueue, Priority, Waiter
from devsup.stats import Snapshot, Stats

__all__ = ["Port", "Priority"]

T = TypeVar("T")


class Port:
    """Owner of one line. Thread-safe; `run` is for asyncio, `submit` for everybody else."""

    def __init__(self, name: str, settings: LineSettings, manners: Manners | None = None) -> None:
        self.name = name
        self.settings = settings
        self.manners = manners or Manners()
        self.devices: list[Health] = []
        self.log = logging.getLogger(f"port.{name}")
        self._keeper = LineKeeper(name, settings, self.devices, self._deliver, self._is_wanted)
        self._queue = OrderQueue()
        self._wake = threading.Condition()
        self._worker: threading.Thread | None = None
        self._stopping = False
        self._busy = False
        self._result: tuple[Order, object] | None = None  # of the last transaction, not delivered yet
        self._stats_since = time.monotonic()

    # -- for the owner of the port ------------------------------------------------------------

    def start(self) -> None:
        """Claim the line and begin. Raises PortInUse when another owns it; a line that is
        merely absent is opened when it appears. A host that does not answer takes 5 s."""
        if self._worker is not None:
            raise RuntimeError(f"{self.name}: already started")
        self._keeper.open()
        self._stopping = False
        self._worker = threading.Thread(target=self._run, name=f"port-{self.name}", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Finish the transaction in flight, refuse what waits, give the line back.

        Blocks for as long as that transaction may wait for its reply.
        """
        with self._wake:
            self._stopping = True
            waiting = self._queue.take_all()
            self._wake.notify()
        for order in waiting:
            order.fail(LineLost(f"{self.name}: port stopped"))
        if self._worker is not None:
            self._worker.join()
            self._worker = None
        self._keeper.close()

    def device(self, name: str, manners: Manners | None = None) -> Health:
        """Register an instrument of this line; its transactions are booked on the answer."""
        health = Health(name, manners or self.manners)
        self.devices.append(health)
        return health

    @property
    def connected(self) -> bool:
        return self._keeper.connected

    @property
    def stats(self) -> Stats:
        """The running counters; a reset replaces them."""
        return self._keeper.stats

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
        self._keeper.stats = Stats()
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
        waiter = Waiter(work)
        order = Order(
            health=device,
            priority=priority,
            timeout_s=timeout_s,
            retries=device.retries() if retries is None else retries,
            key=key,
            label=label or f"{self.name}/{device.name}",
            waiters=[waiter],
            born=time.monotonic(),
            delays_s=device.manners.retry_delays_s,
        )
        with self._wake:
            if self._stopping or self._worker is None:
                raise LineLost(f"{self.name}: port is not running")
            self.stats.blocked += self._busy or self._queue.busy(order.born)
            overruled = self._queue.put(order)
            self._wake.notify()
        for loser, error in overruled:
            loser.fail(error)
        return waiter

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
                self._serve(order)
            elif self._result is not None:
                self._deliver()
            elif not self._stopping:
                self._keeper.chore()
        self._deliver()

    def _next(self) -> Order | None:
        """The next order; None when it is time for a chore."""
        with self._wake:
            now = time.monotonic()
            order = self._queue.take(now)
            if order is None and self._result is None and not self._stopping:
                self._wake.wait(self._idle_s(now))
                order = self._queue.take(time.monotonic())
            self._busy = order is not None
            return order

    def _idle_s(self, now: float) -> float:
        """How long nothing will have to be done, if nobody comes."""
        chore, ready = self._keeper.next_chore, self._queue.next_ready()
        return max(0.0, (chore if ready is None else min(chore, ready)) - now)

    def _serve(self, order: Order) -> None:
        """Root of all work of the thread: whatever goes wrong, the line goes on and nobody waits for ever."""
        try:
            if order.claim():
                self._attempt(order)
            elif order.attempts:  # all have gone since its first attempt
                self._finish(order, time.monotonic(), LineLost(f"{order.label}: withdrawn"))
        except Exception as error:
            self.log.exception("%s: %s failed in our own code", self.name, order.label)
            order.fail(error)
        finally:
            self._busy = False

    def _attempt(self, order: Order) -> None:
        start = time.monotonic()
        self.stats.retries += order.attempts > 0
        order.attempts += 1
        timeout_s = order.health.wait_s() if order.timeout_s is None else order.timeout_s
        try:
            result = self._keeper.transact(order.work, timeout_s)
        except GaveWay:
            self._gave_way(order, start)
        except DeviceError as error:
            self._refused(order, start, error)
        except DeviceFault as error:
            self._unanswered(order, start, error)
        except Exception as error:  # a mistake in a protocol must not end the line
            self.log.exception("%s: %s failed in our own code", self.name, order.label)
            self._keeper.drain(order.health, start, silent=False)
            self._finish(order, start, error)
        else:
            now = time.monotonic()
            order.health.answered(self._keeper.answered(order.health, start, now), now)
            self._finish(order, start, None)
            self._result = order, result

    def _gave_way(self, order: Order, start: float) -> None:
        """It has been answered so far, and begins anew when those that could not wait have been served."""
        now = time.monotonic()
        order.attempts -= 1
        order.health.answered(self._keeper.answered(order.health, start, now), now)
        self._put_back(order, start, now, LineLost(f"{self.name}: port stopped"))

    def _refused(self, order: Order, start: float, error: DeviceError) -> None:
        """The instrument said no: that is an answer, and repeating the question will not change it."""
        now, health = time.monotonic(), order.health
        health.refused(self._keeper.answered(health, start, now), now, str(error))
        self.stats.attempt_failed(error.kind, f"{health.name}: {error}")
        self._finish(order, start, error)

    def _unanswered(self, order: Order, start: float, error: DeviceFault) -> None:
        health = order.health
        health.attempt_failed(str(error))
        self.stats.attempt_failed(error.kind, f"{health.name}: {error}")
        if isinstance(error, LineLost):
            self._keeper.lose(error)
        silent, owes = isinstance(error, NoReply), not isinstance(error, Implausible)
        late_at = self._keeper.drain(health, start, silent) if owes and not self._stopping else None
        again = error.recoverable and order.attempts <= order.retries
        if not again and health.spent():
            now = time.monotonic()
            health.gave_up(now - start, now)
        if late_at is not None:
            self._keeper.late_bytes(late_at)
        if again:
            self._put_back(order, start, time.monotonic() + order.delay_s, error)
        else:
            self._finish(order, start, error)

    def _put_back(self, order: Order, start: float, ready_at: float, error: DeviceFault) -> None:
        """Queue it again, or fail it with `error` if the port is stopping."""
        now = time.monotonic()
        order.busy_s += now - start
        with self._wake:
            stopping = self._stopping
            overruled = [] if stopping else self._queue.put_back(order, ready_at)
        if stopping:
            self._finish(order, now, error)
        for loser, why in overruled:
            if loser is order:
                self._finish(order, now, why)
            else:
                loser.fail(why)

    def _finish(self, order: Order, start: float, error: BaseException | None) -> None:
        self._busy = False  # before the answer: who asks again at once was not held up
        duration_s = order.busy_s + time.monotonic() - start
        self.stats.finished(error is None, duration_s)
        self._deliver()  # what came before
        if error is not None:
            order.fail(error)

    def _is_wanted(self) -> bool:
        with self._wake:
            return self._queue.wanted(time.monotonic())

    def _deliver(self) -> None:
        """Hand over the last result. Not before the next question is on the wire: whoever gets the result
        takes the interpreter from the worker, for longer than a question takes to be sent."""
        done, self._result = self._result, None
        if done is not None:
            order, result = done
            order.succeed(result)
