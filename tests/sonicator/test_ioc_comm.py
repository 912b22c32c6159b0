"""What clients see when line or board fail: silence, deafness, a reset, bad frames, a second owner."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devsup.sim.faults import Fault
from devsup.sim.sonicator_board import Trouble
from tests.sonicator.bench import COMM, INVALID, MAJOR, MINOR, NO_ALARM, STATE, WIRED, Bench


def test_a_silent_board_is_invalid_soon_stops_what_runs_and_comes_back_stopped(bench: Bench) -> None:
    bench.run(4)
    bench.wait(lambda: bench.get("SON4:Power") > 355, "steady")
    before = bench.get("SON4:Power")
    bench.fault(Fault.DEAD)
    bench.wait_severity("SON4:Power", INVALID)
    bench.wait_value("Comm", 2)
    bench.wait(lambda: bench.alarm("SON4:Power") == (COMM, INVALID), "COMM")
    assert bench.alarm("SON4:Reg:0170") == (COMM, INVALID)
    assert bench.alarm("SystemStatus") == (COMM, INVALID)
    assert abs(bench.get("SON4:Power") - before) < 10, "the last value stays"
    assert bench.get("KeepAlive:Missed") > 0
    assert bench.alarm("KeepAlive:Missed") == (STATE, MINOR)
    bench.wait_value("SON4:State", 4)
    assert bench.text("SON4:Faults:Text") == "no communication"
    bench.fault()
    bench.wait_severity("SON4:Power", NO_ALARM)
    bench.wait_value("SON4:State", 0)
    assert bench.text("SON4:StateReason") == "communication is back; it stays stopped"
    assert not bench.unit(4).active
    bench.put("SON4:Start", 1)


def test_the_rate_of_keep_alives_is_shown(bench: Bench) -> None:
    bench.wait(lambda: 9.0 <= bench.get("KeepAlive:Rate") <= 11.0, "10 Hz")
    assert bench.alarm("KeepAlive:Rate")[1] == NO_ALARM
    assert bench.get("PORT:board:Connected") == 1


RARE = [
    pytest.param(fault, marks=pytest.mark.slow)
    for fault in (Fault.TRUNCATED, Fault.FOREIGN_NODE, Fault.NOISE_BEFORE, Fault.SLOW)
]


@pytest.mark.parametrize("fault", [Fault.BIT_FLIP, Fault.LATE, *RARE])
def test_a_bad_line_degrades_and_shows_no_wrong_value(bench: Bench, fault: Fault) -> None:
    bench.run(4)
    bench.wait(lambda: bench.get("SON4:Power") > 355, "steady")
    power = bench.ca.monitor(bench.pv("SON4:Power"), mask="V")
    bench.fault(fault, 0.05)
    operations = bench.get("PORT:board:Operations")
    bench.wait(lambda: bench.get("PORT:board:Operations") > operations + 150, "150 transactions")
    bench.fault()
    assert {event.value // 10 for event in power.events} <= {35.0, 36.0}
    assert bench.get("SON4:State") == 2
    power.close()


def test_a_board_that_was_reset_while_it_ran_is_a_fault_with_its_own_reason(bench: Bench) -> None:
    bench.run(4)
    bench.board.power_cycle()
    bench.wait_value("SON4:State", 4)
    assert bench.text("SON4:Faults:Text") == "the board disagrees about running"
    bench.wait(lambda: bench.ca.get(bench.pv("LastShutdownReason"), as_string=True) == "Power loss", "why")
    bench.put("SON4:OverloadReset", 1)
    assert bench.get("SON4:State") == 0


def test_a_main_loop_that_hangs_is_told_by_the_watchdog(bench: Bench) -> None:
    bench.run(4)
    bench.board.set_trouble(Trouble.STALLED)
    bench.wait_value("SON4:State", 4)
    bench.board.set_trouble(Trouble.OK)
    bench.wait_severity("Watchdog", MAJOR)
    assert not bench.unit(4).active
    bench.board.power_cycle()


@pytest.fixture
def deaf_bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path, sim={"deaf_after_s": 1.0}) as bench:
        yield bench


def test_a_board_that_goes_deaf_is_kept_alive_even_when_all_are_disabled(deaf_bench: Bench) -> None:
    bench = deaf_bench
    for number in WIRED:
        bench.put(f"SON{number}:Enabled", 0)
    before = bench.board.ms
    bench.wait(lambda: bench.board.ms > before + 1500, "longer than it takes to go deaf")
    assert not bench.board.deaf
    assert bench.get("KeepAlive:Missed") == 0
    bench.line.hang_up()
    bench.wait_value("Comm", 2)
    bench.wait(lambda: _deafened(bench), "deaf")
    bench.line.come_back()
    bench.wait_value("PORT:board:Connected", 1)
    bench.wait_value("Comm", 2)
    bench.board.power_cycle()
    bench.wait_value("Comm", 0)
    bench.wait_severity("SON4:Power", NO_ALARM)


def _deafened(bench: Bench) -> bool:
    bench.board.advance(time.monotonic())
    return bench.board.deaf


def test_a_second_owner_of_the_line_is_turned_away(own_bench: Bench) -> None:
    own_bench.run(4)
    second = own_bench.spawn()
    try:
        assert second.wait() == 1
        second.wait_for(r"PortInUse: \S+ is in use by another program or line")
    finally:
        second.kill()
    assert own_bench.unit(4).active, "it has stopped nothing"
    own_bench.put("SON4:Stop", 1)
