"""A pytest plugin: how tests are spread over processes (pytest-xdist) where -n asks for that."""

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A file stays together: its tests share the IOC of its fixtures."""
    if config.option.numprocesses and config.option.dist == "no":
        config.option.dist = "loadfile"


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, for -n auto: a third of the time of a test is waiting. With more,
    simulated instruments would fall behind time."""
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def is_worker(config: pytest.Config) -> bool:
    """Whether this is one of the processes, not the one that gathers what they found."""
    return hasattr(config, "workerinput")
