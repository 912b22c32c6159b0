"""`--simulate` with the facility's own file, times shortened: what a trainer can do to the demo's chamber."""

from pathlib import Path

import pytest

from iocs.thermal.logic.facts import State
from tests.conftest import RunIoc
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK
from tests.support.processes import ROOT
from tests.support.waiting import wait_until
from tests.thermal.bench import QUICK

SHORT = {**QUICK, "sensor_stale_ms": 2500, "supply_stale_ms": 2500, "startup_current": 4}
BRISK = "simulated: {ambient: 22, load: 8, rhythm: 0.05, speed: 60}\n"


def shortened(folder: Path) -> Path:
    """db/thermal.yaml with other times: the same lines, supplies, sensors and ceilings."""
    lines = (ROOT / "db" / "thermal.yaml").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(("simulated:", "parameters:", "ceilings:"))]
    text = "".join(kept).replace("  ColdPlate: {", "  ColdPlate: {period: 0.05, ")
    text = text.replace("  HotPlate: {", "  HotPlate: {period: 0.05, ")
    text = "".join(line for line in text.splitlines(keepends=True) if not _is_parameter(line))
    numbers = "".join(f"  {name}: {value}\n" for name, value in SHORT.items())
    wide = "ceilings: {hot_side_rate_fault_c_per_min: 10000, cooling_stall_threshold_c: 1000}\n"
    file = folder / "thermal.yaml"
    file.write_text(f"control_period: 0.05\nhistory_period: 0.05\n{text}parameters:\n{numbers}{wide}{BRISK}")
    return file


def _is_parameter(line: str) -> bool:
    names = ("tec_voltage_setpoint", "max_current_per", "symmetric_shutdown", "hot_side_fault_c")
    return line.startswith("  ") and line.strip().startswith(names)


def taken(ca: CaClient, command: str) -> bool:
    try:
        ca.put(command, 1)
    except Refused:
        return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_drill_with_the_faults_of_the_demo(
    run_ioc: RunIoc, ca: CaClient, prefix: str, tmp_path: Path
) -> None:
    tec, sim = f"{prefix}TEC:", f"{prefix}SIM:TEC:"
    options = ("--db", str(shortened(tmp_path)), "--prefix", tec, "--interfaces", LOOPBACK)
    run_ioc("thermal", "--simulate", *options)

    def state(*wanted: State) -> None:
        try:
            wait_until(lambda: State(ca.get(f"{tec}State")) in wanted, 30.0, "/".join(x.name for x in wanted))
        except AssertionError as late:
            raise AssertionError(f"{late}: {ca.get(f'{tec}StateReason.VAL$', as_string=True)}") from late

    state(State.OFF)
    ca.put(f"{tec}Start", 1, timeout=10.0)
    state(State.STARTUP, State.RAMP_UP)
    state(State.STEADY_STATE)
    best = ca.get(f"{sim}Best:ColdPlate")
    assert best < ca.get(f"{sim}ColdPlate:True") + 1.0 < ca.get(f"{tec}Ambient1")
    wait_until(lambda: ca.get(f"{tec}TimeInState") > 2.0, 10.0, "no order is under way")
    ca.put(f"{sim}PSU1:KnobCurrent", 3.0)
    state(State.MANUAL_OVERRIDE)
    ca.put(f"{tec}Resume", 1)
    state(State.RAMP_UP, State.STEADY_STATE)
    ca.put(f"{sim}PSU2:Power", "Cut")
    state(State.DPS_DISCONNECTED)
    ca.put(f"{sim}PSU2:Power", "On")
    state(State.STARTUP, State.RAMP_UP)
    ca.put(f"{sim}ColdPlate:Fault", "OPEN")
    state(State.SENSOR_FAULT)
    ca.put(f"{sim}ColdPlate:Fault", "OK")
    state(State.STARTUP, State.RAMP_UP, State.STEADY_STATE)
    ca.put(f"{sim}PSU1:SwitchingNoise", 1)
    ca.put(f"{tec}Config:hot_side_rate_fault_c_per_min", 60.0)  # of a plant that is sixty times as fast
    ca.put(f"{sim}Fan", "Stopped")
    state(State.THERMAL_FAULT)
    wait_until(lambda: ca.get(f"{tec}PSU1:Output_RBV") + ca.get(f"{tec}PSU2:Output_RBV") == 0, 20.0, "off")
    ca.put(f"{sim}Fan", "Running")
    wait_until(lambda: ca.get(f"{tec}HotPlate") < 50.0 and ca.get(f"{tec}HotRate") < 1.0, 20.0, "cooling")
    wait_until(lambda: taken(ca, f"{tec}Rearm"), 20.0, "Rearm is granted")  # not while a supply is unheard
    state(State.OFF)
