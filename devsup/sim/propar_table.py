"""The parameters a simulated ProPar instrument has, as a table: place, type, what reading and writing do.

Knows types and access rules; must not know frames or chains. Written from the manual (9.17.023) and
independent of `devsup.propar`; a test compares the two.
"""

import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from devsup.sim.propar_node import (
    MODES,
    RAW_FULL_SCALE,
    UNLOCKED,
    VALVE_FULL_SCALE,
    ProparNode,
)

Reading = int | float | str

FLOAT32_STEP = 1.2e-7  # a capacity read as 32-bit float must be accepted as setpoint
VALUE_NOT_ALLOWED, READ_ONLY, WRITE_ONLY = 0x06, 0x0D, 0x11


class Type(enum.Enum):
    """Type of a parameter; long and float look the same on the wire."""

    CHAR = enum.auto()
    INT = enum.auto()
    LONG = enum.auto()
    FLOAT = enum.auto()
    TEXT = enum.auto()


class Refused(Exception):
    """The instrument will not do it; `status` is its code."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter. Without `get` it is write-only, without `put` read-only.

    `put` gets a value of the type; it raises Refused when the instrument would.
    """

    type: Type
    get: Callable[[ProparNode], Reading] | None
    put: Callable[[ProparNode, Reading], None] | None = None
    secured: bool = False

    def read(self, node: ProparNode) -> Reading:
        if self.get is None:
            raise Refused(WRITE_ONLY)
        return self.get(node)

    def check_access(self, node: ProparNode) -> None:
        if self.put is None or (self.secured and node.init_reset != UNLOCKED):
            raise Refused(READ_ONLY)

    def write(self, node: ProparNode, value: Reading) -> None:
        self.check_access(node)
        if self.put is not None:
            self.put(node, value)


# ---- how values enter --------------------------------------------------------------------


def number(value: Reading, low: float, high: float) -> float:
    if isinstance(value, str) or not math.isfinite(value) or not low <= value <= high:
        raise Refused(VALUE_NOT_ALLOWED)
    return value


def attribute(
    name: str, low: float = 0.0, high: float = math.inf, scale: float = 1.0
) -> Callable[[ProparNode, Reading], None]:
    """Store `value / scale` under `name`."""

    def put(node: ProparNode, value: Reading) -> None:
        setattr(node, name, number(value, low, high) / scale)

    return put


def whole(name: str, allowed: range) -> Callable[[ProparNode, Reading], None]:
    def put(node: ProparNode, value: Reading) -> None:
        setattr(node, name, one_of(value, allowed))

    return put


def one_of(value: Reading, allowed: range | Mapping[int, object] | tuple[int, ...]) -> int:
    if not isinstance(value, int) or value not in allowed:
        raise Refused(VALUE_NOT_ALLOWED)
    return value


def put_fsetpoint(node: ProparNode, value: Reading) -> None:
    full = node.fluid.capacity
    node.setpoint = number(value, 0.0, full * (1 + FLOAT32_STEP)) / full


def put_control_mode(node: ProparNode, value: Reading) -> None:
    node.control_mode = one_of(value, MODES)


def put_fluid(node: ProparNode, value: Reading) -> None:
    node.select_fluid(one_of(value, range(len(node.config.fluids))))


def put_init_reset(node: ProparNode, value: Reading) -> None:
    node.init_reset = one_of(value, (0, UNLOCKED, 82))


def put_reset(node: ProparNode, value: Reading) -> None:
    node.reset(one_of(value, range(256)))


def put_user_tag(node: ProparNode, value: Reading) -> None:
    node.user_tag = str(value)


def put_valve(node: ProparNode, value: Reading) -> None:
    """Takes effect while the mode leaves the valve alone (4, 5, 6, 9)."""
    node.drive = number(value, 0, VALVE_FULL_SCALE) / VALVE_FULL_SCALE


def put_wink(node: ProparNode, value: Reading) -> None:
    if not isinstance(value, str) or value not in tuple("0123456789"):
        raise Refused(VALUE_NOT_ALLOWED)
    node.wink_s = float(value)


def ident(node: ProparNode) -> str:
    """Three prefix bytes, the first of them the identification number, then the serial number."""
    return chr(node.config.identification) + "\x01\x01" + node.serial


# ---- the table ---------------------------------------------------------------------------

