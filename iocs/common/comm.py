"""How the conversation with one instrument goes: the Comm group of everything on a line.

Knows PVs and a Health; knows no protocol and no subsystem.
"""

import time

from devsup.health import Health, Link
from iocs.caserver import AlarmSeverity, AlarmStatus
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.spec import AlarmPolicy, Archive

MINOR, MAJOR = AlarmSeverity.MINOR, AlarmSeverity.MAJOR


class CommPVs(Group):
    """Base of a group that shows one instrument. Whatever it says has `source="device"`."""

    comm = pv.choice(
        "Comm",
        "State of the conversation",
        states=["OK", "Degraded", "Lost"],
        severities={"Degraded": MINOR, "Lost": MAJOR},
        archive=Archive(),
        alarm=AlarmPolicy("Instrument does not answer: check its power, cable and address.", delay_s=5.0),
    )
    comm_age = pv.readback("Comm:Age", "Time since the last good reply", unit="s", precision=1, deadband=0.5)
    comm_errors = pv.counter("Comm:Errors", "Attempts without a valid reply")
    comm_latency = pv.readback(
        "Comm:Latency", "Time of the last transaction", unit="ms", precision=1, deadband=1.0
    )
    comm_back_off = pv.readback("Comm:BackOff", "Pause between probes while lost", unit="s", precision=1)
    comm_error = pv.text("Comm:LastError", "What went wrong last", max_length=120, initial="")

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self._started = time.monotonic()
        self._known_error = ""

    def show_error(self, error: str) -> None:
        """What went wrong last; stays until something else does."""
        self.comm_error.set_ok(error)

    def show_link(self, health: Health, *, sees: bool) -> None:
        """How the conversation goes. Without readings no PV that the instrument feeds looks good."""
        if not sees:
            self.set_invalid(AlarmStatus.COMM if health.lost else AlarmStatus.READ)
        self.comm.set_ok(int(health.link if sees else max(health.link, Link.DEGRADED)))
        self.comm_age.set_ok(time.monotonic() - (health.last_good or self._started))
        self.comm_errors.set_ok(health.errors)
        self.comm_latency.set_ok(1e3 * health.latency_s)
        self.comm_back_off.set_ok(health.back_off_s)
        if health.last_error != self._known_error:
            self._known_error = health.last_error
            self.show_error(health.last_error)
