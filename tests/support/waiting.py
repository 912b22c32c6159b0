"""The one place where a test waits for time to pass: polling a condition until a deadline."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.01


def wait_until(condition: Callable[[], T], timeout: float = 25.0, what: str = "") -> T:
    """The first true value of the condition. Fails after `timeout` seconds, saying `what` did not happen."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(_complaint(condition, timeout, what, value))
        time.sleep(POLL_S)
    return value


async def until(condition: Callable[[], T], timeout: float = 25.0, what: str = "") -> T:
    """wait_until() for a coroutine: the event loop runs on meanwhile."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(_complaint(condition, timeout, what, value))
        await asyncio.sleep(POLL_S)
    return value


def _complaint(condition: object, timeout: float, what: str, value: object) -> str:
    what = what or getattr(condition, "__qualname__", repr(condition))
    return f"not within {timeout:g} s: {what} (last: {value!r})"
