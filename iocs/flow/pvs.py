"""The PVs of the flow IOC, as an operator meets them: instruments, lines, emergency stop.

A table of records and nothing else; what happens behind them is in instrument.py, line.py and plant.py.
"""

from devsup.bronkhorst_values import Mode
from iocs.caserver import AlarmSeverity
from iocs.common import pv
from iocs.common.comm import CommPVs
from iocs.common.estop import EStopPVs
from iocs.common.lines import LinePVs
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


class InstrumentPVs(CommPVs):
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
    doubts = pv.counter("Comm:Doubts", "Readings that were read twice")

    def describe(self, description: str) -> None:
        """What the facility calls it, before the DESC of its main PVs."""
        for record in (self.flow, self.setpoint):
            if description:
                record.desc = f"{description}: {record.desc}"[:MAX_DESC]


class FlowLinePVs(LinePVs):
    """Health of a line, and who is on it."""

    nodes = pv.text("Nodes", "Nodes found by the last Scan", max_length=400)
    scan = pv.command("Scan", "Look for nodes on the line", access="CONFIGURE")


class PlantPVs(EStopPVs):
    """The whole installation."""

    zero_all = pv.command("ZeroAll", "Every setpoint to zero, without a latch", access="SAFETY")
