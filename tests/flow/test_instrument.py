"""The instruments behind their PVs and the guard over them, on a simulated line, without Channel Access."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from devsup.bronkhorst import Instrument
from devsup.bronkhorst_values import Mode
from devsup.errors import DeviceError
from devsup.port import Port
from devsup.propar_bus import ProparBus
from devsup.sim import propar_talk
from devsup.sim.faults import Fault
from devsup.sim.propar_node import ProparNode
from devsup.sim.wire import PtyLine
from iocs.caserver import AlarmSeverity, AlarmStatus, Record, Refused
from iocs.common import polled
from iocs.common.guard import Guard
from iocs.flow import instrument
from iocs.flow.instrument import FlowInstrument
from iocs.flow.ioc import SUBSYSTEM
from iocs.flow.pvs import MODES
from tests.flow.bench import NODES, QUICK, configuration, simulated_line
from tests.support.waiting import until

INVALID, MINOR, FINE = AlarmSeverity.INVALID, AlarmSeverity.MINOR, AlarmSeverity.NO_ALARM
BUS, CLOSED, OPEN = (list(MODES).index(name) for name in ("Bus / RS232", "Valve closed", "Valve fully open"))
Start = Callable[..., Awaitable["Rig"]]


class Rig:
    """Three polled instruments on a line of the test; `n2` is the one most tests look at."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.server = simulated_line()
        self.wire = PtyLine(self.server, baudrate=None, name="rig")
        db = folder / "flow.yaml"
        line = {**QUICK, "response_timeout": 0.1, "command_timeout": 0.1}
        db.write_text(configuration(self.wire.url, **{"line": line, **settings}))
        (self.line,) = SUBSYSTEM.load(db, {}).lines
        self.port = Port("rig", self.line.settings, self.line.manners)
        bus = ProparBus(self.port)
        devices = [Instrument(bus, node.node, node.name, node.manners) for node in self.line.instruments]
        self.said: list[str] = []
        self.guard = Guard(devices)
        self.guard.say = self.said.append
        self.all = [
            FlowInstrument("P:", device, node, self.guard)
            for device, node in zip(devices, self.line.instruments, strict=True)
        ]
        self.n2, self.air, self.he = self.all
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self.wire.start()
        self.port.start()
        for item in self.all:
            self.tasks += [asyncio.create_task(item.run()), asyncio.create_task(item.keep_house())]
        await until(lambda: all(item.flow.severity is FINE for item in self.all), what="first readings")

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.to_thread(self.port.stop)
        self.wire.stop()

    def node(self, name: str) -> ProparNode:
        return self.server.node(NODES[name])

    def fault(self, name: str, fault: Fault = Fault.OK) -> None:
        self.server.set_fault(NODES[name], fault)

    def revive(self, name: str) -> None:
        """It answers again, and is asked at once rather than when its back-off ends."""
        self.fault(name)
        self.probe(name)

    def probe(self, name: str) -> None:
        (item,) = (item for item in self.all if item.config.name == name)
        item.instrument.health.next_probe = 0.0

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Waits, and fails at once with the reason if a task of the rig has died."""

        def holds() -> object:
            for task in self.tasks:
                if task.done():
                    task.result()
            return condition()

        await until(holds, 15.0, what)

    async def polled(self) -> None:
        """Until there is a reading newer than now."""
        before = self.n2.flow.timestamp
        await self.until(lambda: self.n2.flow.timestamp > before, "a new reading")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience for impatient tests."""
    monkeypatch.setattr(instrument, "COUNTER_S", 0.1)
    for name, seconds in (("STALE_S", 0.3), ("PAUSE_S", 0.3)):
        monkeypatch.setattr(polled, name, seconds)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    rigs: list[Rig] = []

    async def make(before: Callable[[Rig], None] = lambda rig: None, **settings: Any) -> Rig:
        rig = Rig(tmp_path, **settings)
        rigs.append(rig)
        before(rig)
        await rig.start()
        return rig

    yield make
    for rig in rigs:
        await rig.stop()


