"""The beginning and the end of the sonicator IOC: adoption, restored settings, shutdown, a crash."""

from pathlib import Path

import pytest

from devsup.sim.sonicator_board import Ailment
from tests.sonicator.bench import Bench


def test_shutdown_stops_what_runs_and_leaves_no_emergency_stop(own_bench: Bench) -> None:
    own_bench.run(4)
    assert own_bench.ioc.terminate() == 0
    assert not own_bench.unit(4).active
    assert not own_bench.board.system.stopped


def test_hold_leaves_it_running(tmp_path: Path) -> None:
    with Bench(tmp_path, top="on_shutdown: hold") as bench:
        bench.run(4)
        assert bench.ioc.terminate() == 0
        assert bench.unit(4).active


def test_settings_and_totals_outlive_the_ioc_and_nothing_moves(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("SON4:MaxRunTime", 77)
    bench.put("SON1:Enabled", 1)
    bench.run(4, 80)
    bench.wait(lambda: bench.get("SON4:Energy") > 0.05, "energy")
    bench.put("SON4:Stop", 1)
    bench.wait_value("SON4:State", 0)
    energy = bench.get("SON4:Energy")
    bench.ioc.terminate()
    bench.start_anew()
    assert (bench.get("SON4:MaxRunTime"), bench.get("SON1:Enabled")) == (77, 1)
    assert bench.get("SON4:Amplitude") == 80
    assert bench.get("SON4:Energy") == pytest.approx(energy, abs=0.02)
    assert (bench.get("SON4:State"), bench.unit(4).active, bench.get("Engineering")) == (0, False, 0)


def test_a_latched_emergency_stop_outlives_a_crash(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("EStop", 1)
    bench.ioc.kill()
    bench.start_anew()
    assert bench.get("EStop:Active") == 1
    bench.wait_value("SON4:State", 4)
    bench.put("EStop:Reset", 1)
    bench.wait_value("SON4:State", 0)


def test_the_deployed_firmware_is_served_through_the_same_pvs(tmp_path: Path) -> None:
    with Bench(tmp_path, layout="deployed") as bench:
        bench.put("SON4:Amplitude", 70)
        bench.put("SON4:Start", 1)
        bench.wait(lambda: abs(bench.get("SON4:Power") - 420) < 5, "power in W out of counts")
        assert abs(bench.get("SON4:Frequency") - 20000) < 100
        bench.wait_value("SON4:Amplitude_RBV", 70)
        assert bench.get("SystemStatus") & 4, "writing the amplitude raises the bit"
        assert bench.get("EStop:Active") == 0, "which means nothing here"
        bench.board.set_ailment(4, Ailment.OVERLOAD)
        bench.wait_value("SON4:State", 4)
        bench.board.set_ailment(4, Ailment.OK)
        bench.put("SON4:OverloadReset", 1)
        bench.put("SON4:Start", 1)
        bench.put("EStop", 1)
        assert not bench.unit(4).active, "stopped one by one"
        bench.put("EStop:Reset", 1)
        bench.wait_value("SON4:State", 0)
        bench.put("SON4:Start", 1)


def test_what_runs_is_adopted_after_a_crash_and_nothing_is_written(
    own_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devsup.sim.sonicator_board.board.COMM_TIMEOUT_MS", 60_000)
    bench = own_bench
    bench.run(4, 75)
    bench.wait(lambda: bench.unit(4).running, "its start has been completed")  # a busy board's clock is late
    bench.ioc.kill()
    changed_ms = bench.unit(4).changed_ms
    bench.start_anew()
    assert bench.get("SON4:State") == 2
    assert bench.text("SON4:StateReason") == "found running, and left so"
    assert (bench.get("SON4:Amplitude"), bench.get("SON4:Run")) == (75, 1)
    assert bench.unit(4).changed_ms == changed_ms
    bench.put("SON4:Stop", 1)
    assert not bench.unit(4).active
