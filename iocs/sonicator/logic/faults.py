"""Faults of one sonicator, checked first and in one place, for all states. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from devsup.sonicator_values import Flag, Reading
from iocs.sonicator.logic.facts import Cause, Inputs, Machine, State, Tuning, Watch

TEXTS: Mapping[Cause, str] = MappingProxyType({
    Cause.OVERLOAD: "overload",
    Cause.FREQ_UNLOCK: "frequency lock lost",
    Cause.COMM: "no communication",
    Cause.HARDWARE: "the board reports a fault",
    Cause.WATCHDOG: "the supervision was late",
    Cause.EMERGENCY_STOP: "emergency stop",
    Cause.DISAGREES: "the board disagrees about running",
    Cause.NO_RESPONSE: "no power or wrong frequency after start",
    Cause.NOT_STOPPED: "power flows although stopped",
    Cause.OVER_TEMP: "over temperature",
})  # fmt: skip
EXPLAINED = Cause.OVERLOAD | Cause.COMM | Cause.OVER_TEMP | Cause.EMERGENCY_STOP | Cause.FREQ_UNLOCK


def cause_text(causes: Cause) -> str:
    """Causes in words; empty for none."""
    return ", ".join(text for cause, text in TEXTS.items() if cause in causes)


def observe(machine: Machine, inputs: Inputs, tuning: Tuning) -> Watch:
    """What the newest reading adds to what was seen. One that is known already adds nothing."""
    reading, watch = inputs.reading, machine.watch
    if reading is None or reading.at <= watch.heard_at:
        return watch
    at = reading.at
    locked = Flag.FREQ_LOCK in reading.flags
    driven = machine.state in (State.STARTING, State.RUNNING)
    return Watch(
        heard_at=at,
        overload=watch.overload.see(Flag.OVERLOAD in reading.flags, at),
        unlocked=watch.unlocked.see(driven and not locked, at),
        locked_once=driven and (watch.locked_once or locked),
        agreed_at=at if _agrees(machine.state, reading) else watch.agreed_at,
        responded_at=at if _responds(reading, tuning) else watch.responded_at,
        quiet_at=at if reading.power_w <= tuning.off_power_w else watch.quiet_at,
        ran_at=at if reading.running else watch.ran_at,
    )


def find(machine: Machine, watch: Watch, inputs: Inputs, tuning: Tuning, now: float) -> Cause:
    """Every cause that is active now. `machine` is as the step before has left it, `watch` has seen the
    newest reading."""
    return (
        _silence(machine, watch, tuning, now)
        | _signals(machine, watch, inputs, tuning)
        | _contradictions(machine, watch, tuning)
    )


def _silence(machine: Machine, watch: Watch, tuning: Tuning, now: float) -> Cause:
    """Nobody has looked for too long, or the board has not answered for too long."""
    causes = Cause.NONE
    if now - machine.stepped_at > tuning.timing.watchdog_s:
        causes |= Cause.WATCHDOG
    if now - watch.heard_at > tuning.timing.comm_timeout_s:
        causes |= Cause.COMM
    return causes


def _signals(machine: Machine, watch: Watch, inputs: Inputs, tuning: Tuning) -> Cause:
    """The emergency stop, and what the board's flags say."""
    causes = Cause.EMERGENCY_STOP if inputs.stop else Cause.NONE
    if inputs.reading is None:
        return causes
    flags = inputs.reading.flags
    if watch.overload.lasts(tuning.timing):
        causes |= Cause.OVERLOAD
    if _unlocked(machine, watch, tuning):
        causes |= Cause.FREQ_UNLOCK
    if Flag.COMM_FAULT in flags:
        causes |= Cause.COMM
    if Flag.OVER_TEMP in flags:
        causes |= Cause.OVER_TEMP
    if Flag.FAULT in flags and not (causes | machine.causes) & EXPLAINED:
        causes |= Cause.HARDWARE
    return causes


def _unlocked(machine: Machine, watch: Watch, tuning: Tuning) -> bool:
    """Driven and without lock; one that locks only when driven has time to find it."""
    if not watch.unlocked.lasts(tuning.timing):
        return False
    if tuning.lock_first or watch.locked_once:
        return True
    return watch.heard_at - machine.started_at > tuning.timing.verify_s


def _contradictions(machine: Machine, watch: Watch, tuning: Tuning) -> Cause:
    """What the readings show, for too long, against what was ordered. Judged at the time of the reading."""
    timing, causes = tuning.timing, Cause.NONE
    at, since = watch.heard_at, machine.since
    if at - max(watch.agreed_at, since) > timing.agree_s:
        causes |= Cause.DISAGREES
    if machine.state is State.RUNNING and at - max(watch.responded_at, machine.started_at) > timing.verify_s:
        causes |= Cause.NO_RESPONSE
    if machine.state is State.IDLE and at - max(watch.quiet_at, since) > timing.verify_s:
        causes |= Cause.NOT_STOPPED
    return causes


def _agrees(state: State, reading: Reading) -> bool:
    """Is RUNNING as it should be? On the way from one to the other both are right."""
    if state is State.RUNNING:
        return reading.running
    return state in (State.STARTING, State.STOPPING) or not reading.running


def _responds(reading: Reading, tuning: Tuning) -> bool:
    in_range = tuning.frequency_low_hz <= reading.frequency_hz <= tuning.frequency_high_hz
    return reading.power_w >= tuning.min_power_w and in_range
