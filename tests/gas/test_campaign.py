"""Clients, recipes, trips, lost instruments and lost answers in any order: what must never happen.

The instruments of this model do what they are told, late, not at all, or without saying so. Only the
decisions are ours: approval, order of changes, recipe, interlock.
"""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from iocs.common.interlock import Origin, Row, Sample, condition, core
from iocs.gas.logic import setpoints
from iocs.gas.logic.approval import Change, Gas, Limits, Plant, approve, exceeds, share
from iocs.gas.logic.order import to_zero, transition
from iocs.gas.logic.setpoints import Account
from iocs.gas.recipes import machine
from iocs.gas.recipes.check import refuse_now
from iocs.gas.recipes.machine import Run, Seen, State
from iocs.gas.recipes.recipe import Recipe, Step

NAMES = ("Ar", "O2", "N2")
SCALE = {"Ar": 200.0, "O2": 100.0, "N2": 150.0}
LIMITS = Limits(individual=200.0, total=250.0, oxygen_percent=30.0)
SWAP = (Step("A", 1, {"Ar": 120, "O2": 50}), Step("B", 1, {"N2": 120, "O2": 50}), Step("C", 1, {}))
RAMP = (Step("Up", 2, {"Ar": 180, "O2": 70}, ramp=True), Step("Down", 2, {"N2": 10}, ramp=True))
HOLD = Step("Only", 2, {"Ar": 90, "O2": 30}, tolerance=5.0, settle_timeout_s=8.0)
RECIPES = (Recipe("Swap", SWAP), Recipe("Ramp", RAMP, safe_state="Down"), Recipe("Hold", (HOLD,)))
DOOR = Row(
    "Door", Origin.QUANTITY, "door", condition("is Closed"), machine.State.FAILED, "Close it.", delay_s=1.0
)
gases = st.sampled_from(NAMES)
telling = st.sampled_from([0.0, 0.0, 10.0, 30.0, 40.0, 60.0, 70.0, 80.0, 100.0, 140.0, 180.0])
"""Flows that bring three gases near their limits together."""


@dataclass
class Wire:
    """One instrument at the end of its line: what it holds, and the orders that wait for it."""

    holds: float = 0.0
    waiting: list[float] = field(default_factory=list)
    sent: float | None = None  # it has it, and has not confirmed yet
    lost: bool = False


