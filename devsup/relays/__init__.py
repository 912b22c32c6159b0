"""Relays: several contacts switched in one operation, verified by reading back where that is possible.

A `RelayBank` is the small interface; behind it are the lines of a Linux gpiochip, a Modbus relay board,
or nothing at all. Which relay should be on is not known here.
"""

from devsup.relays.bank import CannotClaim, RelayBank
from devsup.relays.board import ModbusRelays
from devsup.relays.dry import DryRelays
from devsup.relays.gpio import GpioRelays

__all__ = ["CannotClaim", "DryRelays", "GpioRelays", "ModbusRelays", "RelayBank"]
