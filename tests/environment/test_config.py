"""db/environment.yaml: the shipped file reads, with the names of people's .env; every mistake is reported."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from devsup.relays import DryRelays, GpioRelays, ModbusRelays
from devsup.sensors import Quantity
from devsup.sensors.transmitter import Kind, Register
from iocs.common.config import ConfigError
from iocs.common.group import merge
from iocs.environment.config import Backend, EnvironmentConfig
from iocs.environment.ioc import SUBSYSTEM, EnvironmentIoc
from iocs.environment.logic import LightMode, OnLoss, Relay, Settings
from iocs.environment.sensor_config import Ads1115, Max31865, Modbus, Scd4x, Scd4xI2c
from tests.support.processes import ROOT

Read = Callable[[str], EnvironmentConfig]
SHIPPED = ROOT / "db" / "environment.yaml"
REST = """
sensors: {air: {kind: scd4x_i2c}, photo: {kind: ads1115}}
values: {temperature: {sensor: air}, humidity: {sensor: air}, co2: {sensor: air}, light: {sensor: photo}}
"""
LINES = "{Fan: 17, Mist: 27, Light: 22, Heater: 23}"


@pytest.fixture
def config(tmp_path: Path) -> Read:
    """Reads a text as the file environment.yaml."""

    def from_text(text: str) -> EnvironmentConfig:
        path = tmp_path / "environment.yaml"
        path.write_text(textwrap.dedent(text))
        return SUBSYSTEM.load(path, {})

    return from_text


def mistakes(config: Read, text: str) -> list[str]:
    """`key: message` of every problem of a file."""
    with pytest.raises(ConfigError) as caught:
        config(text)
    return [f"{problem.key}: {problem.message}" for problem in caught.value.problems]


def test_the_shipped_file_has_the_defaults_of_the_design_document() -> None:
    shipped = SUBSYSTEM.load(SHIPPED, {})
    defaults = Settings()
    assert {relay.value: place for relay, place in shipped.relays.places.items()} == {
        "Fan": "17",
        "Mist": "27",
        "Light": "22",
        "Heater": "23",
    }
    assert shipped.relays.active_low and shipped.relays.backend is Backend.GPIO
    assert shipped.settings.limits == defaults.limits
    assert shipped.settings.guard == defaults.guard
    assert shipped.settings.relays == defaults.relays
    assert (shipped.settings.window_s, shipped.settings.lost_after_s) == (1800.0, 60.0)
    light = shipped.settings.light
    assert (light.mode, light.on_s, light.off_s) == (LightMode.CYCLE, 43_200.0, 28_800.0)
    assert (light.bright, light.dark, light.verify_after_s) == (200.0, 50.0, 30.0)


def test_the_names_of_peoples_env_files() -> None:
    env = {
        "MUSHPI_RELAY_FAN": "5",
        "MUSHPI_RELAY_HEATER": "",
        "MUSHPI_RELAY_ACTIVE_HIGH": "true",
        "MUSHPI_TEMP_HYSTERESIS": "0.5",
        "MUSHPI_CO2_HYSTERESIS": "50",
        "MUSHPI_LIGHT_ON_THRESHOLD": "300.0",
        "MUSHPI_LIGHT_VCC": "5",
        "MUSHPI_SIMULATION_MODE": "true",
    }
    config = SUBSYSTEM.load(SHIPPED, env)
    assert config.relays.places[Relay.FAN] == "5" and Relay.HEATER not in config.relays.places
    assert not config.relays.active_low and config.relays.backend is Backend.SIMULATED
    assert config.settings.limits.temperature_hysteresis == 0.5
    assert config.settings.limits.co2_hysteresis == 50.0
    assert config.settings.light.bright == 300.0
    photo = config.sensors[1].source
    assert isinstance(photo, Ads1115) and photo.divider.supply_mv == 5000.0


def test_without_a_heater_it_has_no_pvs() -> None:
    config = SUBSYSTEM.load(SHIPPED, {"MUSHPI_RELAY_HEATER": ""})
    names = merge(EnvironmentIoc(config, "X:", False).groups)
    assert "X:Fan:State" in names and "X:Heater:State" not in names


EVERYTHING = """
lines: {bus: {url: /dev/ttyUSB0}}
relays: {backend: modbus, line: bus, unit: 2, dead_man: 10, lines: {Fan: 0, Mist: 1, Light: 2},
         feedback: {Fan: 4}}
sensors:
  a: {kind: scd4x, trigger: t, where: 1-0062}
  b: {kind: modbus, line: bus, unit: 3, holding: true,
      registers: {temperature: {address: 4, type: s16, scale: 0.1, offset: -40, low_word_first: true}}}
  c: {kind: max31865, reference: 430}
  d: {kind: max31865, reference: 400, device: /dev/spidev0.0, wires: 3, mains: 60}
  e: {kind: ds18b20, address: 28-0123456789ab}
  f: {kind: pv, pvs: {light: LAB:X:Light}}
