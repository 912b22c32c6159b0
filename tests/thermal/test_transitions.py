"""Every transition of the controller: one situation for each, and the proof that there are no others."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iocs.thermal.logic import states
from iocs.thermal.logic.controller import Controller, Mismatch, Search, Trial
from iocs.thermal.logic.facts import Inputs, Request, Sensed, Setting, State
from iocs.thermal.logic.faults import FAULTS
from tests.thermal.situations import NOW, after, at, controller, inputs, past, supply

OFF, INIT, START, RAMP, STEADY = (
    State.OFF, State.INITIALIZING, State.STARTUP, State.RAMP_UP, State.STEADY_STATE,
)  # fmt: skip
HAND, THERMAL, SENSOR, DPS = (
    State.MANUAL_OVERRIDE, State.THERMAL_FAULT, State.SENSOR_FAULT, State.DPS_DISCONNECTED,
)  # fmt: skip
LONG_AGO = NOW - 1000.0

Situation = Callable[[State], tuple[Controller, Inputs]]


def like(state: State, **changes: Any) -> Controller:
    """A controller that stays in its state by itself: a fault that goes on, a soft start that lasts."""
    if state is START:
        changes.setdefault("entered", NOW - 5.0)
    if state is SENSOR:
        changes.setdefault("entered", NOW - 5.0)
    return controller(state, **changes)


# -- what an operator asks for --------------------------------------------------------------------


def asked(request: Request) -> Situation:
    return lambda state: (like(state), inputs(request=request))


def rearmed(state: State) -> tuple[Controller, Inputs]:
    return controller(state, current=0.0), inputs(supplies=at(0.0, on=False), request=Request.REARM)


def started(state: State) -> tuple[Controller, Inputs]:
    """It goes on to INITIALIZING, and waits there because a sensor is missing."""
    return controller(state), inputs(cold=float("nan"), supplies=at(0.0, on=False), request=Request.START)


def resumed(state: State) -> tuple[Controller, Inputs]:
    return controller(state), inputs(hot=float("nan"), request=Request.RESUME)


# -- faults ---------------------------------------------------------------------------------------


def stopped(state: State) -> tuple[Controller, Inputs]:
    return like(state), inputs(stopped="emergency stop")


def interlocked(state: State) -> tuple[Controller, Inputs]:
    return like(state), inputs(tripped="Coolant: 0.5 l/min, at least 2")


def too_hot(state: State) -> tuple[Controller, Inputs]:
    return like(state), inputs(hot=70.0)


def runaway(state: State) -> tuple[Controller, Inputs]:
    return like(state, history=past(hot_rate=8.0)), inputs()


def hot_lost(state: State) -> tuple[Controller, Inputs]:
    return like(state), inputs(hot=float("nan"))


def protection(state: State) -> tuple[Controller, Inputs]:
    tripped = supply(held=Setting(16.0, 6.0, False), tripped="over current")
    return like(state), inputs(supplies=(supply(), tripped))


def cold_lost(state: State) -> tuple[Controller, Inputs]:
    return like(state), inputs(cold=float("nan"))


def supply_lost(state: State) -> tuple[Controller, Inputs]:
    return like(state), inputs(supplies=(supply(), supply(at=LONG_AGO)))


def knob_turned(state: State) -> tuple[Controller, Inputs]:
    turned = supply(held=Setting(16.0, 4.0, True))
    seen = (supply(), turned)
    return like(state, mismatches=(Mismatch(), Mismatch(2, NOW - 1.0))), inputs(supplies=seen)


def knob_turned_before_a_write(state: State) -> tuple[Controller, Inputs]:
    """The first mismatch, but a step is due: nothing is written over a hand's setting."""
    c = controller(state, history=past(cold_rate=-2.0), entered=NOW - 60.0, search=Search(optimum=6.0))
    return c, inputs(supplies=(supply(), supply(held=Setting(16.0, 4.0, True))))


# -- INITIALIZING ---------------------------------------------------------------------------------

IDLE = at(0.0, on=False)


def waiting(**changes: Any) -> Controller:
    return controller(INIT, current=0.0, entered=NOW - 1.0, **changes)


def ready(state: State) -> tuple[Controller, Inputs]:
    return waiting(wanted=True), inputs(supplies=IDLE)


def ready_but_not_wanted(state: State) -> tuple[Controller, Inputs]:
    return waiting(wanted=False), inputs(supplies=IDLE)


