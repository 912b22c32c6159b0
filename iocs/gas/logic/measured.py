"""What is measured, all gases together: total, oxygen share, the largest flow. What interlocks watch.

A gas that is not read makes a sum unknown, unless nothing of it can flow. Flows in sccm, oxygen in per cent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iocs.gas.logic.approval import Gas, share


@dataclass(frozen=True, slots=True)
class Seen:
    """One gas: its measured flow, NaN while it is not read; when that was (monotonic seconds)."""

    gas: Gas
    flow: float
    at: float

    @property
    def missing(self) -> bool:
        """It is not read, and something of it may flow."""
        return math.isnan(self.flow) and self.gas.highest > 0.0

    @property
    def known_flow(self) -> float:
        """Its flow; 0 where none can be."""
        return 0.0 if math.isnan(self.flow) else max(self.flow, 0.0)


@dataclass(frozen=True, slots=True)
class Total:
    """A number about all gases, as of `at`, or the problem why there is none."""

    value: float
    at: float
    problem: str = ""


def total_flow(seen: Sequence[Seen]) -> Total:
    """Sum of the measured flows."""
    return _sum_up(seen, sum(one.known_flow for one in seen), "total flow")


def largest_flow(seen: Sequence[Seen]) -> Total:
    """The largest of the measured flows."""
    return _sum_up(seen, max((one.known_flow for one in seen), default=0.0), "largest flow")


def oxygen_share(seen: Sequence[Seen], ignored_below: float) -> Total:
    """Oxygen in per cent of the measured total. Less than `ignored_below` sccm of oxygen is noise."""
    oxygen = sum(one.gas.oxygen * one.known_flow for one in seen)
    possible = any(one.missing and one.gas.oxygen > 0.0 for one in seen)
    if oxygen < ignored_below and not possible:
        return Total(0.0, _oldest(seen))
    return _sum_up(seen, share((one.gas, one.known_flow) for one in seen), "oxygen share")


LEAK = 0.01
"""Part of the full scale below which a held valve counts as closed."""


def at_rest(setpoint: float | None, flow: float, held: bool, full_scale: float) -> bool:
    """Does nothing flow, and nothing ask for flow? A valve that is held ignores its setpoint."""
    return abs(flow) <= LEAK * full_scale if held else setpoint == 0.0


# -- at their worst, for interlocks -------------------------------------------------------------------


def most_flow(seen: Sequence[Seen]) -> Total:
    """Total that may flow: a gas that is not read counts with the most it may be set to."""
    return Total(sum(one.gas.highest if one.missing else one.known_flow for one in seen), _oldest(seen))


def most_oxygen(seen: Sequence[Seen], ignored_below: float) -> Total:
    """Oxygen share that may be: of a gas that is not read, oxygen counts in full and what dilutes it not."""
    flows = [(one, one.gas.highest * one.gas.oxygen if one.missing else one.known_flow) for one in seen]
    oxygen = sum(one.gas.oxygen * flow for one, flow in flows)
    worst = 0.0 if oxygen < ignored_below else share((one.gas, flow) for one, flow in flows)
    return Total(worst, _oldest(seen))


def _sum_up(seen: Sequence[Seen], value: float, what: str) -> Total:
    missing = [one.gas.name for one in seen if one.missing]
    if missing:
        return Total(math.nan, _oldest(seen), f"{what} is not known: {', '.join(missing)} not read")
    return Total(value, _oldest(seen))


def _oldest(seen: Sequence[Seen]) -> float:
    """As old as the oldest reading of those that flow or may."""
    return min((one.at for one in seen if not math.isnan(one.flow)), default=math.inf)
