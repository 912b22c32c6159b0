"""The parameters of Bronkhorst instruments (manual 9.17.023): what they are called and where they live.

Knows names, addresses, types and limits; must not know frames or messages.
"""

import enum
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FULL_SCALE = 32000  # raw measure and setpoint at 100 %


class Kind(enum.Enum):
    """Type of a value on the wire: its type bits and its `struct` format."""

    CHAR = (0x00, ">B")
    INT = (0x20, ">H")
    LONG = (0x40, ">I")
    FLOAT = (0x40, ">f")
    STRING = (0x60, "")

    def __init__(self, bits: int, layout: str) -> None:
        self.bits = bits
        self.layout = layout
        self.size = struct.calcsize(layout)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an instrument: its FlowDDE number and its address on the wire.

    `length` is for strings: 0 = zero-terminated, n = n characters padded with blanks.
    `secured` parameters take a write only after INIT_RESET = 64. `maximum` is the largest
    integer the manual allows, where that is less than the type holds.
    """

    name: str
    dde: int
    process: int
    number: int
    kind: Kind
    length: int = 0
    writable: bool = False
    secured: bool = False
    maximum: int | None = None


FMEASURE = Parameter("fMeasure", 205, 33, 0, Kind.FLOAT)
FSETPOINT = Parameter("fSetpoint", 206, 33, 3, Kind.FLOAT, writable=True)
MEASURE = Parameter("measure", 8, 1, 0, Kind.INT)  # see signed_measure()
SETPOINT = Parameter("setpoint", 9, 1, 1, Kind.INT, writable=True, maximum=FULL_SCALE)
SETPOINT_SLOPE = Parameter("setpoint slope", 10, 1, 2, Kind.INT, writable=True, maximum=30000)  # 0.1 s
ANALOG_INPUT = Parameter("analog input", 11, 1, 3, Kind.INT)
CONTROL_MODE = Parameter("control mode", 12, 1, 4, Kind.CHAR, writable=True)
CAPACITY = Parameter("capacity 100 %", 21, 1, 13, Kind.FLOAT, writable=True, secured=True)
SENSOR_TYPE = Parameter("sensor type", 22, 1, 14, Kind.CHAR, writable=True, secured=True)
UNIT_INDEX = Parameter("capacity unit index", 23, 1, 15, Kind.CHAR, writable=True, secured=True)
FLUID_NUMBER = Parameter("fluid number", 24, 1, 16, Kind.CHAR, writable=True, maximum=7)
FLUID_NAME = Parameter("fluid name", 25, 1, 17, Kind.STRING, length=10, writable=True, secured=True)
ALARM_INFO = Parameter("alarm info", 28, 1, 20, Kind.CHAR)
UNIT = Parameter("capacity unit", 129, 1, 31, Kind.STRING, length=7, writable=True, secured=True)
VALVE_OUTPUT = Parameter("valve output", 55, 114, 1, Kind.LONG, writable=True, secured=True, maximum=0xFFFFFF)
IO_STATUS = Parameter("IO status", 86, 114, 11, Kind.CHAR, writable=True, secured=True)
CONTROLLER_SPEED = Parameter("controller speed", 254, 114, 30, Kind.FLOAT, writable=True, secured=True)
DEVICE_TYPE = Parameter("device type", 90, 113, 1, Kind.STRING)
MODEL = Parameter("model number", 91, 113, 2, Kind.STRING)
SERIAL = Parameter("serial number", 92, 113, 3, Kind.STRING)
FIRMWARE = Parameter("firmware version", 105, 113, 5, Kind.STRING)
USER_TAG = Parameter("user tag", 115, 113, 6, Kind.STRING, writable=True)
IDENTIFICATION = Parameter("identification number", 175, 113, 12, Kind.CHAR)
RESET = Parameter("reset", 114, 115, 8, Kind.CHAR, writable=True)  # write-only
VALVE_SAFE_STATE = Parameter("valve safe state", 301, 115, 31, Kind.CHAR, writable=True, secured=True)
COUNTER = Parameter("counter value", 122, 104, 1, Kind.FLOAT, writable=True)
SLAVE_FACTOR = Parameter("slave factor", 139, 33, 1, Kind.FLOAT, writable=True)
MASS_FLOW = Parameter("mass flow", 198, 33, 4, Kind.FLOAT)
TEMPERATURE = Parameter("temperature", 142, 33, 7, Kind.FLOAT)  # degC
PRESSURE = Parameter("pressure", 143, 33, 8, Kind.FLOAT)
DENSITY = Parameter("density", 170, 33, 21, Kind.FLOAT)
CAPACITY_0 = Parameter("capacity 0 %", 183, 33, 22, Kind.FLOAT, writable=True, secured=True)
IDENT = Parameter("ident string", 1, 0, 0, Kind.STRING)  # three prefix bytes, then the serial number
WINK = Parameter("wink", 1, 0, 0, Kind.STRING, writable=True)  # "1".."9" seconds; shares 0/0 with IDENT
NODE_ADDRESS = Parameter("node address", 2, 0, 1, Kind.CHAR)
NEXT_NODE = Parameter("next node address", 4, 0, 3, Kind.CHAR)
INIT_RESET = Parameter("init reset", 7, 0, 10, Kind.CHAR, writable=True)  # 64 unlocks, 82 locks

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {name: item for name, item in tuple(globals().items()) if isinstance(item, Parameter)}
)
BY_DDE: Mapping[int, Parameter] = MappingProxyType(
    {item.dde: item for item in PARAMETERS.values() if item is not WINK}
)


def signed_measure(raw: int) -> int:
    """Meaning of DDE 8 (`MEASURE`): 0..41942 = 0..131.07 %, 41943..65535 = -73.73..-0.003 %."""
    return raw if raw <= 41942 else raw - 65536


def percent_of_raw(raw: int) -> float:
    """Measure or setpoint as read from the wire, in % of capacity."""
    return signed_measure(raw) * 100.0 / FULL_SCALE
