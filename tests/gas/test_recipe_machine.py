"""How a recipe runs, in simulated time; whether it may run at all."""

import math
from dataclasses import replace

import pytest

from iocs.common.interlock import condition
from iocs.gas.logic.approval import Gas, Limits, Plant
from iocs.gas.recipes import machine
from iocs.gas.recipes.check import refuse_ever, refuse_now
from iocs.gas.recipes.machine import Order, Quantity, Run, Seen, State
from iocs.gas.recipes.recipe import Recipe, Step, Until, between

SCALES = {"Ar": 200.0, "O2": 100.0, "N2": 150.0}
PURGE = Step("Purge", 60.0, {"Ar": 50.0})
PROCESS = Step("Process", 300.0, {"Ar": 40.0, "O2": 10.0})
STOP = Step("Stop", 30.0, {"Ar": 0.0, "O2": 0.0})
DESIGN = Recipe("Design", (PURGE, PROCESS, STOP))


class Rig:
    """A run, instruments that follow at once, and a clock that is turned by hand."""

    def __init__(self, recipe: Recipe, tick_s: float = 0.5) -> None:
        self.now = 1000.0
        self.tick_s = tick_s
        self.flows = dict.fromkeys(SCALES, 0.0)
        self.facts = Seen(flows=self.flows, full_scales=SCALES)
        self.orders: list[Order] = []
        self.follows = True
        self.run = machine.started(recipe, dict(self.flows), self.now)

    def go(self, seconds: float, **facts: object) -> State:
        """Let time pass; the instruments do what is ordered. `facts` differ from all being well."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += self.tick_s
            seen = replace(self.facts, flows=dict(self.flows), **facts)  # type: ignore[arg-type]
            self.run, order = machine.step(self.run, seen, self.now)
            self.take(order)
        return self.run.state

    def take(self, order: Order | None) -> None:
        if order:
            self.orders.append(order)
            if self.follows:
                self.flows.update({name: order.flows.get(name, 0.0) for name in SCALES})

    def end(self, state: State, why: str) -> None:
        self.run, order = machine.ended(self.run, state, why)
        self.take(order)


def test_the_recipe_of_the_design_document_runs_through_its_steps() -> None:
    rig = Rig(DESIGN)
    assert rig.go(30) is State.RUNNING
    assert (rig.run.index, rig.flows) == (0, {"Ar": 50.0, "O2": 0.0, "N2": 0.0})
    assert (rig.run.step_progress, rig.run.remaining_s) == (
        pytest.approx(0.5, abs=0.02),
        pytest.approx(360, abs=1),
    )
    rig.go(31)
    assert (rig.run.index, rig.flows) == (1, {"Ar": 40.0, "O2": 10.0, "N2": 0.0})
    assert rig.run.progress == pytest.approx(60 / 390, abs=0.01)
    rig.go(300)
    assert rig.run.index == 2
    assert rig.go(32) is State.COMPLETED
    assert (rig.run.progress, rig.run.remaining_s, rig.run.message) == (1.0, 0.0, "Design completed")
    assert [order.flows for order in rig.orders] == [step.flows for step in DESIGN.steps]
    assert machine.step(rig.run, rig.facts, 1e9) == (rig.run, None)


def test_the_clock_waits_until_the_flows_are_set() -> None:
    rig = Rig(DESIGN)
    rig.go(0.5)
    rig.go(20, applied=False)
    assert (rig.run.state, rig.run.clock_s, rig.run.message) == (
        State.RUNNING,
        0.0,
        "setting the flows of Purge",
    )
    rig.go(10)
    assert rig.run.clock_s == pytest.approx(10)


def test_a_flow_outside_its_tolerance_holds_the_clock_and_says_which() -> None:
    rig = Rig(replace(DESIGN, steps=(replace(PURGE, tolerance=5.0, settle_timeout_s=20.0), STOP)))
    rig.go(10)
    before = rig.run.clock_s
    rig.flows["Ar"] = 31.0
    assert rig.go(15) is State.HOLDING
    assert rig.run.message == "holding: Ar is 31 sccm, wanted 50 ± 10"
    assert rig.run.clock_s == before
    rig.flows["Ar"] = 45.0
    assert rig.go(1) is State.RUNNING
    rig.flows["Ar"] = 0.0
    rig.go(19)
    assert rig.go(2) is State.FAILED
    assert rig.run.message == "failed in step 1: Ar is 0 sccm, wanted 50 ± 10, for 20 s"
    assert rig.orders[-1] == Order({}, safe=True)


def test_a_ramp_goes_in_a_straight_line_and_ends_where_it_should() -> None:
    ramp = Step("Up", 10.0, {"Ar": 100.0, "O2": 20.0}, ramp=True)
    rig = Rig(Recipe("Ramp", (ramp, STOP)))
    rig.go(5.5)
    assert rig.flows["Ar"] == pytest.approx(50, abs=10)
    assert rig.flows["O2"] == pytest.approx(rig.flows["Ar"] / 5)
    rig.go(6)
    ups = [order.flows["Ar"] for order in rig.orders if order.flows.get("Ar")]
    assert ups == sorted(ups)
    assert len(ups) in (10, 11)
    assert ups[-1] == 100.0
    rig.go(1)
    assert rig.run.index == 1


def test_a_ramp_starts_from_the_step_before() -> None:
    rig = Rig(Recipe("R", (replace(PURGE, duration_s=1.0), Step("Down", 10.0, {"Ar": 0.0}, ramp=True))))
    rig.go(2)
    rig.go(5)
    assert 20 <= rig.flows["Ar"] <= 35
    assert rig.go(8) is State.COMPLETED
    assert rig.flows["Ar"] == 0.0


def test_a_step_without_time_only_sets_its_flows() -> None:
    rig = Rig(Recipe("R", (replace(PURGE, duration_s=0.0), replace(PROCESS, duration_s=0.0, ramp=True))))
    assert rig.go(3) is State.COMPLETED
    assert [order.flows for order in rig.orders] == [PURGE.flows, PROCESS.flows]
    assert rig.run.step_progress == 1.0


def test_a_step_waits_for_its_condition() -> None:
    until = Until("chamber_pressure", condition("at most 2e-3"), timeout_s=60.0)
    rig = Rig(Recipe("R", (replace(PURGE, until=until, duration_s=5.0), STOP)))
    high = {"chamber_pressure": Quantity(0.0031, "", "Torr")}
    assert rig.go(10, quantities=high) is State.HOLDING
    assert rig.run.message == "holding: chamber_pressure is 0.0031 Torr, must be <= 0.002 Torr"
    assert rig.go(1, quantities={"chamber_pressure": Quantity(problem="gauge is off")}) is State.HOLDING
    assert rig.run.message == "holding: gauge is off"
    rig.go(1, quantities={"chamber_pressure": Quantity(0.0019, "", "Torr")})
    assert rig.run.index == 1
    rig = Rig(Recipe("R", (replace(PURGE, until=until, duration_s=5.0), STOP)))
    assert rig.go(70) is State.FAILED
    assert "chamber_pressure is not known, for 60 s" in rig.run.message


def test_a_word_can_be_waited_for() -> None:
    until = Until("shutter", condition("is Open"))
    rig = Rig(Recipe("R", (replace(PURGE, until=until, duration_s=1.0), STOP)))
    rig.go(3, quantities={"shutter": Quantity(0.0, "Closed")})
    assert rig.run.message == "holding: shutter is Closed, must be Open"


def test_pause_stops_the_clock_and_resume_sets_the_flows_again() -> None:
    rig = Rig(DESIGN)
    rig.go(10)
    rig.run = machine.paused(rig.run, "by eva")
    clock_s = rig.run.clock_s
    assert rig.go(1000) is State.PAUSED
    assert (rig.run.clock_s, rig.run.message, len(rig.orders)) == (clock_s, "paused: by eva", 1)
    rig.run = machine.resumed(rig.run, rig.now)
    assert rig.go(10) is State.RUNNING
    assert rig.run.clock_s == pytest.approx(clock_s + 10, abs=1)
    assert [order.flows for order in rig.orders] == [PURGE.flows, PURGE.flows]


def test_skip_goes_to_the_next_step_from_any_active_state_and_past_the_last() -> None:
    rig = Rig(DESIGN)
    rig.go(10)
    rig.run = machine.paused(rig.run, "x")
    rig.run = machine.skipped(rig.run, rig.now)
    rig.go(1)
    assert (rig.run.index, rig.run.state) == (1, State.RUNNING)
    rig.run = machine.skipped(machine.skipped(rig.run, rig.now), rig.now)
    assert rig.run.state is State.COMPLETED


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"forbidden": "emergency stop"}, "emergency stop"),
        ({"failure": "O2 not confirmed"}, "O2 not confirmed"),
        ({"flows": None}, "Ar and O2 not read"),
    ],
)
@pytest.mark.parametrize("pause", [False, True])
def test_a_fault_ends_it_in_its_safe_state(facts: dict[str, object], why: str, pause: bool) -> None:
    rig = Rig(replace(DESIGN, safe_state="Purge"))
    rig.go(70)
    if pause:
        rig.run = machine.paused(rig.run, "x")
    if "flows" in facts:
        rig.flows.update(Ar=math.nan, O2=math.nan)
        facts = {}
    assert rig.go(0.5, **facts) is State.FAILED
    assert rig.run.message == f"failed in step 2: {why}"
    assert rig.orders[-1] == Order(PURGE.flows, safe=True)


def test_a_gas_that_it_does_not_use_may_be_lost() -> None:
    rig = Rig(DESIGN)
    rig.flows["N2"] = math.nan
    assert rig.go(10) is State.RUNNING


def test_abort_ends_it_once() -> None:
    rig = Rig(DESIGN)
    rig.go(10)
    rig.end(State.ABORTED, "by eva")
    assert (rig.run.state, rig.run.message) == (State.ABORTED, "aborted in step 1: by eva")
    assert rig.flows == dict.fromkeys(SCALES, 0.0)
    assert machine.ended(rig.run, State.FAILED, "again") == (rig.run, None)
    assert machine.resumed(rig.run, 0.0) == rig.run == machine.skipped(rig.run, 0.0)
    assert machine.paused(rig.run, "x") == rig.run


def test_while_no_flow_may_grow_the_clock_stands_and_nothing_is_ordered() -> None:
    rig = Rig(Recipe("R", (replace(PURGE, duration_s=5.0), PROCESS)))
    rig.go(3)
    clock_s = rig.run.clock_s
    assert rig.go(30, blocked="Door: Open, must be Closed") is State.HOLDING
    assert (rig.run.message, rig.run.clock_s) == ("holding: Door: Open, must be Closed", clock_s)
    assert rig.flows["Ar"] == 50.0
    rig.go(4)
    assert rig.flows["Ar"] == 40.0
    assert rig.go(700, blocked="Door: Open, must be Closed") is State.FAILED


def test_an_idle_machine_stays_idle() -> None:
    assert machine.step(Run(), Seen(), 0.0) == (Run(), None)
    assert (Run().step, Run().progress, Run().step_progress, Run().remaining_s) == (None, 0.0, 0.0, 0.0)
    assert machine.checking(DESIGN).state is State.CHECKING
    assert not State.CHECKING.is_active


def test_between() -> None:
    assert between({"Ar": 10.0}, {"O2": 20.0}, 0.25) == {"Ar": 7.5, "O2": 5.0}


# May it run?


def plant(**changes: object) -> Plant:
    gases = tuple(Gas(name, 0.0, 0.0, scale, scale, float(name == "O2")) for name, scale in SCALES.items())
    return replace(Plant(gases, Limits()), **changes)  # type: ignore[arg-type]


def recipe(**flows: float) -> Recipe:
    return Recipe("R", (PURGE, Step("Second", 1.0, flows)))


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (DESIGN, ""),
        (recipe(Ar=50, O2=30), "step 2 Second: O2 would be 37.5 % of total, limit 30 %"),
        (recipe(Ar=200, O2=60, N2=150), "step 2 Second: total would be 410 sccm, limit 400 sccm"),
        (recipe(Ar=201), "step 2 Second: Ar 201 sccm is above 200 sccm (Ar:MaxFlow)"),
        (recipe(He=1), "step 2 Second: there is no He here"),
        (recipe(), ""),
    ],
)
def test_a_recipe_is_checked_whole(what: Recipe, reason: str) -> None:
    assert refuse_ever(what, plant()) == reason
    assert refuse_now(what, plant()) == reason


def test_what_keeps_it_from_starting_now() -> None:
    assert refuse_now(DESIGN, plant(held="emergency stop is active")) == "emergency stop is active"
    assert refuse_now(DESIGN, plant(blocked="Door: Open")) == "Door: Open"
    assert refuse_now(DESIGN, plant(closed="pump first")) == "pump first"
    assert refuse_now(DESIGN, plant(owner="recipe Other")) == ""
    assert refuse_now(Recipe("Zero", (STOP,)), plant(closed="pump first")) == ""
    sick = plant()
    troubles = tuple(replace(gas, trouble=f"{gas.name} does not answer") for gas in sick.gases)
    assert refuse_now(DESIGN, replace(sick, gases=troubles)) == "Ar does not answer"
    assert refuse_now(DESIGN, replace(sick, gases=(*sick.gases[:2], troubles[2]))) == ""
