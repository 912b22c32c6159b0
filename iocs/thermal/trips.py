"""Interlocks of the thermal IOC: what their inputs are here, and what a trip does.

Knows the rows and the controller's readings; the controller asks whether anything is tripped.
"""

import time
from collections.abc import Callable, Sequence

from iocs.common.interlock import Interlocks, Row, Sample
from iocs.thermal.config import Action
from iocs.thermal.control import Control
from iocs.thermal.logic.facts import Sensed
from iocs.thermal.thermometer import Thermometer


def build_trips(
    prefix: str, rows: Sequence[Row], control: Control, thermometers: Sequence[Thermometer]
) -> Interlocks:
    """The interlocks, their trips leading to the controller."""
    cold, hot, *ambients = thermometers
    quantities: dict[str, Callable[[float], Sample]] = {
        "cold_plate": lambda now: _sample(cold.sensed()),
        "hot_plate": lambda now: _sample(hot.sensed()),
        "ambient": lambda now: _sample(ambients[0].sensed() if ambients else Sensed()),
        "hot_rate": lambda now: Sample(control.c.history.latest, control.c.history.hot_rate),
    }
    trips = Interlocks(prefix, rows, quantities, lambda row, reason: _act(control, row, reason), control.say)
    control.cut_by = lambda: trips.blocking(Action.CUT)
    control.blocked = lambda: trips.blocking(Action.STOP)
    return trips


def _act(control: Control, row: Row, reason: str) -> None:
    """At once, not at the next tick."""
    if row.action is not Action.ALARM:
        control.step()
    control.say(f"Interlock {reason}")


def _sample(sensed: Sensed) -> Sample:
    return Sample(min(sensed.at, time.monotonic()), sensed.value)
