"""The typed shape of db/thermal.yaml: lines, supplies, sensors, start values and ceilings of parameters.

Knows the keys, their ranges and defaults; opens nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from pathlib import Path

from devsup.dps5015 import ALONE, STOCK, SupplyLimits
from devsup.health import Manners
from devsup.line import LineSettings
from iocs.common.config import Section
from iocs.common.interlock import Quantity, Row, read_rows
from iocs.common.lineconfig import check_owners, read_manners, read_settings
from iocs.thermal.logic.controller import NAMES
from iocs.thermal.logic.history import LEAST
from iocs.thermal.logic.parameters import Bounds, Parameters, bounds, contradiction
from iocs.thermal.sensor_config import SensorConfig, read_sensors
from iocs.thermal.simulated_config import Simulated, read_simulated

USUAL = LineSettings("", baudrate=9600)
WINDOWS = ("cooling_rate_window_ms", "hot_rate_window_ms")
FEWEST = LEAST + 1  # samples in a window: with fewer there is no rate, and no runaway is seen


class OnShutdown(Enum):
    """What an IOC that is stopped leaves behind."""

    SAFE = "safe"
    HOLD = "hold"


class Action(Enum):
    """What a tripped interlock does."""

    CUT = "cut"
    STOP = "stop"
    ALARM = "alarm only"


QUANTITIES = {
    "cold_plate": Quantity("Cold plate", "degC", 2),
    "hot_plate": Quantity("Hot side", "degC", 2),
    "hot_rate": Quantity("Rate of the hot side", "K/min", 2),
    "ambient": Quantity("Ambient temperature", "degC", 2),
}


@dataclass(frozen=True, slots=True)
class LineConfig:
    """One serial line."""

    name: str
    settings: LineSettings
    manners: Manners


@dataclass(frozen=True, slots=True)
class SupplyConfig:
    """One supply: where it is, how often it is read, what it may be told."""

    name: str
    line: str
    unit: int
    poll_period_s: float
    limits: SupplyLimits
    manners: Manners


@dataclass(frozen=True, slots=True)
class ThermalConfig:
    """The whole installation."""

    on_shutdown: OnShutdown
    auto_start: bool
    control_period_s: float
    history_period_s: float
    lines: tuple[LineConfig, ...]
    supplies: tuple[SupplyConfig, ...]
    sysfs: Path
    sensors: tuple[SensorConfig, ...]
    parameters: Parameters
    bounds: Mapping[str, Bounds]
    interlocks: tuple[Row, ...]
    simulated: Simulated


def read(section: Section) -> ThermalConfig:
    """The installation that a file describes. Mistakes are collected by the section's document."""
    period_s = section.number("history_period", low=0.02, high=1, unit="s", default=1.0)
    ceilings = _ceilings(section.section("ceilings", optional=True), period_s)
    parameters = _parameters(section.section("parameters", optional=True), ceilings)
    lines = tuple(_line(name, line) for name, line in section.mapping("lines", at_least=1))
    _check_lines(section, lines)
    limits = _limits(section, ceilings)
    sensors = section.section("sensors")
    return ThermalConfig(
        on_shutdown=section.choice("on_shutdown", OnShutdown, default=OnShutdown.SAFE),
        auto_start=section.flag("auto_start", default=False),
        control_period_s=section.number("control_period", low=0.02, high=1, unit="s", default=0.5),
        history_period_s=period_s,
        lines=lines,
        supplies=_supplies(section.section("supplies"), lines, limits),
        sysfs=Path(section.text("sysfs", pattern=r"/.*", default="/")),
        sensors=read_sensors(sensors),
        parameters=parameters,
        bounds=ceilings,
        interlocks=read_rows(section, "interlocks", Action, QUANTITIES),
        simulated=read_simulated(section.section("simulated", optional=True)),
    )


def _line(name: str, section: Section) -> LineConfig:
    manners = read_manners(section, STOCK)
    manners = replace(manners, floor_s=min(manners.floor_s, manners.response_timeout_s))
    return LineConfig(name, read_settings(section, USUAL), manners)


def _check_lines(section: Section, lines: Sequence[LineConfig]) -> None:
    sections = [line for _, line in section.mapping("lines")]
    check_owners(sections, [line.settings for line in lines], [line.name for line in lines])


# -- supplies -------------------------------------------------------------------------------------


def _limits(section: Section, ceilings: Mapping[str, Bounds]) -> SupplyLimits:
    """What both supplies may be told is what the parameters can become; their protections lie above."""
    volts, amps = ceilings["tec_voltage_setpoint"].ceiling, ceilings["max_current_per_channel"].ceiling
    over = section.section("protection", optional=True)
    return SupplyLimits(
        volts=volts,
        amps=amps,
        over_voltage=over.number("over_voltage", low=volts + 0.1, high=60, unit="V", default=volts + 1.0),
        over_current=over.number("over_current", low=amps + 0.1, high=16, unit="A", default=amps + 0.4),
    )


def _supplies(
    section: Section, lines: Sequence[LineConfig], limits: SupplyLimits
) -> tuple[SupplyConfig, SupplyConfig]:
    first, second = (_supply(name, section.section(name), lines, limits) for name in NAMES)
    if (first.line, first.unit) == (second.line, second.unit):
        section.error(NAMES[1], f"unit {second.unit} of line {second.line} is {NAMES[0]} already")
    if first.line != second.line:  # nobody minds how often a silent one is asked
        return _alone(first), _alone(second)
    return first, second


def _alone(supply: SupplyConfig) -> SupplyConfig:
    return replace(supply, manners=replace(supply.manners, probe_max_s=ALONE.probe_max_s))


def _supply(name: str, section: Section, lines: Sequence[LineConfig], limits: SupplyLimits) -> SupplyConfig:
    line = section.text("line")
    known = {one.name: one.manners for one in lines}
    if line not in known:
        section.error("line", f"{line!r} is not one of the lines: {', '.join(known)}")
    return SupplyConfig(
        name=name,
        line=line,
        unit=section.integer("unit", low=1, high=247, default=1),
        poll_period_s=section.number("poll_period", low=0.02, high=2, unit="s", default=0.5),
        limits=limits,
        manners=known.get(line, STOCK),
    )


# -- parameters -----------------------------------------------------------------------------------


def _ceilings(section: Section, period_s: float) -> dict[str, Bounds]:
    """The bounds of each parameter, with the ceilings that the file sets."""
    return {
        name: replace(
            known,
            low=max(known.low, FEWEST * 1000.0 * period_s) if name in WINDOWS else known.low,
            ceiling=section.number(
                name, low=known.low, high=known.highest, unit=known.unit, default=known.ceiling
            ),
        )
        for name, known in bounds().items()
    }


def _parameters(section: Section, ceilings: Mapping[str, Bounds]) -> Parameters:
    """Start values: those of the design document where the file says nothing."""
    default = Parameters()
    values = {
        name: section.number(
            name, low=known.low, high=known.ceiling, unit=known.unit,
            default=min(getattr(default, name), known.ceiling),
        )
        for name, known in ceilings.items()
    }  # fmt: skip
    if problem := contradiction(values):
        section.error("", problem)
    symmetric = section.flag("symmetric_shutdown", default=default.symmetric_shutdown)
    assert {item.name for item in fields(Parameters)} == {*values, "symmetric_shutdown"}
    return Parameters(**values, symmetric_shutdown=symmetric)
