"""The PVs of the thermal IOC, as an operator meets them: controller, supplies, sensors, parameters.

A table of records and nothing else; what happens behind them is in control.py, supply.py, thermometer.py.
"""

from collections.abc import Mapping

from iocs.caserver import AlarmSeverity, Analog
from iocs.common import pv
from iocs.common.comm import CommPVs
from iocs.common.estop import EStopPVs
from iocs.common.group import Group
from iocs.common.spec import AlarmPolicy, Archive
from iocs.thermal.logic.facts import Latch, State, Trend, Zone
from iocs.thermal.logic.history import LENGTH
from iocs.thermal.logic.parameters import Bounds

MINOR, MAJOR = AlarmSeverity.MINOR, AlarmSeverity.MAJOR
STATES = [state.name for state in State]
GRAVE = {"MANUAL_OVERRIDE": MINOR, "THERMAL_FAULT": MAJOR, "SENSOR_FAULT": MAJOR, "DPS_DISCONNECTED": MAJOR}
EVENTS = 100
LONGEST_EVENT = 320  # bytes of a line of JSON


class ControllerPVs(EStopPVs):
    """The controller: what it does, why, and what it may be asked for."""

    state = pv.choice(
        "State", "State of the controller", STATES, severities=GRAVE, archive=Archive(),
        alarm=AlarmPolicy("Read StateReason. THERMAL_FAULT: mend its cause, then Rearm, then Start. "
                          "MANUAL_OVERRIDE: Resume when the knobs are free again."),
    )  # fmt: skip
    previous = pv.choice("PreviousState", "State before this one", STATES)
    state_reason = pv.text("StateReason", "Why it is in this state", max_length=160, archive=Archive())
    time_in_state = pv.readback("TimeInState", "Time since the last transition", unit="s", deadband=0.5)
    start = pv.command("Start", "Begin to cool, softly", "Start", access="OPERATE")
    halt = pv.command("Stop", "Soft ramp-down, then off", "Stop", access="OPERATE")
    resume = pv.command("Resume", "Take over from a manual override", "Resume", access="OPERATE")
    rearm = pv.command("Rearm", "Release a latched THERMAL_FAULT", "Rearm", access="SAFETY")
    not_off = pv.flag(
        "NotConfirmedOff", "An output to be off is not confirmed", ("OK", "output not confirmed off"),
        severities={"output not confirmed off": MAJOR}, archive=Archive(),
        alarm=AlarmPolicy("A supply that must be off does not confirm it: cut its power by hand. It is "
                          "ordered off until it answers; NotConfirmedOff:Who says which."),
    )  # fmt: skip
    not_off_who = pv.text("NotConfirmedOff:Who", "Supplies not confirmed off", initial="")
    latch = pv.choice(
        "Latch", "What holds over a restart", [latch.name for latch in Latch], initial=0, saved=True,
        archive=Archive(),
    )  # fmt: skip
    latch_reason = pv.text("Latch:Reason", "Why it is latched", max_length=160, initial="", saved=True)
    current = pv.readback(
        "Current", "Current demanded of both supplies", unit="A", precision=2, display=(0, 10.6),
        archive=Archive(1.0),
    )  # fmt: skip
    optimum = pv.readback("Optimum", "Best current found", unit="A", precision=2, archive=Archive())
    minimum = pv.readback(
        "Minimum", "Coldest plate of this run", unit="degC", precision=2, deadband=0.05, archive=Archive()
    )
    minimum_when = pv.text("Minimum:When", "When that was")
    next_probe = pv.readback("NextProbe", "Time to the next probe", unit="s", deadband=0.5)
    evaluate_in = pv.readback("EvaluateIn", "Time to the verdict on a change", unit="s", deadband=0.5)
    zone = pv.choice(
        "HotSide:Zone", "Zone of the hot side", [zone.name for zone in Zone],
        severities={"WARNING": MINOR, "ALARM": MAJOR}, archive=Archive(),
        alarm=AlarmPolicy("The hot side is too warm: fan, dust, room. The current is not raised; at the "
                          "fault limit the outputs are cut."),
    )  # fmt: skip
    cooling_rate = pv.readback(
        "CoolingRate", "Cold plate, negative while it cools", unit="K/min", precision=2, deadband=0.02,
        archive=Archive(5.0, 0.1),
    )  # fmt: skip
    hot_rate = pv.readback(
        "HotRate", "Hot side, negative while it cools", unit="K/min", precision=2, deadband=0.02,
        archive=Archive(5.0, 0.1),
    )  # fmt: skip
    trend = pv.choice(
        "Trend", "Trend of the cold plate", [trend.name for trend in Trend],
        severities={"OSCILLATING": MINOR}, archive=Archive(),
        alarm=AlarmPolicy("The cold plate swings: look at supplies, load and sensor.", delay_s=60.0),
    )  # fmt: skip
    imbalance_current = pv.readback(
        "Imbalance:Current", "Current of PSU1 less that of PSU2", unit="A", precision=2, deadband=0.02,
        alarm=AlarmPolicy("The stacks carry different currents: supply calibration, wiring, TEC.", 60.0),
    )  # fmt: skip
    imbalance_power = pv.readback(
        "Imbalance:Power", "Power of PSU1 less that of PSU2", unit="W", precision=1, deadband=0.1,
        alarm=AlarmPolicy("The stacks take different powers: a worn TEC, its mounting, wiring.", 60.0),
    )  # fmt: skip
    imbalance_count = pv.counter("Imbalance:Count", "Reports of an imbalance", initial=0, archive=Archive())
    line_state = pv.text("TC_STATE", "Display line: State")
    line_rate = pv.readback("TC_RATE", "Display line: dT/dt", unit="K/m", precision=2, deadband=0.02)
    line_i1 = pv.readback("TC_I1", "Display line: I1 SET", unit="A", precision=2)
    line_i2 = pv.readback("TC_I2", "Display line: I2 SET", unit="A", precision=2)


