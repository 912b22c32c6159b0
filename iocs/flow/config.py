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
from iocs.common.lineconfig import check_owners, read_manners, read_settings
from iocs.flow.logic import Band

FRAMINGS: Mapping[str, Framing] = {"binary": Framing.BINARY, "ascii": Framing.ASCII}


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
    manners = read_manners(section, Manners())
    poll_s = section.number("poll_period", low=0.02, high=60, unit="s", default=0.2)
    return LineConfig(
        name=name,
        settings=read_settings(section),
        manners=manners,
        framing=FRAMINGS[section.choice("framing", tuple(FRAMINGS), default="binary")],
        instruments=tuple(
            _instrument(who, node, manners, poll_s)
            for who, node in section.mapping("instruments", at_least=1)
        ),
    )


def _instrument(name: str, section: Section, base: Manners, poll_s: float) -> InstrumentConfig:
    return InstrumentConfig(
        name=name,
        node=section.integer("node", low=1, high=127),
        description=section.text("description", pattern=r".{0,24}", default=""),
        poll_period_s=section.number("poll_period", low=0.02, high=60, unit="s", default=poll_s),
        manners=read_manners(section, base),
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
    lines = [line for _, line in section.mapping("lines")]
    check_owners(lines, [line.settings for line in config.lines], [line.name for line in config.lines])
    names: dict[str, str] = {"PORT": "the lines", "IOC": "the status", "EStop": "the emergency stop"}
    for line, read_line in zip(lines, config.lines, strict=True):
        nodes: dict[int, str] = {}
        for (_, node), instrument in zip(line.mapping("instruments"), read_line.instruments, strict=True):
            other = nodes.setdefault(instrument.node, instrument.name)
            if other != instrument.name and node.has("node"):
                node.error("node", f"{instrument.node} is already {other} on this line")
            other = names.setdefault(instrument.name, f"an instrument of line {read_line.name}")
            if other != f"an instrument of line {read_line.name}":
                node.error("node", f"the name {instrument.name} is taken by {other}")
