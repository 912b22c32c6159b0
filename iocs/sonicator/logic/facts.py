"""What the state machine of one sonicator knows, is told and orders. Frozen data, no decisions."""

import math
from dataclasses import dataclass, field
from enum import Enum, IntEnum, IntFlag

from devsup.sonicator_values import AMPLITUDE_MIN, Reading


class State(IntEnum):
    """Core states of the design document."""

    IDLE = 0
    STARTING = 1
    RUNNING = 2
    STOPPING = 3
    FAULT = 4


class Cause(IntFlag):
    """Why a sonicator is in FAULT. Up to WATCHDOG the bits are those of the firmware."""

    NONE = 0
    OVERLOAD = 0x01
    FREQ_UNLOCK = 0x02
    COMM = 0x04
    HARDWARE = 0x08
    WATCHDOG = 0x10
    EMERGENCY_STOP = 0x20
    DISAGREES = 0x40
    NO_RESPONSE = 0x80
    NOT_STOPPED = 0x100
    OVER_TEMP = 0x200


class Command(Enum):
    """What an operator may want."""

    NONE = "none"
    START = "start"
    STOP = "stop"
    RESET = "reset"
    AMPLITUDE = "amplitude"


class Do(Enum):
    """What the board can be told."""

    AMPLITUDE = "amplitude"
    START = "start"
    STOP = "stop"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Action:
    """One order to the board. `value` is the amplitude, per cent."""

    do: Do
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. The first six: design document, Timing Constants.

    `samples`: a signal counts after `debounce_s`, or when seen so often in a row, whichever comes first.
    A poll is longer than 10 ms, and the board has debounced before it shows a flag, so one sample counts.
    `verify_s`: how long power and frequency may fail to show what was ordered, `agree_s` the flag RUNNING,
    `reset_s` how long a reset may take to help.
    """

    start_delay_s: float = 0.050
    stop_delay_s: float = 0.100
    reset_pulse_s: float = 0.020
    debounce_s: float = 0.010
    watchdog_s: float = 1.0
    comm_timeout_s: float = 2.0
    samples: int = 1
    verify_s: float = 1.0
    agree_s: float = 0.3
    reset_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Tuning:
    """One sonicator and its transducer. `lock_first`: it reports frequency lock before it is started.

    Running, it takes at least `min_power_w`; stopped, at most `off_power_w`.
    """

    timing: Timing = field(default_factory=Timing)
    lock_first: bool = True
    min_power_w: float = 5.0
    off_power_w: float = 10.0
    frequency_low_hz: float = 18000.0
    frequency_high_hz: float = 22000.0
    shared_amplitude: bool = True


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known when a step is made. `reading` is the newest, None before the first.

    `hold`: why it must not run (disabled, interlock, limit of use …), empty when it may; `forbid`: why it
    must not be started, although it may go on if it runs. `stop`: the emergency stop holds. `others_run`:
    somebody else shares its amplitude and runs. `why`: who wants the command, for the reason. `amplitude`:
    demanded, per cent.
    """

    reading: Reading | None
    amplitude: float = float(AMPLITUDE_MIN)
    command: Command = Command.NONE
    why: str = ""
    hold: str = ""
    forbid: str = ""
    stop: bool = False
    others_run: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """A condition that has to last before it counts: in how many readings in a row, and for how long."""

    samples: int = 0
    since: float = 0.0
    latest: float = 0.0

    def see(self, on: bool, at: float) -> "Signal":
        if not on:
            return OFF
        return Signal(self.samples + 1, self.since if self.samples else at, at)

    def lasts(self, timing: Timing) -> bool:
        """Does it count, by time or by samples?"""
        return self.samples >= timing.samples or (
            self.samples > 0 and self.latest - self.since >= timing.debounce_s
        )


OFF = Signal()


@dataclass(frozen=True, slots=True)
class Watch:
    """What the readings have shown so far."""

    heard_at: float
    overload: Signal = OFF
    unlocked: Signal = OFF
    locked_once: bool = False  # since the start
    agreed_at: float = 0.0  # when the flag RUNNING was last as it should be,
    responded_at: float = 0.0  # power and frequency as of one that runs,
    quiet_at: float = 0.0  # and power as of one that does not
    ran_at: float = -math.inf  # when the board said last that it runs


@dataclass(frozen=True, slots=True)
class Machine:
    """Where one sonicator is: its state, since when, and why."""

    state: State
    since: float
    reason: str
    watch: Watch
    stepped_at: float
    causes: Cause = Cause.NONE
    last_causes: Cause = Cause.NONE
    started_at: float = 0.0
    reset_at: float | None = None  # when a reset was ordered whose effect is awaited
    stop_sent_at: float = 0.0  # when it was stopped last in FAULT
    stopped_at: float = -math.inf  # when the board confirmed a stop last


def born(now: float) -> Machine:
    """Before anything has been heard."""
    watch = Watch(heard_at=now, agreed_at=now, responded_at=now, quiet_at=now)
    return Machine(State.IDLE, now, "not heard yet", watch, stepped_at=now)
