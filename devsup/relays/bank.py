"""What every bank of relays can do, whatever is behind it.

Knows names and states; must not know lines, coils or why a relay is switched.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from devsup.errors import DeviceError, DeviceFault
from devsup.health import Health, Manners

T = TypeVar("T")
Contacts = Mapping[str, bool]
"""By the name of the relay: is the contact closed, as far as can be seen?"""


class CannotClaim(Exception):
    """The relays may not be used, or are not there: the set-up has to be mended. Says how."""


class RelayBank(ABC):
    """Relays that are switched together. Coroutines raise devsup.errors; none blocks the event loop.

    `refresh_s`: the bank lets go by itself unless `set` is called this often; None if it never does.
    """

    refresh_s: float | None = None

    def __init__(self, name: str, relays: Sequence[str], health: Health) -> None:
        self.name = name
        self.relays = tuple(relays)
        self.health = health

    @abstractmethod
    async def open(self) -> None:
        """Claim the relays, every one off from the first moment. Raises CannotClaim or PortInUse."""

    @abstractmethod
    async def set(self, wanted: Contacts) -> Contacts:
        """Switch all of them in one operation; returns what the contacts do. Raises DeviceError when one
        does not follow as far as the bank can tell."""

    @abstractmethod
    async def read(self) -> Contacts:
        """What the contacts do."""

    @abstractmethod
    async def safe(self) -> None:
        """All off, verified, ahead of everything else, harmless to repeat. Raises if it is not confirmed."""

    @abstractmethod
    async def close(self) -> None:
        """Give the relays back as they are."""


def follow(wanted: Contacts, seen: Contacts, name: str) -> Contacts:
    """What was read back, if it is what was wanted. Raises DeviceError, naming those that differ."""
    wrong = [relay for relay, on in wanted.items() if seen[relay] is not on]
    if wrong:
        states = ", ".join(f"{relay} is {'on' if seen[relay] else 'off'}" for relay in wrong)
        raise DeviceError(f"{name}: not obeyed: {states}")
    return seen


class LocalBank(RelayBank):
    """Base of banks that answer at once: their conversation is booked here."""

    def __init__(self, name: str, relays: Sequence[str]) -> None:
        super().__init__(name, relays, Health(name, Manners(retry_delays_s=())))

    def booked(self, work: Callable[[], T]) -> T:
        """Do something with the relays and enter in the health how it went."""
        started = time.monotonic()
        try:
            result = work()
        except DeviceError as refusal:
            now = time.monotonic()
            self.health.refused(now - started, now, str(refusal))
            raise
        except DeviceFault as fault:
            now = time.monotonic()
            self.health.attempt_failed(str(fault))
            self.health.gave_up(now - started, now)
            raise
        now = time.monotonic()
        self.health.answered(now - started, now)
        return result
