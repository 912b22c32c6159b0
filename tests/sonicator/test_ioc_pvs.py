"""The sonicator IOC as clients use it: starting, stopping, amplitudes, faults, raw registers."""

import pytest

from devsup.sim.sonicator_board import Ailment
from tests.sonicator.bench import HIHI, INVALID, MAJOR, MINOR, NO_ALARM, STATE, Bench
from tests.support.ca import Refused


def test_start_completes_when_the_board_has_it_and_stop_as_well(bench: Bench) -> None:
    bench.put("SON4:Amplitude", 70)
    assert (bench.board.system.amplitude.percent, bench.get("SON4:Amplitude_RBV")) == (70, 70)
    bench.put("SON4:Start", 1)
    assert bench.unit(4).active
    assert bench.get("SON4:Start") == 0
    bench.wait_value("SON4:State", 2)
    bench.wait(lambda: abs(bench.get("SON4:Power") - 420) < 5, "power")
    assert (bench.get("SON4:Running"), bench.get("SON4:Run"), bench.get("ActiveMask")) == (1, 1, 8)
    assert abs(bench.get("SON4:Frequency") - 20000) < 100
    assert bench.text("SON4:StateReason") == "started at 70 %: operator"
    bench.put("SON4:Stop", 1)
    assert not bench.unit(4).active
    bench.wait_value("SON4:State", 0)
    bench.wait(lambda: bench.get("SON4:Power") < 2, "no power")
    bench.wait_value("SON4:Amplitude_RBV", 20)
    assert bench.get("SON4:Amplitude") == 70, "the demand of the next start"
    assert bench.text("SON4:StateReason") == "stopped: operator"


def test_run_is_both_in_one(bench: Bench) -> None:
    bench.put("SON4:Run", 1)
    assert bench.unit(4).active
    bench.put("SON4:Run", 0)
    assert not bench.unit(4).active
    bench.wait_value("SON4:State", 0)


@pytest.mark.parametrize("value", [19, 101, float("nan")])
def test_an_amplitude_out_of_range_is_refused(bench: Bench, value: float) -> None:
    bench.refused("SON4:Amplitude", value)
    assert bench.board.system.amplitude.percent == 60


def test_one_pwm_drives_all_and_every_pv_says_so(bench: Bench) -> None:
    bench.run(3)
    bench.run(4, 80)
    bench.wait_value("SON3:Amplitude", 80)
    assert bench.text("SON3:StateReason") == "amplitude 80 %, set by SON4: one PWM drives all"
    bench.put("SON3:Amplitude", 50)
    bench.wait_value("SON4:Amplitude", 50)
    bench.wait(lambda: abs(bench.get("SON4:Power") - 300) < 5, "power of both")
    bench.put("GlobalAmplitude", 40)
    assert [bench.get(f"SON{number}:Amplitude") for number in (1, 2, 3, 4)] == [40, 40, 40, 40]
    bench.put("SON4:Stop", 1)
    bench.wait_value("SON4:State", 0)
    assert bench.board.system.amplitude.percent == 40, "it is SON3's as well"
    bench.put("StopAll", 1)
    assert not bench.unit(3).active
    bench.wait_value("GlobalAmplitude_RBV", 20)


def test_what_is_disabled_does_not_start_and_stops(bench: Bench) -> None:
    assert "disabled: Enabled first" in bench.refused("SON1:Start", 1)
    bench.run(4)
    bench.put("SON4:Enabled", 0)
    assert not bench.unit(4).active
    bench.wait_value("SON4:State", 0)
    assert "disabled: Enabled first" in bench.refused("SON4:Start", 1)
    bench.put("SON4:Enabled", 1)
    bench.put("SON4:Start", 1)


def test_what_is_not_wired_says_why_it_does_not_start(bench: Bench) -> None:
    bench.put("SON2:Enabled", 1)
    assert "SON2: there is no frequency lock" in bench.refused("SON2:Start", 1)
    bench.wait(lambda: bench.alarm("SON2:Frequency") == (0, NO_ALARM), "SON2 is read")
    bench.put("SON2:Enabled", 0)


def test_the_global_enable_stops_all_and_starts_none(bench: Bench) -> None:
    bench.run(4)
    bench.put("GlobalEnable", 0)
    assert not bench.unit(4).active
    bench.wait_value("SON4:State", 0)
    assert bench.alarm("GlobalEnable_RBV") == (STATE, MINOR)
    assert "the board is disabled: GlobalEnable first" in bench.refused("SON4:Start", 1)
    bench.put("GlobalEnable", 1)
    bench.put("SON4:Start", 1)


def test_an_overload_stops_and_needs_a_reset(bench: Bench) -> None:
    bench.run(4)
    bench.board.set_ailment(4, Ailment.OVERLOAD)
    bench.wait_value("SON4:State", 4)
    assert bench.alarm("SON4:State") == (STATE, MAJOR)
    bench.wait(lambda: bench.alarm("SON4:Flags:Overload") == (STATE, MAJOR), "alarm of the flag")
    assert "overload" in bench.text("SON4:Faults:Text")
    assert bench.get("SON4:Faults") & 1
    assert "overload" in bench.text("SON4:Faults:Last")
    assert bench.get("SON4:Faults:Time") != ""
    assert "OverloadReset first" in bench.refused("SON4:Start", 1)
    assert "stays at its minimum" in bench.refused("SON4:Amplitude", 50)
    bench.wait_value("SON4:Amplitude_RBV", 20)
    assert "the reset did not help: overload" in bench.refused("SON4:OverloadReset", 1)
    bench.board.set_ailment(4, Ailment.OK)
    bench.put("SON4:OverloadReset", 1)
    assert (bench.get("SON4:State"), bench.get("SON4:Faults")) == (0, 0)
    bench.put("SON4:Start", 1)


