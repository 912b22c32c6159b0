"""The flow IOC from start to end: what restarts, shutdowns, lost clients and rivals do to the flows."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devsup.bronkhorst_values import Mode
from devsup.sim.propar_node import ProparNode
from tests.flow.bench import COMM, INVALID, MINOR, NO_ALARM, NODES, Bench, configuration
from tests.support.ca import CaClient
from tests.support.network import ca_environment
from tests.support.processes import IocProcess

ZERO_ON_SHUTDOWN = "on_shutdown: zero"
ZERO_ON_CLIENT_LOSS = "on_client_loss: zero\nclient_loss_after: 1"


def state(node: ProparNode) -> tuple[object, ...]:
    """Everything of an instrument that an order could have changed."""
    return node.setpoint, node.control_mode, node.fluid_index, node.user_tag, node.alarm_mode, node.init_reset


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_an_end_and_a_restart_move_nothing(own_bench: Bench, end: signal.Signals) -> None:
    bench = own_bench
    bench.put("N2:Setpoint", 5)
    bench.put("He:ControlMode", "Valve closed")
    before = [state(bench.node(name)) for name in NODES]
    bench.ioc.signal(end)
    assert bench.ioc.wait() == (0 if end != signal.SIGKILL else -signal.SIGKILL)
    assert [state(bench.node(name)) for name in NODES] == before
    bench.start_anew()
    bench.wait_readings()
    assert [state(bench.node(name)) for name in NODES] == before
    assert (bench.get("N2:Setpoint"), bench.get("N2:Setpoint_RBV")) == (5.0, 5.0)
    assert (bench.get("He:ControlMode"), bench.get("He:ControlMode_RBV")) == (3, 3)
    assert bench.alarm("N2:Setpoint")[1] == bench.alarm("He:ControlMode")[1] == NO_ALARM
    assert bench.get("EStop:Active") == 0
    assert bench.text("Reason") == "Started; setpoints are taken over from the instruments"


def test_what_was_confirmed_outlives_a_kill_and_the_latch_holds(own_bench: Bench) -> None:
    """The latch restores itself with its zeros; settings and limits come back; outputs do not."""
    bench = own_bench
    bench.put("Air:PollPeriod", 0.07)
    bench.put("N2:Flow.HIHI", 4.5)
    bench.put("N2:Setpoint", 5)
    bench.put("EStop", 1)
    bench.wait(lambda: '"EStop:Active": 1' in saved(bench), "the latch is on the disk")
    bench.node("N2").setpoint = 0.2  # somebody turned it at the instrument while the IOC was away
    bench.ioc.kill()
    bench.start_anew()
    bench.wait_value("EStop:Active", 1)
    bench.wait(lambda: bench.setpoints() == [0.0, 0.0, 0.0], "zeroed again")
    assert (bench.get("Air:PollPeriod"), bench.get("N2:Flow.HIHI")) == (0.07, 4.5)
    assert bench.refused("N2:Setpoint", 5).startswith("emergency stop is active")
    assert bench.text("IOC:SR_rebootStr") == "from T-FLOW.json"
    bench.put("EStop:Reset", 1)
    bench.put("N2:Setpoint", 5)


def saved(bench: Bench) -> str:
    return (bench.folder / "state" / "T-FLOW.json").read_text(encoding="utf-8")


def test_a_second_ioc_on_the_same_line_is_refused_and_the_first_goes_on(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("N2:Setpoint", 5)
    second = bench.spawn()
    try:
        assert second.wait() == 1
        second.wait_for(r"PortInUse: \S+ is in use by another program or line")
    finally:
        second.kill()
    bench.put("N2:Setpoint", 6)
    assert bench.setpoints()[0] == 6.0
    assert bench.alarm("N2:Flow")[1] == NO_ALARM


def test_an_instrument_that_is_away_at_the_start_is_adopted_when_it_comes(own_bench: Bench) -> None:
    bench = own_bench
    bench.ioc.terminate()
    bench.line.hang_up()
    bench.node("N2").setpoint = 0.3
    bench.start_anew()
    bench.wait(lambda: bench.alarm("N2:Flow") == (COMM, INVALID), "COMM")
    assert "N2 does not answer (never heard)" in bench.refused("N2:Setpoint", 1)
    bench.line.come_back()
    bench.wait_severity("N2:Flow", NO_ALARM)
    assert (bench.get("N2:Setpoint"), bench.setpoints()[0]) == (6.0, 6.0)


@contextmanager
def flowing_bench(folder: Path, top: str) -> Iterator[Bench]:
    with Bench(folder, top=top) as bench:
        bench.put("N2:Setpoint", 5)
        bench.put("He:Setpoint", 100)
        yield bench


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_on_shutdown_zero_zeroes_before_the_end(tmp_path: Path, end: signal.Signals) -> None:
    with flowing_bench(tmp_path, ZERO_ON_SHUTDOWN) as bench:
        bench.node("Air").control_mode = Mode.VALVE_OPEN
        bench.ioc.signal(end)
        assert bench.ioc.wait() == 0
        assert bench.setpoints() == [0.0, 0.0, 0.0]
        assert bench.node("Air").control_mode == Mode.VALVE_CLOSED


def test_on_client_loss_zero_waits_its_time_and_zeroes(tmp_path: Path) -> None:
    with flowing_bench(tmp_path, ZERO_ON_CLIENT_LOSS) as bench:
        bench.ca.close()
        assert bench.setpoints() == [5.0, 0.0, 100.0]
        bench.wait(lambda: bench.setpoints() == [0.0, 0.0, 0.0], "zero after the loss of all clients")
        bench.connect()
        assert bench.text("Reason") == "No client for 1 s: every setpoint is zero, confirmed"
        bench.put("N2:Setpoint", 4)
        assert bench.setpoints()[0] == 4.0
        assert bench.ioc.terminate() == 0


def test_simulated_instruments_have_their_faults_as_pvs(tmp_path: Path) -> None:
    env, db = ca_environment(), tmp_path / "flow.yaml"
    db.write_text(configuration("/dev/nowhere"))
    with (
        IocProcess("flow", "--db", str(db), "--simulate", log=tmp_path / "ioc.log", env=env) as ioc,
        CaClient(env) as ca,
    ):
        comm, connected = ca.monitor("LAB:FLOW:He:Comm"), ca.monitor("LAB:FLOW:PORT:bench1:Connected")
        flow, deviation = ca.monitor("LAB:FLOW:N2:Flow"), ca.monitor("LAB:FLOW:N2:Deviation")
        flow.wait_for(lambda event: event.severity == NO_ALARM)
        ca.put("LAB:FLOW:N2:Setpoint", 5)
        flow.wait_for(lambda event: event.value == pytest.approx(5, abs=0.1))
        ca.put("LAB:SIM:FLOW:N2:Fault", "STUCK_VALVE")
        ca.put("LAB:FLOW:N2:Setpoint", 2)
        deviation.wait_for(lambda event: event.severity == MINOR)
        ca.put("LAB:SIM:FLOW:He:Fault", "DEAD")
        comm.wait_for(lambda event: event.value == 2)
        ca.put("LAB:SIM:FLOW:PORT:bench1:Fault", "HUNG_UP")
        connected.wait_for(lambda event: event.value == 0)
        seen = len(connected.events)
        for switch, value in (("He:Fault", "OK"), ("He:Delay", 0), ("He:Probability", 0.5)):
            ca.put(f"LAB:SIM:FLOW:{switch}", value)
        ca.put("LAB:SIM:FLOW:PORT:bench1:Fault", "OK")
        ca.put("LAB:SIM:FLOW:PORT:bench1:Probability", 1)
        connected.wait_for(lambda event: event.value == 1, after=seen)
        lost = [event.value for event in comm.events].index(2)
        comm.wait_for(lambda event: event.value != 2, after=lost)
        assert ioc.terminate() == 0
