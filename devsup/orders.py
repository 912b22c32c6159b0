"""Orders waiting for a line: who goes first, who supersedes whom.

Pure bookkeeping under a lock that the port holds; knows no thread, no clock and no byte.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from devsup.errors import Overruled
from devsup.health import Health
from devsup.line import Line

Work = Callable[[Line, float], Any]

PATIENCE_S = 1.0  # a background order that has waited this long goes with the polls


class Priority(IntEnum):
    """Zero outranks a command, a command a poll, a poll the housekeeping."""

    SAFE = 0
    COMMAND = 1
    POLL = 2
    BACKGROUND = 3


@dataclass(eq=False)
class Order:
    """One transaction and everybody who waits for its outcome.

    Orders with the same `key` are about the same thing: the newest supersedes those that wait.
    """

    work: Work
    health: Health
    priority: Priority
    timeout_s: float | None
    retries: int
    key: object
    label: str
    waiters: list[Future[Any]]
    born: float
    serial: int = 0
    ready_at: float = 0.0
    attempts: int = 0
    busy_s: float = 0.0
    delays_s: tuple[float, ...] = field(default=())

    def claim(self) -> bool:
        """Take it to the wire, unless everybody who waited for it has gone."""
        self.waiters = [waiter for waiter in self.waiters if _still_there(waiter)]
        return bool(self.waiters)

    def succeed(self, result: Any) -> None:
        for waiter in self.waiters:
            waiter.set_result(result)

    def fail(self, error: BaseException) -> None:
        for waiter in self.waiters:
            if _still_there(waiter):
                waiter.set_exception(error)

    def rank(self, now: float) -> tuple[int, bool, int]:
        """Smallest first. A silent instrument's turn comes after those that answer."""
        priority = self.priority
        if priority is Priority.BACKGROUND and now - self.born > PATIENCE_S:
            priority = Priority.POLL
        return (priority, self.health.lost, self.serial)


def _still_there(waiter: Future[Any]) -> bool:
    return waiter.running() or waiter.set_running_or_notify_cancel()


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

    def put(self, order: Order) -> list[Order]:
        """Add an order; returns those of lower rank that it overruled, for the caller to fail."""
        self._serial += 1
        order.serial = self._serial
        overruled = []
        for rival in self._rivals(order):
            if rival.priority == order.priority:
                self._take_over(rival, order)
            elif rival.priority > order.priority:
                self._orders.remove(rival)
                overruled.append(rival)
        self._orders.append(order)
        return overruled

    def put_back(self, order: Order, ready_at: float) -> BaseException | None:
        """Queue an order for another attempt, unless a newer one about the same thing is waiting.

        A newer one of the same rank takes over the waiters; a higher one overrules: then the
        error for the waiters is returned.
        """
        order.ready_at = ready_at
        for rival in self._rivals(order):
            if rival.priority < order.priority:
                return Overruled(f"{order.label}: overruled by {rival.label}")
            if rival.priority == order.priority:
                rival.waiters.extend(order.waiters)
                return None
        self._orders.append(order)
        return None

    def take(self, now: float) -> Order | None:
        """The order whose turn it is, or None."""
        ready = [order for order in self._orders if order.ready_at <= now]
        if not ready:
            return None
        first = min(ready, key=lambda order: order.rank(now))
        self._orders.remove(first)
        return first

    def next_ready(self) -> float | None:
        """When the earliest delayed order may go."""
        return min((order.ready_at for order in self._orders), default=None)

    def take_all(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders

    def _rivals(self, order: Order) -> list[Order]:
        return [other for other in self._orders if _rivals(order, other)]

    def _take_over(self, old: Order, new: Order) -> None:
        """The newer order keeps the older one's place in the queue and its waiters."""
        self._orders.remove(old)
        new.waiters = old.waiters + new.waiters
        new.serial = old.serial
