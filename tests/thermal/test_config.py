"""db/thermal.yaml: what it says, how mistakes are told; the tables and the picture of the READMEs."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from iocs.common.config import ConfigError
from iocs.thermal.config import Action, OnShutdown, ThermalConfig
from iocs.thermal.ioc import SUBSYSTEM
from iocs.thermal.logic.parameters import Parameters, bounds
from iocs.thermal.sensor_config import Kind
from tests.thermal import parameter_table, plot_run, scenario_table
from tests.thermal.scenarios import SCENARIOS, play

LEAST = """
lines: {psu1: {url: /dev/ttyX}, psu2: {url: /dev/ttyY}}
supplies: {PSU1: {line: psu1}, PSU2: {line: psu2}}
sensors:
  ColdPlate: {}
  HotPlate: {address: 28-000000000001}
"""


def load(folder: Path, text: str) -> ThermalConfig:
    file = folder / "thermal.yaml"
    file.write_text(text)
    return SUBSYSTEM.load(file, {})


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(folder, text)
    return str(error.value)


def test_the_facilitys_file_is_in_order() -> None:
    config = SUBSYSTEM.load(SUBSYSTEM.database, {})
    assert [(one.line, one.unit) for one in config.supplies] == [("psu1", 1), ("psu2", 1)]
    assert [line.settings.baudrate for line in config.lines] == [9600, 9600]
    assert [one.name for one in config.sensors] == ["ColdPlate", "HotPlate", "Ambient1"]
    assert (config.on_shutdown, config.auto_start) == (OnShutdown.SAFE, False)
    assert config.parameters == Parameters(), "the design document's"
    limits = config.supplies[0].limits
    assert (limits.volts, limits.amps, limits.over_voltage, limits.over_current) == (16.0, 10.6, 17.0, 11.0)


def test_defaults_are_the_design_documents(tmp_path: Path) -> None:
    config = load(tmp_path, LEAST)
    assert config.parameters == Parameters()
    assert [one.kind for one in config.sensors] == [Kind.MAX31865, Kind.DS18B20]
    assert config.bounds == bounds()
    assert (config.control_period_s, config.history_period_s) == (0.5, 1.0)


def test_everything_can_be_set(tmp_path: Path) -> None:
    more = """
auto_start: true
on_shutdown: hold
parameters: {max_current_per_channel: 8, startup_current: 1, symmetric_shutdown: true}
ceilings: {max_current_per_channel: 9, hot_side_fault_c: 68}
protection: {over_current: 12}
interlocks:
  Coolant: {link: "LAB:WATER:Flow", condition: at least 2, action: stop, guidance: Look.}
"""
    given = more.replace("hot_side_fault_c: 68", "hot_side_fault_c: 68, hot_side_alarm_c: 64")
    config = load(tmp_path, LEAST + given)
    p = config.parameters
    assert (p.max_current_per_channel, p.startup_current, p.symmetric_shutdown) == (8, 1, True)
    assert (p.hot_side_fault_c, p.hot_side_alarm_c) == (68, 64), "start values stay below their ceilings"
    assert config.bounds["max_current_per_channel"].ceiling == 9
    assert (config.supplies[0].limits.amps, config.supplies[0].limits.over_current) == (9, 12)
    assert [row.action for row in config.interlocks] == [Action.STOP]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("PSU2: {line: psu2}", "PSU2: {line: psu1}"), "unit 1 of line psu1 is PSU1 already"),
        (("PSU2: {line: psu2}", "PSU2: {line: psu3}"), "'psu3' is not one of the lines: psu1, psu2"),
        (("/dev/ttyY", "/dev/ttyX"), "a line has one owner"),
        (("28-000000000001", "nonsense"), "HotPlate.address"),
        (("\nlines", "\nparameters: {max_current_per_channel: 11}\nlines"), "from 0.5 to 10.6 A"),
        (("\nlines", "\nparameters: {startup_curent: 2}\nlines"), "did you mean startup_current?"),
        (
            ("\nlines", "\nparameters: {hot_side_warning_c: 40}\nlines"),
            "hot_side_warning_exit_c 50 would be above hot_side_warning_c 40",
        ),
        (("\nlines", "\nprotection: {over_current: 5}\nlines"), "over_current"),
        (("\nlines", "\nceilings: {max_current_per_channel: 16}\nlines"), "from 0.5 to 15 A"),
        (("\nlines", "\non_shutdown: zero\nlines"), "expected one of safe, hold"),
        (("  ColdPlate: {}\n", ""), "sensors.ColdPlate: is missing"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    assert problem in problems(tmp_path, LEAST.replace(*change))


def test_two_supplies_on_one_line(tmp_path: Path) -> None:
    text = LEAST.replace("PSU2: {line: psu2}", "PSU2: {line: psu1, unit: 2}")
    config = load(tmp_path, text)
    alone = load(tmp_path, LEAST)
    assert config.supplies[0].manners.probe_max_s > alone.supplies[0].manners.probe_max_s


# -- READMEs --------------------------------------------------------------------------------------


def test_the_parameter_table_is_up_to_date() -> None:
    text = parameter_table.README.read_text(encoding="utf-8")
    assert parameter_table.updated(text) == text, "run: python -m tests.thermal.parameter_table"


def test_the_scenario_table_is_of_this_controller() -> None:
    """One row of twenty; the slow test of the closed loop plays all. If not: tests.thermal.scenario_table"""
    text = scenario_table.README.read_text(encoding="utf-8")
    assert scenario_table.line(scenario_table.row(play(SCENARIOS[0]))) in text
    assert text.count("\n| 26; ") == 4
    with pytest.raises(ValueError, match="scenarios"):
        scenario_table.updated("nothing", "")


def test_the_picture_is_of_this_controller() -> None:
    """If not: python -m tests.thermal.plot_run"""
    course = plot_run.live()
    assert plot_run.FILE.read_text(encoding="utf-8") == plot_run.render(course)
    root = ElementTree.parse(plot_run.FILE).getroot()
    assert root.tag.endswith("svg")
