"""The PVs of the gas IOC, as an operator meets them: gases, chamber, recipes.

A table of records and nothing else; what happens behind them is in gas.py, chamber.py and cook.py.
"""

from iocs.caserver import AlarmSeverity
from iocs.common import pv
from iocs.common.comm import CommPVs
from iocs.common.estop import EStopPVs
from iocs.common.group import Group
from iocs.common.spec import MAX_DESC, AlarmPolicy, Archive

MINOR, MAJOR, INVALID = AlarmSeverity.MINOR, AlarmSeverity.MAJOR, AlarmSeverity.INVALID
RECIPE_STATES = ("Idle", "Checking", "Running", "Holding", "Paused", "Completed", "Aborted", "Failed")


class GasPVs(CommPVs):
    """One mass flow controller. Units are the instrument's own."""

    flow = pv.readback(
        "Flow", "Measured mass flow", unit="sccm", precision=2, archive=Archive(1.0), source="device"
    )
    setpoint = pv.setpoint(
        "Setpoint", "Flow demand", unit="sccm", precision=2, archive=Archive(1.0), access="OPERATE",
        source="device",
    )  # fmt: skip
    setpoint_rbv = pv.readback(
        "Setpoint_RBV", "Setpoint the instrument holds", unit="sccm", precision=2, archive=Archive(1.0),
        source="device",
    )  # fmt: skip
    zero = pv.command("Zero", "Setpoint to zero, ahead of everything", access="SAFETY")
    deviation = pv.readback(
        "Deviation", "Flow minus setpoint, alarm once settled", unit="sccm", precision=2, source="device",
        alarm=AlarmPolicy("Flow does not follow its setpoint: bottle, regulator, valve hold, source."),
    )  # fmt: skip
    approval = pv.flag(
        "Approval", "A higher setpoint could be granted", states=("Blocked", "Granted"), archive=Archive()
    )
    reason = pv.text("Reason", "Why, or why not", max_length=160, initial="", archive=Archive())
    volumetric = pv.readback("VolFlow", "Volumetric flow", precision=2, deadband=0.05, source="device")
    pressure = pv.readback(
        "Pressure", "Absolute pressure in the instrument", precision=2, deadband=0.05, source="device",
        archive=Archive(10.0),
    )  # fmt: skip
    temperature = pv.readback(
        "Temperature", "Gas temperature in the instrument", unit="degC", precision=1, deadband=0.05,
        archive=Archive(10.0), source="device",
    )  # fmt: skip
    total = pv.readback("Total", "Totalised flow", precision=1, source="device", archive=Archive(60.0))
    reset_total = pv.command("ResetTotal", "Set the totaliser to zero", access="OPERATE")
    gas = pv.text("Gas", "Gas to select, by name or number", access="CONFIGURE", source="device")
    gas_rbv = pv.text("Gas_RBV", "Gas the instrument is set to", source="device", archive=Archive())
    unit = pv.text("Unit", "Unit of flow and setpoint", source="device")
    full_scale = pv.readback(
        "FullScale", "Flow at 100 %", unit="sccm", precision=2, source="device", archive=Archive()
    )
    max_flow = pv.setpoint(
        "MaxFlow", "Setpoints above are refused", unit="sccm", precision=2, access="CONFIGURE", saved=True,
        archive=Archive(),
    )  # fmt: skip
    tolerance = pv.setpoint(
        "Tolerance", "Deviation without alarm, of full scale", unit="%", precision=2, drive=(0.1, 100),
        access="CONFIGURE", saved=True,
    )  # fmt: skip
    status = pv.text("Status", "Status codes of the instrument, in words", max_length=160, source="device")
    codes = pv.text("Status:Codes", "Status codes of the instrument", source="device", archive=Archive())
    fault = pv.flag(
        "Status:Fault", "Instrument reports error or over-range", severities={"On": MAJOR},
        source="device", archive=Archive(),
        alarm=AlarmPolicy("See Status: over-range or a failed sensor; check supply pressure."),
    )  # fmt: skip
    source = pv.choice(
        "SetpointSource", "Where the setpoint comes from", ["Unknown", "Serial", "Analog"],
        severities={"Analog": MAJOR}, source="device", archive=Archive(),
        alarm=AlarmPolicy("The instrument ignores setpoints of the IOC: set its source to serial."),
    )  # fmt: skip
    valve_hold = pv.choice(
        "ValveHold", "Keep the valve from following", ["Off", "Here", "Closed"], access="OPERATE",
        source="device",
    )  # fmt: skip
    held = pv.flag(
        "ValveHold_RBV", "Valve is held", states=("Free", "HELD"), severities={"HELD": MINOR},
        source="device", archive=Archive(),
    )  # fmt: skip
    tare = pv.command("Tare", "Make the present flow zero, without flow", access="CONFIGURE")
    lock = pv.flag("Lock", "Front panel", states=("Unlocked", "Locked"), access="CONFIGURE", source="device")
    locked = pv.flag("Lock_RBV", "Front panel is", states=("Unlocked", "Locked"), source="device")
    enable = pv.flag(
        "Enable", "Instrument is in use", states=("Disabled", "Enabled"), access="CONFIGURE", saved=True,
        archive=Archive(),
    )  # fmt: skip
    model = pv.text("Model", "Model number", source="device")
    serial = pv.text("Serial", "Serial number", source="device")
    firmware = pv.text("Firmware", "Firmware version", source="device")
    doubts = pv.counter("Comm:Doubts", "Frames that were read twice", archive=Archive(60.0))

    def describe(self, description: str) -> None:
        """What the facility calls it, before the DESC of its main PVs."""
        for record in (self.flow, self.setpoint):
            if description:
                record.desc = f"{description}: {record.desc}"[:MAX_DESC]


