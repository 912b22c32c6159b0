"""The gas IOC from start to end: a kill in the middle of a recipe, a shutdown, a latch that outlives both."""

import json
from pathlib import Path

from devsup.sim.faults import Fault
from tests.gas.bench import NO_ALARM, Bench


def test_a_kill_in_a_recipe_moves_nothing_and_nothing_goes_on_by_itself(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    bench.wait_value("Recipe:Step", 2)
    bench.wait(lambda: bench.setpoints()["O2"] == 10.0, "it runs")
    bench.wait(lambda: "Process" in bench.state(), "remembered")
    bench.ioc.kill()
    before = bench.setpoints()
    bench.start_anew()
    assert bench.setpoints() == before == {"Ar": 40.0, "O2": 10.0, "N2": 0.0}
    assert bench.get("Ar:Setpoint") == 40.0
    assert bench.get("Recipe:State") == 0
    assert bench.get("TotalSetpoint") == 50.0
    message = "Short was interrupted in step 2 Process: the IOC ended. Nothing was moved"
    assert bench.text("Recipe:Message") == message
    bench.wait(bench.records, "a record")
    (line,) = bench.records().splitlines()
    record = json.loads(line)
    assert (record["result"], record["message"], len(record["steps"])) == ("Interrupted", message, 2)


def test_a_shutdown_in_a_recipe_zeroes_what_answers_though_one_unit_is_dead(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    bench.wait_value("Recipe:Step", 2)
    bench.wait(lambda: bench.setpoints()["O2"] == 10.0, "it runs")
    bench.fault("O2", Fault.DEAD)
    assert bench.ioc.terminate() == 0
    assert bench.setpoints() == {"Ar": 0.0, "O2": 10.0, "N2": 0.0}
    assert json.loads(bench.records())["result"] in ("Aborted", "Failed")


def test_a_restart_beside_a_dead_unit_moves_nothing_and_lets_nothing_grow(own_bench: Bench) -> None:
    """What is not known since the start must not trip; approval reckons with all it may hold."""
    bench = own_bench
    bench.put("Ar:Setpoint", 100)
    bench.put("O2:Setpoint", 30)
    bench.ioc.kill()
    bench.fault("Ar", Fault.DEAD)
    bench.ca.close()
    bench.connect()
    bench.ioc = bench.spawn().__enter__()
    bench.wait_severity("O2:Flow", NO_ALARM)
    bench.wait(lambda: bench.get("IOC:HEARTBEAT") >= 7, "patience is over")
    assert bench.setpoints() == {"Ar": 100.0, "O2": 30.0, "N2": 0.0}
    assert bench.get("Interlock:Tripped") == 0
    assert "of total, limit 30 %" in bench.refused("O2:Setpoint", 31)


def test_a_shutdown_zeroes_and_a_latched_trip_outlives_it(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("Ar:Setpoint", 50)
    bench.put("MaxTotalFlow", 123)
    bench.gauge("Door", "Open")
    bench.wait_value("Interlock:Door:Tripped", 1)
    bench.gauge("Door", "Closed")
    assert bench.ioc.terminate() == 0
    assert bench.setpoints()["Ar"] == 0.0
    bench.start_anew()
    assert bench.get("Interlock:Door:Tripped") == 1
    assert bench.get("MaxTotalFlow") == 123
    bench.wait_value("Interlock:Door:OK", 1)
    bench.put("Interlock:Door:Reset", 1)


def test_on_shutdown_hold_leaves_the_flows(tmp_path: Path) -> None:
    with Bench(tmp_path, on_shutdown="hold") as bench:
        bench.put("Ar:Setpoint", 50)
        assert bench.ioc.terminate() == 0
        assert bench.setpoints()["Ar"] == 50.0
        bench.start_anew()
