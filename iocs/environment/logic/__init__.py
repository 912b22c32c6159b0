"""Decisions of the environment IOC: when fan, mist, light and heater run, and why.

Pure: state, what is seen and `now` (monotonic seconds) in; new state and orders with reasons out.
No I/O, no clock, no PV. core.py is the whole of it; the other modules are its parts, as the
design document lists them: demand (hysteresis), duty, condensation, light, gate (minimum time, priorities).
"""

from iocs.environment.logic.core import (
    Decision,
    Seen,
    State,
    begin,
    book,
    refuse_command,
    refuse_mode,
    step,
)
from iocs.environment.logic.gate import Blocks, Contact, Order
from iocs.environment.logic.known import Readings
from iocs.environment.logic.settings import (
    GuardSettings,
    LightMode,
    LightSettings,
    Limits,
    RelaySettings,
    Settings,
    contradiction,
)
from iocs.environment.logic.words import Code, Mode, OnLoss, Reason, Relay

__all__ = [
    "Blocks",
    "Code",
    "Contact",
    "Decision",
    "GuardSettings",
    "LightMode",
    "LightSettings",
    "Limits",
    "Mode",
    "OnLoss",
    "Order",
    "Readings",
    "Reason",
    "Relay",
    "RelaySettings",
    "Seen",
    "Settings",
    "State",
    "begin",
    "book",
    "contradiction",
    "refuse_command",
    "refuse_mode",
    "step",
]
