"""Which readings of an Alicat are believed at once, which are read again, and what confirms them."""

import math
from dataclasses import replace

import pytest

from devsup.alicat_values import Plate, Reading, confirms, doubt

PLATE = Plate(
    full_scale=100.0,
    flow_unit="sccm",
    total_unit="scc",
    temperature_unit="degC",
    shows=("ADC", "MOV", "HLD", "LCK"),
)
SHAPE = (7, 7, 7, 7, 7)
STEADY = Reading(
    flow=50.0,
    volumetric=20.0,
    pressure=34.7,
    temperature=22.0,
    setpoint=50.0,
    total=1000.0,
    gas="Ar",
    codes=(),
    at=10.0,
    stamp=0.0,
    shape=SHAPE,
)
LATER = replace(STEADY, at=11.0, total=1000.8)


@pytest.mark.parametrize(
    "moved",
    [
        {},
        {"flow": 54.9, "volumetric": 21.96},
        {"flow": 45.1, "volumetric": 18.04},
        {"flow": 50.9},
        {"temperature": 22.9},
        {"pressure": 36.3, "volumetric": 19.12},
        {"total": 1003.0},
    ],
)
def test_what_an_instrument_can_do_in_a_second_is_believed(moved: dict[str, float]) -> None:
    assert doubt(replace(LATER, **moved), STEADY, PLATE) == ""


@pytest.mark.parametrize(
    ("moved", "why"),
    [
        ({"flow": 52.0}, "do not fit"),
        ({"volumetric": 20.6}, "do not fit"),
        ({"pressure": 35.5}, "do not fit"),
        ({"flow": 55.1}, "flow jumped"),
        ({"flow": 151.0}, "beyond the range"),
        ({"flow": -151.0}, "beyond the range"),
        ({"flow": math.nan}, "no flow"),
        ({"setpoint": 50.01}, "setpoint changed"),
        ({"setpoint": 160.0}, "beyond the range"),
        ({"setpoint": None}, "setpoint changed"),
        ({"volumetric": 31.0}, "volumetric flow jumped"),
        ({"volumetric": -31.0}, "volumetric flow jumped"),
        ({"temperature": 23.1}, "temperature jumped"),
        ({"temperature": math.nan}, "temperature jumped"),
        ({"pressure": 36.6}, "pressure jumped"),
        ({"pressure": math.nan}, "pressure jumped"),
        ({"total": 999.9}, "total jumped"),
        ({"total": 1005.0}, "total jumped"),
        ({"total": None}, "total jumped"),
        ({"gas": "Ap"}, "gas, status"),
        ({"codes": ("HLD",)}, "status"),
        ({"codes": ("HLE",)}, "HLE is not one of its own"),
        ({"shape": (7, 7, 7, 8, 7)}, "wide"),
    ],
)
def test_what_it_cannot_is_read_again(moved: dict[str, object], why: str) -> None:
    assert why in doubt(replace(LATER, **moved), STEADY, PLATE)


def test_the_first_reading_is_read_twice() -> None:
    assert doubt(STEADY, None, PLATE) == "first reading"


def test_a_total_in_another_unit_may_grow_as_it_likes_but_not_shrink() -> None:
    plate = replace(PLATE, total_unit="l")
    assert doubt(replace(LATER, total=9999.0), STEADY, plate) == ""
    assert "total" in doubt(replace(LATER, total=999.0), STEADY, plate)


def test_at_low_flow_digits_and_noise_are_no_misfit() -> None:
    low = replace(STEADY, flow=5.0, volumetric=2.0)
    assert doubt(replace(LATER, flow=5.3, volumetric=2.0), low, PLATE) == ""


def test_nothing_limits_a_flow_while_the_range_is_not_known() -> None:
    assert doubt(replace(LATER, flow=5000.0), STEADY, Plate(shows=PLATE.shows)) == ""


@pytest.mark.parametrize(
    "moved",
    [
        {},
        {"flow": 69.0},  # a fast valve
        {"setpoint": 53.0},  # a ramp
        {"temperature": 26.0},
        {"pressure": 40.0},
        {"codes": ("MOV",)},  # at the limit it flickers
        {"total": 1000.1},
    ],
)
def test_what_bears_out_a_doubtful_reading(moved: dict[str, object]) -> None:
    assert confirms(replace(STEADY, **moved), STEADY, PLATE)


@pytest.mark.parametrize(
    "moved",
    [
        {"flow": 71.0},
        {"flow": math.nan},
        {"setpoint": 56.0},
        {"setpoint": None},
        {"temperature": 28.0},
        {"pressure": 50.0},
        {"gas": "N2"},
        {"codes": ("HLE",)},
        {"shape": (7, 7, 7, 8, 7)},
        {"total": None},
    ],
)
def test_what_does_not(moved: dict[str, object]) -> None:
    assert not confirms(replace(STEADY, **moved), STEADY, PLATE)
