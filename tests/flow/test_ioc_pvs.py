"""The flow IOC as its clients see it while all is well: names, metadata, puts and refusals, events."""

import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devsup.bronkhorst_values import Mode
from devsup.sim.faults import Fault
from tests.flow.bench import HIHI, MAJOR, MINOR, NO_ALARM, NODES, STATE, Bench
from tests.support.ca import Refused
from tests.support.processes import Process

INSTRUMENT = """
    Flow Setpoint Setpoint_RBV Deviation Temperature ValveOutput Counter FluidIndex Fluid Capacity Unit
    ControlMode ControlMode_RBV
    AlarmInfo AlarmInfo:Error AlarmInfo:Warning AlarmInfo:Minimum AlarmInfo:Maximum AlarmInfo:Batch
    AlarmInfo:PowerUp AlarmInfo:Response AlarmInfo:MasterSlave AlarmInfo:Hardware
    Model Serial Firmware UserTag Wink ResetAlarm Zero PollPeriod
    Comm Comm:Age Comm:Errors Comm:Latency Comm:BackOff Comm:LastError
    """.split()
LINE = """
    Connected Reset Operations Succeeded Failed Failed:Timeout Failed:Framing Failed:Identity Failed:Checksum
    Failed:Device Failed:IO Retries Blocked Reconnects LateReplies Longest P50 P95 Utilisation QueueDepth
    Overruns BackOffs FailRate LastError
    """.split()
PLANT = "EStop EStop:Active EStop:Reset ZeroAll Reason IOC:HEARTBEAT IOC:UPTIME IOC:CA_CLNT_CNT".split()


# Names and metadata


def test_every_pv_of_the_contract_is_served_with_a_description(bench: Bench) -> None:
    names = [f"{node}:{name}" for node in NODES for name in INSTRUMENT]
    names += [f"PORT:bench1:{name}" for name in LINE] + PLANT
    with ThreadPoolExecutor(16) as pool:
        described = list(pool.map(lambda name: bench.get(f"{name}.DESC"), names))
        infos = list(pool.map(lambda name: bench.ca.info(bench.pv(name)), names))
    assert [name for name, text in zip(names, described, strict=True) if not 0 < len(text) <= 40] == []
    assert all(info["read"] for info in infos)


def test_what_is_measured_cannot_be_written(bench: Bench) -> None:
    for name in ("Flow", "Setpoint_RBV", "Capacity", "Comm", "AlarmInfo"):
        assert not bench.ca.info(bench.pv(f"N2:{name}"))["write"], name
        with pytest.raises(Refused):
            bench.put(f"N2:{name}", 1)


@pytest.mark.parametrize(
    ("name", "unit", "precision", "low", "high"),
    [
        ("N2:Flow", "ln/min", 4, 0, 20),
        ("N2:Setpoint", "ln/min", 4, 0, 20),
        ("N2:Setpoint_RBV", "ln/min", 4, 0, 20),
        ("N2:Deviation", "ln/min", 4, -20, 20),
        ("He:Flow", "mln/min", 4, 0, 500),
        ("N2:Temperature", "degC", 1, 0, 0),
        ("N2:ValveOutput", "%", 1, 0, 100),
        ("N2:PollPeriod", "s", 2, 0.02, 60),
        ("PORT:bench1:Longest", "ms", 1, 0, 0),
    ],
)
def test_units_precision_and_ranges(
    bench: Bench, name: str, unit: str, precision: int, low: float, high: float
) -> None:
    ctrl = bench.ca.ctrl(bench.pv(name))
    assert (ctrl["units"], ctrl["precision"]) == (unit, precision)
    assert (ctrl["lower_disp_limit"], ctrl["upper_disp_limit"]) == (low, high)
    fields = [bench.get(f"{name}.{field}") for field in ("EGU", "PREC", "LOPR", "HOPR")]
    assert fields == [unit, precision, low, high]