values: {temperature: {sensor: b, offset: -0.5, high: 30, hihi: 40}, humidity: {sensor: a},
         co2: {sensor: a}, light: {sensor: f}}
control: {fan_on_loss: hold, mist_duty: 25, light_mode: "ON"}
"""


def test_every_kind_of_sensor_and_relay(config: Read) -> None:
    read = config(EVERYTHING)
    a, b, c, d, _, f = (sensor.source for sensor in read.sensors)
    assert a == Scd4x("t", "1-0062")
    assert isinstance(b, Modbus) and b.holding
    assert b.registers == {Quantity.TEMPERATURE: Register(4, Kind.S16, 0.1, -40.0, True)}
    assert isinstance(c, Max31865) and (c.reference_ohm, c.device) == (430.0, "")
    assert isinstance(d, Max31865) and (d.wires, d.mains_hz) == (3, 60)
    assert f.gives == (Quantity.LIGHT,)
    assert read.settings.relays[Relay.FAN].on_loss is OnLoss.HOLD
    assert read.settings.relays[Relay.MIST].duty == 0.25
    assert read.relays.feedback == {Relay.FAN: "4"}
    for simulate in (False, True):
        ioc = EnvironmentIoc(read, "X:", simulate)
        assert isinstance(ioc.bank, ModbusRelays) and ioc.bank.refresh_s == pytest.approx(10 / 3)
        assert len(ioc.feeds) == 6


def test_the_bank_is_the_configured_one(config: Read) -> None:
    gpio = config(f"relays: {{lines: {LINES}}}\n" + REST)
    assert isinstance(EnvironmentIoc(gpio, "X:", False).bank, GpioRelays)
    assert isinstance(gpio.sensors[0].source, Scd4xI2c)
    dry = config(f"relays: {{dry_run: true, lines: {LINES}}}\n" + REST)
    assert isinstance(EnvironmentIoc(dry, "X:", False).bank, DryRelays)


PARTS = {"light": "light: {sensor: photo}", "co2": "co2: {sensor: air}", "photo": "{kind: ads1115}"}


def gpio(control: str = "", **swapped: str) -> str:
    """A file with something wrong: in its control, or in the rest, where one text is put for another."""
    rest = REST
    for what, new in swapped.items():
        rest = rest.replace(PARTS[what], new)
    return f"relays: {{lines: {LINES}}}\ncontrol: {{{control}}}\n{rest}"


RAIN = "\ninterlocks: {X: {quantity: rain, condition: at most 1, action: run, guidance: g}}"
MISTAKES = [
    ("relays: {lines: {Fan: 1, Mist: 2, Light: 3, Pump: 4}}" + REST, "relays.lines.Pump: Pump is no relay"),
    ("relays: {lines: {Fan: 1, Mist: 1, Light: 2}}" + REST, "Mist: 1 is already Fan: two relays on one line"),
    ("relays: {lines: {Fan: 1, Mist: 2}}" + REST, "relays.lines.Light: is missing"),
    (f"relays: {{backend: modbus, lines: {LINES}}}" + REST, "'' is not one of the lines: there are none"),
    (f"relays: {{backend: toaster, lines: {LINES}}}" + REST, "relays.backend: 'toaster' is not valid"),
    (gpio("temperature_min: 24"), "temperature minimum 24 is not below maximum"),
    (gpio("temperature_min: .nan"), "control.temperature_min: '.nan'"),
    (gpio("fan_duty: 101"), "control.fan_duty: '101' is not valid"),
    (gpio("light_mode: DISCO"), "control.light_mode: 'DISCO'"),
    (gpio("light_anchor: 7"), "control.light_anchor: '7' is not"),
    (gpio("heater_on_loss: explode"), "control.heater_on_loss"),
    (gpio("humidity_max: 3"), "control.humidity_max: unknown key"),
    (gpio(light="light: {sensor: eye}"), "values.light.sensor: 'eye' is not one of the sensors: air, photo"),
    (gpio(light="light: {sensor: air}"), "values.light.sensor: air does not measure light"),
    (gpio(photo="{kind: eye}"), "sensors.photo.kind: 'eye'"),
    (gpio(co2="co2: {sensor: air, high: 9, hihi: 1}"), "values.co2: the alarm limits are not in the order"),
    (gpio(photo="{kind: ds18b20, address: 10-00}"), "sensors.photo.address: '10-00' is not valid"),
    (gpio(photo="{kind: modbus, line: b, unit: 1, registers: {}}"), "registers: holds no quantity"),
    (gpio() + RAIN, "interlocks.X.action: 'run' is not valid"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_key(config: Read, text: str, words: str) -> None:
    assert any(words in mistake for mistake in mistakes(config, text)), mistakes(config, text)
