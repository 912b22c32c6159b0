"""A server process and a libca client, shared by the tests of a module; one of each for lifecycles."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ca import CaClient
from tests.support.network import ca_environment
from tests.support.processes import Process


class Served:
    """A running bench and a client connected to it; names are without the prefix."""

    def __init__(self, prefix: str, env: dict[str, str], process: Process, client: CaClient) -> None:
        self.prefix = prefix
        self.env = env
        self.process = process
        self.ca = client

    def __call__(self, name: str) -> str:
        return self.prefix + name


@contextmanager
def running(folder: Path, mode: str = "", ready: bool = True, **env: str) -> Iterator[Served]:
    """A bench in a process of its own on a port of its own."""
    prefix, variables = "BENCH:", {**ca_environment(), **env}
    command = [sys.executable, "-m", "tests.caserver.ioc", prefix, mode]
    with Process(command, folder / "ioc.log", variables) as process:
        if ready:
            process.wait_for("ready")
        with CaClient(variables) as client:
            yield Served(prefix, variables, process, client)
        if process.is_running():
            process.terminate()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("bench")) as served:
        yield served
