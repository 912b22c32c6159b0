"""What a recipe is: steps of flows. Frozen data, and where a run of it stands at a given moment.

Flows in sccm, times in seconds. A gas that a step does not name is zero in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iocs.common.interlock.rules import Condition

ZERO = "zero"
"""The safe state in which every gas is zero."""


@dataclass(frozen=True, slots=True)
class Until:
    """What has to hold before the next step: a quantity the interlocks know, too."""

    quantity: str
    condition: Condition
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `ramp`: the flows go there in a straight line over the duration, else at once.

    `tolerance`: how far, in per cent of its full scale, a gas may be off before the clock is held; None: as
    far as it likes. `settle_timeout_s`: how long it may be held for that.
    """

    name: str
    duration_s: float
    flows: Mapping[str, float] = field(default_factory=dict)
    ramp: bool = False
    tolerance: float | None = None
    settle_timeout_s: float = 60.0
    until: Until | None = None

    def flow(self, gas: str) -> float:
        """The flow of one gas at the end of the step."""
        return self.flows.get(gas, 0.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps under a name. `safe_state`: what an end before the end leaves: ZERO, or the flows of a step."""

    name: str
    steps: tuple[Step, ...]
    description: str = ""
    safe_state: str = ZERO

    @property
    def duration_s(self) -> float:
        """All steps together, without holds."""
        return sum(step.duration_s for step in self.steps)

    @property
    def gases(self) -> tuple[str, ...]:
        """The gases that flow in any of its steps, in order of appearance."""
        flowing = (gas for step in self.steps for gas, flow in step.flows.items() if flow > 0.0)
        return tuple(dict.fromkeys(flowing))

    @property
    def safe_flows(self) -> Mapping[str, float]:
        """The flows of its safe state; none for ZERO."""
        return next((step.flows for step in self.steps if step.name == self.safe_state), {})


def between(start: Mapping[str, float], end: Mapping[str, float], part: float) -> dict[str, float]:
    """The flows on a straight line from `start` to `end`; `part` from 0 to 1."""
    names = dict.fromkeys((*start, *end))
    return {name: start.get(name, 0.0) + part * (end.get(name, 0.0) - start.get(name, 0.0)) for name in names}
