"""A pytest plugin: a test that leaves a thread, a child process, an asyncio task or an open pty behind fails.

What a fixture of wider scope starts belongs to that fixture, and must be gone when it is torn down.
`@pytest.mark.leaves("propar*")` tolerates threads whose names match.
"""

import asyncio
import fnmatch
import inspect
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterable
from typing import Any

import psutil
import pytest

GRACE_S = 3.0
POLL_S = 0.02

Things = dict[Any, str]
"""What is there: an identity, and how to name it to a developer."""


def things() -> Things:
    """All threads, child processes and open ptys of this process."""
    return {**threads(), **processes(), **ptys()}


def threads() -> Things:
    return {thread: f"thread {thread.name}" for thread in threading.enumerate()}


class Family:
    """This process's descendants. Who they are costs a look at every process of the machine, so that is asked
    only when one has come since."""

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._found: dict[int, float] = {}

    def descendants(self) -> dict[int, float]:
        """When each was created, by process id."""
        pids = set(psutil.pids())
        if not pids <= self._pids:
            children = psutil.Process().children(recursive=True)
            self._found = {child.pid: child.create_time() for child in children}
        self._pids = pids
        return {pid: created for pid, created in self._found.items() if pid in pids}


FAMILY = Family()


def processes() -> Things:
    descendants = FAMILY.descendants().items()
    return {("process", pid, created): f"process {pid}" for pid, created in descendants}


def ptys() -> Things:
    """Counted, not named: a line that was unplugged and came back has another one instead."""
    found: Things = {}
    ends: Counter[bool] = Counter()
    for number in _descriptors():
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if target == "/dev/ptmx" or target.startswith("/dev/pts/"):
            is_master = target == "/dev/ptmx"
            ends[is_master] += 1
            found["pty", is_master, ends[is_master]] = f"pty {target} (descriptor {number})"
    return found


def _descriptors() -> list[str]:
    try:
        return os.listdir("/proc/self/fd")
    except FileNotFoundError:  # not Linux
        return []


def left_behind(before: Iterable[Any], tolerated: Iterable[str] = ()) -> list[str]:
    """Names of what is there and was not before, after giving it a moment to end."""
    known, patterns = set(before), [f"thread {pattern}" for pattern in tolerated]
    deadline = time.monotonic() + GRACE_S
    while True:
        new = [name for thing, name in things().items() if thing not in known]
        new = [name for name in new if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
        if not new or time.monotonic() > deadline:
            return sorted(new)
        time.sleep(POLL_S)


class Owners:
    """Which fixtures of wider than function scope own what."""

    def __init__(self) -> None:
        self.owned: dict[object, Things] = {}

    def all(self) -> Things:
        return {thing: name for owned in self.owned.values() for thing, name in owned.items()}


OWNERS = pytest.StashKey[Owners]()
BEFORE = pytest.StashKey[Things]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OWNERS] = Owners()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Generator[None, object, object]:
    if fixturedef.scope == "function":
        return (yield)
    before = things()
    try:
        return (yield)
    finally:
        owned = {thing: name for thing, name in things().items() if thing not in before}
        request.config.stash[OWNERS].owned[fixturedef] = owned


def pytest_fixture_post_finalizer(fixturedef: Any, request: Any) -> None:
    owned = request.config.stash[OWNERS].owned.pop(fixturedef, None)
    if owned:
        gone = [thing for thing in things() if thing not in owned]
        if left := left_behind(gone):
            pytest.fail(f"fixture {fixturedef.argname} left behind: {', '.join(left)}", pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    item.stash[BEFORE] = things()
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    yield
    tolerated = [pattern for mark in item.iter_markers("leaves") for pattern in mark.args]
    known = {**item.stash[BEFORE], **item.config.stash[OWNERS].all()}
    if left := left_behind(known, tolerated):
        pytest.fail(f"{item.nodeid} left behind: {', '.join(left)}", pytrace=False)


@pytest.fixture
async def tasks_end() -> AsyncIterator[None]:
    """Fails a coroutine test whose tasks outlive it."""
    before = asyncio.all_tasks()
    yield
    deadline = time.monotonic() + GRACE_S
    while left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        if time.monotonic() > deadline:
            pytest.fail(f"left behind: {', '.join(sorted(repr(task) for task in left))}", pytrace=False)
        await asyncio.sleep(0 if time.monotonic() < deadline - GRACE_S + POLL_S else POLL_S)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(inspect.unwrap(item.obj)):
            item.fixturenames.insert(0, "tasks_end")
