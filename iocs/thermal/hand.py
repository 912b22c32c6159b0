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
    """What is wanted. `validate`: only if the supply is still as it was left."""

    setting: Setting
    validate: bool


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
        order, health = Order(setting, validate), self._device.health
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
        if await self._attempt(lambda: self._carry_out(order)):
            self.confirm(None)

    async def _carry_out(self, order: Order) -> None:
        wanted = order.setting
        if not wanted.output:
            self._take(await self._device.output(False))
            self.confirm(wanted)
            return
        if order.validate:
            self._take(await self._device.poll())
            if self.touched():
                return
        reading = await self._device.set(wanted.voltage, wanted.current)
        if not reading.output:
            reading = await self._device.output(True)
        self._take(reading)
        self.confirm(wanted)
