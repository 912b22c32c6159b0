"""What every test gets: loopback only, deadlines, and a check that nothing is left behind."""

import random
import string
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.ca import CaClient
from tests.support.network import ca_environment
from tests.support.network import free_port as find_free_port
from tests.support.processes import ROOT, IocProcess

pytest_plugins = ["tests.support.parallel", "tests.support.leftovers", "tests.support.coverage_floors"]

RunIoc = Callable[..., IocProcess]
CAMPAIGN_S = 300.0
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # how long an example takes is up to the machine
TOY = Path(__file__).with_name("toy")
CASUAL = random.SystemRandom()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Campaigns have minutes; every other test has the seconds of setup.cfg."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(CAMPAIGN_S))


@pytest.fixture(autouse=True)
def loopback_only(ca_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this process, and no process that it starts, is heard or hears beyond its own port."""
    for name, value in ca_env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def free_port() -> int:
    """A port that nobody uses on loopback, for TCP and UDP."""
    return find_free_port()


@pytest.fixture
def prefix() -> str:
    """A PV prefix of this test alone."""
    return "".join(CASUAL.choices(string.ascii_uppercase, k=6)) + ":"


@pytest.fixture
def ca_env() -> dict[str, str]:
    """Channel Access variables with which this test's clients and servers find each other."""
    return ca_environment()


@pytest.fixture
def ca(ca_env: dict[str, str]) -> Iterator[CaClient]:
    """A libca client in a process of its own."""
    with CaClient(ca_env) as client:
        yield client


@pytest.fixture
def run_ioc(ca_env: dict[str, str], tmp_path: Path) -> Iterator[RunIoc]:
    """Starts `python -m iocs ...` and waits until it serves; ended by SIGTERM after the test."""
    with ExitStack() as running:

        def run(subsystem: str, *arguments: str, env: dict[str, str] | None = None) -> IocProcess:
            log = tmp_path / f"{subsystem}.log"
            process = IocProcess(subsystem, *arguments, log=log, env={**ca_env, **(env or {})})
            return running.enter_context(process)

        yield run


@pytest.fixture
def toy_env(ca_env: dict[str, str]) -> dict[str, str]:
    """Variables of a process that knows the toy subsystem."""
    return {**ca_env, "PYTHONPATH": f"{ROOT}:{TOY}"}
