"""The PVs of the chamber, as an operator meets them: what is measured, every relay, light, guard, limits.

A table of records and nothing else; what happens behind them is in the modules that subclass these groups.
"""

from devsup.sensors import Quality
from iocs.caserver import AlarmSeverity
from iocs.common import pv
from iocs.common.comm import CommPVs
from iocs.common.estop import EStopPVs
from iocs.common.group import Group
from iocs.common.spec import AlarmPolicy, Archive
from iocs.environment.logic import Code, LightMode, Mode, OnLoss
from iocs.environment.logic.light import Verdict

MINOR, MAJOR = AlarmSeverity.MINOR, AlarmSeverity.MAJOR
HISTORY = 1000  # actions kept in the arrays
CODES = [code.name.capitalize().replace("_", " ") for code in Code]


class ChamberPVs(EStopPVs):
    """The chamber as a whole."""

    mode = pv.choice(
        "Mode", "Who decides", [mode.name for mode in Mode], initial=0, saved=True, access="OPERATE",
        severities={"MANUAL": MINOR, "SAFETY": MAJOR}, archive=Archive(),
        alarm=AlarmPolicy("Not AUTOMATIC: see SafetyReason; when all is well, put Mode to AUTOMATIC."),
    )  # fmt: skip
    safety_reason = pv.text("SafetyReason", "Why it is in SAFETY", max_length=160, initial="", saved=True)
    simulation = pv.choice("Simulation", "What is not real", ["Nothing", "Relays", "Relays and sensors"])
    sensor_timeout = pv.setpoint(
        "SensorTimeout", "Age at which a sensor counts as lost", unit="s", precision=0, drive=(2, 3600),
        saved=True, writable=True, access="CONFIGURE",
    )  # fmt: skip
    duty_window = pv.setpoint(
        "DutyWindow", "Window over which the duty is counted", unit="min", precision=0, drive=(5, 240),
        saved=True, writable=True, access="CONFIGURE",
    )  # fmt: skip
    decisions = pv.counter("Decisions", "Decisions taken since the start")
    decision_time = pv.readback(
        "DecisionTime", "Time the last decision took", unit="us", precision=0, deadband=20.0
    )
    history_time = pv.waveform("History:Time", "When relays were switched, newest first", HISTORY, unit="s")
    history_stamp = pv.texts("History:Stamp", "The same as date and time", HISTORY)
    history_relay = pv.texts("History:Relay", "Which relay", HISTORY)
    history_state = pv.texts("History:State", "On or Off", HISTORY)
    history_code = pv.integers("History:Code", "Why, as in ReasonCode", HISTORY)
    history_reason = pv.texts("History:Reason", "Why, in words", HISTORY)
    history_last = pv.text("History:Last", "Last action in words", max_length=160, archive=Archive())


