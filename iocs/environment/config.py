"""The typed shape of db/environment.yaml: relays, sensors, what they measure, and every parameter of control.

Knows the keys, their ranges and defaults; opens nothing. Sensors and control have modules of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from devsup.health import Manners
from devsup.line import LineSettings
from iocs.common.config import Section
from iocs.common.interlock import Quantity as Known
from iocs.common.interlock import Row, read_rows
from iocs.common.lineconfig import check_owners, read_manners, read_settings
from iocs.environment.control_config import read_settings as read_control
from iocs.environment.logic import Relay, Settings
from iocs.environment.sensor_config import SensorConfig, ValueConfig, read_sensors, read_values

SLOW_LINE = LineSettings("", baudrate=9600)
RELAY_NAMES = {relay.value: relay for relay in Relay}
GPIO_LINE = r"\d{1,4}|[A-Za-z_][\w.\-+/]*"
COIL = r"[0-9]{1,4}"


class Backend(Enum):
    """What switches the relays."""

    GPIO = "gpio"
    MODBUS = "modbus"
    SIMULATED = "simulated"


class Action(Enum):
    """What an interlock can do to the chamber."""

    ALL_OFF = "all off"
    FAN_OFF = "fan off"
    MIST_OFF = "mist off"
    LIGHT_OFF = "light off"
    HEATER_OFF = "heater off"
    SAFETY = "safety mode"
    ALARM = "alarm only"


QUANTITIES = {
    "temperature": Known("Temperature of the chamber", "degC", 2),
    "humidity": Known("Humidity of the chamber", "%RH", 1),
    "co2": Known("CO2 of the chamber", "ppm", 0),
    "light": Known("Light in the chamber", "lx", 0),
}


@dataclass(frozen=True, slots=True)
class RelaysConfig:
    """Where each relay is: an offset or name of a line, or a coil. `line` and `unit` for a Modbus board."""

    backend: Backend
    places: Mapping[Relay, str]
    feedback: Mapping[Relay, str]
    active_low: bool
    feedback_active_low: bool
    chip: str
    line: str
    unit: int
    dead_man_s: float | None


@dataclass(frozen=True, slots=True)
class SerialConfig:
    """A serial line for Modbus boards and transmitters."""

    name: str
    settings: LineSettings
    manners: Manners


@dataclass(frozen=True, slots=True)
class SimulatedConfig:
    """The simulated chamber: how much faster than real it lives, and the hour at which it starts."""

    speed: float
    hour: float


@dataclass(frozen=True, slots=True)
class EnvironmentConfig:
    """The whole chamber. `settings` and `anchor` are what control starts with before anything was saved."""

    relays: RelaysConfig
    lines: tuple[SerialConfig, ...]
    sensors: tuple[SensorConfig, ...]
    values: tuple[ValueConfig, ...]
    settings: Settings
    anchor: str
    period_s: float
    sysfs_root: str
    interlocks: tuple[Row, ...]
    simulated: SimulatedConfig


def read(section: Section) -> EnvironmentConfig:
    """The chamber that a file describes. Mistakes are collected by the section's document."""
    lines = _lines(section)
    sensors = read_sensors(section, [line.name for line in lines])
    relays = _relays(section.section("relays"), [line.name for line in lines])
    control = section.section("control", optional=True)
    return EnvironmentConfig(
        relays=relays,
        lines=lines,
        sensors=sensors,
        values=read_values(section, sensors),
        settings=read_control(control, tuple(relays.places)),
        anchor=control.text("light_anchor", pattern=r"([01]\d|2[0-3]):[0-5]\d", default="00:00"),
        period_s=control.number("period", low=0.1, high=2, unit="s", default=1.0),
        sysfs_root=section.text("sysfs_root", pattern=r"/.*", default="/"),
        interlocks=read_rows(section, "interlocks", Action, QUANTITIES),
        simulated=_simulated(section.section("simulated", optional=True)),
    )


def _lines(section: Section) -> tuple[SerialConfig, ...]:
    found = section.mapping("lines")
    lines = tuple(
        SerialConfig(name, read_settings(line, SLOW_LINE), read_manners(line, Manners()))
        for name, line in found
    )
    settings = [line.settings for line in lines]
    check_owners([line for _, line in found], settings, [line.name for line in lines])
    return lines


# -- relays ----------------------------------------------------------------------------------------


def _relays(section: Section, lines: list[str]) -> RelaysConfig:
    backend = section.choice("backend", Backend, default=Backend.GPIO)
    if section.flag("dry_run", default=False):
        backend = Backend.SIMULATED
    pattern = COIL if backend is Backend.MODBUS else GPIO_LINE
    return RelaysConfig(
        backend=backend,
        places=_places(section.section("lines"), pattern, required=True),
        feedback=_places(section.section("feedback", optional=True), pattern, required=False),
        active_low=not section.flag("active_high", default=False),
        feedback_active_low=section.flag("feedback_active_low", default=False),
        chip=section.text("chip", pattern=r"\S+", default="pinctrl-*"),
        line=_line(section, lines, backend),
        unit=section.integer("unit", low=1, high=247, default=1),
        dead_man_s=section.number("dead_man", low=3, high=3000, unit="s", default=None),
    )


def _places(section: Section, pattern: str, *, required: bool) -> dict[Relay, str]:
    """One place for each relay; the heater is optional."""
    for name in section.names():
        if name not in RELAY_NAMES:
            section.error(name, f"{name} is no relay; there are: {', '.join(RELAY_NAMES)}")
    places: dict[Relay, str] = {}
    taken: dict[str, str] = {}
    for name, relay in RELAY_NAMES.items():
        if required and relay is not Relay.HEATER:
            place = section.text(name, pattern=pattern)
        else:
            place = section.text(name, pattern=pattern, default="")
        if not place:
            continue
        places[relay] = place
        if (other := taken.setdefault(place, name)) != name:
            section.error(name, f"{place} is already {other}: two relays on one line")
    return places


def _line(section: Section, lines: list[str], backend: Backend) -> str:
    line = section.text("line", default="")
    if backend is Backend.MODBUS and line not in lines:
        section.error("line", f"{line!r} is not one of the lines: {', '.join(lines) or 'there are none'}")
    return line


def _simulated(section: Section) -> SimulatedConfig:
    return SimulatedConfig(
        speed=section.number("speed", low=0.1, high=1000, default=1.0),
        hour=section.number("hour", low=0, high=24, unit="h", default=8.0),
    )
