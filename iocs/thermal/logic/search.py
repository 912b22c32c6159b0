"""Looking for the optimal current: the step of the ramp, its verdict, the probes of the steady state.

Pure. Design document, Optimal Current Finding and Derivative Control. Temperatures are means of the last
samples, so that noise decides nothing.
"""

import math
from dataclasses import replace

from iocs.thermal.logic.controller import Controller, Trial, View, decide, tried
from iocs.thermal.logic.facts import Zone
from iocs.thermal.logic.history import AMBIENT, COLD

MEAN_PART = 6  # the mean is taken over a sixth of the evaluation delay
UNKNOWN_AMBIENT_C = 10.0  # cooler than any laboratory: the hot side seems to owe more to the current


def level(c: Controller, v: View, column: int = COLD) -> float:
    """Where a temperature is now, °C."""
    return c.history.mean(column, v.now - v.p.current_evaluation_delay_ms / 1000.0 / MEAN_PART)


def step_of(c: Controller, v: View) -> float:
    """Step of the ramp: halved in the warning zone."""
    step = v.p.ramp_current_step_a
    return step / 2.0 if c.zone is Zone.WARNING else step


def evaluable(trial: Trial, v: View) -> bool:
    return v.now - trial.at >= v.p.current_evaluation_delay_ms / 1000.0


def rested(c: Controller, v: View) -> bool:
    """May the current be raised again so soon?"""
    return v.now - c.changed >= v.p.ramp_adjustment_interval_ms / 1000.0


def refuse_increase(c: Controller, v: View, step: float) -> str:
    """Why the current is not raised by `step` now; empty if it may be. Every increase asks here."""
    if not v.cold_ok or not v.hot_ok:
        return "a sensor is missing"
    if c.zone is Zone.ALARM or v.hot >= v.p.hot_side_alarm_c:
        return f"hot side {v.hot:.1f} degC is in the alarm zone"
    ahead = hot_ahead(c, v, step)
    if ahead >= v.p.hot_side_alarm_c:
        return f"hot side would reach {ahead:.1f} degC, alarm at {v.p.hot_side_alarm_c:g}"
    return ""


def hot_ahead(c: Controller, v: View, step: float) -> float:
    """Where the hot side will be after one more step, °C: as it rises now, plus what the step adds.

    What a current adds above ambient is taken as its square, as Joule heat is: more than it really is.
    """
    rise = max(0.0, c.history.hot_rate) if not math.isnan(c.history.hot_rate) else 0.0
    settled = v.hot + rise * v.p.hot_lookahead_ms / 60_000.0
    base = UNKNOWN_AMBIENT_C if math.isnan(v.ambient) else v.ambient
    if c.current <= 0.0 or settled <= base:
        return settled
    return base + (settled - base) * ((c.current + step) / c.current) ** 2


def raised(c: Controller, v: View, current: float, why: str) -> Controller:
    """A higher current on trial."""
    trial = Trial(v.now, c.current, level(c, v), level(c, v, AMBIENT), c.history.cold_rate)
    return decide(tried(c, trial), current, why, v.now)


def verdict(c: Controller, v: View, trial: Trial) -> tuple[bool, str]:
    """Does a step of the ramp pay, and why (not)? Asked when its evaluation delay is over."""
    cold, rate, p = level(c, v), c.history.cold_rate, v.p
    warmed = round(cold - trial.cold, 6)
    if warmed > p.overcurrent_warming_threshold_c:
        return False, f"past the inflection point, warmed by {warmed:.2f} K"
    if rate > -p.cooling_stall_threshold_c:
        return False, f"cooling stalled at {rate:+.2f} K/min"
    if trial.rate < 0.0 and rate > (1.0 - p.rate_degradation) * trial.rate:
        return False, f"cooling rate degraded from {trial.rate:+.2f} to {rate:+.2f} K/min"
    if warmed > 0.0:
        return False, f"no improvement, warmed by {warmed:.2f} K"
    return True, f"improved by {-warmed:.2f} K at {rate:+.2f} K/min"


def gain(c: Controller, v: View, trial: Trial) -> float:
    """How much colder the plate is than before the trial, K. Against ambient, if that was and is measured."""
    colder = trial.cold - level(c, v)
    drift = trial.ambient - level(c, v, AMBIENT)
    return colder if math.isnan(drift) else colder - drift


def best_yet(c: Controller, v: View) -> Controller:
    """The present current is the new optimum."""
    return replace(c, search=replace(c.search, optimum=c.current))


def track_minimum(c: Controller, v: View) -> Controller:
    """Remember the coldest, and when that was."""
    cold = level(c, v)
    if cold >= c.search.minimum or math.isnan(cold):
        return c
    return replace(c, search=replace(c.search, minimum=cold, minimum_at=v.now))


# -- probes of the steady state -------------------------------------------------------------------


def judge_probe(c: Controller, v: View, trial: Trial) -> Controller:
    """First verdict after the evaluation delay, for probes upwards only: downwards the plate must warm first,
    until the hot side has cooled. Last verdict at the next recheck, when everything has settled."""
    final = recheck_due(c, v)
    upwards = c.current > trial.origin
    if not final and (trial.kept or not upwards or not evaluable(trial, v)):
        return c
    colder = gain(c, v, trial)
    if math.isnan(colder):
        return back(c, v, trial, "cannot be judged")
    if colder <= (v.p.probe_improvement_c if not final else 0.0):
        return back(c, v, trial, f"brought {colder:+.2f} K")
    if final:
        return tried(best_yet(c, v), None)
    words = f"{c.current:.2f} A kept: {colder:.2f} K colder"
    return replace(tried(best_yet(c, v), replace(trial, kept=True)), decision=words)


def back(c: Controller, v: View, trial: Trial, why: str) -> Controller:
    """The probe did not pay: the current before it, unless the hot side forbids that, and the other direction
    next time."""
    origin = min(trial.origin, v.p.max_current_per_channel)
    if origin <= c.current or not refuse_increase(c, v, origin - c.current):
        c = decide(c, origin, f"probe {why}", v.now)
    return tried(c, None, optimum=c.current, upwards=not c.search.upwards, rest_from=v.now)


def recheck_due(c: Controller, v: View) -> bool:
    return v.now - c.search.rest_from >= v.p.steady_state_recheck_interval_ms / 1000.0


def probe(c: Controller, v: View) -> Controller:
    """Half a step further in the present direction, if it is allowed; else the other direction next time."""
    half = v.p.ramp_current_step_a / 2.0
    if c.search.upwards:
        current, why = min(c.current + half, v.p.max_current_per_channel), refuse_probe(c, v, half)
    else:
        current, why = max(c.current - half, v.p.min_current_per_channel), ""
    c = replace(c, search=replace(c.search, rest_from=v.now))
    if why or current == c.current:
        words = f"no probe upwards: {why or 'at the highest current'}" if c.search.upwards else c.decision
        return replace(tried(c, None, upwards=not c.search.upwards), decision=words)
    return raised(c, v, current, "probe")


def refuse_probe(c: Controller, v: View, half: float) -> str:
    """Why there is no probe upwards now."""
    if v.hot >= v.p.probe_hot_side_c:
        return f"hot side {v.hot:.1f} degC, headroom below {v.p.probe_hot_side_c:g}"
    return refuse_increase(c, v, half)