def found_running(amps: float) -> Situation:
    return lambda state: (waiting(), inputs(supplies=at(amps)))


def found_running_alone(state: State) -> tuple[Controller, Inputs]:
    return waiting(), inputs(supplies=(supply(6.0), supply(0.0, on=False)))


def found_running_unlike(state: State) -> tuple[Controller, Inputs]:
    """One by hand, the other on its soft start."""
    return waiting(), inputs(supplies=(supply(3.2), supply(2.0)))


def found_running_hot(state: State) -> tuple[Controller, Inputs]:
    return waiting(), inputs(hot=65.0)


def found_running_blind(state: State) -> tuple[Controller, Inputs]:
    return controller(INIT, current=0.0, entered=NOW - 5.0), inputs(cold=float("nan"))


def sensors_late(state: State) -> tuple[Controller, Inputs]:
    return controller(INIT, entered=NOW - 30.0), inputs(cold=float("nan"), supplies=IDLE)


def supplies_late(state: State) -> tuple[Controller, Inputs]:
    return controller(INIT, entered=NOW - 30.0), inputs(supplies=(supply(), supply(at=LONG_AGO)))


# -- the others -----------------------------------------------------------------------------------


def found_running_though_stopped(state: State) -> tuple[Controller, Inputs]:
    return controller(OFF, unseen=True), inputs()


def held_long_enough(state: State) -> tuple[Controller, Inputs]:
    return controller(START, entered=NOW - 60.0), inputs()


def stalled(state: State) -> tuple[Controller, Inputs]:
    trial = Trial(NOW - 60.0, 5.5, -29.0, 22.0, -0.6)
    return controller(RAMP, search=Search(optimum=5.5, trial=trial)), inputs()


def sensors_back(state: State) -> Situation:
    return lambda _: (controller(SENSOR, entered=NOW - 5.0, back_to=state), inputs())


def sensors_stay_away(state: State) -> tuple[Controller, Inputs]:
    return controller(SENSOR, entered=NOW - 60.0), inputs(cold=float("nan"))


def supplies_back(wanted: bool) -> Situation:
    return lambda state: (controller(DPS, wanted=wanted), inputs(hot=40.0))


TABLE: list[tuple[State, State, Situation]] = [
    (OFF, INIT, started),
    (OFF, HAND, found_running_though_stopped),
    (OFF, THERMAL, too_hot),
    (INIT, OFF, ready_but_not_wanted),
    (INIT, OFF, asked(Request.STOP)),
    (INIT, OFF, stopped),
    (INIT, START, ready),
    (INIT, RAMP, found_running(4.99)),
    (INIT, STEADY, found_running(5.0)),
    (INIT, HAND, found_running_alone),
    (INIT, RAMP, found_running_unlike),
    (INIT, THERMAL, too_hot),
    (INIT, THERMAL, found_running_hot),
    (INIT, THERMAL, found_running_blind),
    (INIT, SENSOR, sensors_late),
    (INIT, DPS, supplies_late),
    (START, RAMP, held_long_enough),
    (RAMP, STEADY, stalled),
    *(
        (state, leads, situation)
        for state in (START, RAMP, STEADY)
        for leads, situation in [
            (OFF, stopped),
            (OFF, interlocked),
            (OFF, asked(Request.STOP)),
            (THERMAL, too_hot),
            (THERMAL, runaway),
            (THERMAL, hot_lost),
            (THERMAL, protection),
            (SENSOR, cold_lost),
            (DPS, supply_lost),
            (HAND, knob_turned),
        ]
    ),
    (RAMP, HAND, knob_turned_before_a_write),
    (HAND, OFF, stopped),
    (HAND, OFF, interlocked),
    (HAND, INIT, resumed),
    *((HAND, THERMAL, situation) for situation in (too_hot, runaway, hot_lost)),
    (THERMAL, OFF, rearmed),
    *(
        (state, leads, situation)
        for state in (SENSOR, DPS)
        for leads, situation in [
            (OFF, stopped),
            (OFF, asked(Request.STOP)),
            (THERMAL, too_hot),
            (THERMAL, runaway),
            (THERMAL, hot_lost),
            (THERMAL, protection),
        ]
    ),
    (SENSOR, THERMAL, sensors_stay_away),
    *((SENSOR, state, sensors_back(state)) for state in (INIT, START, RAMP, STEADY, DPS)),
    (DPS, SENSOR, cold_lost),
    (DPS, START, supplies_back(wanted=True)),
    (DPS, INIT, supplies_back(wanted=False)),
]