class Chamber(RuleBasedStateMachine):
    """A chamber with three gases."""

    @initialize(flows=st.sampled_from([(0.0, 0.0, 0.0), (70.0, 30.0, 0.0), (140.0, 60.0, 50.0)]))
    def begin(self, flows: tuple[float, ...]) -> None:
        self.now = 0.0
        self.wires = {name: Wire(flow) for name, flow in zip(NAMES, flows, strict=True)}
        self.accounts = {
            name: setpoints.read(Account(), wire.holds, 0.0) for name, wire in self.wires.items()
        }
        self.door, self.bank = True, core.begin((DOOR,), 0.0)
        self.look()
        self.run = Run()
        self.plan: list[Change] = []
        self.failure = ""
        self.resets = 0
        self.excused = False

    # -- the plant as the IOC sees it ---------------------------------------------------------------

    def gas(self, name: str) -> Gas:
        possible = self.accounts[name].possible
        lost = self.wires[name].lost
        trouble = f"{name} does not answer" if lost else ""
        scale = SCALE[name]
        return Gas(
            name, 0.0 if lost else min(possible), max(possible), scale, scale, float(name == "O2"), trouble
        )

    def plant(self, owner: str = "") -> Plant:
        state = self.bank.states[0]
        held = "tripped" if state.acting else ""
        return Plant(tuple(map(self.gas, NAMES)), LIMITS, held, owner, state.why)

    def send(self, change: Change, plant: Plant) -> str:
        """Approve, and book it. Returns the refusal."""
        answer = approve(change.gas, change.flow, plant)
        if not answer.granted:
            return answer.reason
        if change.flow == 0.0:
            self.zero(tuple(each.gas for each in answer.changes))
            return ""
        self.accounts[change.gas] = setpoints.accepted(self.accounts[change.gas], change.flow)
        self.wires[change.gas].waiting.append(change.flow)
        return ""

    def zero(self, names: tuple[str, ...]) -> None:
        """Overtakes everything; the next one does not wait for an instrument that is lost."""
        for name in names:
            wire = self.wires[name]
            for flow in wire.waiting:
                self.accounts[name] = setpoints.refused(self.accounts[name], flow)
            wire.waiting.clear()
            if wire.sent is not None:
                self.settle(name)
            if wire.lost:
                self.accounts[name] = setpoints.failed(self.accounts[name], 0.0, self.now)
                self.excused = True
                continue
            wire.holds = 0.0
            self.accounts[name] = setpoints.zeroed(self.accounts[name])
            self.limits_hold()

    def settle(self, name: str) -> None:
        wire = self.wires[name]
        assert wire.sent is not None
        if wire.lost:
            self.accounts[name] = setpoints.failed(self.accounts[name], wire.sent, self.now)
        else:
            self.accounts[name] = setpoints.confirmed(self.accounts[name], wire.sent, wire.holds)
        wire.sent = None

    def look(self) -> None:
        word = "Closed" if self.door else "Open"
        self.bank, events = core.step((DOOR,), self.bank, [Sample(self.now, math.nan, word)], self.now)
        if any(event.change is core.Change.TRIPPED for event in events):
            self.end(State.FAILED)
            self.zero(to_zero(self.plant().gases))

    def end(self, state: State) -> None:
        self.run, order = machine.ended(self.run, state, "test")
        if order:
            self.make_safe(order)

    def make_safe(self, order: machine.Order) -> None:
        """The safe state where it can be had, else zero."""
        self.plan = []
        flows = {name: order.flows.get(name, 0.0) for name in NAMES}
        if any(flows.values()):
            self.plan = list(transition(self.plant().gases, flows, LIMITS))
        else:
            self.zero(to_zero(self.plant().gases))

    # -- what people do -----------------------------------------------------------------------------

    @rule(name=gases, flow=st.one_of(telling, st.floats(0.0, 250.0)))
    def put(self, name: str, flow: float) -> None:
        owner = "recipe" if self.run.state.is_active else ""
        refusal = self.send(Change(name, flow), self.plant(owner))
        if flow == 0.0:
            assert refusal == ""
            self.run = machine.paused(self.run, f"{name} zeroed by hand")
            self.plan = []
        if self.bank.states[0].acting or owner:
            assert flow == 0.0 or refusal

    @precondition(lambda self: not self.run.state.is_active)
    @rule(recipe=st.sampled_from(RECIPES))
    def start(self, recipe: Recipe) -> None:
        if refuse_now(recipe, self.plant()):
            return
        self.plan, self.failure = [], ""
        self.run = machine.started(recipe, {gas.name: gas.highest for gas in self.plant().gases}, self.now)

    @precondition(lambda self: self.run.state.is_active)
    @rule(what=st.sampled_from(["pause", "resume", "skip", "abort"]))
    def operate(self, what: str) -> None:
        if what == "abort":
            self.end(State.ABORTED)
        elif what == "pause":
            self.run = machine.paused(self.run, "by hand")
        else:
            self.run = (machine.resumed if what == "resume" else machine.skipped)(self.run, self.now)

    @rule()
    def toggle_door(self) -> None:
        self.door = not self.door

    @rule()
    def reset(self) -> None:
        before = self.bank.states[0]
        self.bank, refusal = core.reset(self.bank, 0)
        assert bool(refusal) is (before.tripped and not before.ok)

    @rule(name=gases, flow=telling)
    def put_and_wait(self, name: str, flow: float) -> None:
        self.put(name, flow)
        self.deliver(name)
        self.answer(name)

    @rule(first=gases, second=gases, one=telling, other=telling, lost=st.booleans())
    def race(self, first: str, second: str, one: float, other: float, lost: bool) -> None:
        """Two clients at once; the answer to the first may get lost."""
        self.put(first, one)
        if lost:
            self.deliver(first)
            self.lose_the_answer(first)
        self.put(second, other)
        self.all_answer()

    @rule(recipe=st.sampled_from(RECIPES))
    def run_it(self, recipe: Recipe) -> None:
        """A recipe that nobody disturbs for a while."""
        if not self.run.state.is_active:
            self.start(recipe)
        for _ in range(12):
            self.tick(0.5)
            self.limits_hold()

    # -- what the wires do --------------------------------------------------------------------------

    @rule(name=gases)
    def deliver(self, name: str) -> None:
        wire = self.wires[name]
        if wire.sent is None and wire.waiting:
            wire.sent = wire.waiting.pop(0)
            if not wire.lost:
                wire.holds = wire.sent

    @rule(name=gases)
    def answer(self, name: str) -> None:
        if self.wires[name].sent is not None:
            self.settle(name)

    @rule(name=gases)
    def lose_the_answer(self, name: str) -> None:
        wire = self.wires[name]
        if wire.sent is not None:
            self.accounts[name] = setpoints.failed(self.accounts[name], wire.sent, self.now)
            wire.sent = None
            self.failure = f"{name} not confirmed" if self.run.state.is_active else ""

    @rule(name=gases)
    def lose_or_find(self, name: str) -> None:
        self.wires[name].lost = not self.wires[name].lost

    @rule(name=gases)
    def read(self, name: str) -> None:
        wire = self.wires[name]
        self.now += 0.01
        if not wire.lost and wire.sent is None:
            self.accounts[name] = setpoints.read(self.accounts[name], wire.holds, self.now)

    @rule()
    def all_answer(self) -> None:
        for name in NAMES:
            self.deliver(name)
            self.limits_hold()
        for name in NAMES:
            self.answer(name)

    # -- time goes by -------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.1]))
    def tick(self, seconds: float) -> None:
        """… which also lets the next change of a recipe arrive."""
        self.all_answer()
        self.now += seconds
        self.look()
        self.carry_on()
        flows = {name: math.nan if wire.lost else wire.holds for name, wire in self.wires.items()}
        seen = Seen(
            forbidden="tripped" if self.bank.states[0].acting else "",
            blocked=self.bank.states[0].why,
            applied=not self.plan and not any(account.pending for account in self.accounts.values()),
            failure=self.failure, flows=flows, full_scales=SCALE,
        )  # fmt: skip
        self.run, order = machine.step(self.run, seen, self.now)
        if order and order.safe:
            self.make_safe(order)
        elif order:
            flows = {name: order.flows.get(name, 0.0) for name in NAMES}
            self.plan = list(transition(self.plant().gases, flows, LIMITS))

    def carry_on(self) -> None:
        """The next change of a plan, once the one before is confirmed."""
        if self.plan and not any(account.pending for account in self.accounts.values()):
            refusal = self.send(self.plan.pop(0), self.plant())
            if refusal:
                self.plan = []
                self.failure = refusal
                if not self.run.state.is_active:  # the safe state cannot be had
                    self.zero(to_zero(self.plant().gases))

    # -- what must never happen -----------------------------------------------------------------------

    @invariant()
    def limits_hold(self) -> None:
        """Not even for a moment; a zero that a lost instrument did not hear is all that is excused."""
        holds = [(self.gas(name), wire.holds) for name, wire in self.wires.items()]
        total = sum(flow for _, flow in holds)
        assert not exceeds(total, LIMITS.total)
        if not exceeds(share(holds), LIMITS.oxygen_percent) and not self.wires["O2"].lost:
            self.excused = False  # while it is lost, those after it in the order of a zero still fall
        assert self.excused or not exceeds(share(holds), LIMITS.oxygen_percent)

    @invariant()
    def no_recipe_runs_without_permit(self) -> None:
        assert not (self.run.state.is_active and self.bank.states[0].acting)

    @invariant()
    def an_instrument_holds_what_its_account_thinks_possible(self) -> None:
        for name, wire in self.wires.items():
            assert any(math.isclose(wire.holds, value) for value in self.accounts[name].possible)


QUICK = settings(
    max_examples=250, stateful_step_count=40, derandomize=True, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class TestChamber(Chamber.TestCase):
    """A short campaign."""

    settings = QUICK


@pytest.mark.slow
class TestChamberForLong(Chamber.TestCase):
    """A long one."""

    settings = settings(QUICK, max_examples=1200, stateful_step_count=80)
