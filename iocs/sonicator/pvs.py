"""The PVs of the sonicator IOC, as an operator meets them: each sonicator, and the board before them.

A table of records and nothing else; what happens behind them is in unit.py, board.py and registers.py.
"""

from devsup.sonicator_values import AMPLITUDE_MAX, AMPLITUDE_MIN, Flag
from iocs.caserver import AlarmSeverity
from iocs.common import pv
from iocs.common.comm import CommPVs
from iocs.common.estop import EStopPVs
from iocs.common.group import Group
from iocs.common.spec import MAX_DESC, AlarmPolicy, Archive
from iocs.sonicator.logic import State

MINOR, MAJOR, INVALID = AlarmSeverity.MINOR, AlarmSeverity.MAJOR, AlarmSeverity.INVALID
AMPLITUDES = (AMPLITUDE_MIN, AMPLITUDE_MAX)
FLAGS = {
    "flag_running": Flag.RUNNING,
    "flag_overload": Flag.OVERLOAD,
    "flag_lock": Flag.FREQ_LOCK,
    "flag_comm": Flag.COMM_FAULT,
    "flag_fault": Flag.FAULT,
    "flag_temp": Flag.OVER_TEMP,
}
"""Which attribute shows which flag."""
SHUTDOWNS = ("Normal", "Watchdog", "Power loss", "Emergency stop", "Fault", "Other")


class SonicatorPVs(Group):
    """One sonicator."""

    start = pv.command("Start", "Amplitude, then START, both confirmed", access="OPERATE")
    stop = pv.command("Stop", "START off, confirmed, before all else", access="SAFETY")
    run_ = pv.flag("Run", "Start and stop as one switch", ("Stop", "Run"), initial=0, access="OPERATE")
    running = pv.flag(
        "Running", "The board says that it runs", ("Stopped", "Running"), source="device", archive=Archive()
    )
    state = pv.choice(
        "State",
        "Where its state machine is",
        [state.name for state in State],
        severities={"FAULT": MAJOR},
        initial=0,
        archive=Archive(),
        alarm=AlarmPolicy("Stopped by a fault: see Faults:Text; mend the cause; then OverloadReset."),
    )
    state_reason = pv.text("StateReason", "Why it is in this state", max_length=120, archive=Archive())
    amplitude = pv.setpoint(
        "Amplitude", "Amplitude demand", unit="%", drive=AMPLITUDES, archive=Archive(1.0), saved=True,
        access="OPERATE",
    )  # fmt: skip
    amplitude_rbv = pv.readback(
        "Amplitude_RBV", "Amplitude setpoint the board holds", unit="%", display=(0, 100), source="device",
        archive=Archive(1.0),
        alarm=AlarmPolicy("Somebody else has set the amplitude, or the board was reset: set it anew."),
    )  # fmt: skip
    amplitude_actual = pv.readback(
        "AmplitudeActual", "Amplitude on its drive line", unit="%", display=(0, 100), source="device",
        archive=Archive(1.0),
    )  # fmt: skip
    power = pv.readback(
        "Power", "Power", unit="W", display=(0, 2000), hihi=2000.0, hyst=10.0, deadband=1.0, source="device",
        archive=Archive(1.0, deadband=2.0),
        alarm=AlarmPolicy("More power than the board can mean: lower the amplitude; look at the load."),
    )  # fmt: skip
    frequency = pv.readback(
        "Frequency", "Operating frequency", unit="Hz", display=(18000, 22000), low=18000.0, high=22000.0,
        hyst=20.0, deadband=5.0, source="device", archive=Archive(1.0, deadband=10.0),
        alarm=AlarmPolicy("Far from its resonance: look at horn, load and cooling.", delay_s=2.0),
    )  # fmt: skip
    energy = pv.readback(
        "Energy", "Energy since the last reset", unit="Wh", precision=2, deadband=0.01,
        archive=Archive(60.0),
    )  # fmt: skip
    run_time = pv.readback(
        "RunTime", "Time run since the last reset", unit="h", precision=3, deadband=0.001,
        archive=Archive(60.0),
    )  # fmt: skip
    run_present = pv.readback(
        "RunTime:Present", "Time of the present run", unit="s", precision=0, deadband=1.0
    )
    reset_totals = pv.command("RunTime:Reset", "Set energy and run time to zero", access="CONFIGURE")
    flags = pv.integer("Flags", "Status flags, as a mask", source="device", archive=Archive())
    flag_running = pv.flag("Flags:Running", "It runs", source="device")
    flag_overload = pv.flag(
        "Flags:Overload", "Overload", severities={"On": MAJOR}, source="device", archive=Archive(),
        alarm=AlarmPolicy("Overload: take the load off the horn; then OverloadReset."),
    )  # fmt: skip
    flag_lock = pv.flag(
        "Flags:FreqLock", "Resonance is found (alarm: lost in run)", ("Unlocked", "Locked"), source="device",
        archive=Archive(), alarm=AlarmPolicy("Frequency lock lost while it runs: look at horn and load."),
    )  # fmt: skip
    flag_comm = pv.flag(
        "Flags:CommFault", "The board missed its master", severities={"On": INVALID}, source="device"
    )
    flag_fault = pv.flag(
        "Flags:Fault", "The board reports a fault", severities={"On": MAJOR}, source="device"
    )
    flag_temp = pv.flag("Flags:OverTemp", "Too hot", severities={"On": MAJOR}, source="device")
    faults = pv.integer("Faults", "Causes of FAULT, as a mask", initial=0, archive=Archive())
    faults_text = pv.text("Faults:Text", "Causes of FAULT, in words", max_length=160, initial="")
    faults_last = pv.text("Faults:Last", "The last fault, in words", max_length=160, saved=True, initial="")
    faults_time = pv.text("Faults:Time", "When it was", saved=True, initial="")
    faults_count = pv.counter("Faults:Count", "Faults since the start of the IOC", initial=0)
    overload_reset = pv.command("OverloadReset", "Leave FAULT: reset pulse, verified", access="OPERATE")
    enabled = pv.flag(
        "Enabled", "It may be started", ("Disabled", "Enabled"), saved=True, access="CONFIGURE",
        archive=Archive(),
    )  # fmt: skip
    max_run_time = pv.setpoint(
        "MaxRunTime",
        "Longest run; 0: no limit",
        unit="s",
        drive=(0, 86400),
        saved=True,
        access="CONFIGURE",
        writable=True,
    )
    duty_limit = pv.setpoint(
        "DutyLimit", "Largest part of the window; 0: no limit", unit="%", precision=1, drive=(0, 100),
        saved=True, access="CONFIGURE", writable=True,
    )  # fmt: skip
    duty_window = pv.setpoint(
        "DutyWindow", "Window of the duty limit", unit="s", drive=(10, 86400), saved=True,
        access="CONFIGURE", writable=True,
    )  # fmt: skip
    duty = pv.readback(
        "Duty", "Part of the window it has run", unit="%", precision=1, display=(0, 100), deadband=0.1,
        archive=Archive(60.0),
    )  # fmt: skip

    def __init__(self, prefix: str, description: str = "") -> None:
        super().__init__(prefix)
        for record in (self.state, self.amplitude, self.power):
            if description:
                record.desc = f"{description}: {record.desc}"[:MAX_DESC]


