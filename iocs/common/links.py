"""PVs of other IOCs as inputs: interlocks, sensors, the facility's emergency stop.

A link says whether its value may be relied on, and if not, why not. Knows channels; knows no record and
no subsystem.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from iocs.caserver import AlarmSeverity, AlarmStatus
from iocs.caserver.alarms import UNDEFINED
from iocs.caserver.channel import Channel, Event, Native
from iocs.caserver.client import Client
from iocs.caserver.searching import search_targets

log = logging.getLogger(__name__)

CHECK_S = 1.0
STALE_S = 5.0


class Quality(Enum):
    """Whether a value may be relied on. Everything but GOOD counts as not permitting."""

    GOOD = "good"
    """Alarms up to MAJOR included: the value is what the instrument says."""
    INVALID = "invalid"
    """Its server says so."""
    STALE = "stale"
    """Its server does not answer; the value may be of before."""
    DISCONNECTED = "disconnected"
    """Its server is gone, or gives it no longer."""
    MISSING = "missing"
    """Never found since this IOC started."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A link at one moment, for logic. `stamp` is its server's UNIX time, `age_s` the age of the contact."""

    value: Native | None
    quality: Quality
    reason: str
    """In words what is wrong; empty when GOOD."""
    severity: AlarmSeverity
    stamp: float
    age_s: float

    @property
    def good(self) -> bool:
        """Whether the value may be relied on."""
        return self.quality is Quality.GOOD


class Link:
    """One PV of another IOC. The value stays when the PV is lost: look at `quality` or take a `reading`."""

    def __init__(self, name: str, stale_s: float) -> None:
        self.name = name
        self.stale_s = stale_s
        self.value: Native | None = None
        """A number or a text as the PV has it (of a choice the index), a tuple of an array."""
        self.status: AlarmStatus = UNDEFINED.status
        self.severity: AlarmSeverity = UNDEFINED.severity
        self.stamp = 0.0
        """UNIX time that its server gives to the value."""
        self.connected = False
        """There is a channel, and it has given a value."""
        self._channel = Channel(name, self._heard, self._connection_changed)
        self._ever = False
        self._since = time.monotonic()
        self._watchers: list[Callable[[Link], None]] = []
        self._shown: Quality | None = None

    # -- reading ---------------------------------------------------------------------------------

    @property
    def units(self) -> str:
        """Engineering units; empty for texts and choices."""
        return self._channel.units

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states of a choice."""
        return self._channel.states

    @property
    def text(self) -> str:
        """The value in words: the state of a choice by its name."""
        if isinstance(self.value, int) and self.value in range(len(self.states)):
            return self.states[self.value]
        return "" if self.value is None else str(self.value)

    @property
    def at(self) -> float:
        """Monotonic time of the last contact, be it news or the answer to a check; -inf before any."""
        heard = self._channel.last_heard
        return float("-inf") if heard is None else heard

    @property
    def quality(self) -> Quality:
        """Whether the value may be relied on, now."""
        if not self.connected:
            return Quality.DISCONNECTED if self._ever else Quality.MISSING
        if time.monotonic() - self.at > self.stale_s:
            return Quality.STALE
        return Quality.INVALID if self.severity is AlarmSeverity.INVALID else Quality.GOOD

    @property
    def good(self) -> bool:
        """Whether the value may be relied on, now."""
        return self.quality is Quality.GOOD

    @property
    def reason(self) -> str:
        """In words what is wrong; empty when GOOD."""
        return self.reading.reason

    @property
    def reading(self) -> Reading:
        """All of it at this moment."""
        now = time.monotonic()
        quality = self.quality
        words = {
            Quality.GOOD: "",
            Quality.INVALID: f"{self.name} is INVALID ({self.status.name})",
            Quality.STALE: f"{self.name} is stale: its server has been silent for {now - self.at:.0f} s",
            Quality.DISCONNECTED: f"{self.name} has been disconnected for {now - self._since:.0f} s",
            Quality.MISSING: f"{self.name} was not found in {now - self._since:.0f} s",
        }
        return Reading(self.value, quality, words[quality], self.severity, self.stamp, now - self.at)

    # -- news ------------------------------------------------------------------------------------

    def watch(self, callback: Callable[[Link], None]) -> None:
        """Call back, in the event loop, at each event and whenever the quality changes. Must not block."""
        self._watchers.append(callback)

    async def open(self, client: Client) -> None:
        """Searched for from now on."""
        self._connection_changed(False)
        await self._channel.open(client)

    def look(self) -> None:
        """Tell the watchers, and the log, if the quality changed by itself."""
        if self.quality is not self._shown:
            self._tell()

    def _heard(self, event: Event) -> None:
        self.value, self.stamp = event.value, event.stamp
        self.status, self.severity = event.status, event.severity
        self.connected = self._ever = True
        self._tell()

    def _connection_changed(self, up: bool) -> None:
        if not up and self.connected:
            self.connected = False
            self._since = time.monotonic()
        self.look()

    def _tell(self) -> None:
        quality = self.quality
        if quality is not self._shown:
            before, self._shown = self._shown, quality
            if before is not None:
                log.info("link to %s: %s", self.name, self.reason or quality.value)
        for callback in self._watchers:
            callback(self)


class Links:
    """All links of an IOC. Make them with `to`, then `spawn(links.run, "links", restart_after_s=1.0)`.

    Each server is asked every `check_s`; a link is stale when its server has been silent for `stale_s`, and
    is searched for again, anywhere, when that has lasted for EPICS_CA_CONN_TMO. A value that does not
    change is not stale.
    """

    def __init__(self, *, check_s: float = CHECK_S, stale_s: float = STALE_S) -> None:
        self.check_s = check_s
        self.stale_s = stale_s
        self._links: dict[str, Link] = {}

    def to(self, pv_name: str) -> Link:
        """The link to a PV; the same one for the same name. To be called before `run`."""
        return self._links.setdefault(pv_name, Link(pv_name, self.stale_s))

    async def run(self) -> None:
        """Keep all links until cancelled; leaves nothing behind. Raises RuntimeError if the client broke."""
        if not self._links:
            return
        client = Client(await search_targets())
        patience_s = max(self.stale_s, client.patience_s)
        try:
            for link in self._links.values():
                await link.open(client)
            while True:
                await asyncio.sleep(self.check_s)
                await client.check(patience_s)
                for link in self._links.values():
                    link.look()
        finally:
            await client.close()
