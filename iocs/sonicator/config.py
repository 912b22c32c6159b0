"""The typed shape of db/sonicator.yaml: the line, the board, its sonicators, limits of use, interlocks.

Knows the keys, their ranges and defaults; opens nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from devsup.health import Manners
from devsup.line import LineSettings
from devsup.sonicator_board import PATIENT
from devsup.sonicator_map import MAPS, SONICATORS, RegisterMap
from iocs.common.config import Section
from iocs.common.interlock import Quantity, Row, read_rows
from iocs.common.lineconfig import read_manners, read_settings
from iocs.sonicator.logic import Limits, Timing, Tuning

USUAL_LINE = LineSettings("", baudrate=115200)
QUANTITIES: Mapping[str, Quantity] = MappingProxyType({
    "total_power": Quantity("Power of all enabled sonicators", "W", 0),
    "running": Quantity("Sonicators that run", "", 0),
})  # fmt: skip
TAKEN = {"PORT": "the line", "IOC": "the status", "EStop": "the emergency stop", "Interlock": "interlocks"}


class OnShutdown(Enum):
    """What becomes of running sonicators when the IOC ends."""

    SAFE = "safe"
    HOLD = "hold"


class Trip(Enum):
    """What a tripped interlock does."""

    STOP = "stop all"
    EMERGENCY_STOP = "emergency stop"
    ALARM = "alarm only"


@dataclass(frozen=True, slots=True)
class SimulatedBoard:
    """The board that stands in: `latency_s` until it answers; whether it goes `deaf` after 1 s of silence."""

    latency_s: float
    deaf: bool


@dataclass(frozen=True, slots=True)
class SimulatedSonicator:
    """The generator behind a simulated board. `wired`: is there one at all?"""

    wired: bool
    rated_w: float


@dataclass(frozen=True, slots=True)
class SonicatorConfig:
    """One sonicator of the board."""

    name: str
    number: int
    description: str
    enabled: bool
    amplitude: float
    tuning: Tuning
    limits: Limits
    simulated: SimulatedSonicator


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """The board, and how it is talked to."""

    unit: int
    map: RegisterMap
    keep_alive_hz: float
    poll_period_s: float
    shared_amplitude: bool
    simulated: SimulatedBoard


@dataclass(frozen=True, slots=True)
class PlantConfig:
    """The whole installation."""

    settings: LineSettings
    manners: Manners
    board: BoardConfig
    sonicators: tuple[SonicatorConfig, ...]
    interlocks: tuple[Row, ...]
    on_shutdown: OnShutdown


def read(section: Section) -> PlantConfig:
    """The installation that a file describes. Mistakes are collected by the section's document."""
    line = section.section("line")
    board = _board(section.section("board", optional=True))
    timing = _timing(section.section("timing", optional=True))
    given = section.mapping("sonicators", at_least=1)
    config = PlantConfig(
        settings=read_settings(line, USUAL_LINE),
        manners=read_manners(line, PATIENT),
        board=board,
        sonicators=tuple(_sonicator(name, one, timing, board) for name, one in given),
        interlocks=read_rows(section, "interlocks", Trip, QUANTITIES),
        on_shutdown=section.choice("on_shutdown", OnShutdown, default=OnShutdown.SAFE),
    )
    _check_unique(given, config)
    return config


def _board(section: Section) -> BoardConfig:
    simulated = section.section("simulated", optional=True)
    return BoardConfig(
        unit=section.integer("unit", low=1, high=247, default=2),
        map=MAPS[section.choice("map", tuple(MAPS), default="documented")],
        keep_alive_hz=section.number("keep_alive", low=5, high=10, unit="Hz", default=10.0),
        poll_period_s=section.number("poll_period", low=0.01, high=1, unit="s", default=0.02),
        shared_amplitude=section.flag("shared_amplitude", default=True),
        simulated=SimulatedBoard(
            latency_s=simulated.number("latency", low=0, high=0.1, unit="s", default=0.001),
            deaf=simulated.flag("deaf", default=False),
        ),
    )


def _timing(section: Section) -> Timing:
    """The design document's times, and how long readings may contradict orders."""
    usual = Timing()

    def seconds(key: str, default: float, low: float, high: float) -> float:
        return section.number(key, low=low, high=high, unit="s", default=default)

    return Timing(
        start_delay_s=seconds("start_delay", usual.start_delay_s, 0, 10),
        stop_delay_s=seconds("stop_delay", usual.stop_delay_s, 0, 10),
        reset_pulse_s=seconds("reset_pulse", usual.reset_pulse_s, 0, 1),
        debounce_s=seconds("debounce", usual.debounce_s, 0, 1),
        watchdog_s=seconds("watchdog", usual.watchdog_s, 0.2, 10),
        comm_timeout_s=seconds("comm_timeout", usual.comm_timeout_s, 0.5, 60),
        samples=section.integer("debounce_samples", low=1, high=100, default=usual.samples),
        verify_s=seconds("verify", usual.verify_s, 0.1, 60),
        agree_s=seconds("agree", usual.agree_s, 0.1, 60),
        reset_s=seconds("reset", usual.reset_s, 0.1, 60),
    )


def _sonicator(name: str, section: Section, timing: Timing, board: BoardConfig) -> SonicatorConfig:
    simulated = section.section("simulated", optional=True)
    number = section.integer("number", low=SONICATORS[0], high=SONICATORS[-1])
    return SonicatorConfig(
        name=name,
        number=number,
        description=section.text("description", pattern=r".{0,20}", default=""),
        enabled=section.flag("enabled", default=True),
        amplitude=section.number("amplitude", low=20, high=100, unit="%", default=20.0),
        tuning=_tuning(section, timing, board),
        limits=_limits(section),
        simulated=SimulatedSonicator(
            wired=simulated.flag("wired", default=True),
            rated_w=simulated.number("rated_power", low=1, high=2000, unit="W", default=600.0),
        ),
    )


def _tuning(section: Section, timing: Timing, board: BoardConfig) -> Tuning:
    low = section.number("frequency_low", low=1000, high=100_000, unit="Hz", default=18000.0)
    high = section.number("frequency_high", low=1000, high=100_000, unit="Hz", default=22000.0)
    if low >= high:
        section.error("frequency_high", f"{high:g} is not above frequency_low {low:g}")
    return Tuning(
        timing=timing,
        lock_first=section.flag("lock_first", default=True),
        min_power_w=section.number("min_power", low=0, high=2000, unit="W", default=5.0),
        off_power_w=section.number("off_power", low=0, high=2000, unit="W", default=10.0),
        frequency_low_hz=low,
        frequency_high_hz=high,
        shared_amplitude=board.shared_amplitude,
    )


def _limits(section: Section) -> Limits:
    return Limits(
        max_run_s=section.number("max_run_time", low=0, high=86400, unit="s", default=0.0),
        duty=section.number("duty", low=0, high=100, unit="%", default=0.0) / 100.0,
        window_s=section.number("duty_window", low=10, high=86400, unit="s", default=3600.0),
    )


def _check_unique(given: list[tuple[str, Section]], config: PlantConfig) -> None:
    """One sonicator per number; no name that something else has."""
    numbers: dict[int, str] = {}
    for (name, section), one in zip(given, config.sonicators, strict=True):
        if name in TAKEN:
            section.error("number", f"the name {name} is taken by {TAKEN[name]}")
        other = numbers.setdefault(one.number, name)
        if other != name and section.has("number"):
            section.error("number", f"{one.number} is already {other}")
