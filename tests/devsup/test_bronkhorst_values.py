"""Which readings are believed at once, which need a second one, and which second one will do."""

import math
from dataclasses import replace

import pytest

from devsup.bronkhorst_values import Mode, Reading, confirms, doubt, finite, mode_name

CAPACITY = 100.0
STEADY = Reading(flow=50.0, setpoint=50.0, temperature=23.0, valve=40.0, alarm=0, mode=0, at=1.0, stamp=1e9)
ANALOG = replace(STEADY, mode=int(Mode.ANALOG))


def test_modes_have_names_even_those_no_manual_lists() -> None:
    assert mode_name(3) == "valve closed"
    assert mode_name(18) == "rs232"
    assert mode_name(99) == "number 99"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"flow": 54.9, "valve": 49.9},
        {"flow": 45.1, "temperature": 23.9},
        {"valve": 30.1},
    ],
)
def test_what_moves_a_little_is_believed(changes: dict[str, float | None]) -> None:
    assert doubt(replace(STEADY, **changes), STEADY, CAPACITY) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"flow": math.nan}, "not a number"),
        ({"setpoint": math.inf}, "not a number"),
        ({"flow": 151.0}, "beyond the range"),
        ({"flow": -151.0}, "beyond the range"),
        ({"setpoint": 141.0}, "beyond the range"),
        ({"setpoint": -2.0}, "beyond the range"),
        ({"valve": 100.1}, "valve"),
        ({"setpoint": 50.1}, "changed"),
        ({"alarm": 4}, "changed"),
        ({"mode": 3}, "changed"),
        ({"flow": 55.1}, "flow jumped from 50 to 55.1"),
        ({"temperature": 24.1}, "temperature jumped"),
        ({"valve": 50.1}, "valve jumped from 40.0 to 50.1 %"),
        ({"temperature": math.nan}, "temperature jumped"),
        ({"temperature": None}, "temperature jumped"),
    ],
)
def test_what_jumps_is_doubted(changes: dict[str, float], why: str) -> None:
    assert why in doubt(replace(STEADY, **changes), STEADY, CAPACITY)  # type: ignore[arg-type]


def test_the_first_reading_has_nothing_to_stand_on() -> None:
    assert doubt(STEADY, None, CAPACITY) == "first reading"


def test_without_a_known_range_only_what_is_no_number_or_no_state_is_doubted() -> None:
    assert doubt(replace(STEADY, flow=1e9), STEADY, math.nan) == ""
    assert "not a number" in doubt(replace(STEADY, flow=math.nan), STEADY, math.nan)
    assert "changed" in doubt(replace(STEADY, mode=3), STEADY, math.nan)


@pytest.mark.parametrize(
    ("changes", "confirmed"),
    [
        ({}, True),
        ({"flow": 69.0}, True),
        ({"flow": 71.0}, False),
        ({"flow": math.nan}, False),
        ({"setpoint": 50.001}, False),
        ({"alarm": 4}, False),
        ({"mode": 3}, False),
        ({"temperature": 30.0}, False),
        ({"valve": 99.0}, True),
    ],
)
def test_a_second_reading_confirms_if_it_is_near_and_in_the_same_state(
    changes: dict[str, float], confirmed: bool
) -> None:
    assert confirms(replace(STEADY, **changes), STEADY, CAPACITY) is confirmed  # type: ignore[arg-type]


def test_a_setpoint_from_elsewhere_may_move() -> None:
    moved = replace(ANALOG, setpoint=50.4)
    assert doubt(moved, ANALOG, CAPACITY) == ""
    assert confirms(moved, ANALOG, CAPACITY)
    assert not confirms(replace(ANALOG, setpoint=71.0), ANALOG, CAPACITY)
    assert confirms(replace(ANALOG, setpoint=71.0), ANALOG, math.nan)


@pytest.mark.parametrize("temperature", [math.nan, None, math.inf])
def test_an_instrument_without_temperature_can_be_confirmed(temperature: float | None) -> None:
    without = replace(STEADY, temperature=temperature)
    assert doubt(without, without, CAPACITY) == ""
    assert confirms(without, without, CAPACITY)
    assert not confirms(STEADY, without, CAPACITY)


def test_finite_means_flow_and_setpoint() -> None:
    assert finite(replace(STEADY, temperature=math.nan))
    assert not finite(replace(STEADY, flow=-math.inf))
