"""What the controller remembers from step to step, and what it sees in one: Controller and View.

Pure. Nothing is decided here.
"""

import math
from dataclasses import dataclass, field, replace

from iocs.thermal.logic import history as past
from iocs.thermal.logic.facts import SUPPLIES, Event, Inputs, Sensed, Setting, State, Supply, Zone
from iocs.thermal.logic.history import History
from iocs.thermal.logic.parameters import Parameters

NAMES = ("PSU1", "PSU2")


@dataclass(frozen=True, slots=True)
class Trial:
    """A change of current that is not judged for good yet, and how things stood before it."""

    at: float
    origin: float
    cold: float
    ambient: float
    rate: float
    kept: bool = False
    """It has passed the verdict after the evaluation delay; the last word falls at the next recheck."""


@dataclass(frozen=True, slots=True)
class Search:
    """The optimum as far as it is known, the coldest it has been, and what is being tried."""

    optimum: float = 0.0
    minimum: float = math.nan
    minimum_at: float = math.nan
    trial: Trial | None = None
    upwards: bool = True
    rest_from: float = -math.inf


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Readings in a row that are not as we left the supply."""

    count: int = 0
    reading_at: float = -math.inf


@dataclass(frozen=True, slots=True)
class Imbalance:
    """Differences of the supplies, why that is too much ('' if not), and reports so far."""

    current: float = 0.0
    power: float = 0.0
    problem: str = ""
    reports: int = 0
    reported_at: float = -math.inf
    report: str = ""


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller between two steps."""

    state: State = State.INITIALIZING
    entered: float = 0.0
    reason: str = "started"
    previous: State = State.OFF
    back_to: State = State.RAMP_UP
    """Where SENSOR_FAULT returns to."""
    wanted: bool = False
    """An operator, or the configuration at start, wants it to cool."""
    current: float = 0.0
    """Demanded of both supplies, A."""
    changed: float = -math.inf
    fall: float = 0.0
    """Rate of the ramp-down in force, A/s."""
    cut: bool = False
    released: bool = False
    """In OFF, both supplies have been seen off: they are left alone from then on."""
    unseen: bool = False
    """Latched from before a restart, and the supplies have not been seen since."""
    since: float = -math.inf
    """What was confirmed before says nothing about now: start, adoption, resumption."""
    found: tuple[Setting | None, ...] = (None,) * SUPPLIES
    """What the supplies were adopted with."""
    mismatches: tuple[Mismatch, ...] = (Mismatch(),) * SUPPLIES
    zone: Zone = Zone.NORMAL
    search: Search = Search()
    imbalance: Imbalance = Imbalance()
    history: History = field(default=past.EMPTY)
    decision: str = ""
    """What was done last, in words."""
    events: tuple[Event, ...] = ()
    """Transitions of this step."""


def go(c: Controller, state: State, reason: str, now: float) -> Controller:
    """Into another state."""
    return replace(
        c,
        state=state,
        entered=now,
        reason=reason,
        decision=reason,
        previous=c.state,
        unseen=False,
        events=(*c.events, Event(now, c.state, state, reason)),
    )


def decide(c: Controller, current: float, why: str, now: float) -> Controller:
    """Another current for both supplies."""
    words = f"{c.current:.2f} A to {current:.2f} A: {why}"
    return replace(c, current=current, changed=now, decision=words)


def tried(c: Controller, trial: Trial | None, **changes: object) -> Controller:
    """Another trial, or none, and other changes to the search."""
    return replace(c, search=replace(c.search, trial=trial, **changes))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class View:
    """One step as the states see it."""

    now: float
    p: Parameters
    seen: Inputs

    @property
    def cold_ok(self) -> bool:
        """Law: stale means the age of the last good reading, never 'value unchanged'."""
        cold = self.seen.cold
        return self._fresh(cold) and self.p.cold_low_c <= cold.value <= self.p.cold_high_c

    @property
    def hot_ok(self) -> bool:
        """There is no upper bound: what looks too hot to be true is too hot."""
        return self._fresh(self.seen.hot) and self.seen.hot.value >= self.p.hot_low_c

    @property
    def hot(self) -> float:
        return self.seen.hot.value

    @property
    def ambient(self) -> float:
        """NaN if it is not measured, or not now."""
        return self.seen.ambient.value if self._fresh(self.seen.ambient) else math.nan

    def answers(self, supply: Supply) -> bool:
        return self.now - supply.at <= self.p.supply_stale_ms / 1000.0

    def lost(self) -> list[str]:
        """Supplies that do not answer, by name."""
        return [
            name for name, supply in zip(NAMES, self.seen.supplies, strict=True) if not self.answers(supply)
        ]

    def outdated(self, since: float) -> list[str]:
        """Supplies that have not been read since that moment, or since they were written to, by name."""
        both = zip(NAMES, self.seen.supplies, strict=True)
        return [name for name, supply in both if supply.at < since or supply.at <= supply.confirmed_at]

    def _fresh(self, sensed: Sensed) -> bool:
        return self.now - sensed.at <= self.p.sensor_stale_ms / 1000.0


def expected(c: Controller, index: int, supply: Supply) -> Setting | None:
    """What we left a supply with; None if we do not know."""
    return supply.confirmed if supply.confirmed_at > c.since else c.found[index]


def descend(c: Controller, v: View, floor: float) -> Controller:
    """The soft ramp-down: so many amperes at each step, down to `floor`."""
    step_s = v.p.emergency_shutdown_step_ms / 1000.0
    steps = math.floor((v.now - c.changed) / step_s + 1e-6)
    if c.current <= floor or steps < 1:
        return c
    fallen = max(floor, c.current - c.fall * step_s * steps)
    return replace(c, current=fallen, changed=c.changed + steps * step_s)


def falling(c: Controller, v: View, rate: float | None = None) -> Controller:
    """Ready to descend, the first step at once, from what the supplies really have.

    More than is allowed, which a hand may have left, is brought down to that at once: it may not be ordered.
    """
    there = [s.held.current for s in v.seen.supplies if v.answers(s) and s.held.output]
    return replace(
        c,
        current=min(max(there, default=c.current), v.p.max_current_per_channel),
        changed=v.now - v.p.emergency_shutdown_step_ms / 1000.0,
        fall=v.p.emergency_ramp_down_rate_a_per_sec if rate is None else rate,
        search=replace(c.search, trial=None),
    )
