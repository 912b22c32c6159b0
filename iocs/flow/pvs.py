"""The PVs of the flow IOC, as an operator meets them: instruments, lines, emergency stop.

A table of records and nothing else; what happens behind them is in instrument.py, line.py and plant.py.
"""

from devsup.bronkhorst_values import Mode
from iocs.caserver import AlarmSeverity
from iocs.common import pv
from iocs.common.estop import EStopPVs
from iocs.common.pv import Group
from iocs.common.spec import MAX_DESC, AlarmPolicy, Archive

MINOR, MAJOR = AlarmSeverity.MINOR, AlarmSeverity.MAJOR

MODES: dict[str, Mode | None] = {
    "Bus / RS232": Mode.BUS,
    "Analog input": Mode.ANALOG,
    "FLOW-BUS slave": Mode.SLAVE,
    "Valve closed": Mode.VALVE_CLOSED,
    "Valve frozen": Mode.IDLE,
    "Test": Mode.TEST,
    "Tune": Mode.TUNE,
    "Setpoint 100 %": Mode.FULL_SCALE,
    "Valve fully open": Mode.VALVE_OPEN,
    "Calibrate": Mode.CALIBRATE,
    "Analog slave": Mode.ANALOG_SLAVE,
    "Setpoint 0 %": Mode.ZERO,
    "RS232": Mode.RS232,
    "Valve steering": Mode.VALVE_STEERING,
    "Valve safe state": Mode.VALVE_SAFE,
    "Other": None,
}


class InstrumentPVs(Group):
    """One mass flow controller. Units and ranges are the instrument's own and follow its fluid."""

    flow = pv.readback(
        "Flow", "Measured flow", precision=4, deadband=0.0, archive=Archive(1.0), source="device"
    )
    setpoint = pv.setpoint(
        "Setpoint", "Flow demand", precision=4, archive=Archive(1.0), access="OPERATE", source="device"
    )
    setpoint_rbv = pv.readback(
        "Setpoint_RBV", "Setpoint the instrument holds", precision=4, archive=Archive(1.0), source="device"
    )
    deviation = pv.readback(
        "Deviation",
        "Flow minus setpoint, alarm once settled",
        precision=4,
        source="device",
        alarm=AlarmPolicy("Flow does not follow its setpoint: check supply, valve and control mode."),
    )
    temperature = pv.readback(
        "Temperature", "Gas temperature in the instrument", unit="degC", precision=1, deadband=0.05,
        archive=Archive(10.0), source="device",
    )  # fmt: skip
    valve = pv.readback(
        "ValveOutput", "Valve drive", unit="%", precision=1, display=(0, 100), deadband=0.05,
        archive=Archive(10.0), source="device",
    )  # fmt: skip
    counter = pv.counter("Counter", "Totalised flow", precision=3, source="device", archive=Archive(60.0))
    fluid_index = pv.choice(
        "FluidIndex", "Selected fluid", states=[f"Fluid {n}" for n in range(1, 9)], access="CONFIGURE",
        source="device",
    )  # fmt: skip
    fluid = pv.text("Fluid", "Name of the selected fluid", source="device", archive=Archive())
    capacity = pv.readback("Capacity", "Flow at 100 %", precision=4, source="device", archive=Archive())
    unit = pv.text("Unit", "Unit of flow and capacity", source="device")
    control_mode = pv.choice(
        "ControlMode", "Control mode demand", states=list(MODES), access="CONFIGURE", source="device"
    )
    control_mode_rbv = pv.choice(
        "ControlMode_RBV", "Control mode of the instrument", states=list(MODES), source="device",
        archive=Archive(),
    )  # fmt: skip
    alarm_info = pv.integer("AlarmInfo", "Alarm bits of the instrument", source="device", archive=Archive())
    alarm_error = pv.flag(
        "AlarmInfo:Error", "Instrument reports an error", severities={"On": MAJOR}, source="device"
    )
    alarm_warning = pv.flag(
        "AlarmInfo:Warning", "Instrument reports a warning", severities={"On": MINOR}, source="device"
    )
    alarm_minimum = pv.flag(
        "AlarmInfo:Minimum", "Flow below the minimum alarm", severities={"On": MINOR}, source="device"
    )
    alarm_maximum = pv.flag(
        "AlarmInfo:Maximum", "Flow above the maximum alarm", severities={"On": MINOR}, source="device"
    )
    alarm_batch = pv.flag("AlarmInfo:Batch", "Batch counter reached", source="device")
    alarm_power_up = pv.flag(
        "AlarmInfo:PowerUp", "Instrument lost power since reset", severities={"On": MINOR}, source="device"
    )
    alarm_response = pv.flag(
        "AlarmInfo:Response", "Response alarm: flow lags setpoint", severities={"On": MINOR}, source="device"
    )
    alarm_slave = pv.flag(
        "AlarmInfo:MasterSlave", "Master/slave alarm", severities={"On": MINOR}, source="device"
    )
    alarm_hardware = pv.flag(
        "AlarmInfo:Hardware", "Hardware alarm", severities={"On": MAJOR}, source="device"
    )
    model = pv.text("Model", "Model number", source="device")
    serial = pv.text("Serial", "Serial number", source="device")
    firmware = pv.text("Firmware", "Firmware version", source="device")
    user_tag = pv.text("UserTag", "Text stored in the instrument", access="CONFIGURE", source="device")
    wink = pv.command("Wink", "Let the instrument's lamps flash", access="OPERATE")
    reset_alarm = pv.command("ResetAlarm", "Reset the instrument's alarm", access="OPERATE")
    zero = pv.command("Zero", "Setpoint to zero, ahead of everything", access="SAFETY")
    poll_period = pv.setpoint(
        "PollPeriod", "Time between readings", unit="s", precision=2, drive=(0.02, 60.0), saved=True,
        access="CONFIGURE",
    )  # fmt: skip
    comm = pv.choice(
        "Comm",
        "State of the conversation",
        states=["OK", "Degraded", "Lost"],
        severities={"Degraded": MINOR, "Lost": MAJOR},
        archive=Archive(),
        alarm=AlarmPolicy("Instrument does not answer: check its power, cable and node number.", delay_s=5.0),
    )
    comm_age = pv.readback("Comm:Age", "Time since the last good reply", unit="s", precision=1, deadband=0.5)
    comm_errors = pv.counter("Comm:Errors", "Attempts without a valid reply")
    comm_latency = pv.readback(
        "Comm:Latency", "Time of the last transaction", unit="ms", precision=1, deadband=1.0
    )
    comm_back_off = pv.readback("Comm:BackOff", "Pause between probes while lost", unit="s", precision=1)
    comm_error = pv.text("Comm:LastError", "What went wrong last", max_length=120)
    doubts = pv.counter("Comm:Doubts", "Readings that were read twice")

    def __init__(self, prefix: str, description: str = "") -> None:
        super().__init__(prefix)
        for record in (self.flow, self.setpoint):
            if description:
                record.desc = f"{description}: {record.desc}"[:MAX_DESC]


