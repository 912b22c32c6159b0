"""The state machine of one sonicator: one function per state, returning the next (design document).

Faults are looked for first, for all states. The one transition beside the design document's is
STARTING -> STOPPING: a stop must not wait for the end of the start. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from devsup.sonicator_values import AMPLITUDE_MAX, AMPLITUDE_MIN, Flag, Reading
from iocs.sonicator.logic.facts import (
    Action,
    Cause,
    Command,
    Do,
    Inputs,
    Machine,
    State,
    Tuning,
    Watch,
)
from iocs.sonicator.logic.faults import cause_text, find, observe

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType({
    State.IDLE: frozenset({State.STARTING, State.FAULT}),
    State.STARTING: frozenset({State.RUNNING, State.STOPPING, State.FAULT}),
    State.RUNNING: frozenset({State.STOPPING, State.FAULT}),
    State.STOPPING: frozenset({State.IDLE, State.FAULT}),
    State.FAULT: frozenset({State.IDLE}),
})  # fmt: skip
"""Every change that a step can make."""

Orders = tuple[Action, ...]
Step = tuple[Machine, Orders]
STOP = Action(Do.STOP)
MINIMUM = Action(Do.AMPLITUDE, float(AMPLITUDE_MIN))
REST = (STOP, MINIMUM)


def step(machine: Machine, inputs: Inputs, tuning: Tuning, now: float) -> Step:
    """The next state and what to tell the board, in this order."""
    watch = observe(machine, inputs, tuning)
    causes = find(machine, watch, inputs, tuning, now)
    machine = replace(machine, watch=watch, stepped_at=now)
    if causes and machine.state is not State.FAULT:
        return _fail(machine, inputs, causes, now)
    return STATES[machine.state](machine, inputs, tuning, causes, now)


def adopt(machine: Machine, reading: Reading, now: float) -> Machine:
    """The first reading after a start of the IOC: what runs goes on running, nothing is ordered."""
    if not reading.running:
        return replace(machine, reason="ready", since=now)
    watch = Watch(heard_at=machine.watch.heard_at, agreed_at=now, responded_at=now, quiet_at=now)
    reason = "found running, and left so"
    return replace(machine, state=State.RUNNING, since=now, started_at=now, reason=reason, watch=watch)


def stopped(machine: Machine, now: float) -> Machine:
    """The board has confirmed a stop; it may have been running until now."""
    return replace(machine, stopped_at=now)


def refuse(machine: Machine, inputs: Inputs, tuning: Tuning) -> str:
    """Why the command cannot be carried out now; empty when it can. A stop is refused to nobody."""
    match inputs.command:
        case Command.START:
            return _refuse_start(machine, inputs, tuning)
        case Command.AMPLITUDE:
            return _refuse_amplitude(machine, inputs)
        case Command.RESET:
            return "emergency stop is active: EStop:Reset first" if inputs.stop else ""
        case _:
            return ""


def _refuse_start(machine: Machine, inputs: Inputs, tuning: Tuning) -> str:
    if machine.state in (State.STARTING, State.RUNNING):
        return ""  # it does already
    if machine.state is State.FAULT:
        return f"in FAULT ({cause_text(machine.causes)}): OverloadReset first"
    if machine.state is State.STOPPING:
        return "it is being stopped"
    return inputs.hold or inputs.forbid or _unready(inputs.reading, tuning) or _out_of_range(inputs.amplitude)


def _unready(reading: Reading | None, tuning: Tuning) -> str:
    """What the board's flags have against a start."""
    if reading is None:
        return "the board has not been heard yet"
    if reading.flags & (Flag.OVERLOAD | Flag.FAULT | Flag.COMM_FAULT | Flag.OVER_TEMP):
        return "the board reports a fault or an overload"
    if tuning.lock_first and Flag.FREQ_LOCK not in reading.flags:
        return "there is no frequency lock"
    return ""


def _out_of_range(amplitude: float) -> str:
    inside = AMPLITUDE_MIN <= amplitude <= AMPLITUDE_MAX
    return "" if inside else f"amplitude {amplitude:g} is outside {AMPLITUDE_MIN} to {AMPLITUDE_MAX} %"


def _refuse_amplitude(machine: Machine, inputs: Inputs) -> str:
    if machine.state is State.FAULT:
        return f"in FAULT ({cause_text(machine.causes)}) the amplitude stays at its minimum"
    if machine.state is State.STOPPING:
        return "it is being stopped"
    if inputs.reading is None:
        return "the board has not been heard yet"
    return _out_of_range(inputs.amplitude)


# -- one function per state ----------------------------------------------------------------------


def _idle(machine: Machine, inputs: Inputs, tuning: Tuning, causes: Cause, now: float) -> Step:
    if inputs.command is Command.START and not refuse(machine, inputs, tuning):
        return _start(machine, inputs, now)
    if inputs.command is Command.STOP:
        return machine, (STOP,)
    if inputs.command is Command.RESET:
        return machine, (Action(Do.RESET),)
    return machine, _amplitude(machine, inputs, tuning)


def _starting(machine: Machine, inputs: Inputs, tuning: Tuning, causes: Cause, now: float) -> Step:
    if why := _must_stop(inputs):
        return _enter(machine, State.STOPPING, why, now), (STOP,)
    if now - machine.since >= tuning.timing.start_delay_s:
        return _enter(machine, State.RUNNING, machine.reason, now), _amplitude(machine, inputs, tuning)
    return machine, _amplitude(machine, inputs, tuning)