TABLE: Mapping[tuple[int, int], Row] = MappingProxyType({
    (0, 0): Row(Type.TEXT, ident, put_wink),
    (0, 1): Row(Type.CHAR, lambda node: node.config.address),
    (0, 3): Row(Type.CHAR, lambda node: node.next_address),
    (0, 10): Row(Type.CHAR, lambda node: node.init_reset, put_init_reset),
    (0, 18): Row(Type.CHAR, lambda node: 1),  # channels
    (1, 0): Row(Type.INT, lambda node: node.raw_measure & 0xFFFF),
    (1, 1): Row(Type.INT, lambda node: round(node.setpoint * RAW_FULL_SCALE),
                attribute("setpoint", high=RAW_FULL_SCALE, scale=RAW_FULL_SCALE)),
    (1, 2): Row(Type.INT, lambda node: node.slope_100ms, whole("slope_100ms", range(30001))),
    (1, 3): Row(Type.INT, lambda node: round(node.analog_input * RAW_FULL_SCALE) & 0xFFFF),
    (1, 4): Row(Type.CHAR, lambda node: node.control_mode, put_control_mode),
    (1, 13): Row(Type.FLOAT, lambda node: node.fluid.capacity),
    (1, 14): Row(Type.CHAR, lambda node: 3),  # gas volume
    (1, 15): Row(Type.CHAR, lambda node: 0),
    (1, 16): Row(Type.CHAR, lambda node: node.fluid_index, put_fluid),
    (1, 17): Row(Type.TEXT, lambda node: node.fluid.name),
    (1, 20): Row(Type.CHAR, lambda node: node.alarm_info),
    (1, 31): Row(Type.TEXT, lambda node: node.fluid.unit),
    (33, 0): Row(Type.FLOAT, lambda node: node.reading * node.fluid.capacity),
    (33, 1): Row(Type.FLOAT, lambda node: 100.0),  # slave factor
    (33, 3): Row(Type.FLOAT, lambda node: node.setpoint * node.fluid.capacity, put_fsetpoint),
    (33, 4): Row(Type.FLOAT, lambda node: node.reading * node.fluid.capacity * node.fluid.density),
    (33, 7): Row(Type.FLOAT, lambda node: node.temperature_degc),
    (33, 8): Row(Type.FLOAT, lambda node: node.config.inlet_bar),
    (33, 21): Row(Type.FLOAT, lambda node: node.fluid.density),
    (33, 22): Row(Type.FLOAT, lambda node: 0.0),
    (97, 1): Row(Type.INT, lambda node: round(node.alarm_maximum * RAW_FULL_SCALE),
                 attribute("alarm_maximum", high=RAW_FULL_SCALE, scale=RAW_FULL_SCALE)),
    (97, 2): Row(Type.INT, lambda node: round(node.alarm_minimum * RAW_FULL_SCALE),
                 attribute("alarm_minimum", high=RAW_FULL_SCALE, scale=RAW_FULL_SCALE)),
    (97, 3): Row(Type.CHAR, lambda node: node.alarm_mode, whole("alarm_mode", range(4))),
    (104, 1): Row(Type.FLOAT, lambda node: node.counter, attribute("counter")),
    (113, 1): Row(Type.TEXT, lambda node: node.config.device_type),
    (113, 2): Row(Type.TEXT, lambda node: node.config.model),
    (113, 3): Row(Type.TEXT, lambda node: node.serial),
    (113, 5): Row(Type.TEXT, lambda node: node.config.firmware),
    (113, 6): Row(Type.TEXT, lambda node: node.user_tag, put_user_tag),
    (113, 12): Row(Type.CHAR, lambda node: node.config.identification),
    (114, 1): Row(Type.LONG, lambda node: round(node.drive * VALVE_FULL_SCALE), put_valve, secured=True),
    (114, 11): Row(Type.CHAR, lambda node: 0),  # IO status
    (114, 30): Row(Type.FLOAT, lambda node: node.controller_speed,
                   attribute("controller_speed", 0.2, 5.0), secured=True),
    (115, 8): Row(Type.CHAR, None, put_reset),
    (115, 31): Row(Type.CHAR, lambda node: node.valve_safe_state, whole("valve_safe_state", range(4)),
                   secured=True),
})  # fmt: skip

PROCESSES = frozenset(process for process, _ in TABLE)
