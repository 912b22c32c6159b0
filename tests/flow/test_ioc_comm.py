"""The flow IOC when instruments fall silent or the line is unplugged: what clients see, when it clears."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from devsup.sim.faults import Fault
from tests.flow.bench import COMM, INVALID, MAJOR, MINOR, NO_ALARM, NODES, Bench
from tests.support.ca import Monitor, Reading

FED = """
    Flow Setpoint Setpoint_RBV Deviation Temperature ValveOutput Counter FluidIndex Fluid Capacity Unit
    ControlMode ControlMode_RBV AlarmInfo AlarmInfo:Error AlarmInfo:PowerUp AlarmInfo:Hardware
    Model Serial Firmware UserTag
    """.split()
"""What an instrument feeds."""


def read(bench: Bench, instrument: str) -> dict[str, Reading]:
    names = [bench.pv(f"{instrument}:{name}") for name in FED]
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(FED, pool.map(bench.ca.read, names), strict=True))


def alarms(readings: dict[str, Reading]) -> set[tuple[int, int]]:
    return {(reading.status, reading.severity) for reading in readings.values()}


def all_is_well(bench: Bench, instrument: str) -> bool:
    return alarms(read(bench, instrument)) == {(0, NO_ALARM)}


def stamp(bench: Bench, name: str) -> float:
    return bench.ca.read(bench.pv(name)).timestamp


def severities(monitor: Monitor) -> set[int]:
    return {event.severity for event in monitor.events}


def test_a_dead_instrument_is_invalid_its_neighbours_are_not_and_all_clears_by_itself(bench: Bench) -> None:
    bench.put("N2:Setpoint", 5)
    bench.put("Air:Setpoint", 3)
    bench.wait_near("N2:Flow", 5, 0.01)
    bench.wait(lambda: all_is_well(bench, "N2"), "N2 well")
    flow, neighbour = bench.ca.monitor(bench.pv("N2:Flow")), bench.ca.monitor(bench.pv("Air:Flow"))
    before = read(bench, "N2")
    with bench.dead("N2"):
        lost = flow.wait_for(lambda event: event.severity == INVALID)
        assert (lost.status, lost.value) == (COMM, pytest.approx(5, abs=0.01))
        after = read(bench, "N2")
        assert alarms(after) == {(COMM, INVALID)}
        assert all(after[name].timestamp > before[name].timestamp for name in FED)
        bench.wait(lambda: stamp(bench, "N2:Flow") > after["Flow"].timestamp, "time goes on")
        later = read(bench, "N2")
        assert [name for name in FED if later[name].value != after[name].value] == [], "the last values stay"
        assert bench.alarm("N2:Comm")[1] == MAJOR
        assert bench.get("N2:Comm:BackOff") > 0
        assert "no reply" in bench.text("N2:Comm:LastError")
        assert bench.alarm("N2:PollPeriod")[1] == NO_ALARM
        assert "N2 does not answer (silent for" in bench.refused("N2:Setpoint", 6)
        assert "N2 does not answer" in bench.refused("N2:ControlMode", 3)
        assert all_is_well(bench, "Air")
        bench.put("Air:Setpoint", 4)
        bench.wait_near("Air:Flow", 4, 0.01)
        age = bench.get("N2:Comm:Age")
        bench.wait(lambda: bench.get("N2:Comm:Age") > age, "age grows")
        bench.wait_value("PORT:bench1:BackOffs", 1)
    bench.wait(lambda: all_is_well(bench, "N2"), "N2 well again")
    bench.wait_value("N2:Comm", 0)
    assert (bench.get("N2:Setpoint"), bench.setpoints()[0]) == (5.0, 5.0)
    assert bench.get("N2:Comm:Age") < 1
    assert severities(neighbour) == {NO_ALARM}
    flow.close()
    neighbour.close()


def test_an_unplugged_line_loses_everyone_and_comes_back_by_itself(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("N2:Setpoint", 5)
    bench.line.hang_up()
    for name in NODES:
        bench.wait_severity(f"{name}:Flow", INVALID)
        assert alarms(read(bench, name)) == {(COMM, INVALID)}
    bench.wait_value("PORT:bench1:Connected", 0)
    assert bench.alarm("PORT:bench1:Connected")[1] == MAJOR
    assert "N2 does not answer" in bench.refused("N2:Setpoint", 6)
    bench.line.come_back()
    for name in NODES:
        bench.wait(lambda name=name: all_is_well(bench, name), f"{name} well again")  # type: ignore[misc]
    bench.wait_severity("PORT:bench1:Connected", NO_ALARM)
    assert bench.get("PORT:bench1:Reconnects") >= 1
    assert (bench.get("N2:Setpoint"), bench.setpoints()[0]) == (5.0, 5.0)
    bench.put("N2:Setpoint", 6)
    log = bench.ioc.output()
    assert log.count("bench1: lost: ") == 1, log


def test_an_instrument_that_fails_now_and_then_is_degraded_but_not_lost(bench: Bench) -> None:
    bench.fault("He", Fault.TRUNCATED, 0.2)
    bench.wait(lambda: (bench.get("He:Comm"), bench.alarm("He:Comm")[1]) == (1, MINOR), "degraded")
    bench.wait_severity("He:Flow", NO_ALARM)
    bench.wait(lambda: bench.get("PORT:bench1:Failed:Framing") > 0, "framing errors counted")
    assert bench.get("PORT:bench1:Retries") > 0
    bench.fault("He")
    bench.wait_value("He:Comm", 0)


FALSE_ANSWERS = [
    (Fault.FOREIGN_NODE, 100),
    (Fault.WRONG_INDEX, 200),
    (Fault.WRONG_SEQUENCE, 300),
    (Fault.ERROR_FRAME, 400),
]


@pytest.mark.parametrize(("fault", "flow_before"), FALSE_ANSWERS)
def test_somebody_elses_answers_are_never_shown(bench: Bench, fault: Fault, flow_before: float) -> None:
    bench.put("He:Setpoint", flow_before)
    bench.wait_near("He:Flow", flow_before, 0.5)
    flow = bench.ca.monitor(bench.pv("He:Flow"))
    bench.fault("He", fault)
    flow.wait_for(lambda event: event.severity == INVALID)
    assert [event for event in flow.events if event.value != pytest.approx(flow_before, abs=1)] == []
    flow.close()
