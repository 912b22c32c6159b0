"""Situations of the controller, made to order: a state with a calm past, and what it sees."""

from dataclasses import replace
from typing import Any

from iocs.thermal.logic.controller import Controller, Search, View
from iocs.thermal.logic.facts import Inputs, Orders, Sensed, Setting, State, Supply
from iocs.thermal.logic.history import EMPTY, History, append
from iocs.thermal.logic.parameters import Parameters
from iocs.thermal.logic.step import step

P = Parameters()
NOW = 10_000.0
VOLTS = P.tec_voltage_setpoint
RUNNING = frozenset({State.STARTUP, State.RAMP_UP, State.STEADY_STATE})


def past(
    cold: float = -30.0, cold_rate: float = 0.0, hot: float = 40.0, hot_rate: float = 0.0, seconds: int = 60,
    ambient: float = 22.0, p: Parameters = P, now: float = NOW,
) -> History:  # fmt: skip
    """A history that ends at `now` with these values (°C) after straight lines (K/min)."""
    history = EMPTY
    for back in reversed(range(seconds)):
        minutes = back / 60.0
        row = (now - back, cold - cold_rate * minutes, hot - hot_rate * minutes, ambient, *[6.0] * 6)
        history = append(history, row, p)
    return history


def supply(amps: float = 6.0, on: bool = True, now: float = NOW, **changes: Any) -> Supply:
    """A supply that was left as it is, long ago."""
    held = Setting(VOLTS, amps, on)
    given = {
        "at": now,
        "held": held,
        "current": amps if on else 0.0,
        "power": 70.0 if on else 0.0,
        "confirmed": held,
        "confirmed_at": now - 600.0,
    }
    return Supply(**{**given, **changes})  # type: ignore[arg-type]


def controller(state: State, current: float = 6.0, **changes: Any) -> Controller:
    """The controller in a state, at a current, for ten minutes."""
    given: dict[str, Any] = {
        "state": state,
        "entered": NOW - 600.0,
        "changed": NOW - 600.0,
        "since": NOW - 1000.0,
        "wanted": state in RUNNING,
        "current": current if state is not State.OFF else 0.0,
        "released": state is State.OFF,
        "fall": P.emergency_ramp_down_rate_a_per_sec,
        "search": Search(optimum=current, minimum=-40.0, minimum_at=NOW - 900.0, rest_from=NOW - 600.0),
        "history": past(),
    }
    return Controller(**{**given, **changes})


def inputs(cold: float = -30.0, hot: float = 40.0, now: float = NOW, **changes: Any) -> Inputs:
    """Good sensors and two good supplies at 6 A, all read just now."""
    given: dict[str, Any] = {
        "cold": Sensed(cold, now),
        "hot": Sensed(hot, now),
        "ambient": Sensed(22.0, now),
        "supplies": (supply(now=now), supply(now=now)),
    }
    return Inputs(**{**given, **changes})


def at(current: float, on: bool = True, now: float = NOW) -> tuple[Supply, Supply]:
    """Both supplies at one current."""
    return supply(current, on, now), supply(current, on, now)


def after(
    c: Controller, seen: Inputs | None = None, p: Parameters = P, now: float = NOW
) -> tuple[Controller, Orders]:
    """One step; the history of the situation is kept as it is."""
    return step(c, seen or inputs(now=now), p, now, sample_s=1e9)


def view(seen: Inputs | None = None, p: Parameters = P, now: float = NOW) -> View:
    return View(now, p, seen or inputs(now=now))


def but(p: Parameters = P, **changes: Any) -> Parameters:
    return replace(p, **changes)