@pytest.fixture
async def rig(start: Start) -> Rig:
    return await start()


def severities(item: FlowInstrument) -> dict[str, tuple[AlarmStatus, AlarmSeverity]]:
    return {name: record.alarm for name, record in item.records.items() if record.spec.source == "device"}


async def refusal(put: Awaitable[object]) -> str:
    with pytest.raises(Refused) as caught:
        await put
    return str(caught.value)


async def put(record: Record[Any], value: Any) -> Any:
    """As a put of a client that is let through: the putter, and what it returns stored."""
    assert record.putter is not None
    stored = await record.putter(value)
    record.set_ok(value if stored is None else stored)


# What a start shows, and does not touch


async def test_a_start_takes_over_what_runs_and_changes_nothing(start: Start) -> None:
    def running(rig: Rig) -> None:
        rig.node("N2").setpoint = 0.25
        rig.node("Air").control_mode = Mode.VALVE_CLOSED

    rig = await start(running)
    assert (rig.n2.setpoint.value, rig.n2.setpoint_rbv.value) == (5.0, 5.0)
    assert (rig.air.control_mode.value, rig.air.control_mode_rbv.value) == (CLOSED, CLOSED)
    assert rig.n2.control_mode.value == BUS
    assert (rig.node("N2").setpoint, rig.node("Air").control_mode) == (0.25, Mode.VALVE_CLOSED)
    assert rig.air.control_mode_rbv.severity is FINE


async def test_ranges_and_units_are_those_of_the_fluid(rig: Rig) -> None:
    n2 = rig.n2
    for record in (n2.flow, n2.setpoint, n2.setpoint_rbv, n2.capacity):
        assert (record.units, record.lopr, record.hopr) == ("ln/min", 0.0, 20.0)
    assert (n2.deviation.lopr, n2.deviation.hopr) == (-20.0, 20.0)
    assert (n2.setpoint.drvl, n2.setpoint.drvh) == (0.0, 20.0)
    assert (n2.fluid.value, n2.fluid_index.value) == ("N2", 0)
    assert (n2.model.value, n2.serial.value) == ("F-201CV-1K0-AAD-22-V", "M22200003A")
    assert (n2.firmware.value, n2.user_tag.value) == ("V1.23", "N2")
    assert rig.he.flow.units == "mln/min"
    assert (n2.flow.desc, n2.setpoint.desc) == ("Gas N2: Measured flow", "Gas N2: Flow demand")


async def test_an_operators_ceiling_limits_the_setpoint(start: Start) -> None:
    rig = await start(each="max_flow: 12")
    assert (rig.n2.setpoint.drvh, rig.n2.setpoint.hopr) == (12.0, 20.0)
    assert rig.air.setpoint.drvh == 10.0
    assert await refusal(put(rig.n2.setpoint, 15.0)) == "N2: 15 is outside 0 to 12 ln/min"


async def test_a_ceiling_of_zero_is_no_flow_rather_than_no_ceiling(start: Start) -> None:
    rig = await start(each="max_flow: 0")
    assert await refusal(put(rig.n2.setpoint, 1.0)) == "N2: 1 is outside 0 to 0 ln/min"


async def test_what_an_instrument_does_not_have_stays_undefined_and_harms_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = {(33, 7), (104, 1), (1, 31)}  # temperature, counter, unit
    has = {place: row for place, row in propar_talk.TABLE.items() if place not in lacking}
    monkeypatch.setattr(propar_talk, "TABLE", MappingProxyType(has))
    rig = await start(each="unit: l/min")
    await put(rig.n2.setpoint, 5.0)
    await rig.until(lambda: abs(rig.n2.flow.value - 5.0) < 0.01, "flow at 5")
    assert rig.n2.temperature.alarm == rig.n2.counter.alarm == (AlarmStatus.UDF, INVALID)
    assert rig.n2.flow.units == "l/min"
    assert rig.n2.comm.label == "OK"


