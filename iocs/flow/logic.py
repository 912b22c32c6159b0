"""Decisions of the flow IOC: may this order go out, is this flow where it should be, does anybody watch.

Pure: every function gets the state, the facts and `now` (monotonic seconds) and returns the new state
or a reason in words. No I/O, no clock, no PV.
"""

import math
from dataclasses import dataclass

from devsup.bronkhorst_values import OBEYS_SETPOINT, STOPS_FLOW, Mode, Reading, mode_name
from devsup.health import Link

# -- may this order go out? -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one instrument when an order for it arrives.

    `mode` None: not known. `held`: why it has to stay at zero; empty when it has not.
    """

    name: str
    link: Link
    silent_s: float
    capacity: float
    unit: str
    mode: int | None
    held: str = ""


def refuse_order(facts: Facts) -> str:
    """Why no command can reach the instrument; empty when one may be tried."""
    if facts.link is Link.LOST:
        heard = f"silent for {facts.silent_s:.0f} s" if math.isfinite(facts.silent_s) else "never heard"
        return f"{facts.name} does not answer ({heard})"
    return ""


def refuse_setpoint(facts: Facts, value: float, drive_high: float) -> str:
    """Why this setpoint is not sent; empty when it is. Zero is refused to nobody who can hear it."""
    if value == 0.0:
        return refuse_order(facts)
    return facts.held or refuse_order(facts) or _unfit(facts, value, drive_high)


def _unfit(facts: Facts, value: float, drive_high: float) -> str:
    """Why the instrument could not follow this setpoint. One that it ignores now would surprise later."""
    if math.isnan(facts.capacity):
        return f"{facts.name}: its capacity is not known"
    limit = facts.capacity if math.isnan(drive_high) else min(facts.capacity, drive_high)
    if not 0.0 <= value <= limit:
        return f"{facts.name}: {value:g} is outside 0 to {limit:g} {facts.unit}".rstrip()
    if facts.mode is not None and facts.mode not in OBEYS_SETPOINT:
        return f"{facts.name}: control mode {mode_name(facts.mode)} ignores the setpoint: ControlMode first"
    return ""


SERVICE_MODES = frozenset({Mode.TEST, Mode.TUNE, Mode.CALIBRATE, Mode.VALVE_STEERING})


def refuse_mode(facts: Facts, mode: Mode | None) -> str:
    """Why this control mode is not sent; empty when it is."""
    if mode is None:
        return "this state only shows what the instrument reports"
    if mode in SERVICE_MODES:
        return f"{mode_name(mode)} is a service mode: set it at the instrument"
    if facts.held and mode not in STOPS_FLOW:
        return f"{facts.held}; only modes that stop the flow"
    return refuse_order(facts)


def at_rest(reading: Reading) -> bool:
    """Does nothing ask this instrument for flow?"""
    if reading.mode in STOPS_FLOW:
        return True
    return reading.setpoint == 0.0 and (reading.mode is None or reading.mode in OBEYS_SETPOINT)


# -- is the flow where it should be? --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Band:
    """How near (part of the range) and how soon (seconds) a flow has to follow its setpoint."""

    tolerance: float = 0.02
    settle_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Watch:
    """Since when the flow, and since when the setpoint readback, has been away from its target."""

    setpoint: float = math.nan
    flow_off_since: float | None = None
    readback_off_since: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the watch says now; empty reasons are good news."""

    deviation: float
    flow: str = ""
    readback: str = ""


def watch(
    state: Watch, reading: Reading, demand: float, capacity: float, band: Band, now: float
) -> tuple[Watch, Verdict]:
    """Judge one reading. A new setpoint starts the settling time anew; so does coming back into the band.

    While the capacity is unknown (NaN) nothing can be missed.
    """
    deviation = reading.flow - reading.setpoint
    before = state.flow_off_since if reading.setpoint == state.setpoint else None
    flow_off = _since(before, abs(deviation) > band.tolerance * capacity, now)
    other = capacity > 0 and abs(demand - reading.setpoint) > max(1e-3 * abs(demand), capacity / 16000.0)
    read_off = _since(state.readback_off_since, other, now)
    flow, readback = "", ""
    if flow_off is not None and now - flow_off >= band.settle_s:
        flow = f"flow is {deviation:+.3g} from its setpoint since {now - flow_off:.0f} s"
    if read_off is not None and now - read_off >= band.settle_s:
        readback = f"instrument holds setpoint {reading.setpoint:g}, not {demand:g}"
    return Watch(reading.setpoint, flow_off, read_off), Verdict(deviation, flow, readback)


def _since(before: float | None, off: bool, now: float) -> float | None:
    if not off:
        return None
    return now if before is None else before


# -- what the instrument's alarm bits say ---------------------------------------------------------

ALARM_BITS = (
    "Error",
    "Warning",
    "Minimum",
    "Maximum",
    "Batch",
    "PowerUp",
    "MasterSlave",
    "Hardware",
)


def alarm_flags(info: int) -> dict[str, bool]:
    """Alarm info (DDE 28) by name. Bit 5 alone says power-up, with bit 2 or 3 it is a response alarm."""
    flags = {name: bool(info >> bit & 1) for bit, name in enumerate(ALARM_BITS)}
    response = flags["PowerUp"] and (flags["Minimum"] or flags["Maximum"])
    return flags | {"PowerUp": flags["PowerUp"] and not response, "Response": response}


# -- is anybody watching? -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audience:
    """When a client was last connected; None until the first one, and after its loss was acted on."""

    seen: float | None = None


def audience(state: Audience, clients: int, patience_s: float, now: float) -> tuple[Audience, bool]:
    """Is it time to act on the loss of all clients? True once per loss; nobody yet is not a loss."""
    if clients > 0:
        return Audience(now), False
    if state.seen is not None and now - state.seen >= patience_s:
        return Audience(None), True
    return state, False
