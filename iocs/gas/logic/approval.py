"""May this flow be set? Asked for every put and every step of a recipe; every refusal in words.

Judged is what the setpoints would be afterwards, at their worst: what an instrument may hold counts as the
larger where it adds oxygen or gas, as the smaller where it dilutes oxygen. A put of zero is never refused.
Flows in sccm, oxygen in per cent of the total.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

ROUNDING = 1e-4
"""Part of a limit by which setpoints may miss it, because instruments round them."""


@dataclass(frozen=True, slots=True)
class Gas:
    """One gas as approval sees it: the setpoints its instrument may hold, its limits, what ails it.

    `oxygen`: its share of oxygen, 1 for O2, 0.21 for air. `trouble`: why it could not follow a setpoint.
    An instrument that does not answer may have lost its power: its `lowest` is 0.
    """

    name: str
    lowest: float
    highest: float
    max_flow: float
    full_scale: float
    oxygen: float = 0.0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the chamber: flow of any one gas and of all together in sccm, oxygen in per cent."""

    individual: float = 200.0
    total: float = 400.0
    oxygen_percent: float = 30.0


@dataclass(frozen=True, slots=True)
class Plant:
    """Everything that approval judges by. The last four say why, in words, and are empty when all is well.

    `held`: nothing but zero may be set (emergency stop, shutdown). `owner`: somebody else sets the flows.
    `blocked`: no flow may grow (interlock). `closed`: no flow may start from zero (chamber not pumped).
    """

    gases: tuple[Gas, ...]
    limits: Limits
    held: str = ""
    owner: str = ""
    blocked: str = ""
    closed: str = ""

    def gas(self, name: str) -> Gas:
        """One gas. Raises KeyError for an unknown one."""
        for gas in self.gases:
            if gas.name == name:
                return gas
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Change:
    """One setpoint to be set."""

    gas: str
    flow: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Granted: the changes to make, in this order. Refused: none, and the reason."""

    changes: tuple[Change, ...] = ()
    reason: str = ""

    @property
    def granted(self) -> bool:
        return bool(self.changes)


def approve(name: str, flow: float, plant: Plant) -> Answer:
    """May this gas be set to `flow`? Zero always may, and takes oxygen along where too much would remain."""
    gas = plant.gas(name)
    if flow == 0.0:
        return zero(gas, plant)
    reason = _forbidden(gas, flow, plant) or _too_much(gas, flow, plant)
    return Answer(reason=reason) if reason else Answer((Change(name, flow),))


def zero(gas: Gas, plant: Plant) -> Answer:
    """Zero for one gas; oxygen first, where it would be too much of what remains."""
    share = worst_share(plant, gas.name, 0.0)
    if not exceeds(share, plant.limits.oxygen_percent):
        return Answer((Change(gas.name, 0.0),))
    rich = [other for other in plant.gases if is_rich(other, plant.limits) and other.highest > 0.0]
    names = " and ".join(other.name for other in rich if other.name != gas.name)
    reason = f"{names} zeroed with it: {_share_text(plant, share)}" if names else ""
    first = [Change(other.name, 0.0) for other in rich if other.name != gas.name]
    return Answer((*first, Change(gas.name, 0.0)), reason)


def _forbidden(gas: Gas, flow: float, plant: Plant) -> str:
    """Why this gas must not be set, or not be set higher, whatever the number."""
    if not flow > 0.0:
        return f"{gas.name} {flow:g} sccm is not a flow"
    if plant.held or plant.owner or gas.trouble:
        return plant.held or plant.owner or gas.trouble
    if flow <= gas.lowest:
        return ""
    if plant.blocked:
        return plant.blocked
    starts = all(other.highest == 0.0 for other in plant.gases)
    return plant.closed if starts else ""


def _too_much(gas: Gas, flow: float, plant: Plant) -> str:
    """Which limit this setpoint would break. What makes things better is not asked to make them good."""
    limits = plant.limits
    if flow > gas.lowest and (reason := above_its_limits(gas, flow, limits)):
        return reason
    total = flow + sum(other.highest for other in plant.gases if other is not gas)
    if flow > gas.lowest and exceeds(total, limits.total):
        return f"total would be {total:.4g} sccm, limit {limits.total:g} sccm"
    worse = flow > gas.lowest if is_rich(gas, limits) else flow < gas.highest
    share = worst_share(plant, gas.name, flow) if worse else 0.0
    return f"{_share_text(plant, share)}" if exceeds(share, limits.oxygen_percent) else ""


def above_its_limits(gas: Gas, flow: float, limits: Limits) -> str:
    """Which limit of the gas alone a flow breaks; empty when none."""
    if math.isnan(gas.full_scale):
        return f"{gas.name}: its full scale is not known"
    for limit, whose in (
        (gas.max_flow, f"{gas.name}:MaxFlow"),
        (limits.individual, "MaxIndividualFlow"),
        (gas.full_scale, f"full scale of {gas.name}"),
    ):
        if exceeds(flow, limit):
            return f"{gas.name} {flow:g} sccm is above {limit:g} sccm ({whose})"
    return ""


# -- oxygen ---------------------------------------------------------------------------------------


def is_rich(gas: Gas, limits: Limits) -> bool:
    """Does it hold more oxygen than the total may, so that more of it makes the share larger?"""
    return 100.0 * gas.oxygen > limits.oxygen_percent


def worst_share(plant: Plant, name: str, flow: float) -> float:
    """Oxygen in per cent of the total, at its worst while and after one gas is set to `flow`.

    While it is, it holds what it held before or the new setpoint, whichever is worse; a zero is judged by
    what it leaves.
    """
    oxygen = total = 0.0
    for gas in plant.gases:
        worst, worse = (gas.highest, max) if is_rich(gas, plant.limits) else (gas.lowest, min)
        if gas.name == name:
            worst = worse(worst, flow) if flow else 0.0
        oxygen += gas.oxygen * worst
        total += worst
    return 100.0 * oxygen / total if total > 0.0 else 0.0


def share(flows: Iterable[tuple[Gas, float]]) -> float:
    """Oxygen in per cent of the total of these flows; 0 when nothing flows."""
    oxygen = total = 0.0
    for gas, flow in flows:
        oxygen += gas.oxygen * flow
        total += flow
    return 100.0 * oxygen / total if total > 0.0 else 0.0


def share_reason(gases: Iterable[Gas], percent: float, limits: Limits) -> str:
    """Why this share is too large, in words; empty when it is not."""
    if not exceeds(percent, limits.oxygen_percent):
        return ""
    sources = [gas.name for gas in gases if gas.oxygen > 0.0]
    who = sources[0] if len(sources) == 1 else "oxygen"
    return f"{who} would be {percent:.3g} % of total, limit {limits.oxygen_percent:g} %"


def _share_text(plant: Plant, percent: float) -> str:
    return share_reason(plant.gases, percent, plant.limits)


def exceeds(value: float, limit: float) -> bool:
    """Is it above the limit, by more than the rounding of instruments?"""
    return value > limit * (1.0 + ROUNDING)
