"""What an operator may ask for, when it is refused and why, and where it leads.

Pure. The table is REQUESTS.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from iocs.thermal.logic import faults, orders
from iocs.thermal.logic.controller import NAMES, Controller, Mismatch, View, falling, go
from iocs.thermal.logic.facts import Request, State


def refuse(request: Request, c: Controller, v: View) -> str:
    """Why a request is refused; empty if it is granted."""
    if request is Request.START:
        return refuse_start(c, v)
    if request is Request.STOP:
        return refuse_stop(c)
    if request is Request.RESUME:
        return "" if c.state is State.MANUAL_OVERRIDE else f"{c.state.name}: nobody has overridden it"
    return refuse_rearm(c, v)


def refuse_start(c: Controller, v: View) -> str:
    if why := v.seen.stopped or v.seen.tripped:
        return why
    if c.state is State.THERMAL_FAULT:
        return f"THERMAL_FAULT is latched: Rearm first ({c.reason})"
    if c.state is State.MANUAL_OVERRIDE:
        return "MANUAL_OVERRIDE: Resume first"
    if c.state is State.OFF and c.current > 0.0:
        return "still ramping down"
    return "" if c.state in (State.OFF, State.INITIALIZING) else f"it runs already: {c.state.name}"


def refuse_stop(c: Controller) -> str:
    if c.state is State.THERMAL_FAULT:
        return "THERMAL_FAULT shuts down by itself: Rearm, when its cause is gone"
    if c.state is State.MANUAL_OVERRIDE:
        return "MANUAL_OVERRIDE: no commands are sent; Resume first, or EStop"
    return ""


def refuse_rearm(c: Controller, v: View) -> str:
    """Refused while the cause persists."""
    if c.state is not State.THERMAL_FAULT:
        return f"{c.state.name}: nothing is latched"
    if not v.hot_ok or not v.cold_ok:
        return f"{'hot side' if v.cold_ok else 'cold plate'} sensor is still lost"
    if v.hot >= v.p.hot_side_alarm_exit_c:
        return f"hot side is still at {v.hot:.1f} degC, must be below {v.p.hot_side_alarm_exit_c:g}"
    if rises := faults.runaway(c, v):
        return rises
    pending = ["the ramp-down"] if c.current > 0.0 else orders.unconfirmed(c, v)
    return f"not off yet: {' and '.join(pending)}" if pending else ""


def start(c: Controller, v: View) -> Controller:
    c = replace(c, wanted=True, cut=False, released=False, since=v.now, found=(None, None))
    return c if c.state is State.INITIALIZING else go(c, State.INITIALIZING, "Start", v.now)


def stop(c: Controller, v: View) -> Controller:
    if c.state is State.OFF:
        return c
    return go(replace(falling(c, v), wanted=False, cut=False, released=False), State.OFF, "Stop", v.now)


def resume(c: Controller, v: View) -> Controller:
    c = replace(c, wanted=True, since=v.now, found=(None, None), mismatches=(Mismatch(),) * len(NAMES))
    return go(c, State.INITIALIZING, "Resume: taken over from the supplies", v.now)


def rearm(c: Controller, v: View) -> Controller:
    return go(
        replace(c, wanted=False, cut=False, released=True), State.OFF, "Rearm: waiting for Start", v.now
    )


REQUESTS: Mapping[Request, Callable[[Controller, View], Controller]] = {
    Request.START: start,
    Request.STOP: stop,
    Request.RESUME: resume,
    Request.REARM: rearm,
}
