"""The tests' own tools: what they promise, and that they fail when they should."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ca import CaClient, NoAnswer, Refused
from tests.support.processes import ROOT, Process
from tests.support.waiting import until, wait_until

pytest_plugins = ["pytester"]

LEFTOVERS = """
import asyncio, os, subprocess, sys, threading
import pytest

stop = threading.Event()
kept = []

def test_thread():
    threading.Thread(target=stop.wait, name="forgotten", daemon=True).start()

@pytest.mark.leaves("vendor*")
def test_tolerated_thread():
    threading.Thread(target=stop.wait, name="vendor-reader", daemon=True).start()

def test_process():
    kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

def test_pty():
    kept.append(os.openpty())

async def test_task():
    kept.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten"))

async def test_task_that_ends():
    kept.append(asyncio.create_task(asyncio.sleep(0)))

@pytest.fixture(scope="module")
def shared():
    ours = threading.Event()
    thread = threading.Thread(target=ours.wait)
    thread.start()
    yield
    ours.set()

def test_shared(shared):
    pass

def test_shared_still(shared):
    pass

@pytest.fixture(scope="class")
def sloppy():
    threading.Thread(target=stop.wait, name="sloppy", daemon=True).start()

class TestSloppy:
    def test_sloppy(self, sloppy):
        pass

def test_last():
    stop.set()
    kept[0].communicate(b"")
"""

IOC = """
import os
from caproto import ChannelType
from caproto.server import PVGroup, pvproperty, run
class Lab(PVGroup):
    number = pvproperty(value=1.5, units="V")
    refuses = pvproperty(value=1)
    array = pvproperty(value=[1.0, 2.0])
    choice = pvproperty(value="off", dtype=ChannelType.ENUM, enum_strings=["off", "on"])
    @refuses.putter
    async def refuses(self, instance, value):
        raise ValueError("never")
run(Lab(prefix=os.environ["PREFIX"]).pvdb, interfaces=["127.0.0.1"])
"""


def test_leftovers_fail_the_test_that_left_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LEFTOVERS)
    pytester.makeini(f"[pytest]\nasyncio_mode = auto\nmarkers = leaves\npythonpath = {ROOT}")
    pytester.makeconftest(
        """
        import tests.support.leftovers
        pytest_plugins = ["tests.support.leftovers"]
        tests.support.leftovers.GRACE_S = 0.2
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--tb=short")
    result.assert_outcomes(passed=10, errors=5)
    for complaint in (
        "*test_thread left behind: thread forgotten",
        "*test_process left behind: process *",
        "*test_pty left behind: pty /dev/*",
        "left behind: <Task pending name='forgotten'*",
        "fixture sloppy left behind: thread sloppy",
    ):
        result.stdout.fnmatch_lines([f"*{complaint}*"])


def test_waiting_returns_the_value_or_fails_with_a_reason() -> None:
    values = iter([0, 0, 7])
    assert wait_until(lambda: next(values)) == 7
    with pytest.raises(AssertionError, match="the moon to rise"):
        wait_until(lambda: False, 0.02, "the moon to rise")


async def test_waiting_lets_the_event_loop_run() -> None:
    values = iter([0, 0, 7])
    assert await until(lambda: next(values)) == 7
    with pytest.raises(AssertionError, match=r"not within 0\.02 s: .*lambda"):
        await until(lambda: None, 0.02)


@pytest.fixture
def lab(prefix: str, tmp_path: Path, ca_env: dict[str, str]) -> Iterator[Process]:
    command = [sys.executable, "-W", "ignore", "-c", IOC]
    with Process(command, tmp_path / "lab.log", {**ca_env, "PREFIX": prefix}) as process:
        yield process


def test_the_client_tells_success_from_refusal(lab: Process, prefix: str, ca: CaClient) -> None:
    ca.put(f"{prefix}number", 2.5)
    assert ca.get(f"{prefix}number") == 2.5
    assert ca.ctrl(f"{prefix}number")["units"] == "V"
    with pytest.raises(Refused, match="Channel write request failed"):
        ca.put(f"{prefix}refuses", 3)
    assert ca.read(f"{prefix}refuses").value == 1
    ca.put(f"{prefix}choice", "on")
    assert (ca.get(f"{prefix}choice"), ca.get(f"{prefix}choice", as_string=True)) == (1, "on")
    assert ca.info(f"{prefix}array")["count"] == 2


def test_the_client_sees_events_and_the_loss_of_the_server(lab: Process, prefix: str, ca: CaClient) -> None:
    monitor = ca.monitor(f"{prefix}number")
    assert monitor.wait_count(1)[0].value == 1.5
    ca.put(f"{prefix}number", 9.0)
    event = monitor.wait_for(lambda event: event.value == 9.0)
    assert event.severity == 0 and event.timestamp > 1e9
    monitor.close()
    lab.kill()
    ca.wait_disconnected(f"{prefix}number")
    assert ca.connections == [(f"{prefix}number", True), (f"{prefix}number", False)]


def test_the_client_does_not_wait_for_ever(prefix: str, ca: CaClient) -> None:
    with pytest.raises(NoAnswer, match=f"{prefix}nobody not connected within 0.1 s"):
        ca.get(f"{prefix}nobody", timeout=0.1)


def test_a_process_that_ends_too_early_shows_its_output(tmp_path: Path) -> None:
    with Process([sys.executable, "-c", "print('no line')"], tmp_path / "log") as process:
        with pytest.raises(AssertionError, match=r"(?s)ended without 'ready'.*no line"):
            process.wait_for("ready")
