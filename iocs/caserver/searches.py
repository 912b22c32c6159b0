"""Searches: where they are heard, and their answers straight from the bytes of a datagram.

Most searches of a facility are for somebody else's PVs; caproto parses each before it looks at names.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import caproto as ca
from caproto.asyncio.utils import _create_udp_socket

from iocs.caserver.interfaces import broadcast_of
from iocs.caserver.names import Names
from iocs.caserver.wire import HEADER, PROTOCOL, SEARCH, SEQUENCED, VERSION

log = logging.getLogger(__name__)

MAX_DATAGRAM = 65536
DATAGRAMS_AT_ONCE = 64
PAUSE_S = 0.001
"""Searches that follow each other more quickly are taken together: to be woken costs as much as four."""
_VERSION = bytes(ca.VersionResponse(PROTOCOL))


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
    """How often that was longer than a second."""


class Serving(Protocol):
    """What is served, and on which TCP port."""

    port: int
    names: Names


class Searches:
    """The sockets that hear searches. `ignored` are peers that get no answer, as host or host:port."""

    def __init__(self, serving: Serving, counters: Counters, ignored: frozenset[str]) -> None:
        self._serving = serving
        self._counters = counters
        self._ignored = ignored
        self._sockets: list[socket.socket] = []
        self._woken: dict[socket.socket, float] = {}
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    def listen(self, interface: str, port: int, others: Collection[str] = ()) -> None:
        """Hear what is sent to an interface and to its broadcast address, and answer from the first.

        Not to a broadcast address that is one of `others`, which are listened to anyway.
        """
        own = self._open(interface, port, None)
        broadcast = broadcast_of(interface)
        if broadcast is not None and broadcast not in others:
            self._open(broadcast, port, own)

    def _open(self, address: str, port: int, answers: socket.socket | None) -> socket.socket:
        sock: socket.socket = _create_udp_socket()
        self._sockets.append(sock)
        sock.bind((address, port))
        asyncio.get_running_loop().add_reader(sock, self.read_datagrams, sock, answers or sock)
        return sock

    def close(self) -> None:
        """Hear no more."""
        for pause in self._pauses.values():
            pause.cancel()
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    def read_datagrams(self, sock: socket.socket, answers: socket.socket) -> None:
        """Whatever arrived at one address, answered from the host's own address."""
        loop = asyncio.get_running_loop()
        before, self._woken[sock] = self._woken.get(sock, -math.inf), loop.time()
        self._hear(sock, answers)
        if self._woken[sock] - before < PAUSE_S:
            loop.remove_reader(sock)
            self._pauses[sock] = loop.call_later(PAUSE_S, self._after_pause, sock, answers)

    def _after_pause(self, sock: socket.socket, answers: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if self._hear(sock, answers):
            self._pauses[sock] = loop.call_later(PAUSE_S, self._after_pause, sock, answers)
        else:
            loop.add_reader(sock, self.read_datagrams, sock, answers)

    def _hear(self, sock: socket.socket, answers: socket.socket) -> int:
        """How many datagrams there were."""
        for count in range(DATAGRAMS_AT_ONCE):
            try:
                data, peer = sock.recvfrom(MAX_DATAGRAM)
            except OSError:  # nothing more, or an answer that could not be delivered
                return count
            if not self._ignored or self._ignored.isdisjoint((peer[0], f"{peer[0]}:{peer[1]}")):
                self._answer(data, answers, peer)
        return DATAGRAMS_AT_ONCE

    def _answer(self, data: bytes, answers: socket.socket, peer: tuple[str, int]) -> None:
        try:
            reply = self.reply(data)
            if reply:
                answers.sendto(reply, peer)
        except OSError:
            log.debug("%s:%d: the answer to a search cannot be sent", *peer)
        except Exception:  # anything may come from the network; the count is what an operator can use
            self._counters.bad_datagrams += 1

    def reply(self, data: bytes) -> bytes:
        """The answer to one datagram; empty where nothing in it is ours. Raises ValueError."""
        version, found = _VERSION, []
        position, end = 0, len(data)
        while end - position >= HEADER.size:
            command, size, dtype, _, first, second = HEADER.unpack_from(data, position)
            position += HEADER.size + size
            if position > end:
                raise ValueError("a message is longer than its datagram")
            if command == SEARCH and self._is_ours(data[position - size : position]):
                found.append(ca.SearchResponse(self._serving.port, None, second, PROTOCOL))
            elif command == VERSION and dtype & SEQUENCED:
                version = HEADER.pack(VERSION, 0, SEQUENCED, PROTOCOL, first, 0)
        return b"".join((version, *map(bytes, found))) if found else b""

    def _is_ours(self, name: bytes) -> bool:
        counters = self._counters
        counters.searches += 1
        if self._serving.names.find(name.partition(b"\0")[0].decode("latin-1")) is not None:
            return True
        counters.foreign_searches += 1
        return False
