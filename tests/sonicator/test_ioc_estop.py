"""The emergency stop of the sonicator IOC, its interlocks, and what becomes of it all when the IOC ends."""

from collections.abc import Iterator

import pytest

from devsup.sim.faults import Fault
from devsup.sim.sonicator_board import State
from tests.sonicator.bench import MAJOR, STATE, Bench
from tests.support.ca import Refused

INTERLOCK = """
interlocks:
  Power:
    quantity: total_power
    condition: at most 500
    action: stop all
    guidance: Lower the amplitude.
  Frequency:
    pv: SON3:Frequency
    condition: at least 19000
    action: emergency stop
    guidance: Look at the horn.
"""


def test_it_stops_board_and_sonicators_and_refuses_until_reset(bench: Bench) -> None:
    bench.run(3)
    bench.run(4)
    bench.put("EStop", 1)
    assert bench.board.system.stopped
    assert [bench.unit(number).state for number in (3, 4)] == [State.FAULT] * 2
    assert bench.alarm("EStop:Active") == (STATE, MAJOR)
    assert bench.text("Reason") == "Emergency stop: every sonicator is stopped, confirmed"
    assert (bench.get("SON4:State"), bench.text("SON4:Faults:Text")) == (4, "emergency stop")
    assert "OverloadReset first" in bench.refused("SON4:Start", 1)
    assert "EStop:Reset first" in bench.refused("SON4:OverloadReset", 1)
    assert "EStop:Reset first" in bench.refused("GlobalAmplitude", 50)
    bench.put("SON4:Stop", 1)
    bench.put("EStop:Reset", 1)
    assert not bench.board.system.stopped
    bench.wait_value("SON4:State", 0)
    bench.put("SON4:Start", 1)


def test_the_boards_own_emergency_stop_latches_ours(bench: Bench) -> None:
    bench.run(4)
    bench.board.system.emergency_stop(bench.board.ms)
    bench.wait_value("EStop:Active", 1)
    bench.wait_value("SON4:State", 4)
    bench.wait(lambda: "The board's own emergency stop" in bench.text("Reason"), "the reason")
    bench.put("EStop:Reset", 1)
    bench.wait_value("SON4:State", 0)
    assert bench.get("EStop:Active") == 0


def test_one_that_is_started_by_somebody_else_meanwhile_is_stopped_again(bench: Bench) -> None:
    bench.put("EStop", 1)
    bench.board.system.release()
    bench.wait(lambda: bench.board.system.stopped, "the board's stop is set again")


def test_a_stop_while_the_board_is_silent_is_carried_out_when_it_returns(bench: Bench) -> None:
    bench.run(4)
    bench.fault(Fault.DEAD)
    bench.wait_value("Comm", 2)
    with pytest.raises(Refused, match="stopped and latched, but: "):
        bench.put("EStop", 1)
    bench.fault()
    bench.wait(lambda: bench.board.system.stopped, "late stop")
    assert not bench.unit(4).active
    assert bench.get("EStop:Active") == 1


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("interlocks"), top=INTERLOCK) as bench:
        yield bench


def test_an_interlock_stops_and_forbids(guarded: Bench) -> None:
    guarded.wait(lambda: guarded.get("Interlock:Power:OK") == 1, "read")
    guarded.run(4)
    guarded.put("SON4:Amplitude", 90)
    guarded.wait_value("SON4:State", 0)
    guarded.wait(lambda: guarded.text("SON4:StateReason").startswith("stopped: interlock Power: "), "why")
    assert "Power: " in guarded.refused("SON4:Start", 1)
    guarded.put("SON4:Amplitude", 50)
    guarded.put("Interlock:Power:Reset", 1)
    guarded.put("SON4:Start", 1)
    guarded.put("SON4:Stop", 1)


def test_an_interlock_may_be_an_emergency_stop(guarded: Bench) -> None:
    guarded.run(4)
    guarded.board.set_load(3, 12.0)
    guarded.wait(lambda: guarded.board.system.stopped, "the board's stop")
    assert guarded.get("EStop:Active") == 1
    guarded.wait(lambda: "Emergency stop: interlock Frequency: " in guarded.text("Reason"), "why")
    guarded.board.set_load(3, 1.0)
    guarded.wait_value("Interlock:Frequency:OK", 1)
    guarded.put("Interlock:Frequency:Reset", 1)
    guarded.put("EStop:Reset", 1)
