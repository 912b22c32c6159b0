"""Every number the controller decides by: name, default, unit, range, meaning. Once for logic, YAML and PVs.

Names of the original `config.h` in lower case; where the design document gives a number no name, or is
silent, the name is ours. Pure; knows no PV and no file.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a parameter may be: `low` and `ceiling` for clients, `highest` for the file that sets ceilings."""

    unit: str
    low: float
    ceiling: float
    highest: float
    text: str
    precision: int = 1


def number(
    default: float, unit: str, low: float, ceiling: float, highest: float, text: str, precision: int = 1
) -> Any:
    """A field of Parameters."""
    return field(default=default, metadata={"bounds": Bounds(unit, low, ceiling, highest, text, precision)})


MINUTE, HOUR, DAY = 60_000.0, 3_600_000.0, 86_400_000.0


def ms(default: float, text: str, ceiling: float, low: float = 0) -> Any:
    """A time in milliseconds, as in `config.h`. No client can put one that makes a protection idle; the file
    may go up to ten times as far."""
    return number(default, "ms", low, ceiling, 10 * ceiling, text, precision=0)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The numbers of one moment. Design document, Configuration Reference."""

    # timing
    startup_hold_duration_ms: float = ms(60_000, "Soft-start duration", 10 * MINUTE)
    ramp_adjustment_interval_ms: float = ms(20_000, "Least time between current steps", 10 * MINUTE)
    current_evaluation_delay_ms: float = ms(60_000, "Wait before a change is judged", 10 * MINUTE)
    steady_state_recheck_interval_ms: float = ms(900_000, "Time between probes of the optimum", DAY)
    sensor_recovery_timeout_ms: float = ms(60_000, "Time a lost sensor has to come back", 10 * MINUTE)
    init_timeout_ms: float = ms(30_000, "Time the hardware has to come online", 10 * MINUTE)
    manual_override_grace_ms: float = ms(3_000, "Readings ignored after our own command", 30_000)
    emergency_shutdown_step_ms: float = ms(500, "Step of the soft ramp-down", 2_000, low=10)

    # temperatures
    hot_side_warning_c: float = number(55.0, "degC", 20, 60, 150, "Hot side: half steps from here")
    hot_side_warning_exit_c: float = number(50.0, "degC", 10, 60, 150, "Hot side: full steps below")
    hot_side_alarm_c: float = number(65.0, "degC", 20, 65, 150, "Hot side: no increase from here")
    hot_side_alarm_exit_c: float = number(60.0, "degC", 10, 65, 150, "Hot side: alarm zone left below")
    hot_side_fault_c: float = number(70.0, "degC", 20, 70, 150, "Hot side: outputs cut from here")
    hot_side_rate_fault_c_per_min: float = number(5.0, "K/min", 0.5, 10, 10_000, "Hot side: runaway above")
    cooling_stall_threshold_c: float = number(0.5, "K/min", 0, 5, 10_000, "Slower cooling is a stall", 2)
    overcurrent_warming_threshold_c: float = number(0.3, "K", 0, 5, 50, "Warmed by more: step taken back", 2)

    # currents
    tec_voltage_setpoint: float = number(16.0, "V", 1, 16, 50, "Fixed voltage of both supplies", 2)
    max_current_per_channel: float = number(10.6, "A", 0.5, 10.6, 15, "Highest current of a supply", 2)
    min_current_per_channel: float = number(0.5, "A", 0, 5, 15, "Lowest current of operation", 2)
    startup_current: float = number(2.0, "A", 0.1, 4, 15, "Current of the soft start", 2)
    degraded_mode_current: float = number(5.0, "A", 0.2, 5, 15, "Highest current with one supply", 2)
    ramp_current_step_a: float = number(0.5, "A", 0.02, 1, 5, "Step of the ramp", 2)
    emergency_ramp_down_rate_a_per_sec: float = number(2.0, "A/s", 0.5, 20, 1_000, "Rate of ramp-down")

    # manual override: named in the document's text
    manual_override_mismatch_count: float = number(
        3, "readings", 1, 20, 100, "Mismatches that mean a hand", 0
    )
    manual_override_current_a: float = number(0.15, "A", 0.02, 1, 5, "Larger mismatch is no noise", 2)
    manual_override_voltage_v: float = number(0.15, "V", 0.02, 1, 5, "Larger mismatch is no noise", 2)

    # imbalance: named in the document's text
    imbalance_current_a: float = number(1.0, "A", 0.05, 10, 15, "Currents further apart: imbalance", 2)
    imbalance_power_w: float = number(5.0, "W", 0.5, 200, 500, "Powers further apart: imbalance")
    imbalance_interval_ms: float = ms(60_000, "Least time between two reports", HOUR)

    # ours
    hot_reset_current_a: float = number(2.0, "A", 0.1, 5, 15, "Found running above: adopted", 2)
    hot_reset_steady_a: float = number(5.0, "A", 0.1, 10.6, 15, "Adopted from here: steady, not ramp", 2)
    quick_ramp_down_ms: float = ms(1_000, "Duration of the quick ramp-down", 10_000)
    probe_hot_side_c: float = number(50.0, "degC", 10, 60, 150, "Hot side: no probe upwards from here")
    probe_improvement_c: float = number(0.05, "K", 0, 5, 50, "A probe must bring more than this", 3)
    rate_degradation: float = number(0.5, "", 0, 1, 1, "Part of the cooling rate a step may cost", 2)
    sensor_stale_ms: float = ms(5_000, "Older readings count as lost", 30_000)
    supply_stale_ms: float = ms(5_000, "Older readings: supply disconnected", 30_000)
    cooling_rate_window_ms: float = ms(30_000, "Regression of the cooling rate", 2 * MINUTE)
    hot_rate_window_ms: float = ms(12_000, "Runaway is looked for in this time", MINUTE)
    hot_lookahead_ms: float = ms(180_000, "Hot side is extrapolated so far", HOUR)
    oscillation_c: float = number(0.3, "K", 0.01, 10, 50, "Swing that counts as oscillation", 2)
    cold_low_c: float = number(-60.0, "degC", -200, 0, 0, "Colder is no cold plate")
    cold_high_c: float = number(80.0, "degC", 0, 150, 200, "Hotter is no cold plate")
    hot_low_c: float = number(-20.0, "degC", -55, 0, 20, "Colder is no hot side")
    symmetric_shutdown: bool = False
    """Without one supply the other goes off as well, instead of on at `degraded_mode_current`."""


def bounds() -> dict[str, Bounds]:
    """Name to bounds, in the order of the table."""
    return {item.name: _bounds(item) for item in fields(Parameters) if item.metadata}


def _bounds(item: "Field[Any]") -> Bounds:
    found = item.metadata["bounds"]
    assert isinstance(found, Bounds)
    return found


ORDER = (
    ("hot_side_warning_exit_c", "hot_side_warning_c"),
    ("hot_side_warning_c", "hot_side_alarm_c"),
    ("hot_side_alarm_exit_c", "hot_side_alarm_c"),
    ("hot_side_alarm_c", "hot_side_fault_c"),
    ("probe_hot_side_c", "hot_side_alarm_c"),
    ("min_current_per_channel", "startup_current"),
    ("startup_current", "max_current_per_channel"),
    ("degraded_mode_current", "max_current_per_channel"),
)
"""Pairs of which the first must not exceed the second."""


def contradiction(values: Mapping[str, float]) -> str:
    """Why these values cannot go together; empty if they can."""
    for lower, upper in ORDER:
        if values[lower] > values[upper]:
            return f"{lower} {values[lower]:g} would be above {upper} {values[upper]:g}"
    return ""
