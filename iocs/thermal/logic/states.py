"""The states, one function each: what it does in a step, and what it becomes.

Pure, and to be read beside the design document. Faults have been checked before (faults.py); what the
supplies are told follows from state and current (orders.py).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from iocs.thermal.logic import search
from iocs.thermal.logic.controller import NAMES, Controller, Search, View, decide, descend, falling, go, tried
from iocs.thermal.logic.facts import Setting, State, Zone

StateFunction = Callable[[Controller, View], Controller]


def off(c: Controller, v: View) -> Controller:
    """The soft ramp-down to its end, then nothing, until Start.

    What is found running at the start of the IOC, though it had been stopped, was switched on by hand.
    """
    if c.unseen and not v.lost():
        c = replace(c, unseen=False)
        if by_hand := running(v):
            return go(c, State.MANUAL_OVERRIDE, f"found running although stopped: {by_hand[0]}", v.now)
    return reduce(c, v)


# -- INITIALIZING ---------------------------------------------------------------------------------


def initializing(c: Controller, v: View) -> Controller:
    """Wait for all hardware; take over what is found running."""
    sensors = [name for name, ok in (("cold plate", v.cold_ok), ("hot side", v.hot_ok)) if not ok]
    lost, waited_s = v.lost(), v.now - c.entered
    if not lost and (old := v.outdated(c.since)):  # what was found before Start, or before our last order
        return replace(c, decision=f"waiting for a reading of {' and '.join(old)}")
    if not lost and running(v) and all(supply.held.output for supply in v.seen.supplies):
        return hot_reset(c, v, sensors)
    if not lost and not sensors:
        return begin(c, v)
    if waited_s < v.p.init_timeout_ms / 1000.0:
        return replace(c, decision=f"waiting for {', '.join(sensors + lost)}")
    c = replace(falling(c, v), back_to=State.INITIALIZING)
    if sensors:
        return reduce(go(c, State.SENSOR_FAULT, f"no {sensors[0]} sensor", v.now), v)
    return reduce(go(c, State.DPS_DISCONNECTED, f"{' and '.join(lost)} not found", v.now), v)


def running(v: View) -> list[str]:
    """Supplies whose output is on with more current than a soft start has."""
    return [
        name
        for name, supply in zip(NAMES, v.seen.supplies, strict=True)
        if v.answers(supply) and supply.held.output and supply.current > v.p.hot_reset_current_a
    ]


def hot_reset(c: Controller, v: View, sensors: list[str]) -> Controller:
    """Both supplies run already: adopt the lower current, unless the chamber is blind or too hot for that."""
    if sensors and v.now - c.entered < v.p.sensor_stale_ms / 1000.0:
        return replace(c, decision=f"found running, waiting for {', '.join(sensors)}")
    if sensors or v.hot >= v.p.hot_side_alarm_c:
        why = f"no {sensors[0]} sensor" if sensors else f"hot side {v.hot:.1f} degC"
        c = falling(c, v)
        quick = c.current / max(v.p.quick_ramp_down_ms / 1000.0, 0.01)
        c = replace(c, fall=quick, wanted=False)
        return reduce(go(c, State.THERMAL_FAULT, f"found running with {why}", v.now), v)
    return adopt(c, v)


def adopt(c: Controller, v: View) -> Controller:
    """What runs goes on running, nothing moves. The level of the current decides in which state."""
    found = tuple(supply.held for supply in v.seen.supplies)
    current = min(
        adopted_current(setting, s.current) for setting, s in zip(found, v.seen.supplies, strict=True)
    )
    steady = current >= v.p.hot_reset_steady_a
    c = replace(c, found=found, since=v.now, wanted=True, current=current, changed=v.now)
    c = replace(
        c, search=Search(optimum=current, rest_from=v.now, minimum=v.seen.cold.value, minimum_at=v.now)
    )
    state = State.STEADY_STATE if steady else State.RAMP_UP
    return go(c, state, f"hot reset: found running, {current:.2f} A adopted", v.now)


def adopted_current(held: Setting, measured: float) -> float:
    """What a running supply carries: its setting, unless the voltage limits it to clearly less."""
    return held.current if abs(held.current - measured) <= 0.15 else measured


def begin(c: Controller, v: View) -> Controller:
    """All hardware is there, and at rest or on its soft start."""
    alone, there = running(v), [s.held.current for s in v.seen.supplies if s.held.output]
    if alone:
        words = f"found running: {alone[0]} alone; the other on or this one off, then Resume"
        return go(c, State.MANUAL_OVERRIDE, words, v.now)
    if not c.wanted and not there:
        return go(c, State.OFF, "hardware ready, outputs off: waiting for Start", v.now)
    if c.zone is Zone.ALARM:
        return replace(c, decision=f"waiting: hot side {v.hot:.1f} degC is in the alarm zone")
    return start_up(c, v, "all hardware ready", min(there, default=math.inf))


def start_up(c: Controller, v: View, why: str, found: float = math.inf) -> Controller:
    """Begin the soft start, at `found` if that is less."""
    current = min(v.p.startup_current, v.p.max_current_per_channel, found)
    c = replace(c, current=current, changed=v.now, since=v.now, found=(None, None), cut=False, wanted=True)
    return go(replace(c, search=Search(optimum=current)), State.STARTUP, why, v.now)


# -- STARTUP, RAMP_UP, STEADY_STATE ---------------------------------------------------------------


def startup(c: Controller, v: View) -> Controller:
    """Hold the low current to prevent thermal shock."""
    hold_s = v.p.startup_hold_duration_ms / 1000.0
    if v.now - c.entered < hold_s:
        return c
    return go(search.best_yet(c, v), State.RAMP_UP, f"soft start held for {hold_s:g} s", v.now)


def ramp_up(c: Controller, v: View) -> Controller:
    """Raise the current step by step for as long as that pays."""
    c, trial = search.track_minimum(c, v), c.search.trial
    if c.zone is Zone.ALARM:
        return settle(c, v, f"hot side {v.hot:.1f} degC is in the alarm zone")
    if trial is None:
        return climb(c, v) if c.current < c.search.optimum else increase(c, v)
    if not search.evaluable(trial, v) or math.isnan(c.history.cold_rate):
        return c
    pays, why = search.verdict(c, v, trial)
    if not pays:
        return settle(c, v, why)
    return increase(search.best_yet(tried(c, None), v), v, why)


def increase(c: Controller, v: View, reason: str = "ramp") -> Controller:
    """One step up, when it is time for it and the hot side allows it."""
    p = v.p
    if c.current >= p.max_current_per_channel:
        return settle(c, v, f"at the highest current, {p.max_current_per_channel:g} A")
    if not search.rested(c, v):
        return c
    if math.isnan(c.history.cold_rate):
        return replace(c, decision="waiting for the cooling rate")
    step = search.step_of(c, v)
    if why := search.refuse_increase(c, v, step):
        rises = c.history.hot_rate > 0.0 and v.hot < p.hot_side_alarm_c
        patient = v.now - c.changed < p.hot_lookahead_ms / 1000.0
        return replace(c, decision=f"waiting: {why}") if rises and patient else settle(c, v, why)
    current = min(c.current + step, p.max_current_per_channel)
    return search.raised(c, v, current, reason)


def settle(c: Controller, v: View, why: str) -> Controller:
    """Back off to the current before the last step, if that was on trial, and hold."""
    trial = c.search.trial
    if trial is not None:
        c = decide(c, trial.origin, why, v.now)
    c = tried(c, None, optimum=c.current, upwards=True, rest_from=v.now)
    return go(c, State.STEADY_STATE, f"{why}; {c.current:.2f} A held", v.now)


def steady_state(c: Controller, v: View) -> Controller:
    """Hold the optimum, and probe now and then whether it has moved."""
    c, trial = search.track_minimum(c, v), c.search.trial
    if c.zone is Zone.ALARM:
        return relieve(c, v)
    if c.current < c.search.optimum and trial is None:
        return climb(c, v)
    if trial is not None:
        c = search.judge_probe(c, v, trial)
    if c.search.trial is None and search.recheck_due(c, v):
        return search.probe(c, v)
    return c


def relieve(c: Controller, v: View) -> Controller:
    """The hot side is in its alarm zone: one step less, and again after each evaluation delay."""
    least = v.p.min_current_per_channel
    if c.current <= least or v.now - c.changed < v.p.current_evaluation_delay_ms / 1000.0:
        return c
    c = decide(c, max(least, c.current - v.p.ramp_current_step_a), "hot side in the alarm zone", v.now)
    return tried(c, None, optimum=c.current, rest_from=v.now)


def climb(c: Controller, v: View) -> Controller:
    """Back to the optimum after a reduction, by steps: a current never jumps upwards."""
    step = min(search.step_of(c, v), c.search.optimum - c.current)
    if not search.rested(c, v):
        return c
    if why := search.refuse_increase(c, v, step):
        return replace(c, decision=f"waiting: {why}")
    c = decide(c, c.current + step, "back to the optimum", v.now)
    return replace(c, search=replace(c.search, rest_from=v.now))


# -- MANUAL_OVERRIDE and the fault states ---------------------------------------------------------


def manual_override(c: Controller, v: View) -> Controller:
    """A human is in control: watch, and leave the supplies alone."""
    return c


def thermal_fault(c: Controller, v: View) -> Controller:
    """Latched. Cut at once, or ramped down to zero, from what is found after a restart."""
    patient = v.now - c.entered < v.p.init_timeout_ms / 1000.0
    if c.unseen and v.lost() and patient:
        return c
    if c.unseen:
        c = falling(replace(c, unseen=False), v)
    return reduce(c, v)


def sensor_fault(c: Controller, v: View) -> Controller:
    """At half the degraded current, wait for the sensors to come back."""
    if v.cold_ok and v.hot_ok:
        return go(replace(c, changed=v.now), c.back_to, "sensors recovered", v.now)
    if v.now - c.entered >= v.p.sensor_recovery_timeout_ms / 1000.0:
        c = replace(falling(c, v), wanted=False)
        c = go(c, State.THERMAL_FAULT, "sensors did not recover", v.now)
    return reduce(c, v)


def dps_disconnected(c: Controller, v: View) -> Controller:
    """The supply that answers is limited, or shut down with the other. Both back, and not hot: begin anew."""
    if not v.lost() and c.zone is not Zone.ALARM:
        if c.wanted:
            return start_up(c, v, "both supplies are back")
        return go(c, State.INITIALIZING, "both supplies are there", v.now)
    return reduce(c, v)


def reduce(c: Controller, v: View) -> Controller:
    """Down to what a fault state, or OFF, leaves of the current."""
    p = v.p
    floors = {
        State.SENSOR_FAULT: p.degraded_mode_current / 2.0,
        State.DPS_DISCONNECTED: 0.0 if p.symmetric_shutdown else p.degraded_mode_current,
    }
    return descend(c, v, floors.get(c.state, 0.0))


STATES: Mapping[State, StateFunction] = {
    State.OFF: off,
    State.INITIALIZING: initializing,
    State.STARTUP: startup,
    State.RAMP_UP: ramp_up,
    State.STEADY_STATE: steady_state,
    State.MANUAL_OVERRIDE: manual_override,
    State.THERMAL_FAULT: thermal_fault,
    State.SENSOR_FAULT: sensor_fault,
    State.DPS_DISCONNECTED: dps_disconnected,
}
"""One function per state; the table is complete."""
