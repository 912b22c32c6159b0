"""Both servers with the same records, a libca client and bare sockets for each."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.caserver.raw import RawClient
from tests.support.ca import CaClient
from tests.support.network import ca_environment
from tests.support.processes import Process
from tests.support.waiting import wait_until

PREFIX = "CONF:"


@dataclass
class Side:
    """One of the two servers."""

    ca: CaClient
    port: int

    def raw(self) -> RawClient:
        client = RawClient(self.port)
        client.greet()
        return client


@dataclass
class Pair:
    """EPICS base and ours."""

    base: Side
    ours: Side

    def __iter__(self) -> Iterator[Side]:
        return iter((self.base, self.ours))


@contextmanager
def side(module: str, folder: Path) -> Iterator[Side]:
    env = ca_environment()
    command = [sys.executable, "-m", f"tests.caserver.base.{module}", PREFIX]
    with Process(command, folder / f"{module}.log", env) as process:
        process.wait_for("ready")
        with CaClient(env) as client:
            client.get(f"{PREFIX}Ao.NAME")
            wait_until(lambda: client.info(f"{PREFIX}Ao")["host"])
            yield Side(client, int(env["EPICS_CAS_SERVER_PORT"]))
        if module == "ours":
            process.terminate()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both servers with the same history: whatever a test does, it does to both."""
    pytest.importorskip("softioc", reason="EPICS base from PyPI (pip install softioc) is the reference")
    with ExitStack() as running:
        folder = tmp_path_factory.mktemp("pair")
        yield Pair(*(running.enter_context(side(m, folder)) for m in ("reference", "ours")))
