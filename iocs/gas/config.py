"""The typed shape of db/gas.yaml: lines, controllers, limits, inputs of the chamber, interlocks.

`gas_control` keeps the keys of people's sput.yml, so that an existing section can be pasted in. Knows the
keys, their ranges and defaults; opens nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from devsup.alicat import UNIT_IDS
from devsup.health import Manners
from devsup.line import LineSettings
from iocs.common.config import Section
from iocs.common.interlock import Condition, Op, Origin, Quantity, Row, read_rows
from iocs.common.lineconfig import check_owners, read_manners, read_settings
from iocs.gas.logic.approval import Limits

ALICAT = LineSettings("", baudrate=19200)
OXYGEN: Mapping[str, float] = {"O2": 1.0, "Air": 0.21, "N2O": 0.36}
"""Share of oxygen in a gas, for what does not say it itself (N2O by mass of the molecule)."""
ZERO_ALL, BLOCK, ALARM, ESTOP = "zero all", "block increases", "alarm only", "emergency stop"


class OnShutdown(Enum):
    """What the flows do when the IOC stops."""

    SAFE = "safe"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Simulated:
    """The unit that stands in for a controller in simulation. `tau_s`: its response."""

    full_scale: float
    firmware: str
    tau_s: float
    totalizer: bool


@dataclass(frozen=True, slots=True)
class GasConfig:
    """One controller. Flows in sccm; `tolerance` in per cent of full scale."""

    name: str
    unit: str
    line: str
    max_flow: float
    gas_type: str
    enabled: bool
    description: str
    oxygen: float
    tolerance: float
    settle_s: float
    close_valve: bool
    simulated: Simulated


@dataclass(frozen=True, slots=True)
class LineConfig:
    """One serial line."""

    name: str
    settings: LineSettings
    manners: Manners


@dataclass(frozen=True, slots=True)
class Safety:
    """Ceilings of the chamber: clients may lower them, never raise them. sccm, per cent, Torr."""

    limits: Limits
    min_pressure: float
    vented_pressure: float


@dataclass(frozen=True, slots=True)
class InputConfig:
    """A PV of another IOC that the chamber is judged by; empty link: there is none."""

    link: str
    unit: str = ""
    good: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of the chamber from elsewhere, and the facility's own emergency stop."""

    pressure: InputConfig
    door: InputConfig
    water: InputConfig
    facility_stop: InputConfig


@dataclass(frozen=True, slots=True)
class ChamberConfig:
    """The whole installation."""

    gases: tuple[GasConfig, ...]
    lines: tuple[LineConfig, ...]
    read_interval_s: float
    auto_reconnect: bool
    safety: Safety
    inputs: Inputs
    actions: type[Enum]
    rows: tuple[Row, ...]
    on_shutdown: OnShutdown
    recipes: Path
    run_records: Path | None


QUANTITIES: Mapping[str, Quantity] = {
    "chamber_pressure": Quantity("Chamber pressure", "Torr", 5),
    "pressure_in_flow": Quantity("Chamber pressure while gas flows", "Torr", 5),
    "door": Quantity("Chamber door"),
    "water": Quantity("Cooling water"),
    "total_flow": Quantity("Measured total flow", "sccm", 2),
    "largest_flow": Quantity("Largest measured flow", "sccm", 2),
    "oxygen_share": Quantity("Oxygen share of measured flow", "%", 2),
    "deviation": Quantity("Largest settled deviation", "%", 2),
}


def read(section: Section) -> ChamberConfig:
    """The installation that a file describes. Mistakes are collected by the section's document."""
    control = section.section("gas_control")
    lines = _lines(control)
    gases = tuple(_gas(name, mfc, lines) for name, mfc in control.mapping("mfcs", at_least=1))
    _check_unique(control, gases)
    actions = _actions(gases)
    inputs = _inputs(section.section("inputs", optional=True))
    safety = control.section("safety", optional=True)
    rows = read_rows(section, "interlocks", actions, QUANTITIES)
    return ChamberConfig(
        gases=gases,
        lines=tuple(lines.values()),
        read_interval_s=control.number("read_interval", low=0.05, high=60, unit="s", default=1.0),
        auto_reconnect=control.flag("auto_reconnect", default=True),
        safety=_safety(safety),
        inputs=inputs,
        actions=actions,
        rows=(*_rows_of_safety(safety, actions, bool(inputs.pressure.link)), *rows),
        on_shutdown=section.choice("on_shutdown", OnShutdown, default=OnShutdown.SAFE),
        recipes=_folder(section, "recipes") or Path("db/recipes"),
        run_records=_folder(section, "run_records"),
    )


# -- lines and controllers --------------------------------------------------------------------------


def _lines(control: Section) -> dict[str, LineConfig]:
    """By their URL: those below `lines`, with settings of their own, and one for each other serial port."""
    interval_s = control.number("reconnect_interval", low=0.5, high=600, unit="s", default=5.0)
    usual = Manners(response_timeout_s=1.0, command_timeout_s=0.4, probe_max_s=interval_s)
    given = control.mapping("lines")
    lines = [LineConfig(name, read_settings(line, ALICAT), read_manners(line, usual)) for name, line in given]
    sections, names = [line for _, line in given], [line.name for line in lines]
    check_owners(sections, [line.settings for line in lines], names)
    found = {line.settings.url: line for line in lines}
    for _, mfc in control.mapping("mfcs"):
        url = mfc.text("serial_port", pattern=r"\S+")
        if url not in found:
            name = f"gas{len(found) + 1}"
            found[url] = LineConfig(name, replace(ALICAT, url=url), usual)
    return found


