"""The faults of all states, checked first, in one place: the table FAULTS, the gravest first.

Pure. Design document, Safety Systems. An entry says in which states it is looked for, what is found, and
where that leads.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from iocs.thermal.logic.controller import NAMES, Controller, View, expected, falling, go
from iocs.thermal.logic.facts import State
from iocs.thermal.logic.override import OPERATIONAL, overridden

ALL = frozenset(State)
LIMITED = OPERATIONAL | {State.SENSOR_FAULT, State.DPS_DISCONNECTED}
"""States that hold a current: STARTUP, RAMP_UP, STEADY_STATE and the two reduced ones."""
WATCHED = LIMITED | {State.MANUAL_OVERRIDE}


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the table."""

    states: frozenset[State]
    found: Callable[[Controller, View], str]
    leads: State
    cut: bool = False


def stopped(c: Controller, v: View) -> str:
    return v.seen.stopped


def tripped(c: Controller, v: View) -> str:
    return v.seen.tripped


def too_hot(c: Controller, v: View) -> str:
    """One sample is enough; one cut is enough."""
    hot, limit = v.hot, v.p.hot_side_fault_c
    if not v.hot_ok or hot < limit or (c.state is State.THERMAL_FAULT and c.cut):
        return ""
    return f"hot side {hot:.1f} degC, limit {limit:g}: outputs cut"


def runaway(c: Controller, v: View) -> str:
    rate, limit = c.history.runaway, v.p.hot_side_rate_fault_c_per_min
    return f"thermal runaway: hot side rises by {rate:.1f} K/min, limit {limit:g}" if rate > limit else ""


def hot_lost(c: Controller, v: View) -> str:
    """While nothing runs yet, it is waited for; after a restart, until it can have been read."""
    if v.hot_ok or (c.unseen and v.now - c.entered <= v.p.sensor_stale_ms / 1000.0):
        return ""
    begun = c.state is not State.SENSOR_FAULT or c.back_to is not State.INITIALIZING
    runs = begun or any(supply.held.output for supply in v.seen.supplies)
    return "hot side sensor lost" if runs else ""


def protected(c: Controller, v: View) -> str:
    """An output that we left on has been switched off by the supply's own protection."""
    for index, (name, supply) in enumerate(zip(NAMES, v.seen.supplies, strict=True)):
        left = expected(c, index, supply)
        if supply.tripped and supply.at >= supply.confirmed_at and left is not None and left.output:
            return f"{name} switched itself off: {supply.tripped}"
    return ""


def cold_lost(c: Controller, v: View) -> str:
    return "" if v.cold_ok else "cold plate sensor lost"


def supply_lost(c: Controller, v: View) -> str:
    lost = v.lost()
    return f"{' and '.join(lost)} disconnected" if lost else ""


def taken_over(c: Controller, v: View) -> str:
    by_hand = overridden(c, v)
    return f"manual override: {by_hand}" if by_hand else ""


FAULTS = (
    Fault(ALL - {State.OFF, State.THERMAL_FAULT}, stopped, State.OFF, cut=True),
    Fault(ALL, too_hot, State.THERMAL_FAULT, cut=True),
    Fault(ALL - {State.OFF, State.THERMAL_FAULT}, tripped, State.OFF),
    Fault(WATCHED, runaway, State.THERMAL_FAULT),
    Fault(WATCHED, hot_lost, State.THERMAL_FAULT),
    Fault(LIMITED, protected, State.THERMAL_FAULT),
    Fault(OPERATIONAL | {State.DPS_DISCONNECTED}, cold_lost, State.SENSOR_FAULT),
    Fault(OPERATIONAL, supply_lost, State.DPS_DISCONNECTED),
    Fault(OPERATIONAL, taken_over, State.MANUAL_OVERRIDE),
)


def check(c: Controller, v: View) -> Controller:
    """Into the state that the gravest fault demands; unchanged if there is none."""
    for fault in FAULTS:
        if c.state in fault.states and (reason := fault.found(c, v)):
            return enter(c, v, fault, reason)
    return c


def enter(c: Controller, v: View, fault: Fault, reason: str) -> Controller:
    """Take the way that a fault leads."""
    if fault.leads is State.MANUAL_OVERRIDE:
        return go(replace(c, search=replace(c.search, trial=None)), fault.leads, reason, v.now)
    if fault.leads is State.SENSOR_FAULT:
        c = replace(c, back_to=c.state)
    c = falling(c, v)
    if fault.cut:
        c = replace(c, current=0.0)
    if fault.leads in (State.OFF, State.THERMAL_FAULT):
        c = replace(c, wanted=False, released=False, cut=fault.cut)
    return go(c, fault.leads, reason, v.now)