async def test_the_counter_counts(rig: Rig) -> None:
    rig.node("N2").counter = 12.5
    await rig.until(lambda: rig.n2.counter.value == 12.5, "counter")


# Orders


async def test_a_setpoint_is_in_the_instrument_when_the_put_returns(rig: Rig) -> None:
    await put(rig.n2.setpoint, 5.0)
    assert rig.node("N2").setpoint == pytest.approx(0.25)
    assert (rig.n2.setpoint.value, rig.n2.setpoint_rbv.value) == (5.0, 5.0)
    assert rig.said[-1] == "N2: setpoint 5 ln/min, confirmed"


async def test_a_setpoint_that_would_be_ignored_is_not_left_in_the_instrument(rig: Rig) -> None:
    """It would start to flow when somebody opens the valve again."""
    await put(rig.n2.control_mode, CLOSED)
    reason = await refusal(put(rig.n2.setpoint, 5.0))
    assert reason == "N2: control mode valve closed ignores the setpoint: ControlMode first"
    await put(rig.n2.control_mode, BUS)
    assert rig.node("N2").setpoint == 0.0
    await put(rig.n2.setpoint, 5.0)
    assert rig.node("N2").setpoint == pytest.approx(0.25)


async def test_control_modes_are_confirmed_and_some_are_not_for_clients(rig: Rig) -> None:
    await put(rig.n2.control_mode, CLOSED)
    assert rig.node("N2").control_mode == Mode.VALVE_CLOSED
    assert rig.n2.control_mode_rbv.value == CLOSED
    modes = list(MODES)
    assert "service mode" in await refusal(put(rig.n2.control_mode, modes.index("Tune")))
    assert "only shows" in await refusal(put(rig.n2.control_mode, modes.index("Other")))


async def test_a_mode_that_somebody_else_has_set_shows_in_the_readback(rig: Rig) -> None:
    rig.node("N2").control_mode = 13
    await rig.until(lambda: rig.n2.control_mode_rbv.label == "Other", "mode without a name")
    assert rig.n2.control_mode_rbv.alarm == (AlarmStatus.STATE, MINOR)
    assert rig.n2.control_mode.label == "Bus / RS232"
    rig.node("N2").control_mode = 0
    await rig.until(lambda: rig.n2.control_mode_rbv.severity is FINE, "mode as demanded")


