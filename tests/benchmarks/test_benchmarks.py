"""Every benchmark still runs and finds its targets' terms. How fast anything is, is not tested here."""

from pathlib import Path

import pytest

from tests.benchmarks import __main__ as program
from tests.benchmarks import (
    alicat,
    command,
    environment,
    faults,
    gas,
    ioc,
    modbus,
    neighbours,
    peer,
    polling,
    report,
    sonicator,
    thermal,
)
from tests.benchmarks.report import Figures, Report, Table, Target

README = Path(__file__).with_name("README.md")


def checked(figures: Figures) -> Report:
    """The report, whose tables are whole and can be written."""
    made = figures.report()
    assert made.tables
    for table in made.tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}
    assert "|" in report.markdown(made, "here and now")
    return made


def test_polling_compares_four_masters_with_the_wire() -> None:
    figures = polling.measure(0.1, (0.0,))
    (paces,) = figures.paces.values()
    assert list(paces) == list(polling.MASTERS)
    assert all(0.0 < pace.of_wire_limit < 1.1 and pace.sets_per_s > 0 for pace in paces.values())
    assert len(checked(figures).targets) == 2


def test_command_times_every_order_in_both_stages() -> None:
    figures = command.measure(0.02, (0.0,))
    (stages,) = figures.times_s.values()
    assert {len(times) for times in stages.values()} == {10}
    assert all(first < second for first, second in zip(*stages.values(), strict=True))
    assert len(checked(figures).targets) == 2


def test_environment_decides_and_orders() -> None:
    figures = environment.measure(0.005)
    assert len(figures.decisions) == 604 and len(figures.orders) == 10
    assert 0.0 < environment.wire_limit_s() < figures.orders[-1] + 0.005  # the first needs no silence
    assert len(checked(figures).targets) == 3


@pytest.mark.slow
def test_alicat_polls_orders_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "FOLDER", Path("nowhere"))
    monkeypatch.setattr(alicat, "BAUDRATE", 115200)  # getting to know three units takes a while
    figures = alicat.measure(0.03, (0.0,))
    assert {units: list(paces) for (units, _), paces in figures.paces.items()} == {
        1: list(alicat.MASTERS),
        3: list(alicat.MASTERS),
    }
    assert all(pace.hz_each > 0 for paces in figures.paces.values() for pace in paces.values())
    (orders,) = figures.orders.values()
    assert len(orders.setpoint_s) == 9 and len(orders.stop_s) == 3 and orders.exchanges >= 3
    made = checked(figures)
    assert len(made.targets) == 4
    assert "--peers" in made.notes[0], "it says what is missing"


@pytest.mark.slow
def test_gas_judges_and_trips() -> None:
    figures = gas.measure(0.05)
    assert list(figures.judged) == list(gas.ORDERS)
    assert len(figures.first_s) == 2
    assert all(0.0 < first <= argon for first, argon in zip(figures.first_s, figures.argon_s, strict=True))
    assert len(checked(figures).targets) == 2


def test_faults_finds_no_wrong_value_where_the_frame_shows_the_damage() -> None:
    figures = faults.measure(0.01)
    assert [tally.wrong for tally in (*figures.telling, figures.polled, figures.orders)] == [0] * (
        len(figures.telling) + 2
    )
    assert all(tally.frames == tally.refused + tally.right for tally in figures.telling)
    assert any(slip.passed for slip in figures.slips), "damage that should not show was noticed"
    checked(figures)


def test_the_campaign_is_the_same_every_time() -> None:
    one, two = faults.measure(0.005), faults.measure(0.005)
    assert (one.telling, one.polled, one.slips, one.orders) == (
        two.telling,
        two.polled,
        two.slips,
        two.orders,
    )


@pytest.mark.slow
def test_modbus_compares_masters_and_finds_no_late_answer_believed() -> None:
    figures = modbus.measure(0.1, (115200,))
    (paces,) = figures.paces.values()
    assert list(paces) == list(modbus.MASTERS)
    assert all(0.0 < pace.of_bytes < pace.of_frames < 1.7 for pace in paces.values())
    assert figures.late["ours"]["wrong"] == 0
    assert figures.late["pymodbus"]["wrong"] > 0, "the damage can be seen"
    assert figures.late["ours"]["right"] > 0
    assert len(checked(figures).targets) == 5


@pytest.mark.slow
def test_neighbours_notices_who_comes_back() -> None:
    figures = neighbours.measure(0.02)
    assert len(figures.outages) == len(neighbours.SILENCES_S)
    assert all(kept.alone_per_s > 0 for kept in figures.keeping.values())
    checked(figures)


@pytest.mark.slow
def test_ioc_is_started_watched_and_loaded() -> None:
    figures = ioc.measure(0.05)
    assert 0.0 < figures.serving_s <= figures.first_reading_s
    assert figures.loads[1].events_per_s > 0
    checked(figures)


@pytest.mark.slow
def test_sonicator_is_polled_started_and_kept_alive() -> None:
    figures = sonicator.measure(0.03, (0.0,))
    assert all(pace.hz > 0 and pace.of_bytes < pace.of_limit < 1.1 for pace in figures.paces.values())
    assert all(times[0] > 0 for times in figures.puts[0.0].values())
    assert 0.0 < figures.step_us < 1000.0
    assert len(checked(figures).targets) == 7
    checked(sonicator.measure_endurance(0.005))


def test_readme_has_a_place_for_every_benchmark(tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    copy.write_text(README.read_text(encoding="utf-8"), encoding="utf-8")
    for name in program.BENCHMARKS:
        report.write(copy, name, f"figures of {name}")
    text = copy.read_text(encoding="utf-8")
    assert all(f"figures of {name}\n" in text for name in program.BENCHMARKS)


def test_a_table_without_a_place_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "README.md"
    empty.write_text("nothing here")
    with pytest.raises(ValueError, match="markers"):
        report.write(empty, "polling", "text")


def test_a_missed_target_is_plain_to_see() -> None:
    missed = Report((Table("", ("a", "b"), (("1", "2"),)),), (Target("rate", ">= 2", "1", False),))
    assert "| rate | >= 2 | 1 | **no** |" in report.markdown(missed, "")


def test_a_dry_run_prints_and_leaves_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    before = README.read_text(encoding="utf-8")
    assert program.main(["--dry", "--scale", "0.005", "faults"]) == 0
    assert "## faults" in capsys.readouterr().out
    assert README.read_text(encoding="utf-8") == before


@pytest.mark.slow
def test_thermal_cuts_steps_and_settles() -> None:
    figures = thermal.measure(0.01)
    assert list(figures.cuts) == list(thermal.LAYOUTS)
    assert all(cut.exchanges >= 2 and cut.seconds > 0 for cuts in figures.cuts.values() for cut in cuts)
    assert len(figures.steps) == pytest.approx(868, abs=5)
    assert len(figures.outcomes) == 2
    assert len(checked(figures).targets) == 7
