"""Callendar-Van Dusen against the table of IEC 60751 and against itself."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.errors import Implausible
from devsup.sensors import pt100
from devsup.sensors.max31865 import celsius

# degC, Ohm (IEC 60751, table of the PT100)
TABLE = [(-190, 22.83), (-100, 60.26), (-35, 86.25), (0, 100.0), (25, 109.73), (60, 123.24), (100, 138.51),
         (200, 175.86), (400, 247.09), (850, 390.48)]  # fmt: skip


@pytest.mark.parametrize(("degrees", "ohm"), TABLE)
def test_the_table_of_the_standard(degrees: float, ohm: float) -> None:
    assert pt100.resistance(degrees) == pytest.approx(ohm, abs=0.005)
    assert pt100.temperature(ohm) == pytest.approx(degrees, abs=0.02)


@settings(derandomize=True, max_examples=200)
@given(st.floats(-200.0, 850.0))
def test_there_and_back(degrees: float) -> None:
    assert pt100.temperature(pt100.resistance(degrees)) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize("ohm", [-1.0, 0.0, 18.0, 391.0, math.inf, math.nan])
def test_no_thermometer_has_such_a_resistance(ohm: float) -> None:
    assert math.isnan(pt100.temperature(ohm))


# raw ratios of a MAX31865 for two usual reference resistors
RATIOS = [
    *((430.0, raw, t) for raw, t in ((6572, -35), (7620, 0), (8362, 25), (9392, 60), (10555, 100))),
    *((400.0, raw, t) for raw, t in ((7065, -35), (8192, 0), (8989, 25), (10096, 60), (11346, 100))),
]


@pytest.mark.parametrize(("reference", "raw", "degrees"), RATIOS)
def test_ratios_of_the_converter(reference: float, raw: int, degrees: float) -> None:
    assert celsius(raw, reference) == pytest.approx(degrees, abs=0.02)


def test_a_pt1000_with_its_own_reference() -> None:
    assert celsius(8362, 4300.0, 1000.0) == pytest.approx(25.0, abs=0.02)


@pytest.mark.parametrize(("raw", "why"), [(0, "shorted"), (0x7FFF, "open"), (31000, "another reference")])
def test_open_and_shorted_thermometers_give_no_temperature(raw: int, why: str) -> None:
    with pytest.raises(Implausible, match=why):
        celsius(raw, 430.0)
