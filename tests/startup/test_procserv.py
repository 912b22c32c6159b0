"""A real procServ runs an IOC, restarts it, and stops it in the orderly way."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.support.ca import CaClient
from tests.support.processes import ROOT, Process
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(
    not shutil.which("procServ"), reason="procServ is not installed (Debian and Ubuntu: apt install procserv)"
)
TOY = ROOT / "tests" / "toy"
KILL, AUTO_RESTART, QUIT = b"\x18", b"\x14", b"\x11"
PUT_AWAY = "the toys are put away"


class Keeper:
    """procServ and the IOC under it."""

    def __init__(self, process: Process, folder: Path, pv: str) -> None:
        self.process = process
        self.folder = folder
        self.pv = pv

    @property
    def log(self) -> str:
        file = self.folder / "toy.log"
        return file.read_text() if file.exists() else ""

    def serves(self, starts: int = 1) -> int:
        """Process id of the IOC, once it has been started so many times and serves."""
        wait_until(lambda: self.log.count("iocs: serving") == starts, 20, f"start {starts}")
        iocs = [each for each in self.processes() if "iocs" in each.cmdline()]
        assert len(iocs) == 1
        return iocs[0].pid

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def console(self, keys: bytes) -> None:
        """Types on procServ's console."""
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(5)
            sock.connect(str(self.folder / "toy.sock"))
            seen = b""
            while b"server started at" not in seen:
                seen += sock.recv(4096)
            sock.sendall(keys)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass


@pytest.fixture
def keeper(tmp_path: Path, ca_env: dict[str, str], prefix: str) -> Iterator[Keeper]:
    env = {
        **ca_env,
        **dict.fromkeys(("IOC_CONF", "IOC_RUN", "IOC_LOG_DIR", "IOC_STATE"), str(tmp_path)),
        "IOC_PREFIX": prefix,
        "PYTHONPATH": f"{ROOT}:{TOY}",
    }
    command = [ROOT / "startup" / "procserv", "toy", "--holdoff", "1"]
    with Process(command, tmp_path / "procserv.out", env) as process:
        yield Keeper(process, tmp_path, f"{prefix}A:Level")
        if process.is_running():
            process.terminate()


def test_it_serves_and_an_ioc_that_dies_is_started_again(keeper: Keeper, ca_env: dict[str, str]) -> None:
    first = keeper.serves()
    with CaClient(ca_env) as ca:
        assert ca.get(keeper.pv) == 0
        os.kill(first, signal.SIGKILL)
    second = keeper.serves(2)
    with CaClient(ca_env) as ca:
        assert ca.get(keeper.pv) == 0
    assert second != first


def test_the_console_restarts_it_the_orderly_way(keeper: Keeper) -> None:
    first = keeper.serves()
    keeper.console(KILL)
    assert keeper.serves(2) != first
    assert keeper.log.count(PUT_AWAY) == 1


@pytest.mark.slow
def test_the_console_stops_it_and_procserv_the_orderly_way(keeper: Keeper) -> None:
    keeper.serves()
    keeper.console(AUTO_RESTART + KILL)
    wait_until(lambda: not keeper.processes(), 20, "the IOC is gone")
    assert keeper.log.count(PUT_AWAY) == 1
    keeper.console(QUIT)
    keeper.process.wait()


def test_a_procserv_that_is_stopped_stops_the_ioc_the_orderly_way(keeper: Keeper) -> None:
    """procServ kills what it started at once; what runs the IOC stands outside of that."""
    ioc = psutil.Process(keeper.serves())
    keeper.process.signal(signal.SIGTERM)
    keeper.process.wait()
    wait_until(lambda: not ioc.is_running(), 20, "the IOC is gone")
    assert keeper.log.count(PUT_AWAY) == 1


@pytest.mark.slow
def test_a_procserv_that_is_killed_stops_the_ioc_the_orderly_way(keeper: Keeper) -> None:
    ioc = psutil.Process(keeper.serves())
    shield = ioc.parent()
    assert shield is not None
    keeper.process.signal(signal.SIGKILL)
    shield.kill()
    wait_until(lambda: not ioc.is_running(), 20, "the IOC is gone")
    assert keeper.log.count(PUT_AWAY) == 1


@pytest.mark.slow
def test_its_console_is_not_for_everybody(keeper: Keeper) -> None:
    keeper.serves()
    assert (keeper.folder / "toy.sock").stat().st_mode & 0o777 == 0o660
