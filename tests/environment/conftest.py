"""One IOC, its chamber and a client for all tests of a module; calm before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment.bench import Bench


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("environment")) as bench:
        yield bench


@pytest.fixture
def own_bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench for one test alone, which may end its IOC."""
    with Bench(tmp_path) as bench:
        yield bench


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    shared_bench.calm()
    return shared_bench
