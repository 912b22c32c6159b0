"""The controller as a whole: step(controller, inputs, parameters, now) -> (controller, orders).

Pure. The order of a step: look, do what an operator asks, check faults, act as the state does, give orders.
"""

from dataclasses import replace

from iocs.thermal.logic import faults, orders
from iocs.thermal.logic.controller import Controller, View, decide, tried
from iocs.thermal.logic.facts import LATCHES, Inputs, Latch, Orders, State
from iocs.thermal.logic.look import look
from iocs.thermal.logic.override import OPERATIONAL
from iocs.thermal.logic.parameters import Parameters
from iocs.thermal.logic.requests import REQUESTS, refuse
from iocs.thermal.logic.states import STATES

SAMPLE_S = 1.0


def begin(latch: Latch, reason: str, now: float, *, auto_start: bool = False) -> Controller:
    """The controller when the IOC starts, with what was latched before."""
    latched = {latch: state for state, latch in LATCHES.items()}
    state = latched.get(latch, State.INITIALIZING)
    wanted = auto_start and latch is Latch.NONE
    c = Controller(state=state, entered=now, since=now, changed=now, wanted=wanted)
    return replace(c, reason=reason or c.reason, unseen=state is not State.INITIALIZING, released=True)


def within(c: Controller, v: View) -> Controller:
    """The highest current may have been lowered while it was in use."""
    most = v.p.max_current_per_channel
    if c.state not in OPERATIONAL or c.current <= most:
        return c
    return decide(tried(c, None, optimum=most), most, "no more is allowed", v.now)


def step(
    c: Controller, seen: Inputs, p: Parameters, now: float, sample_s: float = SAMPLE_S
) -> tuple[Controller, Orders]:
    """One step; `now` in monotonic seconds. Events of the step are in the controller."""
    v = View(now, p, seen)
    c = look(c, v, sample_s)
    if seen.request is not None and not refuse(seen.request, c, v):
        c = REQUESTS[seen.request](c, v)
    c = faults.check(c, v)
    c = within(STATES[c.state](c, v), v)
    c, given = orders.give(c, v)
    return orders.released(c, v), given
