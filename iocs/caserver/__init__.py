"""Channel Access as EPICS base serves it: records, server, lifecycle. Knows no subsystem."""

from iocs.caserver.alarms import Alarm, AlarmSeverity, AlarmStatus
from iocs.caserver.arrays import Waveform
from iocs.caserver.lifecycle import current_server, request_restart, serve, spawn, suspended_tasks
from iocs.caserver.puts import Client, Refused
from iocs.caserver.record import Record
from iocs.caserver.records import Analog, Integer, Text
from iocs.caserver.states import Choice, Flag

__all__ = [
    "Alarm",
    "AlarmSeverity",
    "AlarmStatus",
    "Analog",
    "Choice",
    "Client",
    "Flag",
    "Integer",
    "Record",
    "Refused",
    "Text",
    "Waveform",
    "current_server",
    "request_restart",
    "serve",
    "spawn",
    "suspended_tasks",
]
