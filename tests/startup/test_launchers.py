"""startup/ioc and its links: which variables and arguments reach the IOC, and who is told what is wrong."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iocs.common.subsystem import known
from tests.support.ca import CaClient
from tests.support.processes import ROOT, Process

STARTUP = ROOT / "startup"
LAUNCHER = STARTUP / "ioc"
Launch = Callable[..., tuple[list[str], dict[str, str]]]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    folder = tmp_path / "conf"
    folder.mkdir()
    return folder


@pytest.fixture
def listener(tmp_path: Path) -> Path:
    """A program in Python's place that prints its arguments and variables."""
    script = tmp_path / "python"
    script.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\nprint(json.dumps([sys.argv[1:], dict(os.environ)]))\n"
    )
    script.chmod(0o755)
    return script


def call(command: list[str | Path], **variables: str | Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH",)}
    env = kept | {name: str(value) for name, value in variables.items()}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=20)


@pytest.fixture
def launch(conf: Path, listener: Path) -> Launch:
    """Runs a launcher with a listener for Python; arguments and variables that reach it."""

    def run(*command: str | Path, **variables: str | Path) -> tuple[list[str], dict[str, str]]:
        ended = call(list(command), IOC_CONF=conf, IOC_PYTHON=listener, **variables)
        assert ended.returncode == 0, ended.stderr
        arguments, environment = json.loads(ended.stdout)
        return arguments, environment

    return run


@pytest.mark.parametrize("name", known())
def test_every_subsystem_has_its_launcher(launch: Launch, name: str) -> None:
    assert launch(STARTUP / name, "--simulate")[0] == ["-P", "-m", "iocs", name, "--simulate"]
    assert launch(LAUNCHER, name, "--simulate")[0] == ["-P", "-m", "iocs", name, "--simulate"]


def test_every_launcher_is_one_script() -> None:
    links = {path.name: os.readlink(path) for path in STARTUP.iterdir() if path.is_symlink()}
    assert set(links.values()) == {"ioc"}
    assert set(known()) <= set(links)


def test_a_launcher_works_from_anywhere_through_any_link(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "flow").symlink_to(LAUNCHER)
    assert launch(tmp_path / "flow")[0] == ["-P", "-m", "iocs", "flow"]


def test_variables_become_arguments_and_the_callers_come_last(launch: Launch, conf: Path) -> None:
    arguments, _ = launch(
        *(LAUNCHER, "flow", "--prefix", "MINE:"),
        IOC_DB="a b.yaml",
        IOC_PREFIX="LAB2:FLOW:",
        IOC_STATE="/state",
        IOC_PUT_LOG="/puts",
        IOC_LOG_DIR="/logs",
        IOC_LOG_LEVEL="DEBUG",
    )
    assert arguments[:4] == ["-P", "-m", "iocs", "flow"]
    options = dict(zip(arguments[4:-2:2], arguments[5:-2:2], strict=True))
    assert options == {
        "--db": "a b.yaml",
        "--prefix": "LAB2:FLOW:",
        "--state": "/state",
        "--put-log": "/puts",
        "--log-file": "/logs/flow.log",
        "--log-level": "DEBUG",
    }
    assert arguments[-2:] == ["--prefix", "MINE:"]


def test_systemd_says_where_state_and_logs_are(launch: Launch) -> None:
    arguments, _ = launch(LAUNCHER, "flow", STATE_DIRECTORY="/var/lib/x", LOGS_DIRECTORY="/var/log/x")
    assert arguments[4:] == ["--put-log", "/var/log/x", "--state", "/var/lib/x"]
    arguments, _ = launch(LAUNCHER, "flow", STATE_DIRECTORY="/var/lib/x", IOC_STATE="/mine")
    assert arguments[4:] == ["--state", "/mine"]


def test_the_configuration_of_the_facility_goes_before_that_of_the_repository(
    launch: Launch, conf: Path
) -> None:
    (conf / "flow.yaml").write_text("lines: {}\n")
    assert launch(LAUNCHER, "flow")[0][4:] == ["--db", str(conf / "flow.yaml")]
    assert launch(LAUNCHER, "gas")[0][4:] == []


