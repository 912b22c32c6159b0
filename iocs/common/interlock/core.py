"""When an interlock trips, and when it stops being tripped. Pure: `now` is monotonic seconds, given.

Fails closed: an input that is missing, not a number, or stale counts as a condition that does not hold.
Knows rows; knows no PV, no clock and no subsystem.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from iocs.common.interlock.rules import Row

GRACE_S = 5.0
"""How long an input may take after the start of the IOC to be there at all, before its absence trips."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What an input says: a number, a word, or the `problem` why it says neither.

    `at`: when it was last known to be so.
    """

    at: float = -math.inf
    number: float = math.nan
    word: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """One interlock. `why`: what is wrong now, empty when the condition holds.

    `since`: when it began to be wrong. `seen`: the input has been there since the start. `cause`: what was
    wrong when it tripped. `bypass_until`: no trip acts before that.
    """

    since: float | None = None
    why: str = ""
    seen: bool = False
    tripped: bool = False
    cause: str = ""
    bypass_until: float | None = None

    @property
    def ok(self) -> bool:
        """The condition holds."""
        return not self.why

    @property
    def bypassed(self) -> bool:
        return self.bypass_until is not None

    @property
    def acting(self) -> bool:
        """It is tripped, and nobody has bypassed it."""
        return self.tripped and not self.bypassed

    @property
    def blocking(self) -> bool:
        """Nothing that it guards may begin: the condition does not hold, or it is tripped."""
        return (self.tripped or not self.ok) and not self.bypassed


@dataclass(frozen=True, slots=True)
class Bank:
    """All interlocks of a subsystem, and which one tripped first of those that are (or were last) tripped."""

    states: tuple[State, ...] = ()
    first_out: str = ""

    @property
    def acting(self) -> bool:
        return any(state.acting for state in self.states)


class Change(Enum):
    """What can happen to an interlock."""

    TRIPPED = "tripped"
    CLEARED = "cleared"
    BYPASS_OVER = "bypass over"


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to an interlock, and why."""

    row: Row
    change: Change
    reason: str


def begin(rows: Sequence[Row], now: float) -> Bank:
    """Nothing has been read yet, so no condition holds."""
    return Bank(tuple(State(since=now, why=f"{row.name}: not read yet") for row in rows))


def step(rows: Sequence[Row], bank: Bank, samples: Sequence[Sample], now: float) -> tuple[Bank, list[Event]]:
    """Look at all inputs. Trips come first among the events, in the order in which they fell due."""
    news = [_look(*one, now) for one in zip(rows, bank.states, samples, strict=True)]
    events = [event for one in zip(rows, bank.states, news, strict=True) for event in _events(*one)]
    trips = [event for event in events if event.change is Change.TRIPPED]
    due = {row.name: _due(row, state) for row, state in zip(rows, news, strict=True)}
    trips.sort(key=lambda event: due[event.row.name])
    first = trips[0].row.name if trips and not bank.acting else bank.first_out
    others = [event for event in events if event.change is not Change.TRIPPED]
    return Bank(tuple(news), first), trips + others


def _look(row: Row, state: State, sample: Sample, now: float) -> State:
    over = state.bypass_until is not None and now >= state.bypass_until
    problem = _problem(row, sample, now)
    why = problem or _violation(row, state, sample)
    since = None if not why else now if state.since is None else state.since
    looked = replace(
        state,
        why=f"{row.name}: {why}" if why else "",
        since=since,
        seen=state.seen or not problem,
        bypass_until=None if over else state.bypass_until,
    )
    return _settle(row, looked, now)


def _settle(row: Row, state: State, now: float) -> State:
    """Whether it is tripped: newly, still, or no longer."""
    if not state.tripped and not state.bypassed and now >= _due(row, state):
        return replace(state, tripped=True, cause=state.why)
    if state.tripped and not row.latch and state.ok:
        return replace(state, tripped=False, cause="")
    return state


def _problem(row: Row, sample: Sample, now: float) -> str:
    """Why the input cannot be judged."""
    if sample.problem:
        return sample.problem
    age_s = now - sample.at
    if age_s > row.stale_s:
        return f"{row.source} is stale, {age_s:.1f} s old"
    if row.condition.is_numeric and math.isnan(sample.number):
        return f"{row.source} is not a number"
    return ""


def _violation(row: Row, state: State, sample: Sample) -> str:
    """Why the condition does not hold. Once it does not, it has to be met by the hysteresis."""
    margin = row.hysteresis if state.since is not None and state.seen else 0.0
    if row.condition.holds(sample.number, sample.word, margin):
        return ""
    shown = f"{sample.number:.4g} {row.unit}".rstrip() if row.condition.is_numeric else sample.word
    back = f" (by {row.hysteresis:g})" if margin and row.condition.holds(sample.number, sample.word) else ""
    return f"{shown or 'nothing'}, {row.condition.demand(row.unit)}{back}"


def _due(row: Row, state: State) -> float:
    """When what is wrong becomes a trip."""
    if state.since is None:
        return math.inf
    return state.since + (row.delay_s if state.seen else max(row.delay_s, GRACE_S))


def _events(row: Row, old: State, new: State) -> list[Event]:
    found = []
    if new.acting and not old.acting:
        found.append(Event(row, Change.TRIPPED, new.cause))
    if old.tripped and not new.tripped:
        found.append(Event(row, Change.CLEARED, f"{row.name}: {row.condition.text(row.unit)} again"))
    if old.bypassed and not new.bypassed:
        found.append(Event(row, Change.BYPASS_OVER, f"{row.name}: the bypass has ended"))
    return found


# -- what an operator may do ----------------------------------------------------------------------


def reset(bank: Bank, index: int) -> tuple[Bank, str]:
    """Release a latched trip; refused, with the reason, while its condition does not hold.

    A bypassed one is released whatever its condition: it trips anew when the bypass ends.
    """
    state = bank.states[index]
    if state.tripped and not state.ok and not state.bypassed:
        return bank, state.why
    return _put(bank, index, replace(state, tripped=False, cause="")), ""


def bypass(bank: Bank, index: int, until: float) -> Bank:
    """Let one interlock not act until then. To end a bypass, `until` is now: the next step acts on it."""
    return _put(bank, index, replace(bank.states[index], bypass_until=until))


def latched(bank: Bank, index: int, cause: str) -> Bank:
    """This one was tripped before the IOC was started, and still is."""
    return _put(bank, index, replace(bank.states[index], tripped=True, cause=cause))


def remember_first(bank: Bank, name: str) -> Bank:
    """This one tripped first, before the IOC was started."""
    return replace(bank, first_out=name)


def _put(bank: Bank, index: int, state: State) -> Bank:
    states = bank.states[:index] + (state,) + bank.states[index + 1 :]
    return replace(bank, states=states)
