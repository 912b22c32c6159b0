"""The same libca operations on EPICS base and on ours: every answer is the same, or listed with a reason."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import scenarios_access, scenarios_events, scenarios_fields, scenarios_values, table
from tests.conformance.differences_found import FINDINGS
from tests.conformance.differences_intended import INTENDED
from tests.conformance.script import Script, Transcript, differences
from tests.conformance.servers import Pair, Side, pair

pytestmark = pytest.mark.timeout(120)
MODULES: Any = (scenarios_access, scenarios_values, scenarios_events, scenarios_fields)
SCENARIOS: dict[str, Callable[[Script], None]] = {
    scenario.__name__: scenario for module in MODULES for scenario in module.SCENARIOS
}
Found = dict[str, tuple[Any, Any]]


def prefix(scenario: str) -> str:
    return f"CF:{scenario}:"


def started(folder: Path) -> Any:
    return pair([prefix(name) for name in SCENARIOS], folder)


def transcripts(servers: Pair, name: str) -> tuple[Transcript, Transcript]:
    """One scenario on both servers at once."""

    def run(one: Side) -> Transcript:
        script = Script(one.client, prefix(name))
        SCENARIOS[name](script)
        script.close()
        return script.transcript

    with ThreadPoolExecutor(2) as pool:
        base, ours = pool.map(run, (servers.base, servers.ours))
    return base, ours


class Results:
    """Differences by scenario, each scenario run once and when first asked for."""

    def __init__(self, servers: Pair) -> None:
        self._servers = servers
        self._found: dict[str, Found] = {}

    def of(self, name: str) -> Found:
        if name not in self._found:
            base, ours = transcripts(self._servers, name)
            assert base, f"{name} asks nothing"
            self._found[name] = {f"{name}: {path}": both for path, both in differences(base, ours).items()}
        return self._found[name]

    def matching(self, pattern: str) -> Found:
        """Differences of all scenarios that a pattern may mean."""
        names = [name for name in SCENARIOS if _expression(pattern.partition(":")[0]).fullmatch(name)]
        assert names, f"{pattern}: no such scenario"
        found = (item for name in names for item in self.of(name).items())
        return {path: both for path, both in found if matches(pattern, path)}


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL)


def matches(pattern: str, path: str) -> bool:
    return _expression(pattern).fullmatch(path) is not None


def explained(path: str, base: Any, ours: Any) -> bool:
    """Whether a table has this difference."""
    intended = any(row.how(base, ours) for row in INTENDED for p in row.patterns if matches(p, path))
    return intended or any(matches(p, path) for finding in FINDINGS.values() for p in finding.patterns)


@contextmanager
def running(folder: Path) -> Iterator[Results]:
    with started(folder) as servers:
        yield Results(servers)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    if find_spec("softioc") is None:  # not imported: EPICS base stays out of the process of the tests
        pytest.skip("softioc, the reference, is missing: the extra `test` of setup.cfg brings it")
    with running(tmp_path_factory.mktemp("conformance")) as found:
        yield found


@pytest.mark.parametrize("name", SCENARIOS)
def test_answers_are_those_of_base_or_explained(results: Results, name: str) -> None:
    lines = [
        f"{path}\n    base {base}\n    ours {ours}"
        for path, (base, ours) in results.of(name).items()
        if not explained(path, base, ours)
    ]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("row", INTENDED, ids=lambda row: row.reason[:60])
def test_an_intended_difference_is_there(results: Results, row: Any) -> None:
    for pattern in row.patterns:
        found = results.matching(pattern)
        assert any(row.how(*both) for both in found.values()), f"{pattern}: no longer differs so: {found}"


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, marks=pytest.mark.xfail(strict=True, reason=f"finding {n}: {finding.title}"))
        for n, finding in FINDINGS.items()
    ],
)
def test_a_finding_is_mended(results: Results, number: int) -> None:
    """Red when the last difference of a finding is gone: take it out of differences_found.py."""
    patterns = FINDINGS[number].patterns
    assert not any(results.matching(pattern) for pattern in patterns)


@pytest.mark.parametrize("number", FINDINGS)
def test_each_pattern_of_a_finding_shows(results: Results, number: int) -> None:
    silent = [pattern for pattern in FINDINGS[number].patterns if not results.matching(pattern)]
    assert not silent, f"no longer differ: {silent}"


def test_the_readme_lists_the_same() -> None:
    text = table.README.read_text(encoding="utf-8")
    assert table.written(text) == text, "run python -m tests.conformance.table"
