"""An instrument as a client of its port: name, address, health, and how long it waits for what.

Knows priorities and patience; must not know a protocol.
"""

from collections.abc import Callable, Hashable
from typing import TypeVar

from devsup.health import Health, Manners
from devsup.line import Line
from devsup.port import Port, Priority

T = TypeVar("T")


class Client:
    """One address of a line. `run` is a coroutine that raises devsup.errors; it never blocks the loop."""

    def __init__(self, port: Port, address: Hashable, name: str, manners: Manners | None = None) -> None:
        self.name = name
        self.health: Health = port.device(name, manners)
        self._port = port
        self._address = address

    async def run(
        self,
        work: Callable[[Line, float], T],
        priority: Priority = Priority.POLL,
        *,
        key: str | None = None,
        retries: int | None = None,
    ) -> T:
        """Do `work` as one transaction. `key` (per address): a newer order supersedes those that wait;
        `retries`: 0 for what must not be repeated, by default what the instrument's manners say.

        An order waits for each reply at least as long as `command_timeout_s`, unless the instrument is lost.
        """
        is_order = priority <= Priority.COMMAND
        patience_s = self.health.wait_s()
        if is_order and not self.health.lost:
            patience_s = max(patience_s, self.health.manners.command_timeout_s)
        return await self._port.run(
            work,
            self.health,
            priority,
            timeout_s=patience_s if is_order else None,
            retries=retries,
            key=None if key is None else (self._address, key),
            label=f"{self.name} {key or priority.name.lower()}",
        )

    async def safely(self, work: Callable[[Line, float], T], key: str = "safe") -> T:
        """Before everything else, and with every retry even where the instrument is lost."""
        retries = len(self.health.manners.retry_delays_s)
        return await self.run(work, Priority.SAFE, key=key, retries=retries)
