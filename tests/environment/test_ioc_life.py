"""Start, stop, crash and restart of the IOC in every state; and what it does where something is not there."""

import errno
import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from devsup.sim.faults import Fault
from devsup.sim.sysfs import SensorFault
from tests.conftest import RunIoc
from tests.environment.bench import BOARD, INVALID, Bench
from tests.support.ca import CaClient
from tests.support.processes import ROOT, Process
from tests.support.waiting import wait_until


def manual(bench: Bench, *relays: str) -> None:
    """MANUAL, with these relays on."""
    bench.put("Mode", "MANUAL")
    for relay in relays:
        bench.put(f"{relay}:Command", "On")
    bench.wait_on(set(relays))


def listed(bench: Bench) -> int:
    """How many actions the history has."""
    return sum(bool(relay) for relay in bench.get("History:Relay"))


def test_a_stop_switches_everything_off_and_a_restart_begins_with_everything_off(own_bench: Bench) -> None:
    bench = own_bench
    manual(bench, "Fan", "Light")
    bench.put("Humidity:Min", 80.0)
    bench.put("Fan:DutyLimit", 100)
    bench.wait(lambda: listed(bench) == 2, "both are in the history")
    switches = bench.get("Fan:Switches")
    assert bench.ioc.terminate() == 0
    assert bench.chamber.on() == set()
    assert "every relay is off" in bench.ioc.output() or "shutting down" in bench.ioc.output()
    bench.start_again()
    assert bench.chamber.on() == set(), "commands are not restored"
    assert bench.get("Mode") == 1 and bench.get("Fan:Command") == 0
    assert bench.get("Humidity:Min") == 80.0
    assert bench.get("Fan:Switches") == switches
    assert listed(bench) == 4, "the stop is in the history as well"
    assert "the IOC is shutting down" in bench.get("History:Reason")[0]
    assert bench.get("Fan:DutyPercent") > 0.0, "what ran before counts"


@pytest.mark.parametrize("mode", ["AUTOMATIC", "SAFETY"])
def test_modes_outlive_a_restart(own_bench: Bench, mode: str) -> None:
    bench = own_bench
    bench.chamber.feel(t=26.0)
    bench.put("Mode", mode)
    bench.wait_on({"Fan"} if mode == "AUTOMATIC" else set())
    bench.ioc.terminate()
    bench.start_again()
    assert bench.ca.get(bench.pv("Mode"), as_string=True) == mode
    bench.wait_on({"Fan"} if mode == "AUTOMATIC" else set())


def test_an_emergency_stop_outlives_a_restart(own_bench: Bench) -> None:
    bench = own_bench
    manual(bench, "Light")
    bench.put("EStop", 1)
    bench.ioc.terminate()
    bench.chamber.board.write_coils(0, [True, True])  # somebody has been at the board
    bench.start_again()
    bench.wait_on(set())
    assert bench.get("EStop:Active") == 1 and bench.get("Mode") == 2
    assert "emergency stop is active" in bench.refused("Mode", "AUTOMATIC")
    bench.put("EStop:Reset", 1)
    bench.put("Mode", "AUTOMATIC")


def test_a_restart_while_the_guard_acts_begins_its_timer_anew(own_bench: Bench) -> None:
    bench = own_bench
    bench.chamber.feel(rh=97.0)
    bench.wait_on({"Fan"})
    bench.ioc.terminate()
    assert bench.chamber.on() == set()
    bench.start_again()
    bench.wait_on({"Fan"})
    bench.wait_value("CondensationGuard:Active", 1)


def test_after_a_crash_the_command_switches_off_what_the_board_has_kept_on(own_bench: Bench) -> None:
    bench = own_bench
    manual(bench, "Fan", "Heater")
    kept = bench.state / "T-ENV.json"
    bench.wait(lambda: kept.read_text().count("null") == 2, "it is noted that two are on")
    bench.ioc.kill()
    assert bench.chamber.on() == {"Fan", "Heater"}
    command = [sys.executable, "-m", "iocs.environment", "off", "--db", bench.db]
    with Process(command, bench.folder / "off.log") as off:
        assert off.wait() == 0
        assert "every relay is off, confirmed" in off.output()
    assert bench.chamber.on() == set()
    bench.start_again()
    assert bench.get("Fan:DutyPercent") > 0.0


def test_the_command_says_when_it_cannot(own_bench: Bench) -> None:
    command = [sys.executable, "-m", "iocs.environment", "off", "--db", own_bench.db]
    with Process(command, own_bench.folder / "off.log") as off:
        assert off.wait() == 1, "the IOC has the line"
        assert "not confirmed off" in off.output()
    with Process([*command, "--db", "nowhere.yaml"], own_bench.folder / "off.log") as off:
        assert off.wait() == 2


