"""What control remembers over a restart: when each relay ran, how often and how long, and the light's phase.

Kept with wall-clock stamps in the IOC's memory. Knows JSON and contacts; decides nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iocs.common.memory import Memory
from iocs.environment.logic import Contact, Relay
from iocs.environment.logic.duty import KEPT_S, Duty

ALIVE_S = 300.0
"""While a relay is on, that is noted this often; after a crash it counts as on for so long at most."""


@dataclass(slots=True)
class Life:
    """How much a relay has run in all its life, up to its last change."""

    on_s: float = 0.0
    switches: int = 0


def restore_contacts(memory: Memory, relays: list[Relay], now: float, wall: float) -> dict[Relay, Contact]:
    """The contacts as they are at a start, open, with their runs of before. What time was on when it
    ended (or when it was last known to be alive) counts as on, the time since then as off.

    Stamps that are ahead of the clock are moved back to it: it is the clock that is wrong.
    """
    saved = memory.get("relays", {})
    alive = float(memory.get("alive", wall))
    ahead = max(0.0, max((_latest(saved.get(r.value, {})) for r in relays), default=0.0) - wall)
    offset = now - wall - ahead
    return {relay: _contact(saved.get(relay.value, {}), alive, offset, now) for relay in relays}


def _latest(item: Mapping[str, Any]) -> float:
    stamps = [stamp for run in item.get("runs", []) for stamp in run if stamp is not None]
    return max([float(item.get("changed", 0.0)), *map(float, stamps)])


def _contact(item: Mapping[str, Any], alive: float, offset: float, now: float) -> Contact:
    if not item:
        return Contact()
    runs, was_on = [], False
    for begin, end in item["runs"]:
        was_on = end is None
        end = min(now - offset, max(begin, alive) + ALIVE_S) if end is None else end
        if end + offset > now - KEPT_S:
            runs.append((begin + offset, end + offset))
    changed_at = now if was_on else item["changed"] + offset
    return Contact(False, changed_at, Duty(tuple(runs)))


def restore_lives(memory: Memory, relays: list[Relay]) -> dict[Relay, Life]:
    """Hours and switches of all relays."""
    saved = memory.get("lives", {})
    return {relay: Life(*saved.get(relay.value, (0.0, 0))) for relay in relays}


def remember(
    memory: Memory, contacts: Mapping[Relay, Contact], lives: Mapping[Relay, Life], now: float, wall: float
) -> None:
    """Note everything."""
    offset = wall - now
    memory.set("relays", {relay.value: _plain(contact, offset) for relay, contact in contacts.items()})
    memory.set("lives", {relay.value: [life.on_s, life.switches] for relay, life in lives.items()})
    memory.set("alive", wall)


def _plain(contact: Contact, offset: float) -> dict[str, Any]:
    runs = [[b + offset, None if math.isinf(e) else e + offset] for b, e in contact.duty.runs]
    changed = contact.changed_at + offset if math.isfinite(contact.changed_at) else 0.0
    return {"changed": changed, "runs": runs}
