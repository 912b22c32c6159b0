"""Has the chamber been pumped, and not been vented since? Else no flow may start from zero.

Pressures in Torr, as in the configuration.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chamber:
    """What is known about the chamber. `pressure` NaN: not known, and `problem` says why."""

    pumped: bool = False
    pressure: float = math.nan
    problem: str = "chamber pressure has not been read yet"


def observe(
    chamber: Chamber, pressure: float, problem: str, start_below: float, vented_above: float
) -> Chamber:
    """Take one reading. Pumped from `start_below` down, until above `vented_above` or until nobody knows."""
    if problem or math.isnan(pressure):
        return Chamber(False, math.nan, problem or "chamber pressure is not a number")
    pumped = pressure <= start_below or (chamber.pumped and pressure <= vented_above)
    return Chamber(pumped, pressure, "")


def closed(chamber: Chamber, start_below: float) -> str:
    """Why flow must not start from zero; empty when it may."""
    if chamber.problem:
        return chamber.problem
    if not chamber.pumped:
        return f"chamber is at {chamber.pressure:.2g} Torr: pump to {start_below:.2g} Torr before flow starts"
    return ""
