"""Every example of the design document, as a table."""

import pytest

from iocs.environment.logic import Code, LightMode, LightSettings, Mode, OnLoss, RelaySettings, Settings
from iocs.environment.logic.duty import share
from tests.environment.chambers import FAN, HEATER, LIGHT, MIST, Trial

NO_LIMIT = RelaySettings(minimum_s=0.0)


def trial(**light: object) -> Trial:
    """The defaults of the document, without minimum time where it is not the subject."""
    relays = {
        FAN: RelaySettings(0.60, 0.0),
        MIST: RelaySettings(0.40, 0.0),
        LIGHT: NO_LIMIT,
        HEATER: NO_LIMIT,
    }
    return Trial(Settings(relays=relays, light=LightSettings(**light)))  # type: ignore[arg-type]


# (temperature, CO2, was on, is on): "Fan ON: temp >= 24.0 OR CO2 >= 1000; OFF: temp <= 23.0 AND CO2 <= 900"
FAN_TABLE = [
    (24.0, 600, False, True),
    (23.9, 600, False, False),
    (26.0, 1200, False, True),
    (21.0, 1000, False, True),
    (21.0, 999, False, False),
    (23.5, 950, False, False),
    (23.5, 600, True, True),
    (23.1, 900, True, True),
    (23.0, 900, True, False),
    (23.0, 901, True, True),
    (22.0, 950, True, True),
    (22.0, 850, True, False),
]


@pytest.mark.parametrize(("t", "ppm", "before", "after"), FAN_TABLE)
def test_fan(t: float, ppm: float, before: bool, after: bool) -> None:
    chamber = trial()
    chamber.read(t=25.0 if before else 21.0).decide()
    assert (FAN in chamber.on()) is before
    chamber.read(t=t, ppm=ppm).decide(1.0)
    assert (FAN in chamber.on()) is after


# "Mist ON: humidity <= 85.0; OFF: humidity >= 88.0"
@pytest.mark.parametrize(
    ("rh", "before", "after"),
    [(85.0, False, True), (82.0, False, True), (85.1, False, False), (87.9, True, True), (88.0, True, False)],
)
def test_mist(rh: float, before: bool, after: bool) -> None:
    chamber = trial()
    chamber.read(rh=80.0 if before else 90.0).decide()
    chamber.read(rh=rh).decide(1.0)
    assert (MIST in chamber.on()) is after


# "Heater ON: temp <= 18.0; OFF: temp >= 19.0"
@pytest.mark.parametrize(
    ("t", "before", "after"),
    [(18.0, False, True), (17.0, False, True), (18.1, False, False), (18.9, True, True), (19.0, True, False)],
)
def test_heater(t: float, before: bool, after: bool) -> None:
    chamber = trial()
    chamber.read(t=17.0 if before else 21.0).decide()
    chamber.read(t=t).decide(1.0)
    assert (HEATER in chamber.on()) is after


def test_the_example_of_a_reading() -> None:
    """26 degC, 82 %RH, 1200 ppm: fan on, mist on, light as scheduled."""
    chamber = trial(mode=LightMode.CYCLE)
    orders = chamber.read(t=26.0, rh=82.0, ppm=1200.0).decide()
    assert chamber.on() == {FAN, MIST} | ({LIGHT} if orders[LIGHT].on else set())
    assert orders[FAN].reason.text == "CO2 1200 ppm >= 1000"
    assert orders[MIST].reason.text == "humidity 82.0 %RH <= 85"


@pytest.mark.parametrize(("mode", "on"), [(LightMode.OFF, False), (LightMode.ON, True)])
def test_light_modes(mode: LightMode, on: bool) -> None:
    chamber = trial(mode=mode)
    for _ in range(48):
        chamber.run(1800.0, 1800.0)
        assert (LIGHT in chamber.on()) is on


ON_AT = (0.0, 6.0, 11.99, 20.0, 23.9, 31.9, 40.0)
OFF_AT = (12.0, 16.0, 19.99, 32.0, 39.9)


@pytest.mark.parametrize(("hour", "on"), [*((h, True) for h in ON_AT), *((h, False) for h in OFF_AT)])
def test_light_cycle_of_twelve_hours_on_and_eight_off(hour: float, on: bool) -> None:
    chamber = trial(mode=LightMode.CYCLE, on_s=12 * 3600.0, off_s=8 * 3600.0)
    chamber.wall_offset = 0.0  # the anchor is the second 0
    chamber.run(3600.0 * hour or 1e-6, 3600.0 * hour or 1e-6)
    assert (LIGHT in chamber.on()) is on


def test_condensation_guard() -> None:
    """95 %RH for 5 minutes: fan on, mist off, overriding normal control."""
    chamber = trial()
    chamber.run(299.0, rh=95.0)
    assert not chamber.state.guard.active and FAN not in chamber.on()
    orders = chamber.run(2.0, rh=95.0)
    assert chamber.state.guard.active and chamber.on() == {FAN}
    assert orders[FAN].reason.code is orders[MIST].reason.code is Code.CONDENSATION


def test_the_guard_lets_go_with_hysteresis() -> None:
    chamber = trial()
    chamber.run(310.0, rh=96.0)
    chamber.run(60.0, rh=92.1)
    assert chamber.on() == {FAN}
    chamber.run(1.0, rh=92.0)
    assert chamber.on() == set()


