"""What a step looks at before it decides: history, zone of the hot side, hands on the knobs, imbalance.

Pure.
"""

import math
from dataclasses import replace

from iocs.thermal.logic import override
from iocs.thermal.logic.controller import NAMES, Controller, Imbalance, View
from iocs.thermal.logic.facts import Supply, Zone
from iocs.thermal.logic.history import Row, append
from iocs.thermal.logic.parameters import Parameters

HALF_TICK = 0.05  # of the sampling period: ticks are not that exact


def look(c: Controller, v: View, sample_s: float) -> Controller:
    """Everything that follows from looking alone; events are those of this step."""
    hands = override.watch(c, v)
    where = zone(c.zone, v.hot, v.p) if v.hot_ok else c.zone
    if v.now - c.history.latest < sample_s * (1.0 - HALF_TICK):
        return replace(c, events=(), mismatches=hands, zone=where)
    samples = append(c.history, row(c, v), v.p)
    return replace(
        c, events=(), mismatches=hands, zone=where, history=samples, imbalance=imbalance(c.imbalance, v)
    )


def zone(before: Zone, hot: float, p: Parameters) -> Zone:
    """Zone of the hot side: entered at one temperature, left below another."""
    if hot >= p.hot_side_alarm_c or (before is Zone.ALARM and hot >= p.hot_side_alarm_exit_c):
        return Zone.ALARM
    if hot >= p.hot_side_warning_c or (before is not Zone.NORMAL and hot >= p.hot_side_warning_exit_c):
        return Zone.WARNING
    return Zone.NORMAL


def row(c: Controller, v: View) -> Row:
    """One sample of the history; what is lost is NaN."""
    first, second = v.seen.supplies
    measured = (first.current, second.current, first.power, second.power)
    return (
        v.now,
        v.seen.cold.value if v.cold_ok else math.nan,
        v.hot if v.hot_ok else math.nan,
        v.ambient,
        *(c.current if v.answers(supply) else math.nan for supply in (first, second)),
        *(x if v.answers(s) else math.nan for x, s in zip(measured, (first, second) * 2, strict=True)),
    )


def imbalance(before: Imbalance, v: View) -> Imbalance:
    """Do the stacks differ, both running at the same current? Reported at most once a minute."""
    first, second = v.seen.supplies
    if not alike(first, second) or v.lost():
        return replace(before, current=0.0, power=0.0, problem="", report="")
    current, power = first.current - second.current, first.power - second.power
    problem = imbalance_of(round(current, 6), round(power, 6), v.p)
    due = problem and v.now - before.reported_at >= v.p.imbalance_interval_ms / 1000.0
    if not due:
        return replace(before, current=current, power=power, problem=problem, report="")
    return Imbalance(current, power, problem, before.reports + 1, v.now, problem)


def alike(first: Supply, second: Supply) -> bool:
    """Both outputs on, the same current set."""
    return first.held.output and second.held.output and abs(first.held.current - second.held.current) < 0.05


def imbalance_of(current: float, power: float, p: Parameters) -> str:
    """Why these differences are too much; empty if they are not."""
    if abs(current) > p.imbalance_current_a:
        return f"{NAMES[0]} carries {current:+.2f} A more than {NAMES[1]}"
    if abs(power) > p.imbalance_power_w:
        return f"{NAMES[0]} takes {power:+.1f} W more than {NAMES[1]}"
    return ""
