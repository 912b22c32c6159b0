"""Relays that are not there: every order is logged and remembered, nothing moves."""

import logging
from collections.abc import Callable

from devsup.relays.bank import Contacts, LocalBank


class DryRelays(LocalBank):
    """For a machine without relays. Contacts do as they are told; `moved` is told what they do."""

    def __init__(
        self, name: str, relays: tuple[str, ...], moved: Callable[[Contacts], None] | None = None
    ) -> None:
        super().__init__(name, relays)
        self._moved = moved
        self._on = dict.fromkeys(relays, False)
        self._log = logging.getLogger(f"relays.{name}")

    async def open(self) -> None:
        self._log.warning("%s: no relays are driven, orders are only logged", self.name)
        await self.safe()

    async def set(self, wanted: Contacts) -> Contacts:
        for relay, on in wanted.items():
            if self._on[relay] is not on:
                self._log.info("%s: %s %s", self.name, relay, "on" if on else "off")
        self._on.update(wanted)
        if self._moved is not None:
            self._moved(self._on)
        return await self.read()

    async def read(self) -> Contacts:
        return self.booked(lambda: dict(self._on))

    async def safe(self) -> None:
        await self.set(dict.fromkeys(self.relays, False))

    async def close(self) -> None:
        """Nothing is held."""