class LimitPVs(Group):
    """Between which values the chamber is kept."""

    temperature_min = pv.setpoint(
        "Temperature:Min", "Heater on at or below", unit="degC", precision=1, drive=(-20, 60), saved=True,
        writable=True, access="OPERATE", archive=Archive(),
    )  # fmt: skip
    temperature_max = pv.setpoint(
        "Temperature:Max", "Fan on at or above", unit="degC", precision=1, drive=(-20, 60), saved=True,
        writable=True, access="OPERATE", archive=Archive(),
    )  # fmt: skip
    temperature_hysteresis = pv.setpoint(
        "Temperature:Hysteresis", "How far back before they let go", unit="K", precision=1, drive=(0, 20),
        saved=True, writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    humidity_min = pv.setpoint(
        "Humidity:Min", "Mist on at or below", unit="%RH", precision=1, drive=(0, 100), saved=True,
        writable=True, access="OPERATE", archive=Archive(),
    )  # fmt: skip
    humidity_hysteresis = pv.setpoint(
        "Humidity:Hysteresis", "How far back before it lets go", unit="%RH", precision=1, drive=(0, 50),
        saved=True, writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    co2_max = pv.setpoint(
        "CO2:Max", "Fan on at or above", unit="ppm", precision=0, drive=(400, 40000), saved=True,
        writable=True, access="OPERATE", archive=Archive(),
    )  # fmt: skip
    co2_hysteresis = pv.setpoint(
        "CO2:Hysteresis", "How far back before it lets go", unit="ppm", precision=0, drive=(0, 10000),
        saved=True, writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip


class GuardPVs(Group):
    """The condensation guard."""

    active = pv.flag(
        "Active", "Fan forced on, mist forced off", severities={"On": MINOR}, archive=Archive(),
        alarm=AlarmPolicy("Very humid for minutes: is the sensor in the mist stream? Does the mist stop?"),
    )  # fmt: skip
    threshold = pv.setpoint(
        "Threshold", "Humidity that counts as condensation", unit="%RH", precision=1, drive=(50, 100),
        saved=True, writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    hysteresis = pv.setpoint(
        "Hysteresis", "How far back before it lets go", unit="%RH", precision=1, drive=(0, 50), saved=True,
        writable=True, access="CONFIGURE",
    )  # fmt: skip
    duration = pv.setpoint(
        "Duration", "How long it has to last", unit="s", precision=0, drive=(0, 7200), saved=True,
        writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    elapsed = pv.readback("Elapsed", "How long it has lasted", unit="s", precision=0, deadband=0.5)


class RelayPVs(Group):
    """One relay. Whatever shows its contact has `source="device"`."""

    state = pv.flag(
        "State", "What the contact does", source="device", archive=Archive(),
    )  # fmt: skip
    command = pv.flag("Command", "Demand of the operator in MANUAL", initial=0, access="OPERATE")
    demand = pv.flag("Demand", "What is wished for, before the gate", archive=Archive())
    reason = pv.text("Reason", "Why it is on or off", max_length=160)
    reason_code = pv.choice("ReasonCode", "Why it is on or off", CODES, archive=Archive())
    duty_percent = pv.readback(
        "DutyPercent", "Share of the window that it was on", unit="%", precision=1, display=(0, 100),
        deadband=0.1, archive=Archive(10.0, deadband=1.0),
    )  # fmt: skip
    duty_limit = pv.setpoint(
        "DutyLimit", "Largest share; 100 for no limit", unit="%", precision=0, drive=(0, 100), saved=True,
        writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    free_in = pv.readback("FreeIn", "Until the duty permits it to be on", unit="s", precision=0, deadband=0.5)
    minimum_time = pv.setpoint(
        "MinimumTime", "Least time between two changes", unit="s", precision=0, drive=(0, 600), saved=True,
        writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    on_time = pv.readback(
        "OnTime", "Time on, all its life", unit="h", precision=2, deadband=0.01, archive=Archive(60.0)
    )
    switches = pv.counter("Switches", "Times switched on, all its life", archive=Archive(60.0))
    last_change = pv.text("LastChange", "When the contact changed last")
    interlocked = pv.flag("Interlocked", "Safety keeps it off", archive=Archive())
    contact_fault = pv.flag(
        "ContactFault", "Contact does not follow its order", states=("OK", "FAULT"),
        severities={"FAULT": MAJOR}, source="device", archive=Archive(),
        alarm=AlarmPolicy("The contact is welded or does not close, or somebody else drives the relay."),
    )  # fmt: skip


class FollowingRelayPVs(RelayPVs):
    """A relay that follows a sensor."""

    on_loss = pv.choice(
        "OnSensorLoss", "What it does without its sensor", [loss.name for loss in OnLoss], saved=True,
        writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip


class LightPVs(Group):
    """Schedule and verification of the light."""

    mode = pv.choice(
        "Mode", "Schedule", [mode.name for mode in LightMode], saved=True, writable=True, access="OPERATE",
        archive=Archive(),
    )  # fmt: skip
    on_minutes = pv.setpoint(
        "OnMinutes", "Time on of a cycle", unit="min", precision=0, drive=(0, 10080), saved=True,
        writable=True, access="OPERATE", archive=Archive(),
    )  # fmt: skip
    off_minutes = pv.setpoint(
        "OffMinutes", "Time off of a cycle", unit="min", precision=0, drive=(0, 10080), saved=True,
        writable=True, access="OPERATE", archive=Archive(),
    )  # fmt: skip
    anchor = pv.text(
        "Anchor", "Time of day at which a cycle begins", saved=True, access="OPERATE", archive=Archive()
    )
    next_change = pv.text("NextChange", "When the schedule changes next")
    time_to_change = pv.readback("TimeToChange", "Until then", unit="s", precision=0, deadband=0.5)
    verified = pv.choice(
        "Verified", "What the photoresistor says", [verdict.name for verdict in Verdict],
        severities={"FAILED": MAJOR, "NO_READING": MINOR}, archive=Archive(),
        alarm=AlarmPolicy("Light and relay disagree: look at lamp, relay and photoresistor."),
    )  # fmt: skip
    verify_failures = pv.counter("VerifyFailures", "Failed verifications", archive=Archive(60.0))
    verify_reset = pv.command("ResetFailures", "Set the count to zero", access="OPERATE")
    on_threshold = pv.setpoint(
        "OnThreshold", "Bright at or above", unit="lx", precision=0, drive=(0, 1e5), saved=True,
        writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    off_threshold = pv.setpoint(
        "OffThreshold", "Dark at or below", unit="lx", precision=0, drive=(0, 1e5), saved=True,
        writable=True, access="CONFIGURE", archive=Archive(),
    )  # fmt: skip
    verify_delay = pv.setpoint(
        "VerifyDelay", "From a change to its verification", unit="s", precision=0, drive=(0, 600),
        saved=True, writable=True, access="CONFIGURE",
    )  # fmt: skip
    verify_repeat = pv.setpoint(
        "VerifyRepeat", "Between two verifications", unit="s", precision=0, drive=(1, 86400), saved=True,
        writable=True, access="CONFIGURE",
    )  # fmt: skip


VALUE = pv.readback(
    "Value", "Measured value", source="device", archive=Archive(5.0),
    alarm=AlarmPolicy("Outside its limits: see the relays' Reasons, then room and sensor.", delay_s=30),
)  # fmt: skip
AGE = pv.readback("Age", "Since the last good reading", unit="s", precision=1, deadband=0.5)
QUALITY = pv.choice(
    "Quality", "What the newest reading says", [quality.name for quality in Quality],
    severities={"DOUBTFUL": MINOR, "FAILED": MAJOR, "NONE": MAJOR}, archive=Archive(),
    alarm=AlarmPolicy("The value is not measured now: see Problem, then sensor and cable.", delay_s=15),
)  # fmt: skip
PROBLEM = pv.text("Problem", "What is wrong with the newest reading", max_length=120)
OFFSET = pv.setpoint(
    "Offset", "Correction added to the reading", precision=2, drive=(-1000, 1000), saved=True, writable=True,
    access="CONFIGURE",
)  # fmt: skip


class SensorPVs(CommPVs):
    """How the conversation with a sensor goes."""

    kind = pv.text("Kind", "What it is")


class BankPVs(CommPVs):
    """How the conversation with the relays goes."""

    backend = pv.text("Backend", "What switches the relays")
    retries = pv.counter("Repeats", "Orders that had to be given again")
