"""The server: caproto's Context with our own start and stop, and searches read from the datagram.

Knows addresses, datagrams and circuits. What is served it only knows by name.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Mapping
from typing import Any

from caproto.asyncio.server import Context
from caproto.asyncio.utils import _create_udp_socket, _TransportWrapper

from iocs.caserver.circuit import Circuit
from iocs.caserver.eager import EagerReader
from iocs.caserver.interfaces import ANY, Network, from_environment, is_broadcast
from iocs.caserver.names import Names
from iocs.caserver.record import Record
from iocs.caserver.searches import Counters, Searches

log = logging.getLogger(__name__)

MIN_FRAME = 64 * 1024
HOUSEKEEPING_S = 0.1
STALL_S = 1.0
LAG_QUIET_S = 60.0
MAX_LOGGED_CLIENTS = 200


class Beacons:
    """A socket for beacons to one address, as caproto's beacon loop uses it; complains once."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket: socket.socket = _create_udp_socket()
        self._address = address
        self._complained = False

    async def send(self, data: bytes) -> None:
        """Send one beacon."""
        try:
            self._socket.sendto(data, self._address)
            self._complained = False
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning("beacons to %s:%d fail: %s", *self._address, error)

    def close(self) -> None:
        """No more beacons."""
        self._socket.close()


