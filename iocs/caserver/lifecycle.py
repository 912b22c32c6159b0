"""From start to exit code: devices, server, signals, background tasks, and the way to safety.

Every way out leads through `stop` with a deadline, while clients can still watch. Knows no subsystem.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from iocs.caserver.interfaces import from_environment
from iocs.caserver.record import Record
from iocs.caserver.server import Server

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
"""How long a busy thread keeps the interpreter: a line's worker must wake promptly."""

RESTART = 3
"""Exit status that asks whatever runs the IOC to start it again."""

Job = Callable[[], Coroutine[Any, Any, None]]


class CannotStart(Exception):
    """For `start` to raise: the set-up is wrong, not the software. Said in one line; exit status 2."""


class Background:
    """The tasks of one IOC. `failed`: one died for good; `restart`: somebody wants it all anew."""

    def __init__(self) -> None:
        self.failed = asyncio.Event()
        self.restart = asyncio.Event()
        self.suspended = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(
        self, job: Job | Coroutine[Any, Any, None], name: str, *, restart_after_s: float | None = None
    ) -> asyncio.Task[None]:
        """Run `job` until it ends or the IOC stops."""
        coroutine = self._again(job, name, restart_after_s) if callable(job) else job
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _again(self, job: Job, name: str, restart_after_s: float | None) -> None:
        while True:
            try:
                await job()
                return
            except Exception:  # root of a task: reported, and either run again or fatal
                if restart_after_s is None:
                    raise
                log.exception("task %s died, it starts again in %g s", name, restart_after_s)
                await self._wait_suspended(restart_after_s)

    async def _wait_suspended(self, seconds: float) -> None:
        self.suspended += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self.suspended -= 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, CannotStart):
            log.error("%s", error)
            self.failed.set()
        elif error is not None:
            log.error("task %s died; the IOC goes to its safe state", task.get_name(), exc_info=error)
            self.failed.set()

    async def cancel_all(self) -> None:
        """End every task."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


_background: contextvars.ContextVar[Background] = contextvars.ContextVar("background")
_server: contextvars.ContextVar[Server] = contextvars.ContextVar("server")


def spawn(
    job: Job | Coroutine[Any, Any, None], name: str, *, restart_after_s: float | None = None
) -> asyncio.Task[None]:
    """Run a background task of the IOC that is being served.

    If it dies with an exception, that is logged, `stop` runs and the IOC exits with 1; with
    `restart_after_s` (and a job that can be called again) it is started again instead.
    Raises LookupError outside of `serve`.
    """
    return _background.get().spawn(job, name, restart_after_s=restart_after_s)


def current_server() -> Server:
    """The server of this IOC: clients, counters, access rights. Raises LookupError outside of `serve`."""
    return _server.get()


def suspended_tasks() -> int:
    """Background tasks that died and wait to be started again. Raises LookupError outside of `serve`."""
    return _background.get().suspended


def request_restart() -> None:
    """Stop the IOC in an orderly way; `serve` returns RESTART. Raises LookupError outside of `serve`."""
    _background.get().restart.set()


def serve(
    pvdb: Mapping[str, Record[Any]],
    *,
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
    interfaces: Sequence[str] | None = None,
    stop_deadline_s: float = 10.0,
    ready: Callable[[], None] | None = None,
) -> int:
    """Start devices, serve `pvdb` until SIGTERM or SIGINT, stop devices; the exit status.

    0 after a signal; RESTART after `request_restart()`; 1 when `start` or a background task failed, a
    port could not be claimed, or `stop` failed or took longer than `stop_deadline_s`; 2 when `start` raised
    CannotStart.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(_serve(pvdb, start, stop, interfaces, stop_deadline_s, ready))


async def _serve(
    pvdb: Mapping[str, Record[Any]],
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
    interfaces: Sequence[str] | None,
    stop_deadline_s: float,
    ready: Callable[[], None] | None,
) -> int:
    asked_to_stop = _signals()
    background, server = Background(), Server(pvdb, from_environment(interfaces))
    _background.set(background)
    _server.set(server)
    started = background.spawn(_start(server, start, ready), "start")
    try:
        await _first(asked_to_stop, background.failed, background.restart)
        if not started.done():
            started.cancel()
    finally:
        stopped = await _stop(stop, stop_deadline_s)
        await background.cancel_all()
        await server.close()
    if _cannot_start(started):
        return 2
    if background.failed.is_set() or not stopped:
        return 1
    return RESTART if background.restart.is_set() and not asked_to_stop.is_set() else 0


def _cannot_start(started: asyncio.Task[None]) -> bool:
    return started.done() and not started.cancelled() and isinstance(started.exception(), CannotStart)


async def _start(
    server: Server, start: Callable[[], Awaitable[None]], ready: Callable[[], None] | None
) -> None:
    await server.open()
    await start()
    await server.listen()
    if ready is not None:
        ready()


def _signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, also where our parent had them blocked (procServ has)."""
    asked = asyncio.Event()
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, asked.set)
        except NotImplementedError:  # Windows: only Ctrl-C, and only between callbacks
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked.set))
    return asked


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(e.wait()) for e in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _stop(stop: Callable[[], Awaitable[None]], deadline_s: float) -> bool:
    try:
        async with asyncio.timeout(deadline_s):
            await stop()
    except TimeoutError:
        log.error("stopping took longer than %g s; instruments may not be in their safe state", deadline_s)
        return False
    except Exception:  # root of the way out: report and go on closing
        log.exception("stopping failed; the instruments may not be in their safe state")
        return False
    return True
