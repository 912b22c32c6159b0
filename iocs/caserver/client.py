"""caproto's asyncio client with what an input of an interlock needs: it always comes back.

Each circuit is asked (echo) at every `check`; one that stays silent is hung up, and its names are searched
for again. Knows circuits; how names are searched for is searching.py's, what a value means channel.py's.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import time
import weakref
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

import caproto
from caproto.asyncio.client import Context, VirtualCircuitManager

from iocs.caserver.searching import Address, Queue, Searches, end

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]
RETRY_S = 1.0
"""Pause before a name is searched for again whose server answered the search and then did not serve it."""


class Direct:
    """Calls back at once, in the event loop. caproto's executor takes a thread per call, in any order."""

    def submit(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Call it. What it raises is reported: it must not cost the circuit its reader."""
        try:
            callback(*arguments)
        except Exception:  # root of what hangs on a channel
            log.exception("a callback failed")

    async def shutdown(self) -> None:
        """Nothing to end."""


class Circuit(VirtualCircuitManager):
    """One TCP connection. However it ends, its names are searched for again, unless the client closes."""

    user_callback_executor: Any

    def __init__(self, context: Client, circuit: Any) -> None:
        super().__init__(context, circuit)
        self.command_queue = Queue()
        executor, self.user_callback_executor = self.user_callback_executor, Direct()
        for task in tuple(executor.tasks.tasks):
            task.cancel()
        self.last_tcp_receipt = time.monotonic()

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What this circuit does at present."""
        return tuple(self._tasks.tasks)

    def start(self, work: Work) -> None:
        """A task of this circuit; if it fails the circuit is hung up."""
        self._tasks.create(self._or_hang_up(work))

    async def _or_hang_up(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:  # root of a task; caproto's would end unnoticed, its channels with it
            log.info("%s:%d: hung up: %s", *self.circuit.address, error)
            await self.disconnect()

    async def _connect(self, timeout: float) -> None:
        try:
            await super()._connect(timeout)
        except (OSError, caproto.CaprotoError) as error:
            log.info("%s:%d answers searches, but: %s", *self.circuit.address, error)
            await asyncio.sleep(RETRY_S)
            await self.disconnect()

    async def _transport_receive_loop(self, transport: Any) -> None:
        await self._or_hang_up(partial(super()._transport_receive_loop, transport))

    async def _process_command(self, command: Any) -> None:
        await super()._process_command(command)
        if isinstance(command, caproto.ServerDisconnResponse | caproto.CreateChFailResponse):
            channel, pv = self.channels.pop(command.cid), self.pvs.pop(command.cid)
            pv.channel_ready.clear()
            self.context.search_later(channel.name, self.circuit.priority)

    def subscribe(self, channel: Any, listener: Any, data_type: str, mask: int) -> None:
        """Events of a channel from now on go to `listener.process`; it says `listener.pv.name`."""
        number = self._subscriptionid_counter()
        self.subscriptions[number] = listener
        request = channel.subscribe(data_type=data_type, mask=mask, subscriptionid=number)
        self.start(partial(self.send, request))

    async def ask(self, patience_s: float) -> None:
        """Is anybody there? Hangs up on a server that has said nothing for `patience_s`."""
        silent_s = time.monotonic() - self.last_tcp_receipt
        if silent_s > patience_s:
            log.warning("%s:%d has been silent for %.0f s: hung up", *self.circuit.address, silent_s)
            await self.disconnect()
        elif self.connected:
            self.start(partial(self.send, caproto.EchoRequest()))

    async def _disconnected(self, *, reconnect: bool = True) -> None:
        if self.dead.is_set():
            return
        transport = self.transport
        self.context.circuit_managers.pop((self.circuit.address, self.circuit.priority), None)
        await super()._disconnected(reconnect=not self.context.closing)
        if transport is not None:
            transport.writer.transport.abort()  # close() waits for a silent server to take what is left
        for task in self.tasks:
            task.cancel()

    async def disconnect(self) -> None:
        await self._disconnected()


class Client(Context):
    """Finds PVs and keeps circuits to their servers. Runs in the event loop it is made in."""

    circuit_managers: dict[tuple[Address, int], Circuit]

    def __init__(self, targets: Iterable[Address]) -> None:
        super().__init__(Searches(targets), client_name=_user())
        self._search_results_queue = Queue()
        self._tasks_of_mine: list[asyncio.Task[None]] = []
        self._circuits: weakref.WeakSet[Circuit] = weakref.WeakSet()

    @property
    def closing(self) -> bool:
        """Nothing is searched for any more."""
        return bool(self._user_disconnected)

    @property
    def patience_s(self) -> float:
        """EPICS_CA_CONN_TMO: how long a server may be silent."""
        return float(self.broadcaster.environ["EPICS_CA_CONN_TMO"])

    def _ensure_essential_tasks_running(self) -> None:
        if not self._tasks_of_mine:
            self._tasks_of_mine = [self._tasks.create(self._process_search_results_loop())]

    def get_circuit_manager(self, address: Address, priority: int) -> Circuit:
        found = self.circuit_managers.get((address, priority))
        if found is None or found.dead.is_set():
            version = self.broadcaster.server_protocol_versions[address]
            core = caproto.VirtualCircuit(
                our_role=caproto.CLIENT, address=address, priority=priority, protocol_version=version
            )
            found = self.circuit_managers[address, priority] = Circuit(self, core)
            self._circuits.add(found)
        return found

    async def reconnect(self, keys: Iterable[tuple[str, int]]) -> None:
        names = []
        for key in keys:
            names.append(key[0])
            self.broadcaster.results.forget(key[0])
            self.pvs_needing_circuits[key[0]].add(self.pvs[key])
        if names and not self.closing:
            await self.search(*names)

    def search_later(self, name: str, priority: int) -> None:
        """Search again for what its server, still there, does not give."""
        self._tasks.create(self._search_later(name, priority))

    async def _search_later(self, name: str, priority: int) -> None:
        await asyncio.sleep(RETRY_S)
        await self.reconnect([(name, priority)])

    async def check(self, patience_s: float) -> None:
        """Ask every server; hang up on those silent for `patience_s`.

        Raises RuntimeError if a part of this client ended, which then has to be made anew.
        """
        for task in (*self._tasks_of_mine, *self.broadcaster.tasks):
            if task.done():
                raise RuntimeError(f"a part of the Channel Access client ended: {task!r}")
        for circuit in tuple(self.circuit_managers.values()):
            await circuit.ask(patience_s)

    async def close(self) -> None:
        """Hang up everywhere; nothing is left running."""
        self._user_disconnected = True
        circuits = tuple(self._circuits)
        for circuit in circuits:
            await circuit.disconnect()
        await end([*self._tasks.tasks, *(task for circuit in circuits for task in circuit.tasks)])
        await self.broadcaster.disconnect()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for its user
        return f"uid{os.getuid()}"
