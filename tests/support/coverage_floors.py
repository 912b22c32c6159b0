"""A pytest plugin: with --coverage-floors a run fails if a package is covered less than it must be."""

import io

import coverage
import pytest

from tests.support.parallel import is_worker

FLOORS = {"devsup": 95, "iocs": 90}
RESULT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--coverage-floors", action="store_true", help=f"fail below {FLOORS} (needs --cov)")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if is_worker(session.config) or not session.config.getoption("coverage_floors"):
        return
    measured = coverage.Coverage()
    measured.load()
    session.config.stash[RESULT] = lines = []
    for package, floor in FLOORS.items():
        percent = covered(measured, package)
        lines.append(f"{package}: {percent:.1f} % covered, at least {floor} % wanted")
        if percent < floor and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def covered(measured: coverage.Coverage, package: str) -> float:
    """Per cent of the lines of a package that ran; 0 if nothing of it did."""
    try:
        return measured.report(include=[f"{package}/*"], file=io.StringIO())
    except coverage.exceptions.NoDataError:
        return 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(RESULT, []):
        terminalreporter.write_line(line)