def test_environment_then_own_file_then_common_file(launch: Launch, conf: Path) -> None:
    (conf / "common.env").write_text("# all\nA=common\nB=common\nC=common\nEPICS_CA_ADDR_LIST=10.0.0.255\n")
    (conf / "flow.env").write_text(
        "; this one\nB=own\nC=own\n\nD=\"two words\"\nE='it''s $HOME `id`'\nF=a=b\nG=\nH=last"
    )
    _, seen = launch(LAUNCHER, "flow", C="caller", F="")
    assert [seen[name] for name in "ABCDEFGH"] == [
        *("common", "own", "caller", "two words", "it''s $HOME `id`", "", "", "last")
    ]
    assert seen["EPICS_CA_ADDR_LIST"] == "10.0.0.255"


@pytest.mark.parametrize("line", ["export A=1", "A", "9A=1", "=1", "A B=1", "A;id=1"])
def test_a_line_that_is_no_variable_is_named_and_nothing_runs(conf: Path, listener: Path, line: str) -> None:
    (conf / "flow.env").write_text(f"OK=1\n{line}\n")
    ended = call([LAUNCHER, "flow"], IOC_CONF=conf, IOC_PYTHON=listener)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"{conf}/flow.env" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which IOC? There are: "),
        (["../x"], "'../x' is no name of an IOC"),
        (["--simulate"], "'--simulate' is no name of an IOC"),
    ],
)
def test_a_launcher_without_a_name_says_so(conf: Path, arguments: list[str], message: str) -> None:
    ended = call([LAUNCHER, *arguments], IOC_CONF=conf)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_a_missing_set_up_is_named_with_the_remedy(conf: Path, tmp_path: Path) -> None:
    ended = call([LAUNCHER, "flow"], IOC_CONF=conf, IOC_PYTHON=tmp_path / "nowhere")
    assert ended.returncode == 2
    assert f"run {ROOT}/startup/setup once" in ended.stderr


@pytest.mark.parametrize("name", known())
def test_the_fail_safe_is_the_subsystems_own_where_it_brings_one(
    conf: Path, listener: Path, name: str
) -> None:
    (conf / f"{name}.env").write_text(f"IOC_DB={conf}/own.yaml\nIOC_STATE=/state\n")
    ended = call([LAUNCHER, "--off", name], IOC_CONF=conf, IOC_PYTHON=listener)
    assert ended.returncode == 0
    if (ROOT / "iocs" / name / "__main__.py").exists():
        expected = ["-P", "-m", f"iocs.{name}", "off", "--db", f"{conf}/own.yaml"]
        assert json.loads(ended.stdout)[0] == expected
    else:
        assert ended.stdout == ""


def test_an_ioc_runs_in_the_launchers_own_process(
    ca_env: dict[str, str], conf: Path, tmp_path: Path, prefix: str
) -> None:
    (conf / "flow.env").write_text(f"IOC_PREFIX={prefix}\nIOC_STATE={tmp_path}/state\nENGINEER=A. Person\n")
    env = {**ca_env, "IOC_CONF": str(conf)}
    with Process([STARTUP / "flow", "--simulate"], tmp_path / "out", env, cwd=tmp_path) as ioc:
        ioc.wait_for("serving")
        with CaClient(ca_env) as ca:
            assert ca.get(f"{prefix}IOC:PROCESS_ID") == ioc.pid
            assert ca.get(f"{prefix}IOC:ENGINEER") == "A. Person"
            assert ca.get(f"{prefix}IOC:APP_DIR.VAL$", as_string=True) == str(tmp_path)
        ioc.signal(signal.SIGTERM)
        assert ioc.wait() == 0
    assert (tmp_path / "state" / f"{prefix.strip(':')}.json").exists() or list((tmp_path / "state").iterdir())