class SupplyPVs(CommPVs):
    """One DPS5015. What is commanded is the controller's; what ends in _RBV is the supply's."""

    voltage = pv.readback(
        "Voltage_RBV", "Output voltage", unit="V", precision=2, display=(0, 16), deadband=0.01,
        archive=Archive(1.0, 0.05), source="device",
    )  # fmt: skip
    measured = pv.readback(
        "Current_RBV", "Output current", unit="A", precision=2, display=(0, 10.6), deadband=0.01,
        archive=Archive(1.0, 0.02), source="device",
    )  # fmt: skip
    power = pv.readback(
        "Power", "Voltage times current", unit="W", precision=1, display=(0, 170), deadband=0.1,
        archive=Archive(5.0, 0.5), source="device",
    )  # fmt: skip
    raw_power = pv.integer("Power:Raw", "Power register; its scale is disputed", source="device")
    input_voltage = pv.readback(
        "InputVoltage", "Voltage at its input", unit="V", precision=2, deadband=0.05,
        archive=Archive(10.0, 0.2), source="device",
    )  # fmt: skip
    set_voltage = pv.readback("SetVoltage", "Voltage commanded", unit="V", precision=2, archive=Archive())
    set_voltage_rbv = pv.readback(
        "SetVoltage_RBV",
        "Voltage set point it holds",
        unit="V",
        precision=2,
        archive=Archive(),
        source="device",
    )
    set_current = pv.readback(
        "SetCurrent", "Current commanded", unit="A", precision=2, display=(0, 10.6), archive=Archive()
    )
    set_current_rbv = pv.readback(
        "SetCurrent_RBV", "Current set point it holds", unit="A", precision=2, archive=Archive(1.0),
        source="device", alarm=AlarmPolicy("Not as commanded: somebody turned the knob, or it lost power."),
    )  # fmt: skip
    output = pv.flag("Output", "Output commanded", initial=0, archive=Archive())
    output_rbv = pv.flag("Output_RBV", "State of its output", source="device", archive=Archive())
    mode = pv.choice("Mode", "What limits the output", ["CV", "CC"], source="device", archive=Archive())
    protect = pv.choice(
        "Protect", "Protection that switched it off",
        ["NONE", "OVER_VOLTAGE", "OVER_CURRENT", "OVER_POWER", "OTHER"],
        severities=dict.fromkeys(["OVER_VOLTAGE", "OVER_CURRENT", "OVER_POWER", "OTHER"], MAJOR),
        source="device", archive=Archive(),
        alarm=AlarmPolicy("The supply switched itself off: wiring, TEC; then Rearm and Start."),
    )  # fmt: skip
    protected = pv.flag(
        "Protected", "OVP and OCP are as configured", ("No", "Yes"), severities={"No": MINOR},
        source="device",
        alarm=AlarmPolicy("The protections of the supply could not be set: see PSU…:OverVoltage_RBV.", 30.0),
    )  # fmt: skip
    over_voltage = pv.readback("OverVoltage_RBV", "OVP of the supply", unit="V", precision=2, source="device")
    over_current = pv.readback("OverCurrent_RBV", "OCP of the supply", unit="A", precision=2, source="device")
    model = pv.text("Model", "Model of the supply", source="device")
    firmware = pv.text("Firmware", "Firmware of the supply", source="device")


