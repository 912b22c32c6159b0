"""The hand on one supply: carries out the newest order, one at a time, and keeps what was confirmed.

Knows a Supply and settings; decides nothing. What it could not confirm it does not repeat: the controller
orders it again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devsup.dps5015 import Supply, SupplyReading
from iocs.thermal.logic.facts import Setting

Take = Callable[[SupplyReading], None]
Attempt = Callable[[Callable[[], Awaitable[None]]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted. `validate`: only if the supply is still as it was left. `cuts`: how often it had been
    cut when this was ordered; a later cut makes it void."""

    setting: Setting
    validate: bool
    cuts: int


class Hand:
    """Writes to one supply. `take` gets every reading that comes along, `attempt` is the root of every write,
    `touched` says whether somebody else has changed the supply since."""

    def __init__(self, device: Supply, take: Take, attempt: Attempt) -> None:
        self.confirmed: Setting | None = None
        self.confirmed_at = float("-inf")
        self.touched: Callable[[], str] = str
        self._device = device
        self._take = take
        self._attempt = attempt
        self._news = asyncio.Event()
        self._next: Order | None = None
        self._now: Order | None = None

    @property
    def pending(self) -> bool:
        """An order waits or is under way."""
        return self._next is not None or self._now is not None

    def order(self, setting: Setting, *, validate: bool) -> None:
        """The newest order; one that waits is forgotten. A lost supply gets none before it is due."""
        order, health = Order(setting, validate, self._device.cut_orders), self._device.health
        if order == (self._next or self._now) or (health.lost and not health.due(time.monotonic())):
            return
        self._next = order
        self._news.set()

    def confirm(self, setting: Setting | None) -> None:
        """What the supply is known to have been left with; None if that is not known."""
        self.confirmed, self.confirmed_at = setting, time.monotonic()

    async def run(self) -> None:
        """Carry out what is ordered, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._next is not None:
                self._now, self._next = self._next, None
                await self._obey(self._now)
                self._now = None

    async def _obey(self, order: Order) -> None:
        failed = await self._attempt(lambda: self._carry_out(order))
        if failed and not self._is_void(order):  # else the cut says how it was left
            self.confirm(None)

    async def _carry_out(self, order: Order) -> None:
        if not order.setting.output:
            self._take(await self._device.output(False))
            self.confirm(order.setting)
        elif order.validate:
            before = await self._device.poll()
            self._take(before)
            if not self.touched():
                await self._set(order, switch_on=not before.output)
        else:
            await self._set(order, switch_on=False)

    async def _set(self, order: Order, *, switch_on: bool) -> None:
        """Set points, then the output, which is only switched on if it was off before: what has been switched
        off meanwhile, by a cut, a hand or a protection, stays off."""
        wanted = order.setting
        if self._is_void(order):
            return
        reading = await self._device.set(wanted.voltage, wanted.current)
        if switch_on and not self._is_void(order):
            reading = await self._device.output(True)
        self._take(reading)
        if not self._is_void(order):
            self.confirm(wanted)

    def _is_void(self, order: Order) -> bool:
        return self._device.cut_orders != order.cuts
