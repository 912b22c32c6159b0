"""caproto's search for names as a client that never gives up needs it.

Knows datagrams and where to send them; knows no circuit and no value.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterable
from typing import Any

import caproto
from caproto.asyncio.client import SharedBroadcaster
from caproto.client.search_results import SearchResults

log = logging.getLogger(__name__)

Address = tuple[str, int]
SEARCH_S = (0.05, 2.0)
"""First and longest pause between two searches for a name that nobody answers."""


class Queue:
    """caproto's queue for one event loop: its own makes a task of every `put`, which outlives the client."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, item: Any) -> None:
        """Never waits."""
        self._items.put_nowait(item)

    async def async_get(self) -> Any:
        """The oldest item."""
        return await self._items.get()


class Datagrams(Queue):
    """What arrives by UDP. An error of the network is told once, not as a traceback for each search."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def put(self, item: Any) -> None:
        error = item[1]
        if not isinstance(error, Exception):
            super().put(item)
        elif str(error) not in self._told:
            self._told.add(str(error))
            log.warning("searching for PVs: %s", error)


class Found(SearchResults):
    """Searches. One that is repeated replaces its predecessor, which caproto keeps for ever."""

    def search(self, *names: str, **options: Any) -> None:
        for table in (self._searches, self._unanswered_searches):
            for number in [n for n, search in table.items() if search.name in names]:
                del table[number]
        super().search(*names, **options)

    def forget(self, name: str) -> None:
        """Where it was found before does not count."""
        self.name_to_addrs.pop(name, None)


class Searches(SharedBroadcaster):
    """Searches by UDP. Beacons are not needed, since circuits are asked; so no repeater is, either."""

    def __init__(self, targets: Iterable[Address]) -> None:
        super().__init__()
        self.targets = list(targets)
        self.results = Found()
        self.receive_queue = Datagrams()
        self.tasks: list[asyncio.Task[None]] = []
        self.protocol: Any = None

    def _ensure_essential_tasks_running(self) -> None:
        if not self.tasks:
            loops = (self._broadcaster_retry_loop(), self._broadcaster_receive_loop())
            self.tasks = [self._tasks.create(loop) for loop in loops]

    async def _register(self) -> None:
        pass

    async def _broadcaster_retry_loop(self) -> None:
        """Search ever more slowly. caproto's own loop leaves out every other round: 10 s for a restart."""
        first, longest = SEARCH_S
        pause_s = first
        while True:
            await self._retry_unanswered_searches(None, resend_deadline=None)
            pause_s = min(2 * pause_s, longest)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._search_now.wait()
                    pause_s = first
            self._search_now.clear()

    async def send(self, *commands: Any) -> None:
        datagram = self.broadcaster.send(*commands)
        for target in self.targets:
            self.wrapped_transport.transport.sendto(datagram, target)

    async def disconnect(self) -> None:
        await end(self.tasks)
        if self.protocol is not None and self.protocol.transport is not None:
            self.protocol.transport.abort()


async def search_targets() -> list[Address]:
    """Where EPICS_CA_ADDR_LIST and its kin say to search, resolved once: later it would block."""
    loop, found = asyncio.get_running_loop(), []
    for host, port in caproto.get_client_address_list():
        try:
            socket.inet_aton(host)
            found.append((host, port))
        except OSError:
            try:
                infos = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
                found.append(infos[0][4][:2])
            except OSError as error:
                log.warning("EPICS_CA_ADDR_LIST: %s: %s; nothing is searched for there", host, error)
    return found


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until it works: in Python 3.11 `wait_for` may swallow a cancellation."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.1)
