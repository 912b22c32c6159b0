"""A day of the simulated chamber as a picture for the README: python -m tests.environment.plot_day writes it.

The chamber's physics, its sensors with lag and noise, and the IOC's own decisions, five seconds apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devsup.sim.chamber import Chamber, Relays
from devsup.sim.chamber_sensors import Felt, Senses
from iocs.environment.logic import LightMode, LightSettings, Relay, Settings
from tests.environment.chambers import FAN, HEATER, LIGHT, MIST, Trial

FILE = Path(__file__).parents[2] / "iocs" / "environment" / "day.svg"
EVERY_S, SHOWN_S, DAY_S, HOUR_S = 5.0, 120.0, 86_400.0, 3600.0
WIDTH, LEFT, RIGHT, TOP = 960, 78, 20, 62
PANEL, GAP, LANE = 100, 30, 24
INK, PALE, GRID, PAPER = "#2b3036", "#8a929b", "#e4e7ea", "#ffffff"
FONT = "font-family='Liberation Sans, Arial, sans-serif'"


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity: its range, the lines that limit it, its colour."""

    title: str
    unit: str
    low: float
    high: float
    limits: tuple[float, ...]
    colour: str


@dataclass(slots=True)
class Day:
    """What was felt every two minutes, and when each relay was on (hours)."""

    felt: list[Felt] = field(default_factory=list)
    runs: dict[Relay, list[list[float]]] = field(default_factory=lambda: {relay: [] for relay in Relay})


PANELS = (
    Panel("Temperature", "°C", 16.0, 26.0, (18.0, 24.0), "#b4502f"),
    Panel("Humidity", "%RH", 60.0, 100.0, (85.0, 95.0), "#2f6db4"),
    Panel("CO₂", "ppm", 400.0, 1100.0, (1000.0,), "#5b7a2a"),
)
LANES = {FAN: "#5b7a2a", MIST: "#2f6db4", LIGHT: "#c79a1e", HEATER: "#b4502f"}


def live() -> Day:
    """Midnight to midnight, after six hours of settling."""
    light = LightSettings(mode=LightMode.CYCLE)
    trial = Trial(Settings(light=light), now=-6 * HOUR_S, wall_offset=-6 * HOUR_S)  # anchored at 06:00
    chamber = Chamber(18 * HOUR_S)
    senses, day = Senses(chamber.air), Day()
    while trial.now < DAY_S:
        on = trial.on()
        relays = Relays(FAN in on, MIST in on, LIGHT in on, HEATER in on)
        felt = senses.step(EVERY_S, chamber.step(EVERY_S, relays), relays)
        trial.now += EVERY_S
        trial.read(t=felt.celsius, rh=felt.humidity, ppm=felt.ppm, lux=felt.lux).decide()
        if trial.now >= 0.0:
            note(day, trial, felt)
    return day


def note(day: Day, trial: Trial, felt: Felt) -> None:
    """Write down what is to be shown."""
    if trial.now % SHOWN_S == 0.0:
        day.felt.append(felt)
    hour = trial.now / HOUR_S
    for relay in trial.on():
        runs = day.runs[relay]
        if runs and hour - runs[-1][1] <= 1.5 * EVERY_S / HOUR_S:
            runs[-1][1] = hour
        else:
            runs.append([hour, hour])


def render(day: Day) -> str:
    """The picture."""
    height = TOP + 3 * (PANEL + GAP) + 4 * LANE + 46
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' {FONT}>",
        f"<rect width='{WIDTH}' height='{height}' fill='{PAPER}'/>",
        text(LEFT, 26, "A day of the simulated chamber", size=16, weight="bold"),
    ]
    columns = [[f.celsius for f in day.felt], [f.humidity for f in day.felt], [f.ppm for f in day.felt]]
    for number, (panel, values) in enumerate(zip(PANELS, columns, strict=True)):
        parts += draw_panel(panel, values, TOP + number * (PANEL + GAP))
    lanes_top = TOP + 3 * (PANEL + GAP) + 4
    for number, (relay, colour) in enumerate(LANES.items()):
        parts += draw_lane(relay.value, day.runs[relay], colour, lanes_top + number * LANE)
    parts += hours(lanes_top + 4 * LANE)
    return "\n".join([*parts, "</svg>", ""])


def draw_panel(panel: Panel, values: Sequence[float], top: int) -> Iterator[str]:
    """Frame, limits and curve of one quantity."""

    def y(value: float) -> float:
        share = (value - panel.low) / (panel.high - panel.low)
        return top + PANEL * (1.0 - min(1.0, max(0.0, share)))

    inner = WIDTH - LEFT - RIGHT
    yield f"<rect x='{LEFT}' y='{top}' width='{inner}' height='{PANEL}' fill='none' stroke='{GRID}'/>"
    for hour in range(2, 24, 2):
        yield f"<path d='M{x(hour):.1f} {top}v{PANEL}' stroke='{GRID}'/>"
    for limit in panel.limits:
        yield f"<path d='M{LEFT} {y(limit):.1f}h{inner}' stroke='{PALE}' stroke-dasharray='4 4'/>"
        yield text(LEFT - 8, y(limit) + 4, f"{limit:g}", anchor="end", size=11, colour=PALE)
    points = " ".join(f"{x(n * SHOWN_S / HOUR_S):.1f},{y(v):.1f}" for n, v in enumerate(values))
    yield f"<polyline points='{points}' fill='none' stroke='{panel.colour}' stroke-width='1.4'/>"
    yield text(LEFT, top - 6, f"{panel.title}, {panel.unit}", size=12, colour=panel.colour)


def draw_lane(name: str, runs: Sequence[Sequence[float]], colour: str, top: int) -> Iterator[str]:
    """When a relay was on, and for which share of the day."""
    share = 100.0 * sum(end - begin for begin, end in runs) / 24.0
    yield f"<g><title>{name}: on for {share:.1f} % of the day</title>"
    yield text(LEFT - 8, top + 14, name, anchor="end", size=12)
    yield f"<rect x='{LEFT}' y='{top + 3}' width='{WIDTH - LEFT - RIGHT}' height='15' fill='#f3f5f6'/>"
    for begin, end in runs:
        width = max(0.8, x(end) - x(begin))
        yield f"<rect x='{x(begin):.1f}' y='{top + 3}' width='{width:.1f}' height='15' fill='{colour}'/>"
    yield "</g>"


def hours(top: int) -> Iterator[str]:
    """The hours below everything."""
    for hour in range(0, 25, 2):
        yield text(x(hour), top + 16, f"{hour % 24:02d}:00", anchor="middle", size=11, colour=PALE)
    yield text(LEFT, top + 36, "dashed: limits and the condensation threshold", size=11, colour=PALE)


def x(hour: float) -> float:
    """Where an hour is."""
    return LEFT + (WIDTH - LEFT - RIGHT) * hour / 24.0


def text(
    left: float, base: float, words: str, *, anchor: str = "start", size: int = 12, colour: str = INK,
    weight: str = "normal",
) -> str:  # fmt: skip
    """Words at a place."""
    style = f"font-size='{size}' font-weight='{weight}' fill='{colour}' text-anchor='{anchor}'"
    return f"<text x='{left:.1f}' y='{base:.1f}' {style}>{words}</text>"


if __name__ == "__main__":
    FILE.write_text(render(live()), encoding="utf-8")