AGE = pv.readback("Age", "Time since the last good reading", unit="s", precision=1, deadband=0.5)
QUALITY = pv.choice(
    "Quality", "What the newest reading says", ["GOOD", "DOUBTFUL", "FAILED", "NONE"],
    severities={"DOUBTFUL": MINOR, "FAILED": MAJOR, "NONE": MAJOR}, archive=Archive(),
    alarm=AlarmPolicy("The sensor is not read: wiring, address, driver; see Problem.", delay_s=5.0),
)  # fmt: skip
PROBLEM = pv.text("Problem", "Why it is not good", max_length=120)
COLD_VALUE = pv.readback(
    "ColdPlate", "Temperature of the cold plate", unit="degC", precision=2, display=(-60, 30), deadband=0.01,
    archive=Archive(1.0, 0.02), source="device",
)  # fmt: skip
HOT_VALUE = pv.readback(
    "HotPlate", "Temperature of the hot side", unit="degC", precision=2, display=(0, 80), deadband=0.01,
    high=55.0, hihi=65.0, hyst=5.0, archive=Archive(1.0, 0.05), source="device",
    alarm=AlarmPolicy("The hot side is too warm: fan, dust, room temperature."),
)  # fmt: skip
AMBIENT_VALUE = pv.readback(
    "Ambient", "Temperature of the room", unit="degC", precision=2, display=(0, 40), deadband=0.01,
    archive=Archive(10.0, 0.05), source="device",
)  # fmt: skip


class HistoryPVs(Group):
    """The last 300 samples, oldest first, all of the same length."""

    length = pv.integer("Length", "Samples that are filled", initial=0)
    time = pv.waveform("Time", "When, UNIX seconds", LENGTH, unit="s", precision=1)
    cold = pv.waveform("ColdPlate", "Cold plate", LENGTH, unit="degC", precision=2)
    hot = pv.waveform("HotPlate", "Hot side", LENGTH, unit="degC", precision=2)
    ambient = pv.waveform("Ambient", "Ambient", LENGTH, unit="degC", precision=2)
    set_current_1 = pv.waveform("PSU1:SetCurrent", "Current commanded", LENGTH, unit="A", precision=2)
    set_current_2 = pv.waveform("PSU2:SetCurrent", "Current commanded", LENGTH, unit="A", precision=2)
    current_1 = pv.waveform("PSU1:Current", "Current measured", LENGTH, unit="A", precision=2)
    current_2 = pv.waveform("PSU2:Current", "Current measured", LENGTH, unit="A", precision=2)
    power_1 = pv.waveform("PSU1:Power", "Power", LENGTH, unit="W", precision=1)
    power_2 = pv.waveform("PSU2:Power", "Power", LENGTH, unit="W", precision=1)


class EventPVs(Group):
    """The last hundred transitions, oldest first; they outlive the IOC."""

    length = pv.integer("Length", "Transitions that are listed", initial=0)
    time = pv.waveform("Time", "When, UNIX seconds", EVENTS, unit="s", precision=1)
    source = pv.texts("From", "State left", EVENTS)
    target = pv.texts("To", "State entered", EVENTS)
    reason = pv.texts("Reason", "Why, the first 39 characters", EVENTS)
    lines = pv.characters("Json", "All of it, a line of JSON each", EVENTS * LONGEST_EVENT)


class ParameterPVs(Group):
    """Every number the controller decides by, under its name in `config.h`. Live; a put is saved."""

    symmetric_shutdown = pv.flag(
        "symmetric_shutdown", "Without one supply, both go off", ("No", "Yes"), saved=True, writable=True,
        access="CONFIGURE", archive=Archive(),
    )  # fmt: skip

    def __init__(self, prefix: str, bounds: Mapping[str, Bounds], start: Mapping[str, float]) -> None:
        super().__init__(f"{prefix}Config:")
        self.numbers: dict[str, Analog] = {}
        for name, known in bounds.items():
            definition = pv.setpoint(
                name, known.text, unit=known.unit, precision=known.precision, saved=True, writable=True,
                drive=(known.low, known.ceiling), access="CONFIGURE", archive=Archive(), initial=start[name],
            )  # fmt: skip
            self.numbers[name] = self.add(name, definition)
