"""The PVs of interlocks: a set for each, and what they come to together. A table of records, nothing else."""

from __future__ import annotations

import math

from iocs.caserver import AlarmSeverity, Analog, Text
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.interlock.rules import Origin, Row, Severity
from iocs.common.spec import MAX_DESC, AlarmPolicy, Archive

GRAVITY = {Severity.MINOR: AlarmSeverity.MINOR, Severity.MAJOR: AlarmSeverity.MAJOR}
FROM = {Origin.QUANTITY: "", Origin.PV: "PV ", Origin.LINK: "link "}
VALUE = pv.readback("Value", "What it watches", archive=Archive(1.0))
WORD = pv.text("Value", "What it watches", archive=Archive(1.0))
LIMIT = pv.setpoint("Limit", "Trips beyond this", saved=True, access="CONFIGURE", archive=Archive())
LIMIT_LOW = pv.setpoint("LimitLow", "Trips below this", saved=True, access="CONFIGURE", archive=Archive())
TRIPPED = pv.flag(
    "Tripped", "Interlock is tripped", states=("Clear", "TRIPPED"), initial=0, saved=True, archive=Archive()
)
MINUTES = pv.setpoint(
    "Bypass:Minutes", "How long the next bypass lasts", unit="min", precision=1, access="CONFIGURE"
)


class InterlockPVs(Group):
    """One interlock. `Limit` is there where it compares numbers, `LimitLow` where these are a range."""

    value: Analog | Text
    limit: Analog
    limit_low: Analog
    ok = pv.flag("OK", "Its condition holds", states=("Not OK", "OK"), archive=Archive())
    first_out = pv.flag("FirstOut", "It tripped before all others", states=("No", "First"), initial=0)
    trip_time = pv.text("TripTime", "When it tripped last", saved=True, initial="", archive=Archive())
    reason = pv.text(
        "Reason", "What is wrong, or was when it tripped", max_length=160, saved=True, initial="",
        archive=Archive(),
    )  # fmt: skip
    condition = pv.text("Condition", "What has to hold", max_length=80)
    action = pv.text("Action", "What happens when it does not", max_length=80)
    input = pv.text("Input", "Where the value comes from", max_length=80)
    reset = pv.command("Reset", "Release a trip that is over", access="SAFETY")
    bypass = pv.flag(
        "Bypass", "Its trips do not act", states=("Active", "BYPASSED"), initial=0, access="CONFIGURE",
        severities={"BYPASSED": AlarmSeverity.MINOR}, archive=Archive(),
        alarm=AlarmPolicy("This interlock is bypassed: see Bypass:By and Bypass:Why; put 0 to end it."),
    )  # fmt: skip
    bypass_why = pv.text(
        "Bypass:Why", "Reason, needed for each bypass", max_length=80, initial="", access="CONFIGURE",
        archive=Archive(), writable=True,
    )  # fmt: skip
    bypass_by = pv.text("Bypass:By", "Who bypassed it", initial="", archive=Archive())
    bypass_left = pv.readback(
        "Bypass:Remaining", "Until the bypass ends", unit="min", precision=1, deadband=0.1, initial=0.0
    )

    def __init__(self, prefix: str, row: Row) -> None:
        super().__init__(f"{prefix}Interlock:{row.name}:")
        self.row = row
        self._add_numbers(row)
        guidance = AlarmPolicy(row.guidance, description=f"Interlock {row.name} is tripped")
        gravity = (AlarmSeverity.NO_ALARM, GRAVITY[row.severity])
        self.tripped = self.add("tripped", TRIPPED, severities=gravity, alarm=guidance)
        longest = row.bypass_max_min
        self.bypass_minutes = self.add(
            "bypass_minutes",
            MINUTES,
            drive=(0.1, longest) if longest else (0.0, 0.0),
            initial=min(30.0, longest),
        )
        self.condition.set_ok(row.condition.text(row.unit))
        self.action.set_ok(row.does)
        self.input.set_ok(FROM[row.origin] + row.source)

    def _add_numbers(self, row: Row) -> None:
        known = {"unit": row.unit, "precision": row.precision}
        desc = (row.description or "What it watches")[:MAX_DESC]
        if not row.condition.is_numeric:
            self.value = self.add("value", WORD, desc=desc)
            return
        self.value = self.add("value", VALUE, desc=desc, **known)
        low, high = (bound if math.isfinite(bound) else math.nan for bound in row.bounds)
        self.limit = self.add("limit", LIMIT, drive=(low, high), initial=row.condition.limit, **known)
        if row.condition.has_range:
            self.limit_low = self.add(
                "limit_low", LIMIT_LOW, drive=(low, high), initial=row.condition.low, **known
            )


class InterlockSummaryPVs(Group):
    """All interlocks of an IOC together."""

    first_out = pv.text("FirstOut", "Interlock that tripped first", initial="", saved=True, archive=Archive())
    count = pv.integer("Interlock:Tripped", "Interlocks that are tripped", initial=0, archive=Archive())
    blocking = pv.integer("Interlock:NotOK", "Interlocks whose condition does not hold", initial=0)
    bypassed = pv.integer(
        "Interlock:Bypassed", "Interlocks that are bypassed", initial=0, high=1, archive=Archive(),
        alarm=AlarmPolicy("Interlocks are bypassed: see which one's Bypass is not Active, and why."),
    )  # fmt: skip
    reset = pv.command("Interlock:Reset", "Release every trip that is over", access="SAFETY")
