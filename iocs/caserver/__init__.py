"""Channel Access as EPICS base serves it: records, server, lifecycle. Knows no subsystem."""

from iocs.caserver.alarms import Alarm, AlarmSeverity, AlarmStatus
from iocs.caserver.arrays import Characters, Integers, Texts, Waveform
from iocs.caserver.lifecycle import (
    CannotStart,
    current_server,
    request_restart,
    serve,
    spawn,
    suspended_tasks,
)
from iocs.caserver.puts import Client, Refused
from iocs.caserver.record import Record
from iocs.caserver.records import Analog, Integer, Text
from iocs.caserver.served import AccessRights
from iocs.caserver.states import Choice, Flag

__all__ = [
    "AccessRights",
    "Alarm",
    "AlarmSeverity",
    "AlarmStatus",
    "Analog",
    "CannotStart",
    "Characters",
    "Choice",
    "Client",
    "Flag",
    "Integer",
    "Integers",
    "Record",
    "Refused",
    "Text",
    "Texts",
    "Waveform",
    "current_server",
    "request_restart",
    "serve",
    "spawn",
    "suspended_tasks",
]