async def test_a_change_of_fluid_rescales_and_takes_the_new_setpoint_over(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(rig.n2.setpoint, 5.0)
    await rig.until(lambda: abs(rig.n2.flow.value - 5.0) < 0.01, "flow at 5")
    seen: list[tuple[float, str]] = []
    show = rig.n2.flow.set_ok

    def witness(value: float, **more: Any) -> None:
        seen.append((value, rig.n2.flow.units))
        show(value, **more)

    monkeypatch.setattr(rig.n2.flow, "set_ok", witness)
    await put(rig.n2.fluid_index, 2)
    assert (rig.n2.fluid.value, rig.n2.capacity.value, rig.n2.flow.units) == ("Ar", 500.0, "mln/min")
    assert (rig.n2.setpoint.drvh, rig.n2.flow.hopr) == (500.0, 500.0)
    assert (rig.n2.setpoint.value, rig.n2.setpoint_rbv.value) == (125.0, 125.0)
    assert rig.n2.setpoint_rbv.severity is FINE
    await rig.polled()
    assert {unit for value, unit in seen if value > 20.0} == {"mln/min"}, "never a value in another's unit"
    assert rig.said[-1] == "N2: fluid 3 (Ar), 500 mln/min"


async def test_a_fluid_that_does_not_exist_is_refused(rig: Rig) -> None:
    assert "value not allowed" in await refusal(put(rig.n2.fluid_index, 7))
    assert (rig.n2.fluid_index.value, rig.n2.capacity.value) == (0, 20.0)


async def test_user_tag_wink_and_alarm_reset_reach_the_instrument(rig: Rig) -> None:
    await put(rig.n2.user_tag, "rack 3")
    assert (rig.node("N2").user_tag, rig.n2.user_tag.value) == ("rack 3", "rack 3")
    assert "Latin-1" in await refusal(put(rig.n2.user_tag, "架"))
    await put(rig.n2.wink, 1)
    assert rig.node("N2").wink_s > 0
    rig.node("N2").power_alarm = True
    await rig.until(lambda: rig.n2.alarm_power_up.value, "power-up alarm")
    assert rig.n2.alarm_power_up.severity is MINOR
    await put(rig.n2.reset_alarm, 1)
    await rig.until(lambda: not rig.n2.alarm_power_up.value, "alarm reset")


async def test_the_poll_period_changes_at_once(rig: Rig) -> None:
    await put(rig.n2.poll_period, 60.0)
    before, neighbour = rig.n2.comm_age.timestamp, rig.air.comm_age
    await rig.until(lambda: neighbour.timestamp > before + 0.3, "the neighbour goes on")
    assert rig.n2.comm_age.timestamp < before + 0.1
    await put(rig.n2.poll_period, 0.02)
    await rig.polled()


# Readings that are not to be had


async def test_an_instrument_that_dies_is_invalid_and_its_neighbours_are_not(rig: Rig) -> None:
    await put(rig.n2.setpoint, 5.0)
    await rig.until(lambda: abs(rig.n2.flow.value - 5.0) < 0.01, "flow at 5")
    rig.fault("N2", Fault.DEAD)
    await rig.until(lambda: rig.n2.comm.label == "Lost", "loss")
    assert set(severities(rig.n2).values()) == {(AlarmStatus.COMM, INVALID)}
    assert rig.n2.flow.value == pytest.approx(5.0, abs=0.01)
    assert (rig.n2.setpoint.value, rig.n2.fluid.value) == (5.0, "N2")
    assert "N2 does not answer (silent for" in await refusal(put(rig.n2.setpoint, 6.0))
    assert {alarm.severity for alarm in severities(rig.air).values()} == {FINE}
    await put(rig.air.setpoint, 3.0)
    rig.revive("N2")
    await rig.until(lambda: {a.severity for a in severities(rig.n2).values()} == {FINE}, "return")
    assert rig.n2.setpoint.value == 5.0
    await rig.until(lambda: rig.n2.comm.label == "OK", "confidence")


async def test_an_order_for_a_silent_instrument_is_refused_and_makes_it_asked_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instrument, "COUNTER_S", 3600.0)  # nothing but polls may reach it
    rig = await start()
    rig.fault("N2", Fault.DEAD)
    await rig.until(lambda: rig.n2.flow.severity is INVALID, "loss")
    rig.n2.instrument.health.next_probe += 1000.0
    rig.fault("N2")
    assert "N2 does not answer" in await refusal(put(rig.n2.setpoint, 5.0))
    await rig.until(lambda: rig.n2.flow.severity is FINE, "return")
    await put(rig.n2.setpoint, 5.0)


async def test_an_instrument_that_comes_back_without_its_setpoint_is_not_given_it_again(rig: Rig) -> None:
    """A restart never moves hardware; the difference is an alarm, and the operator's business."""
    await put(rig.n2.setpoint, 5.0)
    rig.fault("N2", Fault.DEAD)
    await rig.until(lambda: rig.n2.comm.label == "Lost", "loss")
    rig.node("N2").power_up()
    rig.revive("N2")
    await rig.until(lambda: rig.n2.setpoint_rbv.alarm == (AlarmStatus.STATE, MINOR), "mismatch alarm")
    assert (rig.n2.setpoint.value, rig.n2.setpoint_rbv.value, rig.node("N2").setpoint) == (5.0, 0.0, 0.0)


