"""The last samples of the run, and what they say: cooling rate, trend, runaway.

Pure; rows are plain numbers, a new sample makes a new History.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iocs.thermal.logic.facts import Trend
from iocs.thermal.logic.parameters import Parameters

LENGTH = 300
COLUMNS = (
    "time", "cold", "hot", "ambient", "set_current_1", "set_current_2", "current_1", "current_2",
    "power_1", "power_2",
)  # fmt: skip
TIME, COLD, HOT, AMBIENT = range(4)
LEAST = 8  # samples below which nothing is concluded
SIGMAS = 2.0  # a runaway must be steeper than the limit by so many standard errors
ALTERNATIONS = 4  # two full swings

Rows = NDArray[np.float64]
Row = tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """At most 300 rows of COLUMNS, oldest first, and the figures drawn from them when the last one came.

    Rates are K/min, negative for cooling; NaN when there are too few samples.
    """

    rows: Rows
    cold_rate: float = math.nan
    hot_rate: float = math.nan
    runaway: float = math.nan
    trend: Trend = Trend.ANOMALOUS

    @property
    def latest(self) -> float:
        """When the last row was taken; minus infinity if there is none."""
        return float(self.rows[-1, TIME]) if len(self.rows) else -math.inf

    def column(self, name: str) -> Rows:
        """One of COLUMNS, oldest first."""
        return self.rows[:, COLUMNS.index(name)]

    def mean(self, column: int, since: float) -> float:
        """Mean of what was good since a time; NaN if nothing was."""
        good = [x for x in _tail(self.rows, since)[:, column].tolist() if x == x]
        return sum(good) / len(good) if good else math.nan


EMPTY = History(np.empty((0, len(COLUMNS))))


def append(history: History, row: Row, p: Parameters) -> History:
    """One more sample, the oldest gone if there are too many; figures drawn anew."""
    rows = np.concatenate((history.rows[-(LENGTH - 1) :], np.array((row,))))
    now = row[TIME]
    recent = _tail(rows, now - p.cooling_rate_window_ms / 1000.0)
    quick = _tail(rows, now - p.hot_rate_window_ms / 1000.0)
    cold_rate = slope(recent[:, TIME], recent[:, COLD])
    return History(
        rows,
        cold_rate,
        hot_rate=slope(recent[:, TIME], recent[:, HOT]),
        runaway=certain_rise(quick[:, TIME].tolist(), quick[:, HOT].tolist()),
        trend=trend(rows[:, TIME], rows[:, COLD], cold_rate, p),
    )


def _tail(rows: Rows, since: float) -> Rows:
    """The rows after a time."""
    return rows[rows[:, TIME].searchsorted(since, side="right") :]


def slope(time: Rows, values: Rows) -> float:
    """Linear regression, per minute; NaN with fewer than 8 good samples."""
    t, y = _good(time, values)
    if t.size < LEAST:
        return math.nan
    t = t - t.sum() / t.size
    spread = float(t @ t)
    return 60.0 * float(t @ y) / spread if spread > 0.0 else math.nan


def _good(time: Rows, values: Rows) -> tuple[Rows, Rows]:
    missing = np.isnan(values)
    return (time[~missing], values[~missing]) if missing.any() else (time, values)


def certain_rise(time: Sequence[float], values: Sequence[float]) -> float:
    """What the values rise by for certain, per minute: the median slope of all pairs (Theil, Sen) less twice
    its error.

    A bad sample touches a minority of the pairs, noise widens the error: neither makes a rise.
    """
    points = [(t, y) for t, y in zip(time, values, strict=True) if y == y]
    if len(points) < LEAST:
        return math.nan
    rise = median([(y2 - y1) / (t2 - t1) for n, (t2, y2) in enumerate(points) for t1, y1 in points[:n]])
    rest = [y - rise * t for t, y in points]
    middle = median(rest)
    sigma = 1.4826 * median([abs(x - middle) for x in rest])  # of a normal distribution, by its quartiles
    mean = sum(t for t, _ in points) / len(points)
    error = 1.25 * sigma / math.sqrt(sum((t - mean) ** 2 for t, _ in points))
    return 60.0 * (rise - SIGMAS * error)


def median(values: list[float]) -> float:
    """Of at least one value."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2.0


def trend(time: Rows, cold: Rows, rate: float, p: Parameters) -> Trend:
    """What the cold plate does. Swings outrank the rate of the moment, which they turn over and over."""
    if math.isnan(rate):
        return Trend.ANOMALOUS
    if swings(time, cold, p.oscillation_c / 2.0) >= ALTERNATIONS:
        return Trend.OSCILLATING
    if rate < -p.cooling_stall_threshold_c:
        return Trend.COOLING
    if rate > p.cooling_stall_threshold_c:
        return Trend.WARMING
    return Trend.STABLE


def swings(time: Rows, values: Rows, amplitude: float) -> int:
    """How often the values go from one side of their straight line to the other, beyond `amplitude`."""
    t, y = _good(time, values)
    if t.size < 2 * LEAST:
        return 0
    t = t - t.sum() / t.size
    rest = y - y.sum() / y.size - t * (float(t @ y) / float(t @ t))
    sides = rest[np.abs(rest) > amplitude] > 0.0
    return int(np.count_nonzero(sides[1:] != sides[:-1]))