class Server(Context):
    """Channel Access for a table of records. Runs in the event loop it is made in."""

    CircuitClass = Circuit
    circuits: set[Circuit]
    port: int

    def __init__(
        self,
        records: Mapping[str, Record[Any]],
        network: Network | None = None,
        *,
        stall_limit_s: float = 300.0,
    ) -> None:
        network = network or from_environment()
        super().__init__(dict(records), [a for a in network.interfaces if not is_broadcast(a)])
        self.log.setLevel(logging.WARNING)  # two lines for every caget otherwise
        self.ca_server_port = network.port
        self.environ["EPICS_CAS_BEACON_PERIOD"] = network.beacon_period_s
        self.names = Names(records)
        self.port = 0
        self.counters = Counters()
        self.max_frame = max(MIN_FRAME, *(_largest_put(r) for r in records.values()), 0)
        self._network = network
        self._stall_limit_s = stall_limit_s
        self._listeners: list[asyncio.Server] = []
        self.searches = Searches(self, self.counters, network.ignored)
        self._housekeeping: asyncio.TimerHandle | None = None
        self._beaconing: asyncio.Task[None] | None = None
        self._complained: set[str] = set()
        self._lag_logged_at = -LAG_QUIET_S
        self._recent_lag_s = 0.0
        self.loop = asyncio.get_running_loop()

    # -- life ------------------------------------------------------------------------------------

    async def run(self, **_: Any) -> None:
        """Serve until cancelled. caproto's own options are for its own kind of records."""
        await self.open()
        try:
            await self.listen()
            await asyncio.get_running_loop().create_future()
        finally:
            await self.close()

    async def open(self) -> None:
        """Claim the ports: the given one if it is free, else any. Raises CaprotoRuntimeError."""
        self.port, self.tcp_sockets = await self._bind_tcp_sockets_with_consistent_port_number(_tcp_socket)

    async def listen(self) -> None:
        """Answer from now on."""
        for sock in self.tcp_sockets.values():
            await self.server_accept_loop(sock)
        for address in self._network.interfaces:
            await self._create_broadcaster_transport(address)
        for target in self._network.beacons:
            self.beacon_socks[target] = (ANY, Beacons(target))
        self._beaconing = asyncio.create_task(self.broadcast_beacon_loop(), name="beacons")
        self.keep_house(self.loop.time())
        log.info("serving on %s, port %d", ", ".join(self.interfaces), self.port)

    async def close(self) -> None:
        """Say good-bye to everyone."""
        self.cancel_timers()
        for listener in self._listeners:
            listener.close()
        for closing in (
            self.searches,
            *self.tcp_sockets.values(),
            *(b for _, b in self.beacon_socks.values()),
        ):
            closing.close()
        for circuit in tuple(self.circuits):
            circuit.close()
        await asyncio.sleep(0)
        for circuit in tuple(self.circuits):
            circuit.close(abort=True)
        await asyncio.gather(*self.server_tasks.tasks, return_exceptions=True)

    def cancel_timers(self) -> None:
        """No beacon and no housekeeping from here on."""
        for timer in (self._housekeeping, self._beaconing):
            if timer is not None:
                timer.cancel()

    # -- circuits --------------------------------------------------------------------------------

    async def server_accept_loop(self, sock: socket.socket) -> None:
        def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            client = _TransportWrapper(reader, writer)
            peer = client.getpeername()
            if peer is None:  # gone again
                client.close()
            else:
                self.server_tasks.create(self.tcp_handler(client, peer))

        def protocol() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(EagerReader(), joined)

        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(protocol, sock=sock))

    async def circuit_disconnected(self, circuit: Circuit) -> None:
        if circuit in self.circuits:
            self.counters.lost_events += circuit.outbox.lost_events
        await super().circuit_disconnected(circuit)

    def protocol_error(self, circuit: Circuit, error: Exception, *, expected: bool) -> None:
        """A client broke the protocol: counted always, logged once per host; a bug of ours once per kind."""
        self.counters.protocol_errors += 1
        about = circuit.address.rpartition(":")[0] if expected else type(error).__name__
        if about not in self._complained and len(self._complained) < MAX_LOGGED_CLIENTS:
            self._complained.add(about)
            text = "%s: closed, protocol error: %s (further ones are counted)"
            log.warning(text, circuit.address, error, exc_info=None if expected else error)

    def push_rights(self) -> None:
        """Tell every client its present access rights: the rules changed."""
        for circuit in self.circuits:
            circuit.push_rights()

    @property
    def client_count(self) -> int:
        """Connected clients."""
        return len(self.circuits)

    @property
    def channel_count(self) -> int:
        """Channels of all clients."""
        return sum(c.channel_count for c in self.circuits)

    @property
    def lost_events(self) -> int:
        """Events that a newer one replaced before their client read them, of all clients ever."""
        return self.counters.lost_events + sum(c.outbox.lost_events for c in self.circuits)

    def stalled(self, longer_than_s: float = 0.0) -> list[Circuit]:
        """Clients that have not read for so long, the worst first."""
        now = time.monotonic()
        waiting = {c: c.outbox.stalled_for(now) for c in self.circuits}
        return sorted((c for c in waiting if waiting[c] > longer_than_s), key=lambda c: -waiting[c])

    def take_lag(self) -> float:
        """The longest time, in seconds, the event loop was busy with one thing since this was last asked."""
        lag_s, self._recent_lag_s = self._recent_lag_s, 0.0
        return lag_s

    def keep_house(self, expected: float) -> None:
        """Drop clients that do not read, and note how late this call is against `expected` loop time."""
        now = self.loop.time()
        self._note_lag(now, now - expected)
        for circuit in tuple(self.circuits):
            if circuit.outbox.stalled_for(time.monotonic()) > self._stall_limit_s:
                self._drop(circuit)
        when = now + HOUSEKEEPING_S
        self._housekeeping = self.loop.call_at(when, self.keep_house, when)

    def _note_lag(self, now: float, lag_s: float) -> None:
        self.counters.worst_lag_s = max(self.counters.worst_lag_s, lag_s)
        self._recent_lag_s = max(self._recent_lag_s, lag_s)
        if lag_s > STALL_S:
            self.counters.stalls += 1
            if now - self._lag_logged_at > LAG_QUIET_S:
                self._lag_logged_at = now
                log.warning("the event loop stood still for %.1f s: something in it blocks", lag_s)

    def _drop(self, circuit: Circuit) -> None:
        log.warning(
            "%s: dropped, it has not read for %.0f s and %d bytes wait",
            circuit.address,
            self._stall_limit_s,
            circuit.outbox.unsent_bytes,
        )
        self.counters.stalled_dropped += 1
        circuit.close(abort=True)

    # -- names -----------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        target = self.names.find(name)
        if target is None:
            raise KeyError(name)
        return target.source

    async def _create_broadcaster_transport(self, interface: str) -> None:
        self.searches.listen(interface, self.ca_server_port, self._network.interfaces)


async def _tcp_socket(address: str, port: int) -> socket.socket:
    """As caproto's, but closed where the port is taken: by somebody who listens, or is about to."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # for TCP_NODELAY
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    try:
        sock.bind((address, port))
        sock.listen()  # two may bind before either listens; who comes second is to look for another port now
    except OSError:
        sock.close()
        raise
    return sock


def _largest_put(record: Record[Any]) -> int:
    return 40 * max(record.elements, record.text_capacity) + 64
