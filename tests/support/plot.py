"""Line plots as SVG, written directly: panels above each other with a common x axis, for the READMEs.

    svg("A day", "hours", [Panel("degC", [Line("air", x, air)], {"alarm": 30.0})], {6.0: "light on"})

Knows numbers and text; knows no subsystem.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT, GAP = 860, 170, 14  # of the plot and of a panel, pixels
LEFT, RIGHT, TOP, BOTTOM = 64, 130, 46, 42
COLOURS = ("#1b6ca8", "#c8442d", "#2f8f5b", "#8a5fb0", "#b07d1a", "#555555")
MOST_POINTS = 600  # of one line: more cannot be seen


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; NaN leaves a gap. `steps`: the value holds until the next point."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    steps: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves with a common unit, and horizontal limits by name."""

    unit: str
    lines: Sequence[Line]
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels, in a straight line."""

    low: float
    high: float
    at_low: float
    at_high: float

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(self.at_low + part * (self.at_high - self.at_low), 1)


def svg(title: str, x_label: str, panels: Sequence[Panel], marks: Mapping[float, str] | None = None) -> str:
    """The whole picture. `marks`: vertical lines at x, with a word each."""
    bottom = TOP + len(panels) * (HEIGHT + GAP) - GAP
    xs = [x for panel in panels for line in panel.lines for x in (line.x[0], line.x[-1])]
    across = Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + BOTTOM}" '
        'font-family="sans-serif" font-size="12" fill="#333333">',
        f'<rect width="{WIDTH}" height="{bottom + BOTTOM}" fill="#ffffff"/>',
        text(LEFT, 20, title, size=15),
    ]
    for number, panel in enumerate(panels):
        parts += draw(panel, across, TOP + number * (HEIGHT + GAP))
    for x, word in (marks or {}).items():
        parts += mark(across(x), bottom, word)
    for x in (x for x in ticks(across.low, across.high) if across.low <= x <= across.high):
        parts.append(text(across(x), bottom + 16, f"{x:g}", anchor="middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 34, x_label, anchor="middle"))
    return "\n".join([*parts, "</svg>", ""])


def draw(panel: Panel, across: Scale, top: float) -> list[str]:
    """One panel: frame, grid, limits, curves and their names."""
    values = [y for line in panel.lines for y in line.y if not math.isnan(y)] + list(panel.limits.values())
    grid = ticks(min(values), max(values))
    up = Scale(grid[0], grid[-1], top + HEIGHT, top)
    parts = [rule(LEFT, up(y), WIDTH - RIGHT, up(y), "#dddddd") for y in grid]
    parts += [text(LEFT - 6, up(y) + 4, f"{y:g}", anchor="end") for y in grid]
    parts.append(text(14, top + HEIGHT / 2, panel.unit, anchor="middle", turned=True))
    for name, y in panel.limits.items():
        parts.append(rule(LEFT, up(y), WIDTH - RIGHT, up(y), "#999999", dashes=True))
        parts.append(text(LEFT + 6, up(y) - 4, name, colour="#777777"))
    for place, (line, colour) in enumerate(zip(panel.lines, COLOURS, strict=False)):
        parts.append(curve(line, across, up, colour))
        parts.append(text(WIDTH - RIGHT + 8, top + 14 + 16 * place, line.label, colour=colour))
    return parts


def curve(line: Line, across: Scale, up: Scale, colour: str) -> str:
    """A path, thinned to what can be seen."""
    stride = max(1, len(line.x) // MOST_POINTS)
    words, pen_down = [], False
    for x, y in zip(line.x[::stride], line.y[::stride], strict=True):
        if math.isnan(y):
            pen_down = False
            continue
        if pen_down and line.steps:
            words.append(f"H{across(x)}V{up(y)}")
        else:
            words.append(f"{'L' if pen_down else 'M'}{across(x)} {up(y)}")
        pen_down = True
    return f'<path d="{"".join(words)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def mark(x: float, bottom: float, word: str) -> list[str]:
    return [rule(x, TOP, x, bottom, "#bbbbbb", dashes=True), text(x + 3, TOP - 6, word, colour="#777777")]


def rule(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashes: bool = False) -> str:
    dashed = ' stroke-dasharray="4 3"' if dashes else ""
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{colour}"{dashed}/>'


def text(
    x: float, y: float, words: str, *, anchor: str = "start", colour: str = "", size: int = 0,
    turned: bool = False,
) -> str:  # fmt: skip
    """Words at a place, escaped."""
    extra = (f' fill="{colour}"' if colour else "") + (f' font-size="{size}"' if size else "")
    extra += f' transform="rotate(-90 {x} {y})"' if turned else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`."""
    spread = (high - low) or 1.0
    magnitude = 10.0 ** math.floor(math.log10(spread / most))
    step = next(m * magnitude for m in (1, 2, 5, 10, 20) if spread / (m * magnitude) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 9) for n in range(first, max(last, first + 1) + 1)]
