"""Start, signals, deadlines and exit codes, each in a process of its own."""

import signal
import sys
from pathlib import Path

import pytest

from iocs.caserver.lifecycle import RESTART, spawn
from tests.caserver.conftest import running
from tests.support.network import ca_environment
from tests.support.processes import Process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_runs_the_stop_hook_and_is_a_success(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as served:
        served.process.signal(number)
        assert served.process.wait() == 0
        assert "stopped" in served.process.output()
        assert "Traceback" not in served.process.output()


def test_a_signal_counts_although_the_parent_had_it_blocked(tmp_path: Path) -> None:
    block = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])"
    become = "os.execv(sys.executable, [sys.executable, '-m', 'tests.caserver.ioc', 'BENCH:'])"
    command = [sys.executable, "-c", f"import os, signal, sys; {block}; {become}"]
    with Process(command, tmp_path / "ioc.log", ca_environment()) as process:
        process.wait_for("ready")
        assert process.terminate() == 0


def test_clients_can_watch_while_the_ioc_stops(tmp_path: Path) -> None:
    with running(tmp_path, "slow-stop") as served:
        note = served.ca.monitor(served("Note"))
        note.wait_count(1)
        served.process.signal(signal.SIGTERM)
        note.wait_for(lambda e: e.value == "stopping")
        assert served.process.wait() == 0


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("start-fails", "task start died"),
        ("task-dies", "task dying died; the IOC goes to its safe state"),
    ],
)
def test_a_failure_leads_to_stop_and_a_bad_exit_code(tmp_path: Path, mode: str, words: str) -> None:
    with running(tmp_path, mode, ready=False) as served:
        assert served.process.wait() == 1
        output = served.process.output()
        assert words in output
        assert "stopped" in output


def test_what_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    with running(tmp_path, "cannot-start", ready=False) as served:
        assert served.process.wait() == 2
        output = served.process.output()
        assert "the door is locked: bring the key" in output
        assert "Traceback" not in output
        assert "stopped" in output


@pytest.mark.parametrize(
    ("mode", "words"), [("stop-fails", "stopping failed"), ("stop-hangs", "took longer")]
)
def test_a_failing_stop_is_reported_and_does_not_hang(tmp_path: Path, mode: str, words: str) -> None:
    with running(tmp_path, mode) as served:
        assert served.process.terminate() == 1
        assert words in served.process.output()


def test_a_task_may_ask_to_be_started_again(tmp_path: Path) -> None:
    with running(tmp_path, "task-restarts") as served:
        served.process.wait_for("task dying died, it starts again")
        assert served.ca.get(served("Note")) == "hello"
        assert served.process.terminate() == 0


def test_a_restart_goes_the_orderly_way_and_is_asked_for_by_the_exit_status(tmp_path: Path) -> None:
    with running(tmp_path, "restart", ready=False) as served:
        assert served.process.wait() == RESTART
        assert "stopped" in served.process.output()
        assert "Traceback" not in served.process.output()


def test_a_port_that_is_no_port_is_said_at_start(tmp_path: Path) -> None:
    with running(tmp_path, ready=False, EPICS_CAS_SERVER_PORT="many") as served:
        assert served.process.wait() == 1
        assert "EPICS_CAS_SERVER_PORT=many" in served.process.output()


def test_tasks_belong_to_an_ioc() -> None:
    with pytest.raises(LookupError):
        spawn(lambda: None, "orphan")  # type: ignore[arg-type,return-value]
