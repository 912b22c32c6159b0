"""Which register of the board stands where, in the two layouts that exist.

DOCUMENTED is the design document's. DEPLOYED is what the memory image of the deployed firmware really serves:
its control block is one word short, so telemetry stands one lower; the amplitude is one register for all, on
the address of the emergency stop; values are raw. Data only, independent of the driver's tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

UNIT_BASE, UNIT_STRIDE, UNITS, UNITS_RESERVED = 0x0100, 0x20, 4, 25
LAST_GLOBAL, LAST_UNIT = 0x001F, 0x041F
CONTROL_WORDS = 0x10  # the first half of each block may be written


class Reg(Enum):
    """What a register holds or does."""

    SYSTEM_STATUS = auto()
    ACTIVE_COUNT = auto()
    ACTIVE_MASK = auto()
    WATCHDOG = auto()
    COMM_ERRORS = auto()
    PREV_ACTIVE_MASK = auto()
    LAST_SHUTDOWN_REASON = auto()
    GLOBAL_ENABLE = auto()
    EMERGENCY_STOP = auto()
    SYSTEM_RESET = auto()
    START_INHIBIT = auto()
    GLOBAL_AMPLITUDE = auto()
    AMPLITUDE_OR_STOP = auto()
    START_STOP = auto()
    AMPLITUDE_SP = auto()
    OVERLOAD_RESET = auto()
    POWER = auto()
    FREQUENCY = auto()
    STATUS_FLAGS = auto()
    AMPLITUDE_ACT = auto()
    PREV_STATE = auto()
    PERSISTED_AMPLITUDE = auto()
    LAST_FAULT = auto()
    TIMESTAMP_LO = auto()


SYSTEM = (
    Reg.SYSTEM_STATUS, Reg.ACTIVE_COUNT, Reg.ACTIVE_MASK, Reg.WATCHDOG, Reg.COMM_ERRORS,
    Reg.PREV_ACTIVE_MASK, Reg.LAST_SHUTDOWN_REASON,
)  # fmt: skip
TELEMETRY = (
    Reg.POWER, Reg.FREQUENCY, Reg.STATUS_FLAGS, Reg.AMPLITUDE_ACT,
    Reg.PREV_STATE, Reg.PERSISTED_AMPLITUDE, Reg.LAST_FAULT, Reg.TIMESTAMP_LO,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """`board` by address, `unit` by offset into a sonicator's block.

    `raw`: power in counts of the converter and frequency divided by ten. `overtemp_bit`: the flag FAULT has
    moved up to make room for it. `longest_read`: registers that fit into the buffer of an answer (the
    deployed firmware does not check and writes beyond it; here it refuses).
    """

    name: str
    board: Mapping[int, Reg]
    unit: Mapping[int, Reg]
    raw: bool
    overtemp_bit: bool
    longest_read: int


def _from(first: int, registers: tuple[Reg, ...]) -> dict[int, Reg]:
    return {first + place: reg for place, reg in enumerate(registers)}


DOCUMENTED = Layout(
    name="documented",
    board=_from(0x0000, SYSTEM)
    | {
        0x0010: Reg.GLOBAL_ENABLE,
        0x0011: Reg.EMERGENCY_STOP,
        0x0012: Reg.SYSTEM_RESET,
        0x0013: Reg.START_INHIBIT,
        0x0014: Reg.GLOBAL_AMPLITUDE,
    },
    unit=_from(0x00, (Reg.START_STOP, Reg.AMPLITUDE_SP, Reg.OVERLOAD_RESET)) | _from(0x10, TELEMETRY),
    raw=False,
    overtemp_bit=False,
    longest_read=125,
)
DEPLOYED = Layout(
    name="deployed",
    board=_from(0x0000, SYSTEM) | {0x0010: Reg.GLOBAL_ENABLE, 0x0011: Reg.AMPLITUDE_OR_STOP},
    unit=_from(0x00, (Reg.START_STOP, Reg.OVERLOAD_RESET)) | _from(0x0F, TELEMETRY),
    raw=True,
    overtemp_bit=True,
    longest_read=60,
)
LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (DOCUMENTED, DEPLOYED)}
