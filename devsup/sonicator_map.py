"""The register maps of the sonicator board: one row per register makes codec, raw PVs and documentation.

DOCUMENTED is the design document's map. DEPLOYED is what the firmware in use serves, as its source says: its
memory image has a control block of 15 instead of 16 words, so telemetry stands one address lower; the
amplitude is one register for all, on the address where the document has the emergency stop; power comes in
counts of the converter, frequency divided by ten. Pure data and arithmetic; knows no line and no time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from devsup.sonicator_values import Flag

BASE, STRIDE, SONICATORS = 0x0100, 0x20, (1, 2, 3, 4)
WATTS_PER_COUNT = 5.0 / 1023 / 0.00544  # 10 bit of 5 V at 5.44 mV/W
RESET_MAGIC = 0xA5C3
LONGEST_READ = 60  # registers; the firmware's buffer for an answer holds 128 bytes


@dataclass(frozen=True, slots=True)
class Register:
    """One register. `address` is that of the board, or of sonicator 1 where `stride` is not 0.

    value = raw * `scale`, in `unit`; `low` and `high` bound what may be written; `title` has at most 40
    characters.
    """

    name: str
    address: int
    title: str
    writable: bool = False
    stride: int = 0
    scale: float = 1.0
    unit: str = ""
    low: int = 0
    high: int = 0xFFFF

    def of(self, number: int) -> int:
        """Its address for sonicator `number` (1..4)."""
        return self.address + self.stride * (number - 1)


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """One version of the map. `flags`: bit of STATUS_FLAGS -> what it means.

    `stop_latches`: the board obeys its emergency stop and keeps it; elsewhere only a status bit follows.
    `reset_clears`: OVERLOAD_RESET falls back by itself.
    """

    name: str
    board: Mapping[str, Register]
    sonicator: Mapping[str, Register]
    flags: Mapping[int, Flag]
    stop_latches: bool
    reset_clears: bool

    def register(self, name: str) -> Register:
        return self.sonicator[name] if name in self.sonicator else self.board[name]

    def has(self, name: str) -> bool:
        return name in self.sonicator or name in self.board

    def decode_flags(self, raw: int) -> Flag:
        """STATUS_FLAGS in the document's meaning; bits without a meaning are dropped."""
        found = Flag.NONE
        for bit, flag in self.flags.items():
            if raw & bit:
                found |= flag
        return found


def _rows(*registers: Register) -> Mapping[str, Register]:
    return MappingProxyType({register.name: register for register in registers})


def _unit(
    name: str,
    offset: int,
    title: str,
    *,
    writable: bool = False,
    scale: float = 1.0,
    unit: str = "",
    low: int = 0,
    high: int = 0xFFFF,
) -> Register:
    return Register(name, BASE + offset, title, writable, STRIDE, scale, unit, low, high)


SYSTEM = (
    Register("SYSTEM_STATUS", 0x0000, "Bits: OK fault e-stop comm over-temp"),
    Register("ACTIVE_COUNT", 0x0001, "Sonicators that run"),
    Register("ACTIVE_MASK", 0x0002, "Which run, bit 0 is sonicator 1"),
    Register("WATCHDOG", 0x0003, "1: well"),
    Register("COMM_ERRORS", 0x0004, "Errors the board has counted on its line"),
    Register("PREV_ACTIVE_MASK", 0x0005, "Which ran before the last shutdown"),
    Register("LAST_SHUTDOWN_REASON", 0x0006, "0 normal 1 watchdog 2 power 3 stop 4 flt"),
)
ENABLE = Register("GLOBAL_ENABLE", 0x0010, "0 stops all and starts none", writable=True, high=1)

