"""Orders waiting for a line: who goes first, who supersedes whom.

Pure bookkeeping under a lock that the port holds; knows no thread, no clock and no byte.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from devsup.errors import Overruled
from devsup.health import Health
from devsup.line import Line

Work = Callable[[Line, float], Any]
T = TypeVar("T")

PATIENCE_S = 1.0  # an order that has stood back this long stands back no longer


class Priority(IntEnum):
    """Zero outranks a command, a command a poll, a poll the housekeeping.

    KEEP_ALIVE is for instruments that shut down or go deaf when nobody asks them for a while.
    """

    SAFE = 0
    COMMAND = 1
    KEEP_ALIVE = 2
    POLL = 3
    BACKGROUND = 4


class Waiter(Future[T]):
    """Somebody who waits for an outcome, and the work that was asked for."""

    def __init__(self, work: Callable[[Line, float], T]) -> None:
        super().__init__()
        self.work = work
        self.gone = False

    def cancel(self) -> bool:
        """As any future; in between two attempts it is too late to un-send, but not to withdraw."""
        self.gone = True
        return super().cancel()

    def ready(self) -> bool:
        """May it be answered? Not once it has been, or was cancelled before its order went to the wire."""
        return self.running() or (not self.done() and self.set_running_or_notify_cancel())


@dataclass(eq=False)
class Order:
    """One transaction and everybody who waits for its outcome.

    Orders with the same `key` are about the same thing: the newest supersedes those that wait.
    """

    health: Health
    priority: Priority
    timeout_s: float | None
    retries: int
    key: object
    label: str
    waiters: list[Waiter[Any]]  # in the order in which they came
    born: float
    delays_s: tuple[float, ...] = ()
    serial: int = 0
    ready_at: float = 0.0
    attempts: int = 0
    busy_s: float = 0.0

    @property
    def work(self) -> Work:
        """What the newest of those who still wait asked for."""
        return self.waiters[-1].work

    @property
    def delay_s(self) -> float:
        """How long to wait before the next attempt, after the attempts so far."""
        return self.delays_s[min(self.attempts, len(self.delays_s)) - 1] if self.delays_s else 0.0

    def claim(self) -> bool:
        """Take it to the wire, unless everybody who waited for it has gone."""
        there = [waiter for waiter in self.waiters if not waiter.gone and waiter.ready()]
        for waiter in self.waiters:
            if waiter not in there and waiter.ready():
                waiter.set_exception(CancelledError())
        self.waiters = there
        return bool(there)

    def succeed(self, result: Any) -> None:
        for waiter in self.waiters:
            waiter.set_result(result)

    def fail(self, error: BaseException) -> None:
        for waiter in self.waiters:
            if waiter.ready():
                waiter.set_exception(error)

    def rank(self, now: float) -> tuple[int, bool, int]:
        """Smallest first. Housekeeping waits for polls, and a silent instrument for those that answer,
        but neither for ever: on a saturated line there is always somebody else."""
        patient = now - self.born <= PATIENCE_S
        priority = Priority.POLL if self.priority is Priority.BACKGROUND and not patient else self.priority
        return (priority, patient and self.health.lost, self.serial)


def _rivals(one: Order, two: Order) -> bool:
    """About the same thing; or one makes the instrument safe that the other gives a command."""
    if one.health is two.health and {one.priority, two.priority} == {Priority.SAFE, Priority.COMMAND}:
        return True
    return one.key is not None and one.key == two.key


class OrderQueue:
    """The orders of one line. Not thread-safe: the port holds its lock around every call."""

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._orders)

    def put(self, order: Order) -> list[tuple[Order, Overruled]]:
        """Add a new order. Returns what is overruled, for the caller to fail: orders of lower rank
        about the same thing, or the new one itself while one of higher rank waits."""
        self._serial += 1
        order.serial = self._serial
        return self._settle(order, newer=True)

    def put_back(self, order: Order, ready_at: float) -> list[tuple[Order, Overruled]]:
        """As `put`, for another attempt; a newer order of the same rank takes over the waiters."""
        order.ready_at = ready_at
        return self._settle(order, newer=False)

    def take(self, now: float) -> Order | None:
        """The order whose turn it is, or None."""
        ready = [order for order in self._orders if order.ready_at <= now]
        if not ready:
            return None
        first = min(ready, key=lambda order: order.rank(now))
        self._orders.remove(first)
        return first

    def busy(self, now: float) -> bool:
        """Does any order wait for others, rather than for its own delay?"""
        return any(order.ready_at <= now for order in self._orders)

    def wanted(self, now: float) -> bool:
        """Does a command or an order of `safe` wait for its turn?"""
        return any(order.priority <= Priority.COMMAND and order.ready_at <= now for order in self._orders)

    def next_ready(self) -> float | None:
        """When the earliest delayed order may go."""
        return min((order.ready_at for order in self._orders), default=None)

    def take_all(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders

    def _settle(self, order: Order, newer: bool) -> list[tuple[Order, Overruled]]:
        rivals = [other for other in self._orders if _rivals(order, other)]
        superior = min((rival for rival in rivals), key=lambda rival: rival.priority, default=order)
        if superior.priority < order.priority:
            return [(order, _overruled(order, superior))]
        overruled = [rival for rival in rivals if rival.priority > order.priority]
        for rival in overruled:
            self._orders.remove(rival)
        equals = [rival for rival in rivals if rival.priority == order.priority]
        if newer:
            self._take_over(equals, order)
        elif equals:
            equals[0].waiters = order.waiters + equals[0].waiters
            return [(rival, _overruled(rival, order)) for rival in overruled]
        self._orders.append(order)
        return [(rival, _overruled(rival, order)) for rival in overruled]

    def _take_over(self, olds: list[Order], new: Order) -> None:
        """The newer order keeps the older one's place in the queue and its waiters."""
        for old in olds:
            self._orders.remove(old)
            new.waiters = old.waiters + new.waiters
            new.serial, new.born = min(new.serial, old.serial), min(new.born, old.born)


def _overruled(loser: Order, winner: Order) -> Overruled:
    return Overruled(f"{loser.label}: overruled by {winner.label}")
