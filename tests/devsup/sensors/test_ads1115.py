"""The photoresistor: both ways of wiring, every gain, beyond the rails."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.errors import Implausible, LineLost, NoReply
from devsup.sensors import Quantity, Sysfs
from devsup.sensors.ads1115 import Ads1115Light, Photoresistor
from devsup.sim.sensor_files import SimAds1115
from devsup.sim.sysfs import SensorFault, Tree


@pytest.mark.parametrize("grounded", [True, False])
def test_at_the_middle_of_the_supply_both_resistors_are_equal(grounded: bool) -> None:
    divider = Photoresistor(3300.0, 10_000.0, grounded)
    assert divider.resistance(1650.0) == pytest.approx(10_000.0)
    assert divider.light(1650.0) == pytest.approx(10.0)  # R10


def test_more_light_lowers_the_voltage_of_a_grounded_one_and_raises_the_others() -> None:
    grounded, other = Photoresistor(grounded=True), Photoresistor(grounded=False)
    assert grounded.light(300.0) > grounded.light(3000.0)
    assert other.light(3000.0) > other.light(300.0)
    assert grounded.light(300.0) == pytest.approx(other.light(3000.0))


@pytest.mark.parametrize("grounded", [True, False])
def test_at_the_rails_nothing_is_divided_by_zero(grounded: bool) -> None:
    divider = Photoresistor(grounded=grounded)
    dark, bright = (3300.0, 0.0) if grounded else (0.0, 3300.0)
    noise = 20.0 if grounded else -20.0
    assert divider.light(dark) == divider.light(dark + noise) == 0.0
    with pytest.raises(Implausible, match="shorted"):
        divider.light(bright)


@pytest.mark.parametrize("millivolts", [-70.0, 3370.0, 5000.0, math.nan])
def test_beyond_the_rails_is_no_light(millivolts: float) -> None:
    with pytest.raises(Implausible, match="supply of 3300 mV"):
        Photoresistor().light(millivolts)


@settings(derandomize=True, max_examples=200)
@given(st.floats(-66.0, 3366.0), st.booleans())
def test_every_voltage_within_gives_a_finite_light_or_a_short(millivolts: float, grounded: bool) -> None:
    divider = Photoresistor(grounded=grounded)
    try:
        assert 0.0 <= divider.light(millivolts) <= divider.brightest
    except Implausible as error:
        assert "shorted" in str(error)


@pytest.mark.parametrize("scale", ["0.187500000", "0.125", "0.0625"])
def test_the_scale_is_read_not_assumed(tmp_path: Path, scale: str) -> None:
    simulated = SimAds1115(Tree(tmp_path), 0, scale=scale)
    sensor = Ads1115Light(Sysfs(tmp_path), 0, Photoresistor())
    for lux in (5.0, 50.0, 200.0, 1000.0):
        simulated.update(lux)
        assert sensor.read().values[Quantity.LIGHT] == pytest.approx(lux, rel=0.01)
    simulated.update(0.0)
    assert sensor.read().values[Quantity.LIGHT] == pytest.approx(0.0, abs=0.01)


def test_faults_show_and_heal(tmp_path: Path) -> None:
    simulated = SimAds1115(Tree(tmp_path), 0)
    sensor = Ads1115Light(Sysfs(tmp_path), 0, Photoresistor())
    for fault, error in ((SensorFault.DEAD, LineLost), (SensorFault.EMPTY, NoReply)):
        simulated.fault = fault
        simulated.update(200.0)
        with pytest.raises(error):
            sensor.read()
    simulated.fault = SensorFault.OPEN  # a broken wire is a dark room: the verification of the lamp tells
    simulated.update(200.0)
    assert sensor.read().values[Quantity.LIGHT] == 0.0
    simulated.fault = SensorFault.OK
    simulated.update(200.0)
    assert sensor.read().values[Quantity.LIGHT] == pytest.approx(200.0, rel=0.01)
