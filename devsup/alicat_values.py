"""What an Alicat instrument's values mean, and which of them to believe.

Pure: knows readings and the range of an instrument, no bytes, no port, no clock.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from devsup.alicat import GASES, UNKNOWN, DataFrame, Firmware, Quantity, Source

# What may move between two polls before it is read twice: a second reading costs little, so not much.
FLOW_STEP, TEMPERATURE_STEP_K, PRESSURE_STEP = 0.05, 1.0, 0.05  # of the range; K; of the pressure
# Flow, volumetric flow, pressure and temperature of a gas are not independent: together they must fit as they
# did, to this part, where there is so much flow (parts of the range) that digits and noise do not matter.
FIT_STEP, FIT_FLOW = 0.02, 0.1
PRESSURE_DIGIT = 0.01  # the last one shown, which counts where the pressure is low
KELVIN = {"degC": (273.15, 1.0), "degF": (459.67, 5.0 / 9.0), "K": (0.0, 1.0)}  # to add; then to multiply by
# What may move between these two readings: a fast valve moves far in one exchange.
FLOW_GAP, TEMPERATURE_GAP_K, PRESSURE_GAP = 0.2, 5.0, 0.2
SETPOINT_GAP = 0.05  # of the range: a ramp, or an analog input
OVER_RANGE = 1.5  # no instrument shows more, in parts of its range
PRESSURE_FLOOR = 0.5  # in its unit: what counts as no change of a small pressure
TOTAL_MARGIN = 2.0  # times what can flow


@dataclass(frozen=True, slots=True)
class Reading:
    """One coherent poll, in the instrument's own units (Plate). `at` is monotonic, `stamp` UNIX seconds.

    None is a value this instrument does not have; NaN one that it has but does not tell.
    `codes` as the instrument shows them: MEANINGS in devsup.alicat.
    """

    flow: float
    volumetric: float
    pressure: float
    temperature: float
    setpoint: float | None
    total: float | None
    gas: str
    codes: tuple[str, ...]
    at: float
    stamp: float
    shape: tuple[int, ...] = ()  # of its frame


@dataclass(frozen=True, slots=True)
class Plate:
    """Who the instrument is and what changes seldom. Units as engineering units, empty where unknown.

    `full_scale` of mass flow; NaN if the instrument does not tell. `controls`: what its setpoint sets
    ("mass flow"; a "pressure" or "volumetric flow" is possible). `source` of the setpoint, if it tells.
    `shows`: the status codes it knows.
    """

    model: str = ""
    serial: str = ""
    firmware: Firmware = UNKNOWN
    dialect: str = ""
    full_scale: float = math.nan
    flow_unit: str = ""
    volumetric_unit: str = ""
    pressure_unit: str = ""
    temperature_unit: str = ""
    total_unit: str = ""
    has_setpoint: bool = False
    has_total: bool = False
    controls: str = ""
    source: Source = Source.UNKNOWN
    shows: tuple[str, ...] = ()
    gases: Mapping[int, str] = field(default_factory=lambda: GASES)


def reading_from(frame: DataFrame, at: float, stamp: float) -> Reading:
    """The reading in a data frame that came at `at`."""
    return Reading(
        flow=frame.value(Quantity.MASS),
        volumetric=frame.value(Quantity.VOLUMETRIC),
        pressure=frame.value(Quantity.PRESSURE),
        temperature=frame.value(Quantity.TEMPERATURE),
        setpoint=frame.values.get(Quantity.SETPOINT),
        total=frame.values.get(Quantity.TOTAL),
        gas=frame.gas,
        codes=frame.codes,
        at=at,
        stamp=stamp,
        shape=frame.shape,
    )


def doubt(new: Reading, last: Reading | None, plate: Plate) -> str:
    """Why a reading should be confirmed by a second one; empty when it is credible.

    Frames carry no checksum, so a flipped bit in a digit arrives as a value.
    """
    if not math.isfinite(new.flow):
        return "no flow in it"
    if plate.full_scale > 0 and _beyond(new, plate.full_scale):
        return f"flow {new.flow:g} or setpoint {new.setpoint} is beyond the range"
    if unknown := set(new.codes) - set(plate.shows):
        return f"status {' '.join(sorted(unknown))} is not one of its own"
    return "first reading" if last is None else _change(new, last, plate)


def confirms(second: Reading, first: Reading, plate: Plate) -> bool:
    """Does a second reading, taken at once, bear out a doubtful first?"""
    range_ = plate.full_scale
    return (
        math.isfinite(second.flow)
        and (second.gas, second.shape) == (first.gas, first.shape)
        and (second.codes == first.codes or set(second.codes) <= set(plate.shows))
        and _near(second.flow, first.flow, FLOW_GAP * range_)
        and _near(second.setpoint, first.setpoint, SETPOINT_GAP * range_)
        and _near(second.temperature, first.temperature, TEMPERATURE_GAP_K)
        and _near(second.pressure, first.pressure, _pressure_step(first, PRESSURE_GAP))
        and (second.total is None) == (first.total is None)
    )


def _beyond(new: Reading, full_scale: float) -> bool:
    limit = OVER_RANGE * full_scale
    return abs(new.flow) > limit or abs(new.setpoint or 0.0) > limit


def _change(new: Reading, last: Reading, plate: Plate) -> str:
    if new.shape != last.shape:
        return "columns are not as wide as before"
    if (new.gas, new.codes, new.setpoint) != (last.gas, last.codes, last.setpoint):
        return "gas, status or setpoint changed"
    if not _near(new.flow, last.flow, FLOW_STEP * plate.full_scale):
        return f"flow jumped from {last.flow:g} to {new.flow:g}"
    volumetric_step = FLOW_STEP * max(
        2 * plate.full_scale, abs(last.volumetric)
    )  # at low pressure it is large
    if not _near(new.volumetric, last.volumetric, volumetric_step):
        return f"volumetric flow jumped from {last.volumetric:g} to {new.volumetric:g}"
    if not _near(new.temperature, last.temperature, TEMPERATURE_STEP_K):
        return f"temperature jumped from {last.temperature:g} to {new.temperature:g}"
    if not _near(new.pressure, last.pressure, _pressure_step(last, PRESSURE_STEP)):
        return f"pressure jumped from {last.pressure:g} to {new.pressure:g}"
    if not _fits(new, last, plate):
        return "flows, pressure and temperature do not fit each other as before"
    return "" if _total_runs_on(new, last, plate) else f"total jumped from {last.total} to {new.total}"


def _fits(new: Reading, last: Reading, plate: Plate) -> bool:
    """Does the law of gases relate the columns as before? As good as a checksum, while gas flows."""
    one, two = _gas_ratio(new, plate), _gas_ratio(last, plate)
    if one is None or two is None:
        return True
    return abs(one - two) <= (FIT_STEP + PRESSURE_DIGIT / abs(last.pressure)) * abs(two)


def _gas_ratio(reading: Reading, plate: Plate) -> float | None:
    """Volumetric flow x pressure / temperature / mass flow: constant, whatever its units."""
    if plate.temperature_unit not in KELVIN or not abs(reading.flow) > FIT_FLOW * plate.full_scale:
        return None
    offset, scale = KELVIN[plate.temperature_unit]
    kelvin = (reading.temperature + offset) * scale
    ratio = reading.volumetric * reading.pressure / kelvin / reading.flow if kelvin > 0.0 else math.nan
    return ratio if math.isfinite(ratio) and ratio > 0.0 else None


def _near(one: float | None, two: float | None, limit: float) -> bool:
    """Within `limit`; a range that is not known limits nothing. Absent is near absent only."""
    known = [value for value in (one, two) if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return not known
    return math.isnan(limit) or abs(known[0] - known[1]) <= limit


def _pressure_step(reading: Reading, part: float) -> float:
    return max(PRESSURE_FLOOR, part * abs(reading.pressure)) if math.isfinite(reading.pressure) else 0.0


def _total_runs_on(new: Reading, last: Reading, plate: Plate) -> bool:
    """A total grows by what can have flowed, where its unit tells; it never shrinks by itself."""
    if new.total is None or last.total is None:
        return new.total is last.total
    if not 0.0 <= (grown := new.total - last.total):
        return False
    per_minute = plate.flow_unit == f"{plate.total_unit}m"  # sccm and scc, slpm and slp …
    if not per_minute or not plate.full_scale > 0:
        return True
    return grown <= 1.0 + TOTAL_MARGIN * plate.full_scale * (new.at - last.at) / 60.0