def test_the_setpoint_is_limited_to_the_capacity(bench: Bench) -> None:
    ctrl = bench.ca.ctrl(bench.pv("N2:Setpoint"))
    assert (ctrl["lower_ctrl_limit"], ctrl["upper_ctrl_limit"]) == (0, 20)
    assert (bench.get("N2:Setpoint.DRVL"), bench.get("N2:Setpoint.DRVH")) == (0, 20)
    assert bench.get("N2:Setpoint.RTYP") == "ao"


def test_limits_of_a_line_say_what_the_design_document_calls_unhealthy(bench: Bench) -> None:
    assert bench.get("PORT:bench1:Longest.HIGH") == 2000
    assert (bench.get("PORT:bench1:FailRate.HIGH"), bench.get("PORT:bench1:FailRate.HIHI")) == (5, 25)


# Setpoints


def test_a_put_callback_returns_when_the_instrument_has_the_setpoint(bench: Bench) -> None:
    for value in (5.0, 12.5, 0.01):
        bench.put("N2:Setpoint", value)
        assert bench.node("N2").setpoint * 20.0 == pytest.approx(value, abs=1e-5)
        assert bench.get("N2:Setpoint") == value
        assert bench.get("N2:Setpoint_RBV") == pytest.approx(value, abs=1e-5)
    assert bench.text("Reason") == "N2: setpoint 0.01 ln/min, confirmed"
    assert bench.setpoints()[1:] == [0.0, 0.0]


def test_the_flow_follows_and_clients_are_told(bench: Bench) -> None:
    flow, readback = bench.ca.monitor(bench.pv("N2:Flow")), bench.ca.monitor(bench.pv("N2:Setpoint_RBV"))
    bench.put("N2:Setpoint", 5)
    arrived = flow.wait_for(lambda event: abs(event.value - 5.0) < 0.01)
    assert (arrived.status, arrived.severity) == (0, NO_ALARM)
    assert readback.wait_for(lambda event: event.value == 5.0).timestamp <= arrived.timestamp
    stamps = [event.timestamp for event in flow.events]
    assert stamps == sorted(stamps)
    flow.close()
    readback.close()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (20.01, "20.01 above DRVH 20 ln/min"),
        (-0.01, "-0.01 below DRVL 0 ln/min"),
        (math.nan, "nan is not a finite number"),
        (math.inf, "inf is not a finite number"),
        ("plenty", "plenty"),
    ],
)
def test_a_setpoint_out_of_range_is_refused_with_a_reason(bench: Bench, value: object, reason: str) -> None:
    bench.put("N2:Setpoint", 3)
    said = bench.refused("N2:Setpoint", value)
    assert reason in said
    assert said.endswith(f"(N2:Setpoint = {value} refused)")
    assert bench.setpoints()[0] == 3.0
    assert bench.alarm("N2:Setpoint")[1] == NO_ALARM


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("N2:ControlMode", 16, "16 is not a state"),
        ("N2:ControlMode", "Full steam", "'Full steam' is none of"),
        ("N2:ControlMode", "Tune", "service mode"),
        ("N2:FluidIndex", 8, "8 is not a state"),
        ("N2:FluidIndex", 5, "value not allowed"),
        ("N2:PollPeriod", 0.001, "below DRVL 0.02"),
        ("N2:PollPeriod", 61, "above DRVH 60"),
        ("N2:UserTag", "架", "Latin-1"),
    ],
)
def test_every_refusal_reaches_the_client_and_says_why(
    bench: Bench, name: str, value: object, reason: str
) -> None:
    assert reason in bench.refused(name, value)


def test_a_plain_put_works_as_well(bench: Bench) -> None:
    bench.ca.put(bench.pv("N2:Setpoint"), 7.0, wait=False)
    bench.wait_value("N2:Setpoint_RBV", 7.0)
    assert bench.setpoints()[0] == 7.0


def test_of_many_puts_in_a_hurry_the_last_one_holds(bench: Bench) -> None:
    for value in range(1, 20):
        bench.ca.put(bench.pv("N2:Setpoint"), value, wait=False)
    bench.put("N2:Setpoint", 9.0)
    assert (bench.get("N2:Setpoint"), bench.setpoints()[0]) == (9.0, 9.0)