def named(value: object) -> str:
    return value.name if isinstance(value, State) else getattr(value, "__name__", "situation")


@pytest.mark.parametrize(("source", "target", "situation"), TABLE, ids=named)
def test_a_transition(source: State, target: State, situation: Situation) -> None:
    c, seen = situation(source)
    new, _ = after(replace(c, state=source), seen)
    assert [(event.source, event.target) for event in new.events[:1]] == [(source, target)]
    first = new.events[0]
    assert first.reason
    if len(new.events) == 1:
        assert (new.state, new.reason, new.previous, new.entered) == (target, first.reason, source, NOW)


@pytest.mark.parametrize("state", [s for s in State if s is not INIT], ids=named)
def test_without_a_cause_a_state_stays(state: State) -> None:
    supplies = at(0.0, on=False) if state is OFF else at(6.0)
    missing = {SENSOR: {"cold": float("nan")}, DPS: {"supplies": (supply(), supply(at=LONG_AGO))}}
    seen = inputs(**{"supplies": supplies, **missing.get(state, {})})
    new, _ = after(like(state), seen)
    assert (new.state, new.events) == (state, ())


# -- the table is complete ------------------------------------------------------------------------


def edges_of_the_table() -> set[tuple[State, State]]:
    return {(source, target) for source, target, _ in TABLE}


def edges_of_the_code() -> set[tuple[State, State]]:
    """Faults from their table; state functions and requests from what their code says `go` to."""
    found = {(state, fault.leads) for fault in FAULTS for state in fault.states}
    found |= {(source, target) for source, targets in destinations("states").items() for target in targets}
    found |= {(OFF, INIT), (HAND, INIT), (THERMAL, OFF)}  # Start, Resume, Rearm
    found |= {(state, OFF) for state in State if state not in (OFF, HAND, THERMAL)}  # Stop
    found |= {(state, HAND) for state in (START, RAMP, STEADY)}  # validation before a write
    return {(source, target) for source, target in found if source is not target}


def destinations(module: str) -> dict[State, set[State]]:
    """The states each state function goes to, in its own code and in that of what it calls."""
    path = Path(states.__file__).with_name(f"{module}.py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    table = {state: function.__name__ for state, function in states.STATES.items()}

    def reached(name: str, seen: frozenset[str]) -> set[str]:
        calls = [n for n in ast.walk(functions[name]) if isinstance(n, ast.Call)]
        names = {n.func.id for n in calls if isinstance(n.func, ast.Name)} & functions.keys() - seen
        own = {
            node.attr
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id == "go"
            for node in ast.walk(call)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "State"
        }
        if name == "adopt":
            own |= {"STEADY_STATE", "RAMP_UP"}
        if name == "sensor_fault":
            own |= {"INITIALIZING", "STARTUP", "RAMP_UP", "STEADY_STATE", "DPS_DISCONNECTED"}  # back_to
        return own.union(*(reached(n, seen | {name}) for n in names))

    return {state: {State[t] for t in reached(name, frozenset())} for state, name in table.items()}


def test_the_table_is_complete() -> None:
    assert edges_of_the_table() == edges_of_the_code()


def test_every_state_has_its_function() -> None:
    assert set(states.STATES) == set(State)
    assert len(set(states.STATES.values())) == len(State)


# -- what outranks what ---------------------------------------------------------------------------


def everything_wrong() -> Inputs:
    return inputs(
        cold=float("nan"),
        hot=71.0,
        stopped="emergency stop",
        supplies=(supply(held=Setting(16.0, 4.0, True)), supply(at=LONG_AGO)),
        request=Request.STOP,
    )


@pytest.mark.parametrize("state", [START, RAMP, STEADY], ids=named)
def test_the_gravest_fault_is_acted_on_first(state: State) -> None:
    seen = everything_wrong()
    for cure, leads in [
        ({"stopped": "", "request": None}, THERMAL),
        ({"hot": Sensed(40.0, NOW)}, SENSOR),
        ({"cold": Sensed(-30.0, NOW)}, DPS),
    ]:
        seen = replace(seen, **cure)  # type: ignore[arg-type]
        assert after(like(state), seen)[0].state is leads


def test_an_emergency_stop_does_not_release_a_latched_fault() -> None:
    c, _ = after(controller(THERMAL, current=0.0), inputs(stopped="emergency stop", supplies=IDLE))
    assert c.state is THERMAL
