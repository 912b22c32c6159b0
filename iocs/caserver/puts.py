"""Puts of clients: who asks, in what order they are carried out, and what the client is told.

One put at a time per record, in order of arrival. Knows no record type and no socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from iocs.caserver.wire import ECA_NORMAL, ECA_PUTCBINPROG, ECA_PUTFAIL

log = logging.getLogger(__name__)

MAX_WAITING = 256
"""Put-callbacks that may wait for one record; more are refused as in progress."""


class Refused(Exception):
    """A put that must not happen, with the reason for the operator."""


@runtime_checkable
class Fault(Protocol):
    """An exception of device support: expected, not a programming error."""

    kind: str
    recoverable: bool


class Client(NamedTuple):
    """Who asks. User and host are what the client says of itself, the address is real."""

    user: str
    host: str
    address: str


class Outcome(NamedTuple):
    """What a put came to: a status of Channel Access and words for a failure."""

    status: int
    reason: str = ""


DONE = Outcome(ECA_NORMAL)


class Report(NamedTuple):
    """One put of a client to a record or field, for a put log. `refused`: why; empty if carried out."""

    name: str
    client: Client
    old: Any
    new: Any
    refused: str = ""


@dataclass(slots=True)
class Put:
    """One put as it came from the wire."""

    client: Client
    dbr_type: int
    count: int
    payload: bytes
    waits: bool
    """Whether the client waits for the answer (put-callback)."""
    answer: Callable[[Outcome], None]
    long: bool = False
    """Whether the name ended in `$`: characters are text."""
    name: str = ""
    """What it is for: the record, or one of its fields."""


@dataclass(slots=True)
class Job:
    """A checked put, ready to be carried out."""

    put: Put
    run: Callable[[], Awaitable[None]]
    failed: Callable[[str], None]


class PutQueue:
    """Carries out the puts of one record, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[Job] = deque()
        self._task: asyncio.Task[None] | None = None

    def submit(self, job: Job) -> None:
        """Carry out in turn. A plain put replaces a plain put that still waits at the end."""
        waiting = self._waiting
        if waiting and not job.put.waits and not waiting[-1].put.waits:
            waiting.pop().put.answer(DONE)
        elif len(waiting) >= MAX_WAITING:
            job.put.answer(Outcome(ECA_PUTCBINPROG, f"{self._name}: {MAX_WAITING} puts wait already"))
            return
        waiting.append(job)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name=f"puts {self._name}")

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits."""
        return self._task is None

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._carry_out(self._waiting.popleft())
        finally:
            self._task = None
            while self._waiting:
                self._waiting.popleft().put.answer(Outcome(ECA_PUTFAIL, "the server is stopping"))

    async def _carry_out(self, job: Job) -> None:
        try:
            await job.run()
        except asyncio.CancelledError:
            job.put.answer(Outcome(ECA_PUTFAIL, "the server is stopping"))
            raise
        except Exception as error:  # root of a putter: whatever it raises, the client gets an answer
            reason = describe(error, self._name)
            job.failed(reason)
            job.put.answer(Outcome(ECA_PUTFAIL, reason))
        else:
            job.put.answer(DONE)


def describe(error: Exception, name: str) -> str:
    """Words for the client; a programming error is logged with its traceback."""
    if not isinstance(error, Refused | Fault):
        log.error("%s: a put failed unexpectedly", name, exc_info=error)
    return str(error) or type(error).__name__