class LinePVs(Group):
    """Health of a line. Counters count from start or from the last Reset."""

    connected = pv.flag(
        "Connected",
        "Serial line is open",
        states=("Disconnected", "Connected"),
        severities={"Disconnected": MAJOR},
        archive=Archive(),
        alarm=AlarmPolicy("The serial line is gone: check adapter, cable and power.", delay_s=2.0),
    )
    url = pv.text("URL", "Where the line is", max_length=120)
    operations = pv.counter("Operations", "Transactions finished", archive=Archive(60.0))
    succeeded = pv.counter("Succeeded", "Transactions that succeeded")
    failed = pv.counter("Failed", "Transactions that failed", archive=Archive(60.0))
    fail_rate = pv.readback(
        "FailRate",
        "High: unstable USB or slow instruments",
        unit="%",
        precision=1,
        display=(0, 100),
        high=5.0,
        hihi=25.0,
        hyst=1.0,
        deadband=0.1,
        archive=Archive(10.0),
        alarm=AlarmPolicy("Unstable USB or slow instruments: see which Comm is not OK.", delay_s=30.0),
    )
    timeouts = pv.counter("Failed:Timeout", "Attempts without reply")
    framing = pv.counter("Failed:Framing", "Attempts with damaged replies")
    identity = pv.counter("Failed:Identity", "Attempts with somebody else's reply")
    checksum = pv.counter("Failed:Checksum", "Attempts with a wrong checksum")
    device = pv.counter("Failed:Device", "Requests an instrument refused")
    io = pv.counter("Failed:IO", "Attempts while the port was broken")
    implausible = pv.counter("Failed:Implausible", "Readings not confirmed by a second")
    retries = pv.counter("Retries", "Attempts after the first", archive=Archive(60.0))
    blocked = pv.counter("Blocked", "Transactions that waited behind another")
    reconnects = pv.counter("Reconnects", "Times the line was opened again", archive=Archive(60.0))
    late = pv.counter("LateReplies", "Late replies drained")
    overruns = pv.counter("Overruns", "Polls skipped: the line was busy")
    longest = pv.readback(
        "Longest",
        "Longest transaction; > 2000 ms is ill",
        unit="ms",
        precision=1,
        high=2000.0,
        deadband=0.1,
        archive=Archive(10.0),
        alarm=AlarmPolicy("A transaction took over 2 s: check the instruments' response; then Reset."),
    )
    p50 = pv.readback("P50", "Median transaction time", unit="ms", precision=2, deadband=0.5)
    p95 = pv.readback("P95", "95 % of transactions are faster", unit="ms", precision=2, deadband=0.5)
    utilisation = pv.readback(
        "Utilisation", "Part of the time bytes are on the wire", unit="%", precision=1, display=(0, 100),
        deadband=0.5, archive=Archive(10.0),
    )  # fmt: skip
    queue = pv.integer("QueueDepth", "Transactions waiting")
    backed_off = pv.integer("BackOffs", "Instruments probed rarely because silent", archive=Archive())
    last_error = pv.text("LastError", "What went wrong last", max_length=120)
    nodes = pv.text("Nodes", "Nodes found by the last Scan", max_length=400)
    reset = pv.command("Reset", "Set the counters to zero", access="OPERATE")
    scan = pv.command("Scan", "Look for nodes on the line", access="CONFIGURE")


class PlantPVs(EStopPVs):
    """The whole installation."""

    zero_all = pv.command("ZeroAll", "Every setpoint to zero, without a latch", access="SAFETY")
