"""Set-up and demo: what a newcomer types, with what goes wrong for newcomers."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from iocs.common.subsystem import find, known
from startup import bootstrap, run_demo
from tests.support.ca import CaClient
from tests.support.processes import ROOT, Process
from tests.support.waiting import wait_until

TOY = Path(__file__).with_name("toy")
SHELL_TOOLS = ("dirname", "cat")


# Finding a Python


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what setting up needs, without a .venv."""
    copy = tmp_path / "lab iocs"
    for folder in ("startup", "tests"):
        (copy / folder).mkdir(parents=True)
    for name in ("setup.cfg", "pyproject.toml", "tests/run", *map(str, Path("startup").glob("*"))):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, copy / name)
    return copy


def python_that(path: Path, version: str, *, new_enough: bool, has_venv: bool) -> Path:
    """A program that answers bootstrap.sh as a Python with these properties would."""
    path.write_text(
        "#!/bin/sh\n"
        f'case "$*" in\n-V) echo "Python {version}" ;;\n'
        f"*version_info*) exit {int(not new_enough)} ;;\n*venv*) exit {int(not has_venv)} ;;\nesac\n"
    )
    path.chmod(0o755)
    return path


def run_script(script: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"} | env
    return subprocess.run([script, *arguments], env=environment, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("script", ["tests/run", "startup/demo"])
def test_a_python_that_is_too_old_is_named(repository: Path, tmp_path: Path, script: str) -> None:
    old = python_that(tmp_path / "old", "3.9.2", new_enough=False, has_venv=True)
    ended = run_script(repository / script, PYTHON=str(old))
    assert ended.returncode == 1
    assert "Python 3.11 or newer with its venv module is needed" in ended.stderr
    assert f"{old}: Python 3.9.2 is too old" in ended.stderr


def test_a_python_without_venv_is_named_with_the_remedy(repository: Path, tmp_path: Path) -> None:
    bare = python_that(tmp_path / "bare", "3.12.1", new_enough=True, has_venv=False)
    ended = run_script(repository / "tests" / "run", PYTHON=str(bare))
    assert ended.returncode == 1
    assert f"{bare}: has no venv module (Debian and Ubuntu: apt install python3-venv)" in ended.stderr


def test_no_python_at_all_is_said(repository: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in SHELL_TOOLS:
        (tools / name).symlink_to(str(shutil.which(name)))
    ended = run_script(repository / "startup" / "demo", PATH=str(tools))
    assert ended.returncode == 1
    assert "Found:\n    nothing" in ended.stderr


def test_the_first_python_that_will_do_is_taken(repository: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in SHELL_TOOLS:
        (tools / name).symlink_to(str(shutil.which(name)))
    python_that(tools / "python3.13", "3.13.0", new_enough=True, has_venv=False)
    (tools / "python3.12").write_text('#!/bin/sh\ncase "$1" in -c|-V) exit 0 ;; esac\necho "taken: $0 $*"\n')
    (tools / "python3.12").chmod(0o755)
    ended = run_script(repository / "tests" / "run", "-k", "two words", PATH=str(tools))
    script = repository / "startup" / "bootstrap.py"
    run = repository / "tests" / "run"
    assert ended.stdout == f"taken: {tools}/python3.12 {script} test {run} --in-venv -k two words\n"


def test_the_demo_explains_itself_without_setting_up(repository: Path) -> None:
    shutil.copytree(ROOT / "iocs", repository / "iocs", ignore=shutil.ignore_patterns("__pycache__"))
    ended = run_script(repository / "startup" / "demo", "--help", PYTHON=sys.executable)
    assert "--only NAMES" in ended.stdout
    assert not (repository / ".venv").exists()


# Setting up


class Steps:
    """Stands in for the steps that take long: notes them, and makes what they would make."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails_at = ""

    def __call__(self, command: list[str], held: int, failure: str) -> None:
        self.done.append("venv" if "venv" in command else command[-1].rpartition("/")[2])
        if self.done[-1] == self.fails_at:
            raise bootstrap.SetupFailed(failure)
        if "venv" in command:
            shutil.rmtree(bootstrap.VENV, ignore_errors=True)
            bootstrap.PYTHON.parent.mkdir(parents=True)
            bootstrap.PYTHON.symlink_to(sys.executable)


@pytest.fixture
def steps(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    venv = repository / ".venv"
    for name, value in {"ROOT": repository, "VENV": venv, "PYTHON": venv / "bin" / "python"}.items():
        monkeypatch.setattr(bootstrap, name, value)
    monkeypatch.setattr(bootstrap, "STAMP", venv / "installed")
    monkeypatch.delenv("PYTHON", raising=False)
    stand_in = Steps()
    monkeypatch.setattr(bootstrap, "run", stand_in)
    return stand_in


def set_up(extra: str = "") -> None:
    if not bootstrap.is_current(extra):
        bootstrap.install(extra, held=0)


def test_a_complete_set_up_is_not_repeated(steps: Steps) -> None:
    set_up()
    set_up()
    assert steps.done == ["venv", "lab iocs"]


def test_what_tests_need_is_added_and_serves_the_demo_too(steps: Steps) -> None:
    set_up()
    set_up("test")
    set_up("test")
    set_up()
    assert steps.done == ["venv", "lab iocs", "lab iocs[test]"]


def test_changed_pins_are_installed_into_what_is_there(steps: Steps, repository: Path) -> None:
    set_up("test")
    with (repository / "setup.cfg").open("a") as file:
        file.write("\n# a newer version\n")
    set_up("test")
    assert steps.done == ["venv", "lab iocs[test]", "lab iocs[test]"]


@pytest.mark.parametrize("step", ["venv", "lab iocs[test]"])
def test_what_was_interrupted_is_made_anew(steps: Steps, step: str) -> None:
    steps.fails_at = step
    with pytest.raises(bootstrap.SetupFailed):
        set_up("test")
    steps.fails_at = ""
    steps.done.clear()
    set_up("test")
    assert steps.done == ["venv", "lab iocs[test]"]


def test_an_interrupted_update_is_made_anew(steps: Steps) -> None:
    set_up()
    steps.fails_at = "lab iocs[test]"
    with pytest.raises(bootstrap.SetupFailed):
        set_up("test")
    steps.fails_at = ""
    steps.done.clear()
    set_up()
    assert steps.done == ["venv", "lab iocs"]


def test_a_python_that_is_gone_is_replaced(steps: Steps) -> None:
    set_up()
    bootstrap.PYTHON.unlink()
    set_up()
    assert steps.done == ["venv", "lab iocs", "venv", "lab iocs"]


def test_another_python_asked_for_replaces_the_one_there(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up()
    monkeypatch.setenv("PYTHON", sys.executable)
    set_up()
    assert len(steps.done) == 2, "the same version"
    monkeypatch.setattr(sys, "version", "3.99.0")
    set_up()
    assert steps.done == ["venv", "lab iocs", "venv", "lab iocs"]


def test_a_moved_repository_is_set_up_again(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up()
    monkeypatch.setattr(bootstrap, "ROOT", bootstrap.ROOT / ".." / bootstrap.ROOT.name)
    set_up()
    assert steps.done == ["venv", "lab iocs", "venv", "lab iocs"]


def test_a_failed_step_says_whether_the_index_can_be_reached(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = f"http://127.0.0.1:{free_port}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", index)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(bootstrap.SetupFailed, match=rf"^it broke.*\nThe package index {index} cannot be"):
        bootstrap.run([sys.executable, "-c", "raise SystemExit(3)"], os.open("/", os.O_RDONLY), "it broke")


INTERRUPTED = """
import os, signal, sys
from startup import bootstrap
signal.signal(signal.SIGTERM, bootstrap.stop)
code = "import os, subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', 'input()'], " \\
    "stdin=subprocess.PIPE); print('pids', os.getpid(), c.pid, flush=True); c.wait()"
bootstrap.run([sys.executable, "-c", code], os.open("/", os.O_RDONLY), "")
"""


def test_sigterm_while_installing_leaves_no_process(tmp_path: Path) -> None:
    with Process([sys.executable, "-c", INTERRUPTED], tmp_path / "log") as setting_up:
        pids = [int(pid) for pid in setting_up.wait_for(r"pids (\d+) (\d+)").groups()]
        assert setting_up.terminate() == 128 + signal.SIGTERM
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids), what=f"{pids} end")


def test_a_second_set_up_waits_for_the_first(repository: Path, tmp_path: Path) -> None:
    first = os.open(repository, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    code = "from startup import bootstrap as b; import sys; b.ROOT = b.Path(sys.argv[1])\n"
    code += "with b.lock(): print('mine', flush=True)"
    with Process([sys.executable, "-c", code, repository], tmp_path / "log") as second:
        second.wait_for("another set-up of this repository is running")
        assert "mine" not in second.output()
        os.close(first)
        second.wait_for("mine")
        assert second.wait() == 0


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The repository as a newcomer gets it."""
    if not bootstrap.index_answers():
        pytest.skip("needs a package index")
    leave = shutil.ignore_patterns(".git", ".venv", "*.egg-info", ".*_cache", "__pycache__", ".hypothesis")
    return Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=leave))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_from_nothing_through_an_interruption_to_two_at_once(clone: Path, tmp_path: Path) -> None:
    script = [clone / "tests" / "run", "--version"]
    with Process(script, tmp_path / "killed", cwd=clone) as killed:
        killed.wait_for("Collecting numpy", timeout=120)
        assert killed.terminate() == 128 + signal.SIGTERM
    assert (clone / ".venv").exists()
    with Process(script, tmp_path / "1", cwd=clone) as one, Process(script, tmp_path / "2", cwd=clone) as two:
        assert [one.wait(300), two.wait(300)] == [0, 0]
        output = one.output() + two.output()
    assert output.count("set-up: making") == 1
    assert output.count("set-up: another set-up of this repository is running") == 1
    with Process(script, tmp_path / "again", cwd=clone) as again:
        assert again.wait() == 0
        assert "set-up" not in again.output()


# The demo


@pytest.fixture
def demo(ca_env: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts the demo's runner on this test's port; the toy subsystem is known to it."""
    running: list[Process] = []

    def run(*arguments: str) -> Process:
        env = {**ca_env, "PYTHONPATH": f"{ROOT}:{TOY}"}
        command = [sys.executable, ROOT / "startup" / "run_demo.py", *arguments]
        running.append(Process(command, tmp_path / "demo.log", env))
        return running[-1]

    yield run
    for process in running:
        if process.is_running():
            process.terminate()
        process.kill()


def children(process: Process) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_says_what_to_try_and_stops_with_all_it_started(
    demo: Callable[..., Process], number: signal.Signals
) -> None:
    running = demo("--only", "toy")
    running.wait_for(r"LAB:TOY: +\d+ PVs   Toys")
    running.wait_for("caget LAB:TOY:A:Level")
    started = children(running)
    assert len(started) == 1
    running.signal(number)
    assert running.wait() == 0
    assert not [child for child in started if child.is_running()]


def test_the_demo_ends_when_an_ioc_ends(demo: Callable[..., Process], ca: CaClient) -> None:
    running = demo("--only", "toy")
    running.wait_for("The demo is running")
    ca.put("LAB:TOY:Die", 1, wait=False)
    assert running.wait() == 1
    assert "demo: toy ended by itself with status 1" in running.output()


def test_a_client_finds_every_subsystem_as_the_demo_says(
    demo: Callable[..., Process], ca_env: dict[str, str]
) -> None:
    running = demo()
    running.wait_for("The demo is running")
    assert len(children(running)) == len(known()) + 1
    printed = running.wait_for(r"export EPICS_CA_ADDR_LIST= EPICS_CA_AUTO_ADDR_LIST=NO (\w+)='(.*)'")
    by_name_server = {"EPICS_CA_ADDR_LIST": "", "EPICS_CA_AUTO_ADDR_LIST": "NO", printed[1]: printed[2]}
    for variables in (run_demo.CLIENT, by_name_server):
        with CaClient(ca_env | variables) as ca:
            assert ca.get("LAB:TOY:A:Level") == 0
            for name in known():
                ca.wait_connected(f"{find(name).prefix}EStop")


def test_the_demo_names_the_subsystems_when_asked_for_another(demo: Callable[..., Process]) -> None:
    running = demo("--only", "toy,nothing")
    assert running.wait() == 2
    assert "no subsystem nothing; there are: " in running.output()


def test_the_demo_keeps_to_loopback_unless_told_otherwise() -> None:
    alone = run_demo.loopback({"PATH": "/bin"})
    assert alone["EPICS_CAS_INTF_ADDR_LIST"] == "127.0.0.1"
    assert alone["EPICS_CA_ADDR_LIST"] == alone["EPICS_CAS_BEACON_ADDR_LIST"] == "127.255.255.255"
    told = run_demo.loopback({"EPICS_CAS_INTF_ADDR_LIST": "10.0.0.1", "EPICS_CA_SERVER_PORT": "5070"})
    assert told["EPICS_CAS_INTF_ADDR_LIST"] == "10.0.0.1"
    assert "EPICS_CAS_BEACON_ADDR_LIST" not in told
    assert told["EPICS_CA_ADDR_LIST"] == "127.255.255.255"
    assert told["EPICS_CA_SERVER_PORT"] == "5070"
