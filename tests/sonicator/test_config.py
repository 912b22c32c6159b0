"""db/sonicator.yaml: what it says, and how mistakes are told. The register table of the README."""

from pathlib import Path

import pytest

from devsup.sonicator_map import DEPLOYED, MAPS
from iocs.common.config import ConfigError
from iocs.common.spec import MAX_DESC
from iocs.sonicator import register_table
from iocs.sonicator.config import OnShutdown, PlantConfig, Trip
from iocs.sonicator.ioc import SUBSYSTEM
from iocs.sonicator.logic import Limits, Timing

LEAST = "line: {url: /dev/ttyX}\nsonicators:\n  SON4: {number: 4}\n"


def load(folder: Path, text: str) -> PlantConfig:
    file = folder / "sonicator.yaml"
    file.write_text(text)
    return SUBSYSTEM.load(file, {})


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(folder, text)
    return str(error.value)


def test_the_facilitys_file_is_in_order() -> None:
    config = SUBSYSTEM.load(SUBSYSTEM.database, {})
    assert config.settings.baudrate == 115200
    assert [(one.name, one.number, one.enabled) for one in config.sonicators] == [
        ("SON1", 1, False),
        ("SON2", 2, False),
        ("SON3", 3, False),
        ("SON4", 4, True),
    ]
    assert (config.board.unit, config.board.map.name, config.on_shutdown) == (
        2,
        "documented",
        OnShutdown.SAFE,
    )
    assert [row.action for row in config.interlocks] == [Trip.STOP]


def test_defaults_are_the_design_documents(tmp_path: Path) -> None:
    config = load(tmp_path, LEAST)
    (son,) = config.sonicators
    assert son.tuning.timing == Timing()
    assert (Timing().start_delay_s, Timing().stop_delay_s, Timing().reset_pulse_s) == (0.05, 0.1, 0.02)
    assert (Timing().debounce_s, Timing().watchdog_s, Timing().comm_timeout_s) == (0.01, 1.0, 2.0)
    assert son.limits == Limits(), "no limit of use unless wanted"
    assert (config.board.keep_alive_hz, config.board.shared_amplitude) == (10, True)
    assert (son.tuning.lock_first, son.tuning.frequency_low_hz, son.tuning.frequency_high_hz) == (
        True, 18000, 22000,
    )  # fmt: skip


def test_everything_can_be_set(tmp_path: Path) -> None:
    text = LEAST.replace(
        "{number: 4}", "{number: 4, max_run_time: 60, duty: 25, duty_window: 600, lock_first: false}"
    )
    config = load(tmp_path, text + "board: {map: deployed, keep_alive: 5}\ntiming: {verify: 3}\n")
    (son,) = config.sonicators
    assert son.limits == Limits(60, 0.25, 600)
    assert (son.tuning.lock_first, son.tuning.timing.verify_s) == (False, 3)
    assert (config.board.map, config.board.keep_alive_hz) == (DEPLOYED, 5)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("number: 4", "number: 5"), "SON4.number: '5' is not valid; expected a whole number from 1 to 4"),
        (("SON4:", "EStop:"), "the name EStop is taken by the emergency stop"),
        (("{number: 4}", "{number: 4}\n  B: {number: 4}"), "sonicators.B.number: 4 is already SON4"),
        (("{number: 4}", "{number: 4, amplitude: 10}"), "expected a number from 20 to 100 %"),
        (("{number: 4}", "{number: 4, frequency_low: 30000}"), "22000 is not above frequency_low 30000"),
        (("sonicators", "board: {map: other}\nsonicators"), "expected one of documented, deployed"),
        (("sonicators", "board: {keep_alive: 1}\nsonicators"), "expected a number from 5 to 10 Hz"),
        (("sonicators", "board: {keepalive: 9}\nsonicators"), "did you mean keep_alive?"),
        (("url: /dev/ttyX", ""), "line.url: is missing"),
    ],
)  # fmt: skip
def test_mistakes_are_told(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    assert problem in problems(tmp_path, LEAST.replace(*change))


def test_the_register_table_is_up_to_date() -> None:
    text = register_table.README.read_text(encoding="utf-8")
    assert register_table.updated(text) == text, "run: python -m iocs.sonicator.register_table"
    with pytest.raises(ValueError, match="register-table"):
        register_table.updated("nothing")


def test_every_register_is_in_the_table_and_has_a_short_title() -> None:
    table = register_table.tables()
    for version in MAPS.values():
        for row in (*version.board.values(), *version.sonicator.values()):
            assert f"`{row.name}`" in table
            assert 0 < len(row.title) <= MAX_DESC
