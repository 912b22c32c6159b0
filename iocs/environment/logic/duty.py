"""How long a relay has been on within a rolling window, and when it may run again.

The account is a list of runs with their true beginnings: one that began before the window counts
from the window's edge on, so that a relay that is always on has a share of 100 %, not of nothing.
"""

import math
from dataclasses import dataclass

KEPT_S = 4 * 3600.0  # the longest window there may be
LOOK_AHEAD_S = 2.0  # a share counts as spent so much earlier: nobody looks more rarely


@dataclass(frozen=True, slots=True)
class Duty:
    """When it was on: (from, to), oldest first; to is infinite while it is on."""

    runs: tuple[tuple[float, float], ...] = ()


def switched(duty: Duty, on: bool, now: float) -> Duty:
    """The contact has closed or opened. Runs that no window can see any more are forgotten."""
    runs = tuple(run for run in duty.runs if run[1] > now - KEPT_S)
    is_on = bool(runs) and runs[-1][1] == math.inf
    if on and not is_on:
        return Duty((*runs, (now, math.inf)))
    if not on and is_on:
        return Duty((*runs[:-1], (runs[-1][0], now)))
    return Duty(runs)


def on_seconds(duty: Duty, since: float, until: float) -> float:
    """Seconds on between two moments."""
    total = 0.0
    for begin, end in reversed(duty.runs):
        if end <= since:
            break
        total += max(0.0, min(end, until) - max(begin, since))
    return total


def share(duty: Duty, window_s: float, now: float) -> float:
    """The share of the window that it has been on, 0 to 1."""
    return on_seconds(duty, now - window_s, now) / window_s


def is_spent(duty: Duty, limit: float, window_s: float, now: float) -> bool:
    """Would it, being on, exceed its share before anybody looks again?"""
    if limit >= 1.0:
        return False
    used = on_seconds(duty, now + LOOK_AHEAD_S - window_s, now) + LOOK_AHEAD_S
    return used > limit * window_s


def free_in(duty: Duty, limit: float, window_s: float, minimum_s: float, now: float) -> float:
    """Seconds until it may be switched on, kept off meanwhile; 0 if it may now, infinite if never.

    It may once a run of the shortest length fits into its share. The run is longest in the window at
    its end, so that is the moment that counts.
    """
    if limit >= 1.0:
        return 0.0
    run_s = minimum_s + LOOK_AHEAD_S
    left_s = limit * window_s - run_s
    if left_s < 0.0:
        return math.inf
    edge = _edge(duty, left_s, now)
    return max(0.0, edge + window_s - run_s - now)


def _edge(duty: Duty, allowed_s: float, now: float) -> float:
    """The earliest moment since which it has been on for no more than `allowed_s`."""
    total = 0.0
    for begin, end in reversed(duty.runs):
        length = min(end, now) - begin
        if total + length > allowed_s:
            return min(end, now) - (allowed_s - total)
        total += length
    return -math.inf
