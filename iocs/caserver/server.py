"""The server: answers searches, takes connections, sends beacons, and counts.

Knows addresses, datagrams and circuits. What is served it only knows by name.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iocs.caserver.circuit import Circuit
from iocs.caserver.interfaces import Network, broadcast_of, open_tcp, open_udp
from iocs.caserver.names import Names
from iocs.caserver.record import Record
from iocs.caserver.wire import BEACON, HEADER, HERE, PROTOCOL, SEARCH, SEQUENCED, VERSION, frame

log = logging.getLogger(__name__)

FIRST_BEACON_S = 0.02
MIN_FRAME = 64 * 1024
HOUSEKEEPING_S = 0.1
LAG_WORTH_A_WORD_S = 0.5
LAG_QUIET_S = 60.0
MAX_LOGGED_CLIENTS = 200
MAX_DATAGRAM = 65536
DATAGRAMS_AT_ONCE = 64


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    searches: int = 0
    foreign_searches: int = 0
    bad_datagrams: int = 0
    protocol_errors: int = 0
    stalled_dropped: int = 0
    lost_events: int = 0
    """Events replaced by newer ones because their client did not read, of clients that left."""
    worst_lag_s: float = 0.0
    """Longest time the event loop was busy with one thing."""
    stalls: int = 0
    """How often that was longer than half a second."""


class Server:
    """Channel Access for a table of records. Runs in the event loop it is opened in."""

    def __init__(
        self, records: Mapping[str, Record[Any]], network: Network, *, stall_limit_s: float = 300.0
    ) -> None:
        self.names = Names(records)
        self.counters = Counters()
        self.circuits: set[Circuit] = set()
        self.port = 0
        self.max_frame = max(MIN_FRAME, *(_largest_put(r) for r in records.values()), 0)
        self.loop: asyncio.AbstractEventLoop
        self._network = network
        self._stall_limit_s = stall_limit_s
        self._tcp: list[socket.socket] = []
        self._listeners: list[asyncio.Server] = []
        self._datagrams: list[socket.socket] = []
        self._beacons: list[tuple[socket.socket, tuple[str, int]]] = []
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._complained: set[str] = set()
        self._lag_logged_at = -LAG_QUIET_S
        self._unreachable: set[tuple[str, int]] = set()

    # -- life ------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Claim the ports. Raises OSError."""
        self.loop = asyncio.get_running_loop()
        self.port, self._tcp = open_tcp(self._network.interfaces, self._network.port)

    async def listen(self) -> None:
        """Answer from now on."""
        for sock in self._tcp:
            self._listeners.append(await self.loop.create_server(lambda: Circuit(self), sock=sock))
        for address in self._network.interfaces:
            self._listen_udp(address)
        for target in self._network.beacons:
            self._beacons.append((open_udp("", 0), target))
        self._beacon(0, FIRST_BEACON_S)
        self.keep_house(self.loop.time())
        log.info("serving on %s, port %d", ", ".join(self._network.interfaces), self.port)

    def _listen_udp(self, address: str) -> None:
        own = self._open_udp(address, None)
        broadcast = broadcast_of(address)
        if broadcast is not None and broadcast not in self._network.interfaces:
            self._open_udp(broadcast, own)

    def _open_udp(self, address: str, answers: socket.socket | None) -> socket.socket:
        sock = open_udp(address, self._network.port)
        self.loop.add_reader(sock, self.read_datagrams, sock, answers or sock)
        self._datagrams.append(sock)
        return sock

    async def close(self) -> None:
        """Say good-bye to everyone."""
        self.cancel_timers()
        for listener in self._listeners:
            listener.close()
        for sock in self._datagrams:
            self.loop.remove_reader(sock)
        for sock in [*self._tcp, *self._datagrams, *(s for s, _ in self._beacons)]:
            sock.close()
        for circuit in tuple(self.circuits):
            circuit.close()
        await asyncio.sleep(0)
        for circuit in tuple(self.circuits):
            circuit.close(abort=True)
        await asyncio.sleep(0)

    def cancel_timers(self) -> None:
        """No beacon and no housekeeping from here on."""
        for timer in self._timers.values():
            timer.cancel()

    # -- circuits --------------------------------------------------------------------------------

    def joined(self, circuit: Circuit) -> None:
        """A client connected."""
        self.circuits.add(circuit)
        log.debug("%s connected, %d clients", circuit.address, len(self.circuits))

    def left(self, circuit: Circuit) -> None:
        """A client is gone."""
        self.circuits.discard(circuit)
        self.counters.lost_events += circuit.lost_events
        log.debug("%s left, %d clients", circuit.address, len(self.circuits))

    def protocol_error(self, circuit: Circuit, error: Exception) -> None:
        """A client broke the protocol: counted always, logged once per host."""
        self.counters.protocol_errors += 1
        host = circuit.address.rpartition(":")[0]
        if host not in self._complained and len(self._complained) < MAX_LOGGED_CLIENTS:
            self._complained.add(host)
            log.warning("%s: closed, protocol error: %s (further ones are counted)", circuit.address, error)

    def push_rights(self) -> None:
        """Tell every client its present access rights: the rules changed."""
        for circuit in self.circuits:
            circuit.session.push_rights()

    @property
    def client_count(self) -> int:
        """Connected clients."""
        return len(self.circuits)

    @property
    def channel_count(self) -> int:
        """Channels of all clients."""
        return sum(c.session.channel_count for c in self.circuits)

    def stalled(self) -> list[Circuit]:
        """Clients that do not read at present."""
        now = time.monotonic()
        return [c for c in self.circuits if c.stalled_for(now) > 0]

    def keep_house(self, expected: float) -> None:
        """Drop clients that do not read, and note how late this call is against `expected` loop time."""
        now = self.loop.time()
        self._note_lag(now, now - expected)
        for circuit in tuple(self.circuits):
            if circuit.stalled_for(time.monotonic()) > self._stall_limit_s:
                self._drop(circuit)
        self._later("house", now + HOUSEKEEPING_S, self.keep_house, now + HOUSEKEEPING_S)

    def _note_lag(self, now: float, lag_s: float) -> None:
        self.counters.worst_lag_s = max(self.counters.worst_lag_s, lag_s)
        if lag_s > LAG_WORTH_A_WORD_S:
            self.counters.stalls += 1
            if now - self._lag_logged_at > LAG_QUIET_S:
                self._lag_logged_at = now
                log.warning("the event loop stood still for %.1f s: something in it blocks", lag_s)

    def _drop(self, circuit: Circuit) -> None:
        log.warning(
            "%s: dropped, it has not read for %.0f s and %d bytes wait",
            circuit.address,
            self._stall_limit_s,
            circuit.unsent_bytes,
        )
        self.counters.stalled_dropped += 1
        circuit.close(abort=True)

    def _later(self, name: str, when: float, callback: Any, *args: Any) -> None:
        self._timers[name] = self.loop.call_at(when, callback, *args)

    # -- beacons ---------------------------------------------------------------------------------

    def _beacon(self, number: int, period_s: float) -> None:
        for sock, target in self._beacons:
            try:
                sock.sendto(HEADER.pack(BEACON, 0, PROTOCOL, self.port, number & 0xFFFFFFFF, 0), target)
                self._unreachable.discard(target)
            except OSError as error:
                if target not in self._unreachable:
                    self._unreachable.add(target)
                    log.warning("beacons to %s:%d fail: %s", *target, error)
        longer = min(period_s * 2, self._network.beacon_period_s)
        self._later("beacon", self.loop.time() + period_s, self._beacon, number + 1, longer)

    # -- searches --------------------------------------------------------------------------------

    def read_datagrams(self, sock: socket.socket, answers: socket.socket) -> None:
        """Whatever arrived at one address, answered from the host's own address."""
        for _ in range(DATAGRAMS_AT_ONCE):
            try:
                data, peer = sock.recvfrom(MAX_DATAGRAM)
            except OSError:  # nothing more, or an answer that could not be delivered
                return
            if not self._ignores(*peer[:2]):
                self._answer(data, answers, peer)

    def _answer(self, data: bytes, answers: socket.socket, peer: tuple[str, int]) -> None:
        try:
            reply = self.search_replies(data)
            if reply:
                answers.sendto(reply, peer)
        except OSError:
            log.debug("%s:%d: the answer to a search cannot be sent", *peer)
        except Exception:  # anything may come from the network; the count is what an operator can use
            self.counters.bad_datagrams += 1

    def _ignores(self, host: str, port: int) -> bool:
        """Whether EPICS_CAS_IGNORE_ADDR_LIST names this peer."""
        ignored = self._network.ignored
        return bool(ignored) and (host in ignored or f"{host}:{port}" in ignored)

    def search_replies(self, data: bytes) -> bytes:
        """The answer to one datagram; empty where nothing in it is ours. Raises ValueError for garbage."""
        replies: list[bytes] = []
        version = b""
        position, end = 0, len(data)
        while end - position >= HEADER.size:
            command, size, dtype, count, first, second = HEADER.unpack_from(data, position)
            position += HEADER.size + size
            if position > end:
                raise ValueError("a message is longer than its datagram")
            if command == SEARCH:
                if self._knows(data[position - size : position]):
                    replies.append(self._found(second))
            elif command == VERSION and dtype & SEQUENCED:
                version = HEADER.pack(VERSION, 0, SEQUENCED, PROTOCOL, first, 0)
        return b"".join([version or frame(VERSION, 0, PROTOCOL, 0, 0), *replies]) if replies else b""

    def _knows(self, name: bytes) -> bool:
        self.counters.searches += 1
        found = self.names.find(name.partition(b"\0")[0].decode("latin-1")) is not None
        if not found:
            self.counters.foreign_searches += 1
        return found

    def _found(self, cid: int) -> bytes:
        return frame(SEARCH, self.port, 0, HERE, cid, PROTOCOL.to_bytes(2, "big"))


def _largest_put(record: Record[Any]) -> int:
    return 40 * max(record.elements, record.text_capacity) + 64
