"""The typed shape of db/flow.yaml: lines, the instruments on them, and what shutdown means here.

Knows the keys, their ranges and defaults; opens nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from devsup.health import Manners
from devsup.line import LineSettings
from devsup.propar import Framing
from iocs.common.config import Section
from iocs.flow.logic import Band

FRAMINGS: Mapping[str, Framing] = {"binary": Framing.BINARY, "ascii": Framing.ASCII}
BAUDRATES = (9600, 19200, 38400, 57600, 115200, 230400, 460800)


class OnLoss(Enum):
    """What to do with the flows when nobody can watch them any more."""

    HOLD = "hold"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class Simulated:
    """The instrument that stands in for a node in simulation. Capacity in `unit`, `tau_s` its response."""

    capacity: float
    unit: str
    fluids: tuple[str, ...]
    tau_s: float


@dataclass(frozen=True, slots=True)
class InstrumentConfig:
    """One node of a line."""

    name: str
    node: int
    description: str
    poll_period_s: float
    manners: Manners
    band: Band
    max_flow: float | None
    unit: str
    simulated: Simulated


@dataclass(frozen=True, slots=True)
class LineConfig:
    """One serial line and who is on it."""

    name: str
    settings: LineSettings
    manners: Manners
    framing: Framing
    instruments: tuple[InstrumentConfig, ...]


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """The whole installation."""

    lines: tuple[LineConfig, ...]
    on_shutdown: OnLoss
    on_client_loss: OnLoss
    client_loss_s: float


def read(section: Section) -> FlowConfig:
    """The installation that a file describes. Mistakes are collected by the section's document."""
    config = FlowConfig(
        on_shutdown=section.choice("on_shutdown", OnLoss, default=OnLoss.HOLD),
        on_client_loss=section.choice("on_client_loss", OnLoss, default=OnLoss.HOLD),
        client_loss_s=section.number("client_loss_after", low=1, high=86400, unit="s", default=60.0),
        lines=tuple(_line(name, line) for name, line in section.mapping("lines", at_least=1)),
    )
    _check_unique(section, config)
    return config


def _line(name: str, section: Section) -> LineConfig:
    manners = _manners(section, Manners())
    poll_s = section.number("poll_period", low=0.02, high=60, unit="s", default=0.2)
    return LineConfig(
        name=name,
        settings=_settings(section),
        manners=manners,
        framing=FRAMINGS[section.choice("framing", tuple(FRAMINGS), default="binary")],
        instruments=tuple(
            _instrument(who, node, manners, poll_s)
            for who, node in section.mapping("instruments", at_least=1)
        ),
    )


def _settings(section: Section) -> LineSettings:
    baudrate = section.integer("baudrate", low=9600, high=460800, unit="Bd", default=38400)
    if baudrate not in BAUDRATES:
        section.error("baudrate", f"{baudrate} is not one of {', '.join(map(str, BAUDRATES))}")
    return LineSettings(
        url=section.text("url", pattern=r"\S+"),
        baudrate=baudrate,
        parity=section.choice("parity", {"none": "N", "even": "E", "odd": "O"}, default="N"),
        stopbits=section.integer("stopbits", low=1, high=2, default=1),
        rtscts=section.flag("rtscts", default=False),
        rs485=section.flag("rs485", default=False),
        rts_on_send=section.flag("rts_on_send", default=True),
        rts_before_s=section.number("rts_before", low=0, high=0.1, unit="s", default=0.0),
        rts_after_s=section.number("rts_after", low=0, high=0.1, unit="s", default=0.0),
    )


def _manners(section: Section, base: Manners) -> Manners:
    return Manners(
        response_timeout_s=section.number(
            "response_timeout", low=0.05, high=30, unit="s", default=base.response_timeout_s
        ),
        command_timeout_s=section.number(
            "command_timeout", low=0.05, high=30, unit="s", default=base.command_timeout_s
        ),
    )


def _instrument(name: str, section: Section, base: Manners, poll_s: float) -> InstrumentConfig:
    return InstrumentConfig(
        name=name,
        node=section.integer("node", low=1, high=127),
        description=section.text("description", pattern=r".{0,24}", default=""),
        poll_period_s=section.number("poll_period", low=0.02, high=60, unit="s", default=poll_s),
        manners=_manners(section, base),
        band=Band(
            tolerance=section.number("tolerance", low=0.1, high=100, unit="%", default=2.0) / 100.0,
            settle_s=section.number("settle", low=0, high=3600, unit="s", default=5.0),
        ),
        max_flow=section.number("max_flow", low=0, unit="in the instrument's unit", default=None),
        unit=section.text("unit", pattern=r".{0,7}", default=""),
        simulated=_simulated(name, section.section("simulated", optional=True)),
    )


def _simulated(name: str, section: Section) -> Simulated:
    fluids = tuple(section.texts("fluids", pattern=r"[ -~]{1,10}")) if section.has("fluids") else (name[:10],)
    if len(fluids) > 8:
        section.error("fluids", f"{len(fluids)} fluids, an instrument holds 8")
    return Simulated(
        capacity=section.number("capacity", low=1e-3, high=1e6, default=10.0),
        unit=section.text("unit", pattern=r"[ -~]{1,7}", default="ln/min"),
        fluids=fluids,
        tau_s=section.number("response", low=0.01, high=60, unit="s", default=0.5),
    )


def _check_unique(section: Section, config: FlowConfig) -> None:
    """One owner per line, one instrument per node, one name per instrument."""
    urls: dict[str, str] = {}
    names: dict[str, str] = {"PORT": "the lines", "IOC": "the status", "EStop": "the emergency stop"}
    for (_, line), read_line in zip(section.mapping("lines"), config.lines, strict=True):
        other = urls.setdefault(read_line.settings.url, read_line.name)
        if other != read_line.name and line.has("url"):
            line.error("url", f"{read_line.settings.url} is already line {other}: a line has one owner")
        nodes: dict[int, str] = {}
        for (_, node), instrument in zip(line.mapping("instruments"), read_line.instruments, strict=True):
            other = nodes.setdefault(instrument.node, instrument.name)
            if other != instrument.name and node.has("node"):
                node.error("node", f"{instrument.node} is already {other} on this line")
            other = names.setdefault(instrument.name, f"an instrument of line {read_line.name}")
            if other != f"an instrument of line {read_line.name}":
                node.error("node", f"the name {instrument.name} is taken by {other}")