# Fluid, mode, the rest of an instrument


def test_a_change_of_fluid_rescales_everything(bench: Bench) -> None:
    bench.put("N2:Setpoint", 5)
    limits = bench.ca.monitor(bench.pv("N2:Setpoint"), mask="P", form="ctrl")
    bench.put("N2:FluidIndex", 2)
    assert (bench.text("N2:Fluid"), bench.get("N2:Capacity"), bench.text("N2:Unit")) == ("Ar", 500, "mln/min")
    assert bench.node("N2").fluid.name == "Ar"
    assert bench.get("N2:Setpoint") == 125.0
    for name in ("Flow", "Setpoint", "Setpoint_RBV"):
        ctrl = bench.ca.ctrl(bench.pv(f"N2:{name}"))
        assert (ctrl["units"], ctrl["upper_disp_limit"]) == ("mln/min", 500), name
    assert bench.get("N2:Setpoint.DRVH") == bench.get("N2:Flow.HOPR") == 500
    limits.wait_for(lambda event: event.more["upper_ctrl_limit"] == 500)
    limits.close()
    bench.put("N2:Setpoint", 400)
    assert bench.setpoints()[0] == 400.0
    assert bench.text("Reason") == "N2: setpoint 400 mln/min, confirmed"


def test_control_modes(bench: Bench) -> None:
    bench.put("N2:ControlMode", "Valve closed")
    assert bench.node("N2").control_mode == Mode.VALVE_CLOSED
    assert bench.get("N2:ControlMode_RBV") == 3
    assert "ignores the setpoint" in bench.refused("N2:Setpoint", 5)
    bench.node("N2").control_mode = Mode.ANALOG
    bench.wait_value("N2:ControlMode_RBV", 1)
    assert bench.alarm("N2:ControlMode_RBV") == (STATE, MINOR)
    assert bench.get("N2:ControlMode") == 3
    bench.put("N2:ControlMode", 0)
    bench.wait_severity("N2:ControlMode_RBV", NO_ALARM)


def test_alarm_bits_have_pvs_of_their_own(bench: Bench) -> None:
    bench.node("Air").power_alarm = True
    bench.wait_value("Air:AlarmInfo", 0x20)
    bench.wait_value("Air:AlarmInfo:PowerUp", 1)
    assert bench.alarm("Air:AlarmInfo:PowerUp") == (STATE, MINOR)
    assert bench.get("Air:AlarmInfo:Response") == 0
    bench.put("Air:ResetAlarm", 1)
    bench.wait_severity("Air:AlarmInfo:PowerUp", NO_ALARM)
    assert bench.get("Air:AlarmInfo") == 0


def test_tag_wink_and_counter(bench: Bench) -> None:
    bench.put("Air:UserTag", "rack 3")
    assert (bench.node("Air").user_tag, bench.text("Air:UserTag")) == ("rack 3", "rack 3")
    bench.put("Air:Wink", 1)
    assert bench.node("Air").wink_s > 0
    assert bench.get("Air:Wink") == 0
    bench.node("Air").counter = 1234.5
    bench.wait_value("Air:Counter", 1234.5)


def test_nodes_of_the_line_are_found(bench: Bench) -> None:
    bench.put("PORT:bench1:Scan", 1)
    nodes = bench.text("PORT:bench1:Nodes")
    assert [item.split()[0] for item in nodes.split(", ")] == ["3", "5", "6"]


def test_statistics_count_and_are_reset(bench: Bench) -> None:
    assert bench.get("PORT:bench1:Connected") == 1
    bench.wait(lambda: bench.get("PORT:bench1:Operations") > 20, "operations")
    assert bench.get("PORT:bench1:Succeeded") <= bench.get("PORT:bench1:Operations")
    before = bench.get("PORT:bench1:Operations")
    bench.put("PORT:bench1:Reset", 1)
    assert bench.get("PORT:bench1:Operations") < before
    assert bench.get("PORT:bench1:Reconnects") == 0


# Alarms