def test_a_lost_lock_alarms_and_stops(bench: Bench) -> None:
    bench.run(4)
    lock = bench.ca.monitor(bench.pv("SON4:Flags:FreqLock"), mask="VA")
    bench.board.set_ailment(4, Ailment.LOCK_LOST)
    lock.wait_for(lambda event: event.value == 0)
    bench.wait_value("SON4:State", 4)
    assert "frequency lock lost" in bench.text("SON4:Faults:Text")


def test_a_dead_transducer_is_found_by_its_power(bench: Bench) -> None:
    bench.board.set_ailment(4, Ailment.TRANSDUCER_DEAD)
    bench.put("SON4:Start", 1)
    bench.wait_value("SON4:State", 4)
    assert bench.text("SON4:Faults:Text") == "no power or wrong frequency after start"
    bench.wait(lambda: not bench.unit(4).active, "the stop of a fault reaches the board")


def test_one_that_does_not_stop_is_found_by_its_power(bench: Bench) -> None:
    bench.run(4)
    bench.board.set_ailment(4, Ailment.STUCK_ON)
    bench.put("SON4:Stop", 1)
    bench.wait_value("SON4:State", 4)
    assert bench.text("SON4:Faults:Text") == "power flows although stopped"


def test_a_start_that_the_board_refuses_fails_and_leaves_it_stopped(bench: Bench) -> None:
    bench.board.system.inhibit_mask = 0b1000
    try:
        bench.wait_value("Reg:0013", 8)
        assert "START_INHIBIT" in bench.refused("SON4:Start", 1)
    finally:
        bench.board.system.inhibit_mask = 0
    bench.wait_value("Reg:0013", 0)


def test_a_start_that_is_not_confirmed_is_taken_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.unit(4), "start", lambda now_ms: False)
    assert "device failure (exception 4)" in bench.refused("SON4:Start", 1)
    bench.wait_value("SON4:State", 0)
    assert "its start was not confirmed" in bench.text("SON4:StateReason")


def test_raw_registers_are_read_and_written_with_the_engineering_switch_only(bench: Bench) -> None:
    bench.wait_value("SON4:Reg:0161", 60)
    assert "Engineering first" in bench.refused("SON4:Reg:0161", 33)
    with pytest.raises(Refused):
        bench.put("SON4:Reg:0170", 1)
    bench.put("Engineering", 1)
    assert bench.alarm("Engineering") == (STATE, MAJOR)
    bench.put("SON4:Reg:0161", 33)
    assert bench.board.system.amplitude.percent == 33
    assert "AMPLITUDE_SP: " in bench.refused("SON4:Reg:0161", 19)
    bench.put("SON4:Reg:0160", 1)
    bench.wait_value("SON4:State", 4)
    assert bench.text("SON4:Faults:Text") == "the board disagrees about running"
    assert not bench.unit(4).active
    bench.put("Engineering", 0)
    bench.put("SON4:OverloadReset", 1)


def test_limits_alarm_and_are_live(bench: Bench) -> None:
    assert bench.ca.get(bench.pv("SON4:Power.HIHI")) == 2000
    assert (bench.get("SON4:Frequency.LOW"), bench.get("SON4:Frequency.HIGH")) == (18000, 22000)
    bench.run(4)
    bench.ca.put(bench.pv("SON4:Power.HIHI"), 100.0)
    bench.wait(lambda: bench.alarm("SON4:Power") == (HIHI, MAJOR), "HIHI")
    bench.ca.put(bench.pv("SON4:Power.HIHI"), 2000.0)


def test_energy_and_run_time_add_up(bench: Bench) -> None:
    bench.put("SON4:RunTime:Reset", 1)
    bench.run(4)
    bench.wait(lambda: bench.get("SON4:Energy") > 0.1, "0.1 Wh")
    assert bench.get("SON4:RunTime:Present") >= 0
    bench.put("SON4:Stop", 1)
    bench.put("SON4:RunTime:Reset", 1)
    bench.wait(lambda: bench.get("SON4:Energy") < 0.01, "reset")


def test_a_longest_run_and_a_duty_limit_stop(bench: Bench) -> None:
    bench.put("SON4:MaxRunTime", 1)
    bench.put("SON4:Start", 1)
    bench.wait_value("SON4:State", 0)
    assert bench.text("SON4:StateReason") == "stopped: maximum run time of 1 s"
    bench.put("SON4:MaxRunTime", 0)
    bench.put("SON4:DutyWindow", 10)
    bench.put("SON4:DutyLimit", 5)
    assert "duty limit of 5 % in 10 s" in bench.refused("SON4:Start", 1)
    bench.put("SON4:DutyLimit", 0)
    bench.put("SON4:Start", 1)


def test_every_pv_has_what_the_house_asks_for(bench: Bench) -> None:
    for name in ("SON4:Power", "SON4:State", "SystemStatus", "SON4:Reg:0170", "KeepAlive:Rate"):
        assert bench.get(f"{name}.DESC")
        assert bench.alarm(name)[1] < INVALID