def _running(machine: Machine, inputs: Inputs, tuning: Tuning, causes: Cause, now: float) -> Step:
    if why := _must_stop(inputs):
        return _enter(machine, State.STOPPING, why, now), (STOP,)
    return machine, _amplitude(machine, inputs, tuning)


def _stopping(machine: Machine, inputs: Inputs, tuning: Tuning, causes: Cause, now: float) -> Step:
    if now - machine.since >= tuning.timing.stop_delay_s:
        keeps = tuning.shared_amplitude and inputs.others_run  # it is the others' amplitude as well
        return _enter(machine, State.IDLE, machine.reason, now), () if keeps else (MINIMUM,)
    return machine, (STOP,) if inputs.command is Command.STOP else ()


def _fault(machine: Machine, inputs: Inputs, tuning: Tuning, causes: Cause, now: float) -> Step:
    """Stopped again as often as it is seen to run; left by a reset that helps, or when the line is back."""
    latched = machine.causes | causes
    if latched != machine.causes:
        reason = f"fault: {cause_text(latched)}"
        machine = replace(machine, causes=latched, last_causes=latched, reason=reason)
    if inputs.reading and inputs.reading.running and inputs.reading.at > machine.stop_sent_at:
        return replace(machine, stop_sent_at=now), REST
    if inputs.command is Command.STOP:
        return replace(machine, stop_sent_at=now), REST
    if latched == Cause.COMM and not causes and _rests(machine, inputs, tuning, now):
        return _cleared(machine, "communication is back; it stays stopped", now), ()
    if inputs.command is Command.RESET and not refuse(machine, inputs, tuning):
        return _reset(machine, inputs, now)
    return _await_reset(machine, inputs, tuning, causes, now), ()


STATES: Mapping[State, Callable[[Machine, Inputs, Tuning, Cause, float], Step]] = MappingProxyType({
    State.IDLE: _idle,
    State.STARTING: _starting,
    State.RUNNING: _running,
    State.STOPPING: _stopping,
    State.FAULT: _fault,
})  # fmt: skip


# -- what they have in common --------------------------------------------------------------------


def _enter(machine: Machine, state: State, reason: str, now: float) -> Machine:
    return replace(machine, state=state, since=now, reason=reason)


def _start(machine: Machine, inputs: Inputs, now: float) -> Step:
    """Amplitude first, then START."""
    watch = replace(machine.watch, locked_once=False)
    machine = replace(machine, started_at=now, watch=watch)
    reason = f"started at {inputs.amplitude:g} %{_by(inputs)}"
    orders = (Action(Do.AMPLITUDE, inputs.amplitude), Action(Do.START))
    return _enter(machine, State.STARTING, reason, now), orders


def _must_stop(inputs: Inputs) -> str:
    """Why one that runs has to stop; empty when it may go on."""
    if inputs.command is Command.STOP:
        return f"stopped{_by(inputs)}"
    return f"stopped: {inputs.hold}" if inputs.hold else ""


def _by(inputs: Inputs) -> str:
    return f": {inputs.why}" if inputs.why else ""


def _amplitude(machine: Machine, inputs: Inputs, tuning: Tuning) -> Orders:
    if inputs.command is Command.AMPLITUDE and not refuse(machine, inputs, tuning):
        return (Action(Do.AMPLITUDE, inputs.amplitude),)
    return ()


def _fail(machine: Machine, inputs: Inputs, causes: Cause, now: float) -> Step:
    """Any fault, from any state: stop, amplitude to minimum, FAULT."""
    machine = replace(machine, causes=causes, last_causes=causes, reset_at=None, stop_sent_at=now)
    return _enter(machine, State.FAULT, f"fault: {cause_text(causes)}", now), REST


def _cleared(machine: Machine, reason: str, now: float) -> Machine:
    return replace(_enter(machine, State.IDLE, reason, now), causes=Cause.NONE, reset_at=None)


def _reset(machine: Machine, inputs: Inputs, now: float) -> Step:
    """The operator's reset: a pulse, whose effect is then awaited."""
    machine = replace(machine, reset_at=now, reason=f"reset of: {cause_text(machine.causes)}")
    return machine, (Action(Do.RESET),)


def _rests(machine: Machine, inputs: Inputs, tuning: Tuning, now: float) -> bool:
    """Does the board itself see no fault any more, and has it had the time to stop?"""
    if inputs.reading is None or inputs.reading.flags & (Flag.FAULT | Flag.RUNNING):
        return False
    stopped_at = max(machine.watch.ran_at, machine.stopped_at)
    return now - stopped_at >= tuning.timing.stop_delay_s


def _await_reset(machine: Machine, inputs: Inputs, tuning: Tuning, causes: Cause, now: float) -> Machine:
    """IDLE once a reading from after the pulse shows nothing any more; given up after a while."""
    if machine.reset_at is None:
        return machine
    after_pulse = machine.watch.heard_at > machine.reset_at + tuning.timing.reset_pulse_s
    if after_pulse and not causes and _rests(machine, inputs, tuning, now):
        return _cleared(machine, "reset; it stays stopped", now)
    if now - machine.reset_at > tuning.timing.reset_s:
        still = cause_text(causes) or "the board still reports a fault"
        return replace(
            machine, reset_at=None, causes=machine.causes, reason=f"the reset did not help: {still}"
        )
    return machine
