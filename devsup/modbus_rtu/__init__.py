"""Modbus RTU: questions and answers <-> values, and frames <-> bytes, as pure functions.

The one place that imports pymodbus: its PDUs and its RTU framer, neither its client nor its
transport, and none of what it logs. Must not know a port, a clock or what a register means.

What Modbus cannot tell: an answer to a read names unit, function and size, not the address that
was asked for. An old answer of the same shape looks like a new one; who asks must see to that.
"""

from devsup.modbus_rtu.frames import exception_text, is_whole, whole_frames
from devsup.modbus_rtu.functions import (
    MAX_COILS,
    MAX_REGISTERS,
    read_coils,
    read_discrete_inputs,
    read_holding,
    read_input,
    write_coil,
    write_coil_value,
    write_coils,
    write_register,
    write_registers,
)
from devsup.modbus_rtu.request import Request

__all__ = [
    "MAX_COILS",
    "MAX_REGISTERS",
    "Request",
    "exception_text",
    "is_whole",
    "read_coils",
    "read_discrete_inputs",
    "read_holding",
    "read_input",
    "whole_frames",
    "write_coil",
    "write_coil_value",
    "write_coils",
    "write_register",
    "write_registers",
]
