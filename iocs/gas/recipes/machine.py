"""How a recipe runs: one function per state, each returns the next. Pure: `now` is given, orders come back.

The caller carries out the orders (one gas after the other, each approved and confirmed) and says in `Seen`
how far it is. What ends a run is looked at first, in one place, for all states.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from iocs.gas.recipes.recipe import Recipe, Step, Until, between

RAMP_S = 1.0
"""Time between two setpoints of a ramp."""
WAIT_S = 600.0
"""How long a run may wait for an interlock to let flows grow."""

Flows = Mapping[str, float]


class State(Enum):
    """Where a run can be."""

    IDLE = "Idle"
    CHECKING = "Checking"
    RUNNING = "Running"
    HOLDING = "Holding"
    PAUSED = "Paused"
    COMPLETED = "Completed"
    ABORTED = "Aborted"
    FAILED = "Failed"

    @property
    def is_active(self) -> bool:
        """A recipe has the say over the flows."""
        return self in (State.RUNNING, State.HOLDING, State.PAUSED)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity that steps may wait for, as it is now. `problem`: why it is not known."""

    number: float = math.nan
    word: str = ""
    unit: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The facts of a moment. `forbidden`: why nothing may flow. `blocked`: why no flow may grow.

    `applied`: the last order has been carried out; `failure`: it could not be. `flows`: measured, NaN for a
    gas that is not read. `full_scales`: what tolerances are parts of.
    """

    forbidden: str = ""
    blocked: str = ""
    applied: bool = True
    failure: str = ""
    flows: Flows = field(default_factory=dict)
    full_scales: Flows = field(default_factory=dict)
    quantities: Mapping[str, Quantity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """Set these flows. `safe`: this ends the run; whatever cannot be set goes to zero."""

    flows: Flows
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a recipe. `clock_s`: time in the step, without holds. `ordered`: the flows ordered last,
    None when they have to be ordered (again). `start`: the flows from which the step began."""

    state: State = State.IDLE
    recipe: Recipe | None = None
    index: int = 0
    clock_s: float = 0.0
    seen_at: float = 0.0
    start: Flows = field(default_factory=dict)
    ordered: Flows | None = None
    ordered_s: float = 0.0
    held_since: float | None = None
    message: str = ""

    @property
    def step(self) -> Step | None:
        """The step it is in."""
        return self.recipe.steps[self.index] if self.recipe else None

    @property
    def step_progress(self) -> float:
        """Part of the step that is done, 0 to 1."""
        if self.step is None:
            return 0.0
        return self.clock_s / self.step.duration_s if self.step.duration_s else 1.0

    @property
    def remaining_s(self) -> float:
        """Time to the end, without holds; 0 when it does not run."""
        if self.recipe is None or not self.state.is_active:
            return 0.0
        return sum(step.duration_s for step in self.recipe.steps[self.index :]) - self.clock_s

    @property
    def progress(self) -> float:
        """Part of the recipe that is done, 0 to 1."""
        if self.recipe is None or self.state is State.COMPLETED:
            return float(self.recipe is not None)
        done = sum(step.duration_s for step in self.recipe.steps[: self.index]) + self.clock_s
        return done / self.recipe.duration_s if self.recipe.duration_s else 0.0


Result = tuple[Run, Order | None]


# -- what operators do ------------------------------------------------------------------------------


def checking(recipe: Recipe) -> Run:
    """It is being checked."""
    return Run(State.CHECKING, recipe, message=f"checking {recipe.name}")


def started(recipe: Recipe, flows: Flows, now: float) -> Run:
    """It has been checked; `flows` are the setpoints it finds."""
    return Run(State.RUNNING, recipe, seen_at=now, start=flows, message=f"{recipe.name} started")


def paused(run: Run, why: str) -> Run:
    """The clock stands, the flows stay as they are."""
    if run.state not in (State.RUNNING, State.HOLDING):
        return run
    return replace(run, state=State.PAUSED, held_since=None, message=f"paused: {why}")


def resumed(run: Run, now: float) -> Run:
    """It goes on where it was; the flows of the step are ordered again."""
    if run.state is not State.PAUSED:
        return run
    return replace(run, state=State.RUNNING, ordered=None, seen_at=now, message="resumed")


def skipped(run: Run, now: float) -> Run:
    """To the next step at once."""
    return _next_step(replace(run, seen_at=now)) if run.state.is_active else run


def ended(run: Run, state: State, why: str) -> Result:
    """An end before the end, in the recipe's safe state."""
    if run.recipe is None or not run.state.is_active:
        return run, None
    message = f"{state.value.lower()} in step {run.index + 1}: {why}"
    flows = run.recipe.safe_flows
    return replace(run, state=state, held_since=None, message=message), Order(flows, safe=True)


# -- time goes by -----------------------------------------------------------------------------------


def step(run: Run, seen: Seen, now: float) -> Result:
    """Look at a run. Returns where it stands now, and flows to set if there are new ones."""
    if not run.state.is_active:
        return run, None
    if fault := _fault(run, seen):
        return ended(run, State.FAILED, fault)
    return _STATES[run.state](replace(run, seen_at=now), seen, now - run.seen_at)


