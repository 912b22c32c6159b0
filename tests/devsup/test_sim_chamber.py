"""The physics of the simulated chamber: each relay does what it is for, whatever the step."""

import pytest

from devsup.sim.chamber import Air, Chamber, Relays, Room, saturation
from devsup.sim.chamber_sensors import Senses

HOUR = 3600.0
NOTHING = Relays()


def after(relays: Relays, seconds: float = HOUR, **air: float) -> Air:
    return Chamber(12 * HOUR, Air(**air)).step(seconds, relays)


def test_saturation_as_in_tables() -> None:
    assert saturation(0.0) == pytest.approx(4.85, abs=0.02)
    assert saturation(20.0) == pytest.approx(17.3, abs=0.1)
    assert saturation(30.0) == pytest.approx(30.4, rel=0.01)


def test_the_heater_heats_and_the_fan_cools_towards_the_room() -> None:
    assert after(Relays(heater=True)).celsius > after(NOTHING).celsius + 5.0
    assert after(Relays(fan=True), celsius=35.0).celsius < after(NOTHING, celsius=35.0).celsius


def test_the_mist_moistens_and_the_fan_dries() -> None:
    assert after(Relays(mist=True), 600.0).humidity > after(NOTHING, 600.0).humidity + 5.0
    assert after(Relays(fan=True), 600.0).humidity < after(NOTHING, 600.0).humidity - 10.0


def test_the_bed_breathes_and_the_fan_takes_it_out() -> None:
    assert after(NOTHING).ppm > 1000.0
    assert after(Relays(fan=True)).ppm < 600.0


def test_the_lamp_lights_and_warms_unless_it_is_burnt_out() -> None:
    assert after(Relays(light=True)).lux > 800.0
    assert after(Relays(light=True, lamp_works=False)).lux < 10.0
    assert after(Relays(light=True)).celsius > after(NOTHING).celsius + 1.0


def test_too_much_mist_condenses_and_dries_up_again() -> None:
    chamber = Chamber(0.0, Air(vapour=17.0))
    chamber.step(HOUR, Relays(mist=True))
    wet = chamber.air.film
    assert wet > 1.0 and chamber.air.humidity <= 100.0
    chamber.step(6 * HOUR, Relays(fan=True))
    assert chamber.air.film < wet / 2


def test_the_room_is_warmest_in_the_afternoon() -> None:
    room = Room()
    assert max(range(24), key=lambda hour: room.at(hour * HOUR)) == 15


def test_the_step_does_not_matter() -> None:
    relays = Relays(heater=True, mist=True)
    once, often = Chamber(), Chamber()
    once.step(HOUR, relays)
    for _ in range(3600):
        often.step(1.0, relays)
    assert once.air.celsius == pytest.approx(often.air.celsius, abs=0.05)
    assert once.air.vapour == pytest.approx(often.air.vapour, rel=0.01)


def test_sensors_lag_and_are_noisy_but_right() -> None:
    senses = Senses(Air(celsius=20.0))
    warm = Air(celsius=30.0)
    assert senses.step(1.0, warm, NOTHING).celsius < 22.0
    felt = [senses.step(1.0, warm, NOTHING) for _ in range(200)][-100:]
    assert sum(f.celsius for f in felt) / 100 == pytest.approx(30.0, abs=0.05)
    assert len({f.celsius for f in felt}) > 50


def test_a_sensor_in_the_stream_sees_fog_while_the_mist_runs() -> None:
    senses, dry = Senses(Air()), Air()
    senses.in_mist = True
    for _ in range(60):
        wet = senses.step(1.0, dry, Relays(mist=True))
    assert wet.humidity > 95.0 > dry.humidity
    for _ in range(120):
        wet = senses.step(1.0, dry, NOTHING)
    assert wet.humidity == pytest.approx(dry.humidity, abs=2.0)