class BoardPVs(EStopPVs, CommPVs):
    """The board, and all sonicators together."""

    system_status = pv.integer("SystemStatus", "Status of the board, as a mask", source="device")
    status_text = pv.text("SystemStatus:Text", "Status of the board, in words", source="device")
    active_count = pv.integer("ActiveCount", "Sonicators that run", source="device", archive=Archive())
    active_mask = pv.integer("ActiveMask", "Which run, bit 0 is number 1", source="device", archive=Archive())
    watchdog = pv.integer(
        "Watchdog", "The board's watchdog; 1: well", source="device", lolo=0, archive=Archive(),
        alarm=AlarmPolicy("The board's main loop hung: cycle its power."),
    )  # fmt: skip
    comm_errors = pv.counter("CommErrors", "Errors the board has counted", source="device")
    shutdown = pv.choice(
        "LastShutdownReason", "Why sonicators were stopped last", SHUTDOWNS, source="device",
        archive=Archive(),
    )  # fmt: skip
    previous_mask = pv.integer("PrevActiveMask", "Which ran before the last shutdown", source="device")
    global_enable = pv.flag(
        "GlobalEnable", "The board starts sonicators", ("Disabled", "Enabled"), access="SAFETY",
        archive=Archive(),
    )  # fmt: skip
    global_enable_rbv = pv.flag(
        "GlobalEnable_RBV", "… as the board has it", ("Disabled", "Enabled"), source="device",
        severities={"Disabled": MINOR}, archive=Archive(),
        alarm=AlarmPolicy("The board is disabled and starts nothing: GlobalEnable, when it is safe."),
    )  # fmt: skip
    global_amplitude = pv.setpoint(
        "GlobalAmplitude", "Amplitude demand for all", unit="%", drive=AMPLITUDES, access="OPERATE"
    )
    global_amplitude_rbv = pv.readback(
        "GlobalAmplitude_RBV", "… as the board holds it", unit="%", source="device", archive=Archive(1.0)
    )
    stop_all = pv.command("StopAll", "Stop every sonicator, without a latch", access="SAFETY")
    keep_alive_rate = pv.readback(
        "KeepAlive:Rate", "Answered keep-alives", unit="Hz", precision=1, low=4.5, lolo=1.0, deadband=0.1,
        archive=Archive(10.0),
        alarm=AlarmPolicy("Few keep-alives: a board that is not asked for 1 s may go deaf.", delay_s=3.0),
    )  # fmt: skip
    keep_alive_missed = pv.counter(
        "KeepAlive:Missed", "Keep-alives late or not answered", archive=Archive(),
        alarm=AlarmPolicy("Keep-alives were missed in the last minute: see Comm, PORT:board and IOC:."),
    )  # fmt: skip
    poll_period = pv.setpoint(
        "PollPeriod", "Time between readings of each", unit="s", precision=3, drive=(0.01, 1.0), saved=True,
        access="CONFIGURE",
    )  # fmt: skip
    engineering = pv.flag(
        "Engineering", "Raw registers may be written", severities={"On": MAJOR}, initial=0,
        access="CONFIGURE", archive=Archive(),
        alarm=AlarmPolicy("Raw registers may be written, past all checks: switch Engineering off."),
    )  # fmt: skip
