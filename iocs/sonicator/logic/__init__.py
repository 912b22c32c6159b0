"""Decisions of the sonicator IOC: the state machine of one sonicator, its limits of use, its totals.

Pure: every function gets the state, the facts and `now` (monotonic seconds) and returns the new state, the
orders and the reason in words. No I/O, no clock, no PV.
"""

from iocs.sonicator.logic.facts import (
    Action,
    Cause,
    Command,
    Do,
    Inputs,
    Machine,
    State,
    Timing,
    Tuning,
    born,
)
from iocs.sonicator.logic.faults import cause_text
from iocs.sonicator.logic.machine import MINIMUM, TRANSITIONS, adopt, refuse, step, stopped
from iocs.sonicator.logic.usage import Limits, Totals, Usage, account, exhausted

__all__ = [
    "MINIMUM",
    "TRANSITIONS",
    "Action",
    "Cause",
    "Command",
    "Do",
    "Inputs",
    "Limits",
    "Machine",
    "State",
    "Timing",
    "Totals",
    "Tuning",
    "Usage",
    "account",
    "adopt",
    "born",
    "cause_text",
    "exhausted",
    "refuse",
    "step",
    "stopped",
]
