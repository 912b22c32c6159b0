"""What a service manager hears from an IOC, by standing in for it at the other end of its socket."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iocs.common.notify import Notifier
from tests.support.ca import CaClient
from tests.support.processes import ROOT, IocProcess
from tests.support.waiting import wait_until

TOY = ROOT / "tests" / "toy"


class Manager:
    """Listens where $NOTIFY_SOCKET points; keeps what it hears, with the time."""

    def __init__(self, address: str) -> None:
        self.heard: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._thread = threading.Thread(target=self._listen, name="manager")
        self._thread.start()
        self._address = address

    def _listen(self) -> None:
        while (data := self._socket.recv(4096)) != b"end":
            self.heard.append((time.monotonic(), data.decode()))

    def lines(self) -> list[str]:
        return [line for _, message in list(self.heard) for line in message.split("\n")]

    def times(self, line: str) -> list[float]:
        return [when for when, message in list(self.heard) if line in message.split("\n")]

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"end", self._address)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(str(tmp_path / "notify"))
    yield listening
    listening.close()


@pytest.fixture
def env(ca_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {**ca_env, "PYTHONPATH": f"{ROOT}:{TOY}", "NOTIFY_SOCKET": str(tmp_path / "notify")}


def test_an_ioc_says_ready_alive_how_it_is_and_stopping(
    manager: Manager, env: dict[str, str], tmp_path: Path, prefix: str
) -> None:
    env["WATCHDOG_USEC"] = "300000"
    with IocProcess("toy", "--prefix", prefix, log=tmp_path / "out", env=env) as ioc:
        wait_until(lambda: "READY=1" in manager.lines(), what="READY=1")
        port = env["EPICS_CAS_SERVER_PORT"]
        status = next(line for line in manager.lines() if line.startswith("STATUS="))
        assert status.endswith(f"PVs under {prefix} on port {port}, 0 clients")
        with CaClient(env) as ca:
            ca.wait_connected(f"{prefix}A:Level")
            wait_until(lambda: any(line.endswith(", 1 clients") for line in manager.lines()), what="a client")
        wait_until(lambda: len(manager.times("WATCHDOG=1")) > 5, what="a watchdog that is fed")
        assert "STOPPING=1" not in manager.lines()
        ioc.signal(signal.SIGTERM)
        assert ioc.wait() == 0
    wait_until(lambda: "STOPPING=1" in manager.lines(), what="STOPPING=1")
    assert manager.lines().index("READY=1") == 0
    assert manager.lines().count("READY=1") == 1


def test_a_loop_that_stands_still_starves_the_watchdog(
    manager: Manager, env: dict[str, str], tmp_path: Path, prefix: str
) -> None:
    env["WATCHDOG_USEC"] = "300000"
    with (
        IocProcess("toy", "--prefix", prefix, log=tmp_path / "out", env=env),
        CaClient(env) as ca,
    ):
        wait_until(lambda: manager.times("WATCHDOG=1"), what="a watchdog that is fed")
        ca.put(f"{prefix}Block", 1.5)
        fed = len(manager.times("WATCHDOG=1"))
        wait_until(lambda: len(manager.times("WATCHDOG=1")) > fed + 1, what="it is fed again")
    times = manager.times("WATCHDOG=1")
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert max(gaps) > 1.4, "it would have been killed after 0.3 s"


def test_an_ioc_that_cannot_start_never_says_ready(
    manager: Manager, env: dict[str, str], tmp_path: Path, prefix: str
) -> None:
    env["EPICS_CAS_INTF_ADDR_LIST"] = "192.0.2.1"  # nobody's (RFC 5737)
    ioc = IocProcess("toy", "--prefix", prefix, log=tmp_path / "out", env=env)
    assert ioc.wait() == 1
    assert "READY=1" not in manager.lines()


# By itself


def test_without_a_manager_nothing_is_sent_and_nobody_watches() -> None:
    for variables in ({}, {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "1000000"}, {"NOTIFY_SOCKET": "relative"}):
        notifier = Notifier(variables)
        notifier.ready("fine")
        notifier.stopping()
        assert not notifier.listened_to
        assert notifier.watchdog_s is None


@pytest.mark.parametrize(
    ("variables", "watchdog_s", "period_s"),
    [
        ({}, None, 5.0),
        ({"WATCHDOG_USEC": "3000000"}, 3.0, 1.0),
        ({"WATCHDOG_USEC": "30000000"}, 30.0, 5.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0, 1.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None, 5.0),
        ({"WATCHDOG_USEC": "0"}, None, 5.0),
        ({"WATCHDOG_USEC": "soon"}, None, 5.0),
    ],
)
def test_the_watchdog_is_that_of_this_process(
    variables: dict[str, str], watchdog_s: float | None, period_s: float
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": "/nowhere", **variables})
    assert (notifier.watchdog_s, notifier.period_s) == (watchdog_s, period_s)


def test_a_manager_that_is_gone_or_does_not_read_costs_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.ready("fine")
    gone.stopping()
    assert caplog.text.count("the service manager cannot be told (READY=1)") == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "deaf")})
        for _ in range(10_000):
            notifier.ready("x" * 1000)
    assert caplog.text.count("cannot be told") == 2


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="abstract addresses are Linux's")
def test_an_abstract_address_is_written_with_an_at(prefix: str) -> None:
    heard = Manager(f"\0{prefix}")
    try:
        Notifier({"NOTIFY_SOCKET": f"@{prefix}"}).ready("fine")
        wait_until(lambda: heard.lines() == ["READY=1", "STATUS=fine"], what="a message")
    finally:
        heard.close()
