"""What the sonicator board says, in engineering units: readings, flags, the state of the board.

Frozen data without behaviour of the wire; knows no register and no address.
"""

import math
from dataclasses import dataclass
from enum import IntEnum, IntFlag

AMPLITUDE_MIN, AMPLITUDE_MAX = 20, 100  # per cent


class Flag(IntFlag):
    """Status of one sonicator; the bits are those of the design document, whatever the firmware's are."""

    NONE = 0
    RUNNING = 0x01
    OVERLOAD = 0x02
    FREQ_LOCK = 0x04
    COMM_FAULT = 0x08
    FAULT = 0x10
    OVER_TEMP = 0x20


class Status(IntFlag):
    """Status of the board (register 0000)."""

    NONE = 0
    OK = 0x01
    FAULT = 0x02
    EMERGENCY_STOP = 0x04
    COMM_FAULT = 0x08
    OVER_TEMP = 0x10


class Shutdown(IntEnum):
    """Why the board stopped its sonicators last (register 0006)."""

    NORMAL = 0
    WATCHDOG = 1
    POWER_LOSS = 2
    EMERGENCY_STOP = 3
    FAULT = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """The fast values of one sonicator. `amplitude` is the actual one, per cent.

    `at` is monotonic, `stamp` of the calendar, both in seconds.
    """

    power_w: float
    frequency_hz: float
    flags: Flag
    amplitude: float
    at: float
    stamp: float

    @property
    def running(self) -> bool:
        return Flag.RUNNING in self.flags


@dataclass(frozen=True, slots=True)
class Settings:
    """The control registers of one sonicator, and what it remembers. What a layout lacks is None.

    `amplitude` is the setpoint it holds, per cent.
    """

    start: bool
    amplitude: float
    previous_state: int | None = None
    persisted_amplitude: float | None = None
    last_fault: int | None = None
    timestamp_lo: int | None = None


@dataclass(frozen=True, slots=True)
class BoardStatus:
    """What the board says of itself with every keep-alive."""

    status: Status
    active_count: int
    active_mask: int
    watchdog: int
    comm_errors: int
    previous_mask: int
    shutdown: int
    at: float
    stamp: float


@dataclass(frozen=True, slots=True)
class BoardControl:
    """The global control registers. What a layout lacks is None, or NaN for the amplitude."""

    enabled: bool
    stopped: bool | None = None
    inhibit_mask: int | None = None
    amplitude: float = math.nan


def shutdown_text(reason: int) -> str:
    """In words; the number where it has none."""
    try:
        return Shutdown(reason).name.replace("_", " ").lower()
    except ValueError:
        return f"number {reason}"