def _fault(run: Run, seen: Seen) -> str:
    """What ends a run in any state."""
    if seen.forbidden or seen.failure:
        return seen.forbidden or seen.failure
    assert run.recipe
    lost = [gas for gas in run.recipe.gases if math.isnan(seen.flows.get(gas, math.nan))]
    return f"{' and '.join(lost)} not read" if lost else ""


def _paused(run: Run, seen: Seen, elapsed_s: float) -> Result:
    return run, None


def _going(run: Run, seen: Seen, elapsed_s: float) -> Result:
    """Hold the clock, or let it run; then order what is due, or see whether the step is done."""
    step = _step(run)
    if seen.blocked:
        return _hold(run, seen.blocked, WAIT_S)
    if not seen.applied and not step.ramp:
        return replace(run, state=State.RUNNING, message=f"setting the flows of {step.name}"), None
    if off := _out_of_tolerance(step, run.ordered or {}, seen):
        return _hold(run, off, step.settle_timeout_s)
    if run.state is State.RUNNING and run.ordered is not None:
        run = replace(run, clock_s=min(run.clock_s + elapsed_s, step.duration_s))
    if seen.applied and _is_due(run):
        return _order(run)
    return _at_end(run, seen)


def _order(run: Run) -> Result:
    flows = _due(run)
    message = f"{'setting the flows of' if run.ordered is None else 'in step'} {_step(run).name}"
    going = replace(run, state=State.RUNNING, ordered=flows, ordered_s=run.clock_s, held_since=None)
    return replace(going, message=message), Order(flows)


def _at_end(run: Run, seen: Seen) -> Result:
    """At the end of a step its condition is asked; then comes the next."""
    step = _step(run)
    if run.clock_s < step.duration_s or not seen.applied:
        return replace(run, state=State.RUNNING, held_since=None, message=f"in step {step.name}"), None
    if step.until and (reason := _not_yet(step.until, seen)):
        return _hold(run, reason, step.until.timeout_s)
    return _next_step(run), None


_STATES: Mapping[State, Callable[[Run, Seen, float], Result]] = {
    State.RUNNING: _going,
    State.HOLDING: _going,
    State.PAUSED: _paused,
}


def _hold(run: Run, reason: str, patience_s: float) -> Result:
    """The clock stands; not for ever."""
    since = run.seen_at if run.held_since is None else run.held_since
    if run.seen_at - since >= patience_s:
        return ended(run, State.FAILED, f"{reason}, for {patience_s:g} s")
    return replace(run, state=State.HOLDING, held_since=since, message=f"holding: {reason}"), None


def _next_step(run: Run) -> Run:
    assert run.recipe
    if run.index + 1 == len(run.recipe.steps):
        return replace(run, state=State.COMPLETED, held_since=None, message=f"{run.recipe.name} completed")
    start = _step(run).flows if run.ordered is None else run.ordered
    later = replace(run, index=run.index + 1, clock_s=0.0, start=start, ordered=None, ordered_s=0.0)
    return replace(later, state=State.RUNNING, held_since=None, message=f"to step {_step(later).name}")


# -- what is due ------------------------------------------------------------------------------------


def _step(run: Run) -> Step:
    assert run.step
    return run.step


def _due(run: Run) -> Flows:
    """The flows that belong to this moment of the step."""
    step = _step(run)
    if not step.ramp or run.clock_s >= step.duration_s:
        return step.flows
    return between(run.start, step.flows, run.clock_s / step.duration_s)


def _is_due(run: Run) -> bool:
    """Do flows have to be ordered? Once in a step, every so often in a ramp, and at its end."""
    step = _step(run)
    if run.ordered is None:
        return True
    at_end = run.clock_s >= step.duration_s > run.ordered_s
    return step.ramp and (at_end or run.clock_s - run.ordered_s >= RAMP_S)


def _out_of_tolerance(step: Step, wanted: Flows, seen: Seen) -> str:
    """Which gas is not where it should be, in words."""
    if step.tolerance is None:
        return ""
    for gas, flow in wanted.items():
        band = step.tolerance / 100.0 * seen.full_scales.get(gas, math.nan)
        measured = seen.flows.get(gas, math.nan)
        if not abs(measured - flow) <= band:
            return f"{gas} is {measured:.4g} sccm, wanted {flow:.4g} ± {band:.2g}"
    return ""


def _not_yet(until: Until, seen: Seen) -> str:
    """Why the next step has to wait, in words."""
    now = seen.quantities.get(until.quantity, Quantity(problem=f"{until.quantity} is not known"))
    if now.problem:
        return now.problem
    if until.condition.holds(now.number, now.word):
        return ""
    shown = f"{now.number:.3g} {now.unit}".rstrip() if until.condition.is_numeric else now.word
    return f"{until.quantity} is {shown}, {until.condition.demand(now.unit)}"