async def test_an_instrument_that_answers_but_cannot_be_read_does_not_look_good(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise DeviceError("instrument refused a read: busy", 0x01)

    monkeypatch.setattr(rig.n2.instrument, "poll", refuse)
    await rig.until(lambda: rig.n2.flow.severity is INVALID, "stale readings")
    assert rig.n2.flow.status is AlarmStatus.READ
    assert rig.n2.comm.label == "Degraded"
    assert rig.n2.comm_error.value == "instrument refused a read: busy"
    monkeypatch.undo()
    await rig.until(lambda: rig.n2.flow.severity is FINE and rig.n2.comm.label == "OK", "recovery")


async def test_a_mistake_of_our_own_costs_one_instrument_its_readings_and_is_logged_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(rig.n2, "_judge", broken)
    await rig.until(lambda: rig.n2.flow.severity is INVALID, "stale readings")
    logged = [record for record in caplog.records if record.exc_info and record.name == "flow.N2"]
    assert len(logged) == 1
    assert rig.air.flow.severity is FINE
    monkeypatch.undo()
    await rig.until(lambda: rig.n2.flow.severity is FINE, "recovery")


async def test_loss_and_return_are_logged_once_each(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flow.He")
    rig.fault("He", Fault.DEAD)
    await rig.until(lambda: rig.he.comm.label == "Lost", "loss")
    before = rig.he.comm_errors.value
    rig.probe("He")
    await rig.until(lambda: rig.he.comm_errors.value > before, "another probe")
    rig.revive("He")
    await rig.until(lambda: rig.he.comm.label == "OK", "return")
    said = [record.getMessage() for record in caplog.records if record.name == "flow.He"]
    assert [text.split(": ")[1] for text in said] == ["no readings", "readings come"]


async def test_a_flow_that_cannot_follow_is_an_alarm_with_a_reason_in_the_log(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.fault("N2", Fault.STUCK_VALVE)
    await put(rig.n2.setpoint, 5.0)
    assert rig.n2.deviation.severity is FINE
    await rig.until(lambda: rig.n2.deviation.alarm == (AlarmStatus.STATE, MINOR), "deviation alarm")
    assert rig.n2.flow.severity is FINE
    assert any("N2: flow is -5 from its setpoint" in record.getMessage() for record in caplog.records)
    rig.fault("N2")
    await rig.until(lambda: rig.n2.deviation.severity is FINE, "deviation cleared")


# Emergency stop


async def flowing(rig: Rig) -> None:
    for item, value in zip(rig.all, (5.0, 3.0, 100.0), strict=True):
        await put(item.setpoint, value)


def setpoints(rig: Rig) -> list[float]:
    return [rig.node(name).setpoint for name in NODES]


async def test_a_trip_zeroes_everyone_and_lets_nothing_through(rig: Rig) -> None:
    await flowing(rig)
    assert await rig.guard.trip() == ""
    assert setpoints(rig) == [0.0, 0.0, 0.0]
    assert [(item.setpoint.value, item.setpoint_rbv.value) for item in rig.all] == [(0.0, 0.0)] * 3
    assert rig.said[-1] == "Emergency stop: every setpoint is zero, confirmed"
    assert "emergency stop is active" in await refusal(put(rig.n2.setpoint, 1.0))
    assert "emergency stop is active" in await refusal(put(rig.n2.control_mode, OPEN))
    await put(rig.n2.setpoint, 0.0)
    await rig.guard.release()
    assert rig.said[-1] == "Emergency stop reset"
    await put(rig.n2.setpoint, 5.0)


async def test_a_put_on_its_way_does_not_survive_a_trip(rig: Rig) -> None:
    puts = [asyncio.create_task(put(item.setpoint, 2.0)) for item in rig.all for _ in range(3)]
    await asyncio.sleep(0)
    assert await rig.guard.trip() == ""
    await asyncio.gather(*puts, return_exceptions=True)
    assert setpoints(rig) == [0.0, 0.0, 0.0]
    await rig.until(lambda: [item.setpoint.value for item in rig.all] == [0.0] * 3, "Setpoint shows zero")


@pytest.mark.parametrize("reset", [False, True])
async def test_an_instrument_that_was_dead_during_the_stop_is_zeroed_when_it_returns(
    rig: Rig, reset: bool
) -> None:
    await flowing(rig)
    rig.fault("N2", Fault.DEAD)
    problem = await rig.guard.trip()
    assert problem.startswith("N2 not confirmed zero: ")
    assert setpoints(rig)[1:] == [0.0, 0.0]
    assert rig.node("N2").setpoint == 0.25
    if reset:
        await rig.guard.release()
        assert rig.said[-1] == "Emergency stop reset; zero still owed by N2"
        await put(rig.air.setpoint, 3.0)
    rig.fault("N2")
    await rig.until(lambda: rig.node("N2").setpoint == 0.0, "late zero")
    await rig.until(lambda: rig.n2.setpoint.value == rig.n2.setpoint_rbv.value == 0.0, "zeros shown")
    await rig.until(lambda: rig.n2.flow.severity is FINE, "return")
    await rig.until(lambda: "Emergency stop: N2 is zero now, confirmed" in rig.said, "said")
    assert rig.guard.stop.owed == frozenset()


async def test_a_zero_does_not_wait_until_the_instrument_can_be_read_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise DeviceError("instrument refused a read: busy", 0x01)

    await flowing(rig)
    rig.fault("N2", Fault.DEAD)
    await rig.guard.trip()
    await rig.until(lambda: rig.n2.flow.severity is INVALID, "loss")
    monkeypatch.setattr(rig.n2.instrument, "poll", refuse)
    rig.fault("N2")
    await rig.until(lambda: rig.node("N2").setpoint == 0.0, "late zero")


async def test_those_that_answer_are_zeroed_ahead_of_one_that_has_begun_to_fail(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def witness(item: FlowInstrument) -> None:
        safe = item.instrument.safe

        async def noted() -> None:
            order.append(item.config.name)
            await safe()

        monkeypatch.setattr(item.instrument, "safe", noted)

    for item in rig.all:
        witness(item)
    await flowing(rig)
    rig.fault("N2", Fault.DEAD)
    await rig.until(lambda: rig.n2.instrument.health.attempts_failed, "a first silence")
    stopping = asyncio.create_task(rig.guard.trip())
    await rig.until(lambda: "Emergency stop: waiting for N2" in rig.said, "words about N2")
    assert order == ["Air", "He", "N2"]
    assert setpoints(rig)[1:] == [0.0, 0.0]
    assert "N2 not confirmed" in await stopping


async def test_while_a_zero_is_owed_the_silent_one_is_probed_more_often_than_its_back_off(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instrument, "COUNTER_S", 3600.0)  # nothing but polls may reach it
    rig = await start()
    rig.fault("N2", Fault.DEAD)
    await rig.guard.trip()
    await rig.until(lambda: rig.n2.flow.severity is INVALID, "loss")
    rig.n2.instrument.health.next_probe += 1000.0
    rig.fault("N2")
    await rig.until(lambda: rig.n2.flow.severity is FINE, "return")


async def test_an_instrument_that_refuses_its_zero_is_told_again_until_it_takes_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flowing(rig)
    refusals: list[None] = []
    accepts = rig.n2.instrument.safe

    async def refuse() -> None:
        refusals.append(None)
        raise DeviceError("instrument refused a write: busy", 0x01)

    monkeypatch.setattr(rig.n2.instrument, "safe", refuse)
    assert "N2 not confirmed zero: instrument refused a write: busy" in await rig.guard.trip()
    await rig.until(lambda: len(refusals) > 5, "attempts")
    assert rig.n2.flow.severity is FINE, "what still flows must be seen"
    assert sum("N2 not confirmed" in text for text in rig.said) == 1
    monkeypatch.setattr(rig.n2.instrument, "safe", accepts)
    await rig.until(lambda: rig.node("N2").setpoint == 0.0, "zero")


async def test_a_zero_that_fails_in_our_own_code_does_not_hide_the_others(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise RuntimeError("a bug")

    await flowing(rig)
    with monkeypatch.context() as patch:
        patch.setattr(rig.n2.instrument, "safe", broken)
        assert await rig.guard.trip() == "N2 not confirmed zero: a bug"
    assert setpoints(rig)[1:] == [0.0, 0.0]
    await rig.until(lambda: rig.node("N2").setpoint == 0.0, "zero")


@pytest.mark.parametrize("change", ["setpoint", "mode"])
async def test_nobody_else_can_make_it_flow_while_the_stop_is_latched(rig: Rig, change: str) -> None:
    await rig.guard.trip()
    if change == "setpoint":
        rig.node("N2").setpoint = 0.5
    else:
        rig.node("N2").control_mode = int(Mode.VALVE_OPEN)
    await rig.until(lambda: "Emergency stop: N2 is zero now, confirmed" in rig.said, "zeroed again")
    node = rig.node("N2")
    assert node.setpoint == 0.0
    assert node.control_mode == (Mode.BUS if change == "setpoint" else Mode.VALVE_CLOSED)
    await rig.polled()
    assert rig.n2.setpoint.value == 0.0


async def test_zero_closes_the_valve_where_the_mode_ignores_the_setpoint(rig: Rig) -> None:
    await put(rig.n2.control_mode, OPEN)
    await put(rig.n2.zero, 1)
    assert rig.node("N2").control_mode == Mode.VALVE_CLOSED
    assert rig.n2.setpoint.value == 0.0
    await rig.until(lambda: rig.n2.control_mode_rbv.alarm == (AlarmStatus.STATE, MINOR), "not as demanded")
    assert rig.said[-1] == "N2: setpoint is zero, confirmed"


async def test_zero_all_has_no_latch(rig: Rig) -> None:
    await flowing(rig)
    assert await rig.guard.all_safe("Zero all") == ""
    assert setpoints(rig) == [0.0, 0.0, 0.0]
    await put(rig.n2.setpoint, 5.0)
    assert rig.node("N2").setpoint == pytest.approx(0.25)


async def test_a_zero_all_that_does_not_insist_forgets_who_was_away(rig: Rig) -> None:
    await flowing(rig)
    rig.fault("N2", Fault.DEAD)
    assert "N2 not confirmed" in await rig.guard.all_safe("Zero all")
    assert rig.guard.stop.owed == frozenset()
    assert "Air" not in await rig.guard.all_safe("No client for 60 s", insist=True)
    assert rig.guard.stop.owed == {"N2"}
    rig.fault("N2")
    await rig.until(lambda: "No client for 60 s: N2 is zero now, confirmed" in rig.said, "late zero")
    assert rig.node("N2").setpoint == 0.0


async def test_after_the_zeros_of_a_shutdown_nothing_flows_any_more(rig: Rig) -> None:
    await flowing(rig)
    puts = [asyncio.create_task(put(rig.n2.setpoint, 2.0)) for _ in range(3)]
    await rig.guard.close(6.0)
    await asyncio.gather(*puts, return_exceptions=True)
    assert await refusal(put(rig.air.setpoint, 1.0)) == "the IOC is shutting down"
    assert setpoints(rig) == [0.0, 0.0, 0.0]


async def test_a_shutdown_does_not_wait_for_the_dead_for_ever(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    await flowing(rig)
    rig.fault("N2", Fault.DEAD)
    await rig.until(lambda: rig.n2.comm.label == "Lost", "loss")
    await rig.guard.close(0.25)
    assert setpoints(rig)[1:] == [0.0, 0.0]
    assert any(record.getMessage() == "zero not confirmed by N2" for record in caplog.records)