def test_a_deviation_is_an_alarm_once_it_had_time_and_clears(bench: Bench) -> None:
    deviation = bench.ca.monitor(bench.pv("N2:Deviation"))
    bench.fault("N2", Fault.STUCK_VALVE)
    bench.put("N2:Setpoint", 5)
    alarm = deviation.wait_for(lambda event: event.severity == MINOR)
    assert (alarm.status, alarm.value) == (STATE, pytest.approx(-5.0))
    early = deviation.events[: deviation.events.index(alarm)]
    assert any(event.value == pytest.approx(-5.0) and event.severity == NO_ALARM for event in early)
    assert bench.alarm("N2:Flow")[1] == bench.alarm("Air:Deviation")[1] == NO_ALARM
    seen = len(deviation.events)
    bench.fault("N2")
    deviation.wait_for(lambda event: event.severity == NO_ALARM and abs(event.value) < 0.1, after=seen)
    deviation.close()


def test_a_setpoint_changed_by_somebody_else_is_an_alarm(bench: Bench) -> None:
    bench.put("N2:Setpoint", 5)
    bench.node("N2").setpoint = 0.5
    bench.wait_severity("N2:Setpoint_RBV", MINOR)
    assert (bench.get("N2:Setpoint"), bench.get("N2:Setpoint_RBV")) == (5.0, 10.0)
    bench.put("N2:Setpoint", 10)
    bench.wait_severity("N2:Setpoint_RBV", NO_ALARM)


def test_limits_are_live_and_judge_at_once(bench: Bench) -> None:
    bench.put("N2:Setpoint", 5)
    bench.wait_near("N2:Flow", 5, 0.01)
    bench.put("N2:PollPeriod", 60)
    flow = bench.ca.monitor(bench.pv("N2:Flow"))
    bench.put("N2:Flow.HIHI", 4)
    alarm = flow.wait_for(lambda event: event.severity == MAJOR)
    assert (alarm.status, alarm.value) == (HIHI, pytest.approx(5, abs=0.01))
    assert bench.alarm("N2:Setpoint")[1] == bench.alarm("Air:Flow")[1] == NO_ALARM
    seen = len(flow.events)
    bench.put("N2:Flow.HIHI", 6)
    flow.wait_for(lambda event: event.severity == NO_ALARM, after=seen)
    bench.put("N2:Flow.HHSV", 0)
    bench.put("N2:PollPeriod", 0.05)
    flow.close()


def test_the_poll_period_is_live(bench: Bench) -> None:
    def stamp(name: str) -> float:
        return bench.ca.read(bench.pv(f"{name}:Flow")).timestamp

    bench.put("N2:PollPeriod", 60)
    assert bench.get("N2:PollPeriod") == 60
    changed = stamp("Air")
    bench.wait(lambda: stamp("Air") > changed + 0.5, "what was under way has ended")
    last = stamp("N2")
    bench.wait(lambda: stamp("Air") > changed + 1.0, "the neighbour goes on")
    assert stamp("N2") == last
    bench.put("N2:PollPeriod", 0.05)
    bench.wait(lambda: stamp("N2") > last, "polled again")


# Many clients


def test_forty_clients_get_all_they_subscribed_to(bench: Bench, tmp_path: Path) -> None:
    names = [bench.pv(name) for name in ("N2:Setpoint", "N2:Flow", "Air:Flow", "He:Comm", "Reason")]
    command = [sys.executable, Path(__file__).with_name("many_clients.py"), "40", "11", *names]
    with Process(command, tmp_path / "clients.log", bench.env) as clients:
        clients.wait_for("ready", 30.0)
        bench.wait(lambda: bench.get("IOC:CA_CLNT_CNT") >= 41, "clients counted")
        for value in range(1, 12):
            bench.put("N2:Setpoint", value)
        assert clients.wait(30.0) == 0
    seen = json.loads(clients.output().splitlines()[-1])
    assert len(seen) == 40
    for each in seen:
        assert each["values"][-11:] == list(range(1, 12))
        assert each["first"] == len(names)