def test_the_light_keeps_its_phase_over_a_restart(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("Light:OnMinutes", 700)
    bench.put("Light:OffMinutes", 500)
    bench.put("Light:Mode", "CYCLE")
    bench.put("Light:Anchor", "03:15")
    bench.wait(lambda: bench.text("Light:NextChange").startswith("20"), "there is a next change")
    before = bench.text("Light:NextChange")
    bench.ioc.signal(signal.SIGTERM)
    bench.ioc.wait()
    bench.start_again()
    bench.wait(lambda: bench.text("Light:NextChange").startswith("20"), "there is a next change")
    assert bench.text("Light:NextChange")[:15] == before[:15]
    assert bench.text("Light:Anchor") == "03:15"


FROST = """
  Frost:
    quantity: temperature
    condition: at least 5
    action: safety mode
    guidance: Look at the heater.
"""


def test_an_interlock_may_lead_to_safety_mode(tmp_path: Path) -> None:
    with Bench(tmp_path, more=FROST) as bench:
        manual(bench, "Fan")
        bench.chamber.feel(t=2.0)
        bench.wait_on(set())
        bench.wait_value("Mode", 2)
        assert bench.text("SafetyReason").startswith("interlock Frost: ")
        assert "Frost" in bench.refused("Mode", "AUTOMATIC")
        bench.chamber.feel(t=21.0)
        bench.wait_value("Interlock:NotOK", 0)
        bench.put("Interlock:Frost:Reset", 1)
        assert bench.get("Mode") == 2
        bench.put("Mode", "AUTOMATIC")


def test_without_a_sensor_and_the_board_it_starts_and_waits_for_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench:
        bench.ioc.terminate()
        chamber = bench.chamber
        chamber.thermometer.fault = SensorFault.DEAD
        chamber.server.set_fault(BOARD, Fault.DEAD)
        chamber.feel(t=30.0)
        bench.ca.close()
        bench.ca = CaClient(bench.env)
        bench.ioc = bench.spawn().__enter__()
        bench.wait_severity("Temperature", INVALID)
        bench.wait_severity("Fan:State", INVALID)
        bench.wait_reason("Fan", "relays has not confirmed its off yet")
        chamber.server.set_fault(BOARD, Fault.OK)
        bench.wait_reason("Heater", "temperature lost for")
        assert chamber.on() == set()
        chamber.mend()
        chamber.feel(t=30.0)
        bench.wait_on({"Fan"})


GPIO = """
    relays: {chip: "pinctrl-*", lines: {Fan: 17, Mist: 27, Light: 22, Heater: 23}}
    sensors: {air: {kind: scd4x_i2c}, photo: {kind: ads1115}}
    values: {temperature: {sensor: air}, humidity: {sensor: air}, co2: {sensor: air}, light: {sensor: photo}}
"""
DENIED = f"""
    import glob
    from types import SimpleNamespace
    glob.glob = None

    class Chip:
        def __init__(self, path):
            raise OSError({errno.EACCES}, "{os.strerror(errno.EACCES)}")

    def request_lines(*_, **__):
        raise OSError({errno.EACCES}, "{os.strerror(errno.EACCES)}")

    line = SimpleNamespace(
        Direction=SimpleNamespace(OUTPUT=1, INPUT=2), Value=SimpleNamespace(ACTIVE=1, INACTIVE=0)
    )
    LineSettings = SimpleNamespace
"""


@pytest.mark.parametrize(
    ("module", "chip", "words"),
    [
        (DENIED, "/dev/gpiochip0", "relays: /dev/gpiochip0: permission denied; add the user to the group"),
        (DENIED, "pinctrl-*", "relays: no gpiochip is labelled pinctrl-*; there is "),
        ("raise ImportError", "/dev/gpiochip0", "the Python module gpiod is not installed"),
    ],
)
def test_relays_that_may_not_be_used_are_a_clear_end(
    tmp_path: Path, ca_env: dict[str, str], module: str, chip: str, words: str
) -> None:
    (tmp_path / "gpiod.py").write_text(textwrap.dedent(module))
    db = tmp_path / "environment.yaml"
    db.write_text(textwrap.dedent(GPIO).replace("pinctrl-*", chip))
    env = {**ca_env, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "iocs", "environment", "--db", db]
    with Process(command, tmp_path / "log", env, cwd=ROOT) as ioc:
        assert ioc.wait() == 2
        assert words in ioc.output()
        assert "Traceback" not in ioc.output()


def test_the_whole_chamber_in_simulation(run_ioc: RunIoc, prefix: str, ca: CaClient) -> None:
    ioc = run_ioc("environment", "--simulate", "--prefix", prefix, "--macro", "MUSHPI_SCD41_INTERVAL=0.5")
    sim = f"SIM:{prefix}"
    wait_until(lambda: ca.get(f"{prefix}Temperature:Quality") == 0, 15.0, "the air is measured")
    wait_until(
        lambda: ca.get(f"{prefix}Light:State") == ca.get(f"{sim}Light:Contact"), 10.0, "light as shown"
    )
    ca.put(f"{prefix}Mode", "MANUAL")
    ca.put(f"{prefix}Fan:MinimumTime", 0)
    ca.put(f"{prefix}Fan:Command", "On")
    wait_until(lambda: ca.get(f"{sim}Fan:Contact") == 1, 5.0, "the fan's contact closes")
    ca.put(f"{sim}SENSOR:air:Fault", "DEAD")
    wait_until(lambda: ca.read(f"{prefix}CO2").severity == INVALID, 15.0, "the sensor is lost")
    ca.put(f"{sim}SENSOR:air:Fault", "OK")
    wait_until(lambda: ca.read(f"{prefix}CO2").severity == 0, 15.0, "the sensor is back")
    ca.put(f"{prefix}EStop", 1)
    assert ca.get(f"{sim}Fan:Contact") in (0, 1)
    wait_until(lambda: ca.get(f"{sim}Fan:Contact") == 0, 5.0, "the fan stands")
    assert ioc.terminate() == 0