class ChamberPVs(EStopPVs):
    """The chamber as a whole. Limits can be lowered, and raised again up to the configured ceiling."""

    total_flow = pv.readback(
        "TotalFlow", "Measured flow of all gases", unit="sccm", precision=2, archive=Archive(1.0),
        source="total",
    )  # fmt: skip
    total_setpoint = pv.readback("TotalSetpoint", "Sum of all setpoints", unit="sccm", precision=2)
    oxygen = pv.readback(
        "OxygenPercent", "Oxygen share of the measured flow", unit="%", precision=2, deadband=0.02,
        display=(0, 100), archive=Archive(1.0), source="oxygen",
    )  # fmt: skip
    oxygen_setpoint = pv.readback(
        "OxygenPercent:Setpoint", "Oxygen share of the setpoints", unit="%", precision=2, display=(0, 100)
    )
    pressure = pv.readback(
        "ChamberPressure", "Chamber pressure", unit="Torr", precision=6, archive=Archive(1.0),
        source="pressure",
    )  # fmt: skip
    pressure_link = pv.text("ChamberPressure:Link", "Where it comes from, and how", max_length=160)
    pumped = pv.flag(
        "Pumped", "Chamber was pumped to MinPressureForFlow", states=("Not pumped", "Pumped"), initial=0,
        archive=Archive(),
    )  # fmt: skip
    door = pv.text("Door", "Chamber door", source="door", archive=Archive())
    water = pv.text("Water", "Cooling water", source="water", archive=Archive())
    facility_stop = pv.text("FacilityStop", "Emergency stop of the facility", source="facility_stop")
    permit = pv.flag("Permit", "Flow may start or grow", states=("No", "Yes"), initial=0, archive=Archive())
    permit_reason = pv.text("Permit:Reason", "Why not", max_length=160, initial="", archive=Archive())
    max_individual = pv.setpoint(
        "MaxIndividualFlow", "Setpoint of any one gas", unit="sccm", precision=2, access="CONFIGURE",
        saved=True, archive=Archive(),
    )  # fmt: skip
    max_total = pv.setpoint(
        "MaxTotalFlow", "Sum of all setpoints", unit="sccm", precision=2, access="CONFIGURE", saved=True,
        archive=Archive(),
    )  # fmt: skip
    max_oxygen = pv.setpoint(
        "MaxOxygenPercent", "Oxygen share of the total", unit="%", precision=2, access="CONFIGURE",
        saved=True, archive=Archive(),
    )  # fmt: skip
    min_pressure = pv.setpoint(
        "MinPressureForFlow", "Pumped to this before flow may start", unit="Torr", precision=6,
        access="CONFIGURE", saved=True, archive=Archive(),
    )  # fmt: skip
    read_interval = pv.setpoint(
        "ReadInterval", "Time between readings", unit="s", precision=2, drive=(0.05, 60.0), saved=True,
        access="CONFIGURE",
    )  # fmt: skip
    zero_all = pv.command("ZeroAll", "Every setpoint to zero, without a latch", access="SAFETY")


class RecipePVs(Group):
    """Recipes: which there are, and the one that runs."""

    names = pv.texts("Names", "Recipes there are", 50)
    select = pv.text("Select", "Recipe to start", access="OPERATE", initial="")
    description = pv.text("Description", "What the selected recipe is for", max_length=200, initial="")
    dry_run = pv.text("DryRun", "Would it start now, and if not why", max_length=200, initial="")
    start = pv.command("Start", "Start the selected recipe", access="OPERATE")
    pause = pv.command("Pause", "Stop the clock, flows stay", access="OPERATE")
    resume = pv.command("Resume", "Go on where it was", access="OPERATE")
    abort = pv.command("Abort", "End it in its safe state", access="SAFETY")
    skip = pv.command("Skip", "To the next step at once", access="OPERATE")
    state = pv.choice(
        "State", "Where the run is", RECIPE_STATES, severities={"Holding": MINOR, "Failed": MAJOR},
        initial=0, archive=Archive(),
        alarm=AlarmPolicy("A recipe holds or has failed: see Recipe:Message; resume, skip or abort."),
    )  # fmt: skip
    running = pv.text("Running", "Recipe that runs, or ran last", initial="", archive=Archive())
    step = pv.integer("Step", "Step it is in", initial=0, archive=Archive())
    steps = pv.integer("Steps", "Steps it has", initial=0)
    step_name = pv.text("StepName", "Name of the step", initial="", archive=Archive())
    step_progress = pv.readback(
        "StepProgress", "Part of the step that is done", unit="%", precision=1, display=(0, 100), initial=0.0,
        deadband=0.5,
    )  # fmt: skip
    progress = pv.readback(
        "Progress", "Part of the recipe that is done", unit="%", precision=1, display=(0, 100), initial=0.0,
        deadband=0.5,
    )  # fmt: skip
    step_remaining = pv.readback(
        "StepRemaining", "Time left in the step, without holds", unit="s", precision=0, initial=0.0,
        deadband=0.5,
    )  # fmt: skip
    remaining = pv.readback(
        "Remaining", "Time to the end, without holds", unit="s", precision=0, initial=0.0, deadband=0.5
    )
    message = pv.text("Message", "What it does, in words", max_length=200, initial="", archive=Archive())
    reload = pv.command("Reload", "Read the recipes again", access="CONFIGURE")
    definition = pv.text(
        "Definition", "A recipe as YAML: checked, then kept", max_length=8000, access="CONFIGURE",
        initial="",
    )  # fmt: skip
    delete = pv.text("Delete", "Name of a recipe to delete", access="CONFIGURE", initial="")