def test_a_short_excess_of_humidity_is_none() -> None:
    chamber = trial()
    for _ in range(5):
        chamber.run(290.0, rh=97.0)
        chamber.run(1.0, rh=94.9)
    assert not chamber.state.guard.active


# "Fan: 60 % maximum over 30 minutes; mist: 40 %; light and heater: no limit"
@pytest.mark.parametrize(("relay", "minutes"), [(FAN, 18), (MIST, 12)])
def test_duty_limits(relay: object, minutes: int) -> None:
    chamber = trial()
    orders = chamber.run(60.0 * minutes - 3.0, t=26.0, rh=80.0)
    assert relay in chamber.on()
    orders = chamber.run(3.0, t=26.0, rh=80.0)
    assert relay not in chamber.on()
    assert orders[relay].reason.code is Code.DUTY  # type: ignore[index]


def test_light_and_heater_have_no_limit() -> None:
    chamber = trial(mode=LightMode.ON)
    chamber.run(3600.0, 5.0, t=15.0)
    assert chamber.on() >= {LIGHT, HEATER}
    assert chamber.state.contacts[HEATER].duty.runs[0][0] <= 5.0


def test_minimum_time_between_changes() -> None:
    """30 seconds between state changes per relay."""
    chamber = Trial()
    chamber.run(31.0)
    chamber.run(1.0, t=17.0)
    assert HEATER in chamber.on()
    orders = chamber.run(18.0, t=21.0)
    assert HEATER in chamber.on()
    assert orders[HEATER].reason.text.startswith("minimum time, 12 s left; then off")
    chamber.run(12.0, t=21.0)
    assert HEATER not in chamber.on()
    assert [run[1] - run[0] for run in chamber.state.contacts[HEATER].duty.runs] == [30.0]


# "Light ON: >= 200; OFF: <= 50; 30 s after a change"
@pytest.mark.parametrize(
    ("mode", "lux", "verdict"),
    [
        (LightMode.ON, 200.0, "VERIFIED"),
        (LightMode.ON, 199.0, "FAILED"),
        (LightMode.OFF, 50.0, "VERIFIED"),
        (LightMode.OFF, 51.0, "FAILED"),
    ],
)
def test_light_verification(mode: LightMode, lux: float, verdict: str) -> None:
    chamber = trial(mode=mode)
    chamber.run(29.0, lux=lux)
    assert chamber.state.light.verdict.name == "PENDING"
    chamber.run(2.0, lux=lux)
    assert chamber.state.light.verdict.name == verdict


def test_failures_of_the_light_are_counted_and_reported_every_five_minutes_at_most() -> None:
    chamber = trial(mode=LightMode.ON)
    alerts = []
    for _ in range(1000):
        chamber.run(1.0, lux=3.0)
        if chamber.decision.alert:
            alerts.append(chamber.now)
    assert alerts == [31.0, 331.0, 631.0, 931.0]
    assert chamber.state.light.failures == 4


def test_automatic_is_the_default_and_manual_is_the_operators() -> None:
    chamber = trial()
    chamber.run(1.0, t=26.0)
    chamber.mode, chamber.commands = Mode.MANUAL, {HEATER: True, LIGHT: True}
    chamber.run(2.0, t=20.0, ppm=2000.0, rh=10.0)
    assert chamber.on() == {HEATER, LIGHT}, "once the fan that was cooling is off"


def test_in_manual_safety_still_applies() -> None:
    chamber = trial()
    chamber.mode, chamber.commands = Mode.MANUAL, {MIST: True, HEATER: True}
    orders = chamber.run(310.0, rh=96.0)
    assert chamber.on() == {FAN, HEATER}, "condensation guard"
    chamber.run(3600.0, rh=80.0)
    assert share(chamber.state.contacts[MIST].duty, 1800.0, chamber.now) <= 0.4
    orders = chamber.run(1.0, t=24.0)
    assert HEATER not in chamber.on() and orders[HEATER].reason.code is Code.TOO_WARM


def test_safety_mode_is_everything_off_at_once() -> None:
    chamber = Trial(Settings(light=LightSettings(mode=LightMode.ON)))
    chamber.run(31.0)
    chamber.run(1.0, t=26.0, rh=80.0)
    assert chamber.on() == {FAN, MIST, LIGHT}
    chamber.mode = Mode.SAFETY
    orders = chamber.run(1.0, t=26.0, rh=80.0)
    assert chamber.on() == set()
    assert {order.reason.code for order in orders.values()} == {Code.SAFETY}


def test_everything_is_off_until_the_first_good_readings() -> None:
    chamber = trial(mode=LightMode.ON)
    orders = chamber.run(30.0, rh=None, t=30.0)
    assert chamber.on() == set()
    assert {order.reason.code for order in orders.values()} == {Code.STARTING}
    chamber.run(1.0, t=30.0)
    assert chamber.on() == {FAN, LIGHT}


def test_without_a_sensor_from_power_up_its_relays_do_what_was_configured() -> None:
    chamber = trial(mode=LightMode.ON)
    orders = chamber.run(61.0, rh=None, t=30.0)
    assert chamber.on() == {FAN, LIGHT}
    assert orders[MIST].reason.text == "humidity lost for 61 s: off"
    relays = {**chamber.settings.relays, MIST: RelaySettings(1.0, 0.0, OnLoss.ON)}
    chamber = Trial(Settings(relays=relays))
    chamber.run(60.0, rh=None)
    assert MIST not in chamber.on()
    chamber.run(1.0, rh=None)
    assert MIST in chamber.on()