def _gas(name: str, section: Section, lines: Mapping[str, LineConfig]) -> GasConfig:
    gas_type = section.text("gas_type", pattern=r"\S{1,12}", default=name)
    return GasConfig(
        name=name,
        unit=section.text("unit_id", pattern=f"[{UNIT_IDS}]"),
        line=lines[section.text("serial_port", pattern=r"\S+")].name,
        max_flow=section.number("max_flow", low=1e-3, high=1e6, unit="sccm"),
        gas_type=gas_type,
        enabled=section.flag("enabled", default=True),
        description=section.text("description", pattern=r".{0,20}", default=""),
        oxygen=section.number("oxygen", low=0, high=1, default=OXYGEN.get(gas_type, 0.0)),
        tolerance=section.number("tolerance", low=0.1, high=100, unit="%", default=2.0),
        settle_s=section.number("settle", low=0, high=3600, unit="s", default=5.0),
        close_valve=section.flag("close_valve_on_stop", default=False),
        simulated=_simulated(section.section("simulated", optional=True), section),
    )


def _simulated(section: Section, mfc: Section) -> Simulated:
    return Simulated(
        full_scale=section.number(
            "full_scale", low=1e-3, high=1e6, unit="sccm", default=mfc.number("max_flow", default=100.0)
        ),
        firmware=section.text("firmware", pattern=r"\S+", default="10v20"),
        tau_s=section.number("response", low=0.01, high=60, unit="s", default=0.3),
        totalizer=section.flag("totalizer", default=True),
    )


def _check_unique(control: Section, gases: tuple[GasConfig, ...]) -> None:
    """One controller per unit id of a line; no name that other PVs need."""
    taken: dict[tuple[str, str], str] = {}
    reserved = ("PORT", "IOC", "EStop", "Recipe", "Interlock")
    for (_, mfc), gas in zip(control.mapping("mfcs"), gases, strict=True):
        other = taken.setdefault((gas.line, gas.unit), gas.name)
        if other != gas.name:
            mfc.error("unit_id", f"{gas.unit} is already {other} on this line")
        if gas.name in reserved:
            mfc.error("", f"the name {gas.name} is taken by other PVs")


# -- safety -----------------------------------------------------------------------------------------


def _safety(section: Section) -> Safety:
    usual = Limits()
    minimum = section.number("min_pressure_for_flow", low=1e-9, high=1000, unit="Torr", default=1e-3)
    return Safety(
        limits=Limits(
            individual=section.number(
                "max_individual_flow", low=0, high=1e6, unit="sccm", default=usual.individual
            ),
            total=section.number("max_total_flow", low=0, high=1e6, unit="sccm", default=usual.total),
            oxygen_percent=section.number(
                "max_oxygen_percentage", low=0, high=100, unit="%", default=usual.oxygen_percent
            ),
        ),
        min_pressure=minimum,
        vented_pressure=section.number("vented_pressure", low=minimum, high=1000, unit="Torr", default=1.0),
    )


def _actions(gases: tuple[GasConfig, ...]) -> type[Enum]:
    """What a trip can mean here."""
    names = {"ZERO_ALL": ZERO_ALL, "BLOCK": BLOCK, "ALARM": ALARM, "ESTOP": ESTOP}
    names |= {f"ZERO_{gas.name}": f"zero {gas.name}" for gas in gases}
    make: Any = Enum
    made: type[Enum] = make("Action", names)
    return made


def _rows_of_safety(section: Section, actions: type[Enum], has_pressure: bool) -> tuple[Row, ...]:
    """Interlocks that the keys of `safety` ask for. Nobody can bypass them; limits may be lowered."""
    flow = section.number("emergency_stop_flow", low=1, high=1e6, unit="sccm", default=1000.0)
    pressure = section.number("max_pressure_for_flow", low=1e-6, high=1000, unit="Torr", default=0.1)
    rows = [
        _row("EmergencyStopFlow", "total_flow", Condition(Op.AT_MOST, high=flow), actions["ESTOP"],
             "Far more gas than any recipe needs: close the bottles, find out which controller leaks."),
        _row("MaxPressureForFlow", "pressure_in_flow", Condition(Op.AT_MOST, high=pressure),
             actions["ZERO_ALL"], "Chamber pressure rose while gas flowed: look at pumps, valves and gauge."),
    ]  # fmt: skip
    return tuple(rows if has_pressure else rows[:1])


def _row(name: str, quantity: str, wanted: Condition, action: Enum, guidance: str) -> Row:
    known = QUANTITIES[quantity]
    return Row(
        name, Origin.QUANTITY, quantity, wanted, action, guidance, known.description, known.unit,
        known.precision, stale_s=10.0, bounds=(0.0, wanted.high), bypass_max_min=0.0,
    )  # fmt: skip


def _inputs(section: Section) -> Inputs:
    return Inputs(
        pressure=_input(section, "chamber_pressure", unit="Torr"),
        door=_input(section, "door", good="Closed"),
        water=_input(section, "water", good="OK"),
        facility_stop=_input(section, "facility_stop", good="Ready"),
    )


def _input(section: Section, key: str, unit: str = "", good: str = "") -> InputConfig:
    return InputConfig(section.text(key, pattern=r"\S*", default=""), unit, good)


def _folder(section: Section, key: str) -> Path | None:
    text = section.text(key, default="")
    return Path(text) if text else None