DOCUMENTED = RegisterMap(
    name="documented",
    board=_rows(
        *SYSTEM,
        ENABLE,
        Register("EMERGENCY_STOP", 0x0011, "1 stops all, at once and latched", writable=True, high=1),
        Register("SYSTEM_RESET", 0x0012, "A5C3 restarts the firmware", writable=True),
        Register("START_INHIBIT", 0x0013, "Mask of those that must not start", writable=True, high=0x0F),
        Register("GLOBAL_AMPLITUDE", 0x0014, "Amplitude of all", writable=True, unit="%", low=20, high=100),
    ),
    sonicator=_rows(
        _unit("START_STOP", 0x00, "1 starts, 0 stops", writable=True, high=1),
        _unit("AMPLITUDE_SP", 0x01, "Amplitude setpoint", writable=True, unit="%", low=20, high=100),
        _unit("OVERLOAD_RESET", 0x02, "1 pulses RESET for 20 ms; clears itself", writable=True, high=1),
        _unit("POWER", 0x10, "Power", unit="W"),
        _unit("FREQUENCY", 0x11, "Frequency", unit="Hz"),
        _unit("STATUS_FLAGS", 0x12, "Bits: run overload lock comm fault"),
        _unit("AMPLITUDE_ACT", 0x13, "Actual amplitude", unit="%"),
        _unit("PREV_STATE", 0x14, "State before the present one"),
        _unit("PERSISTED_AMPLITUDE", 0x15, "Setpoint kept over a shutdown", unit="%"),
        _unit("LAST_FAULT", 0x16, "Cause of the last fault"),
        _unit("TIMESTAMP_LO", 0x17, "When the state changed, low word", unit="ms"),
    ),
    flags=MappingProxyType(
        {
            0x01: Flag.RUNNING,
            0x02: Flag.OVERLOAD,
            0x04: Flag.FREQ_LOCK,
            0x08: Flag.COMM_FAULT,
            0x10: Flag.FAULT,
        }
    ),  # fmt: skip
    stop_latches=True,
    reset_clears=True,
)

DEPLOYED = RegisterMap(
    name="deployed",
    board=_rows(
        *SYSTEM,
        ENABLE,
        Register(
            "AMPLITUDE_SP", 0x0011, "Amplitude of all; raises the e-stop bit", writable=True, unit="%",
            low=20, high=100,
        ),
    ),
    sonicator=_rows(
        _unit("START_STOP", 0x00, "1 starts, 0 stops", writable=True, high=1),
        _unit("OVERLOAD_RESET", 0x01, "1 pulses RESET; stays until put back", writable=True, high=1),
        _unit("POWER", 0x0F, "Power, counts of the converter", scale=WATTS_PER_COUNT, unit="W"),
        _unit("FREQUENCY", 0x10, "Frequency / 10", scale=10.0, unit="Hz"),
        _unit("STATUS_FLAGS", 0x11, "Bits: run overload lock comm temp fault"),
        _unit("AMPLITUDE_ACT", 0x12, "Actual amplitude", unit="%"),
        _unit("PREV_STATE", 0x13, "State before the present one"),
        _unit("PERSISTED_AMPLITUDE", 0x14, "Setpoint kept over a shutdown", unit="%"),
        _unit("LAST_FAULT", 0x15, "Cause of the last fault"),
        _unit("TIMESTAMP_LO", 0x16, "When the state changed, low word", unit="ms"),
    ),
    flags=MappingProxyType({
        0x01: Flag.RUNNING,
        0x02: Flag.OVERLOAD,
        0x04: Flag.FREQ_LOCK,
        0x08: Flag.COMM_FAULT,
        0x10: Flag.OVER_TEMP,
        0x20: Flag.FAULT,
    }),  # fmt: skip
    stop_latches=False,
    reset_clears=False,
)  # fmt: skip

MAPS: Mapping[str, RegisterMap] = MappingProxyType({one.name: one for one in (DOCUMENTED, DEPLOYED)})
FAST = ("POWER", "FREQUENCY", "STATUS_FLAGS", "AMPLITUDE_ACT")
"""What one transaction per cycle and sonicator reads; neighbours in every map."""


def block(registers: Sequence[Register], number: int = 1) -> tuple[int, int]:
    """Address and count of the one read that covers `registers`."""
    addresses = [register.of(number) for register in registers]
    return min(addresses), max(addresses) - min(addresses) + 1
