"""The command line: serving, checking and exporting, with a toy subsystem and with the real ones."""

import re
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import iocs
from iocs.__main__ import main
from iocs.common.subsystem import find, known
from tests.conftest import RunIoc
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, LOOPBACK_BROADCAST
from tests.support.processes import IocProcess, Process

TOY = Path(__file__).with_name("toy")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a copy of the toy subsystem, known to this process."""
    copy = Path(shutil.copytree(TOY, tmp_path / "toy"))
    monkeypatch.setattr(iocs, "__path__", [*iocs.__path__, str(copy / "iocs")])
    yield copy
    for name in [name for name in sys.modules if name.startswith("iocs.toy")]:
        del sys.modules[name]
    vars(iocs).pop("toy", None)


def test_subsystems_are_found_by_their_folders(toy: Path) -> None:
    assert {"flow", "toy"} <= set(known())
    assert find("toy").title == "Toys"


def test_the_pvs_are_listed_without_serving(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["toy", "--list-pvs", "--prefix", "X:"]) == 0
    names = capsys.readouterr().out.split()
    assert [name for name in names if ":IOC:" not in name] == [
        *("X:A:Lamp", "X:A:Level", "X:A:Setpoint", "X:B:Lamp", "X:B:Level", "X:B:Setpoint"),
        *("X:Block", "X:Die"),
    ]
    assert {"X:IOC:HEARTBEAT", "X:IOC:SR_status"} <= set(names)


def test_configuration_mistakes_are_all_named_and_nothing_is_served(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = toy / "wrong.yaml"
    file.write_text("channels:\n  A: {highest: 101}\n  B: {higest: 1}\n")
    assert main(["toy", "--db", str(file)]) == 2
    errors = capsys.readouterr().err
    assert f"{file}:2: channels.A.highest: '101' is not valid; expected a number from 0 to 100 V" in errors
    assert f"{file}:3: channels.B.highest: is missing" in errors
    assert f"{file}:3: channels.B.higest: unknown key; did you mean highest?" in errors


def test_macros_come_from_the_command_line_before_the_environment(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGHEST", "far")
    assert main(["toy", "--list-pvs"]) == 2
    assert "'far' (from $(HIGHEST=50)) is not valid" in capsys.readouterr().err
    assert main(["toy", "--list-pvs", "--macro", "HIGHEST=7"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: SUBSYSTEM"),
        (["nothing"], "invalid choice: 'nothing'"),
        (["toy", "--macro", "A"], "'A' is not NAME=VALUE"),
        (["toy", "--prefix", "LAB FLOW:"], "'LAB FLOW:' cannot begin a PV name"),
        (["export", "pvs", "nothing"], "'nothing' is not one of"),
        (["export"], "required: kind"),
    ],
)
def test_wrong_arguments_end_with_status_2(
    toy: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_check_goes_through_every_file_it_is_given(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, wrong = toy / "toy-good.yaml", toy / "toy_wrong.yaml"
    good.write_text("channels: {A: {highest: 1}}")
    wrong.write_text("channels: {}")
    assert main(["check", "--db", str(wrong), str(good)]) == 2
    seen = capsys.readouterr()
    assert seen.err == f"{wrong}:1: channels: holds 0; expected at least 1\n"
    assert re.fullmatch(rf"{good}: toy: \d+ PVs, no mistakes\n", seen.out)


def test_check_wants_to_know_whose_file_it_is(toy: Path) -> None:
    with pytest.raises(SystemExit, match=r"lab\.yaml: its name must begin with that of a subsystem: .*toy"):
        main(["check", "--db", "lab.yaml"])


def test_the_configuration_of_the_repository_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0, capsys.readouterr().err


def test_the_pv_tables_in_the_readmes_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "docs", "--check"]) == 0, capsys.readouterr().err


def test_pvs_are_exported_in_columns(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "pvs", "toy"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["PV", "Type", "Access", "Unit", "Range", "Alarms", "Description"]
    assert ["LAB:TOY:A:Level", "ai", "read", "V", "0 … 100", "HIHI 90", "Level"] in lines
    assert ["LAB:TOY:B:Setpoint", "ao", "write (OPERATE)", "V", "0 … 100", "", "Demanded | level"] in lines
    assert ["LAB:TOY:A:Lamp", "bi", "read", "", "0 Off, 1 On", "On MINOR", "Lamp"] in lines


def test_docs_are_written_between_their_marks_once(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = toy / "iocs" / "toy" / "README.md"
    assert main(["export", "docs", "toy", "--check"]) == 1
    assert "out of date: toy" in capsys.readouterr().err
    assert main(["export", "docs", "toy"]) == 0
    text = readme.read_text()
    assert text.startswith("# Toys\n\nAbove.\n") and text.endswith("\nBelow.\n")
    assert "#### `$(P)<name>:` (A, B)" in text
    assert "| `Setpoint` | ao | write (OPERATE) | V | 0 … 100 |  | Demanded \\| level |" in text
    assert text.count("| `Level` |") == 1
    assert main(["export", "docs", "toy", "--check"]) == 0
    assert readme.read_text() == text


def test_docs_without_marks_say_so(toy: Path) -> None:
    (toy / "iocs" / "toy" / "README.md").write_text("# Toys\n")
    with pytest.raises(SystemExit, match=r"README\.md: there is no <!-- pv-table -->"):
        main(["export", "docs", "toy"])


# As a process


def test_an_ioc_serves_logs_and_stops_on_a_signal(
    toy_env: dict[str, str], tmp_path: Path, prefix: str, ca: CaClient
) -> None:
    file = tmp_path / "ioc.log"
    arguments = ("--prefix", prefix, "--log-file", str(file), "--interfaces", LOOPBACK)
    with IocProcess("toy", *arguments, log=tmp_path / "out", env=toy_env) as ioc:
        ca.put(f"{prefix}A:Setpoint", 5)
        assert ca.get(f"{prefix}A:Level") == 5
        with pytest.raises(Refused):
            ca.put(f"{prefix}A:Setpoint", 51)
        ioc.signal(signal.SIGINT)
        assert ioc.wait() == 0
    assert re.search(rf"serving \d+ PVs under {prefix} \(toy, ", file.read_text())
    assert file.read_text() == ioc.output()
    ioc.wait_for(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO +iocs: serving")


def test_an_ioc_whose_task_dies_ends_with_status_1(
    toy_env: dict[str, str], tmp_path: Path, prefix: str, ca: CaClient
) -> None:
    with IocProcess("toy", "--prefix", prefix, log=tmp_path / "out", env=toy_env) as ioc:
        ca.put(f"{prefix}Die", 1, wait=False)
        assert ioc.wait() == 1
        assert "RuntimeError: as asked" in ioc.output()


def test_a_wrong_variable_is_named_before_anything_opens(toy_env: dict[str, str], tmp_path: Path) -> None:
    toy_env["EPICS_CAS_SERVER_PORT"] = "many"
    command = [sys.executable, "-m", "iocs", "toy"]
    with Process(command, tmp_path / "out", toy_env) as ioc:
        assert ioc.wait() == 2
        assert "EPICS_CAS_SERVER_PORT=many" in ioc.output()


def test_the_server_listens_on_loopback_only(run_ioc: RunIoc, toy_env: dict[str, str], prefix: str) -> None:
    ioc = run_ioc("toy", "--prefix", prefix, env=toy_env)
    port = int(toy_env["EPICS_CAS_SERVER_PORT"])
    sockets = psutil.Process(ioc.pid).net_connections("inet")
    listening = {(each.type, each.laddr.ip) for each in sockets if each.laddr.port == port}
    assert listening == {
        (socket.SOCK_STREAM, LOOPBACK),
        (socket.SOCK_DGRAM, LOOPBACK),
        (socket.SOCK_DGRAM, LOOPBACK_BROADCAST),
    }
