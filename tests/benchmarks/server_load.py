"""Clients of bare sockets, as thin as can be: what is measured is the server's share.

Knows Channel Access messages; knows no server and no figures.
"""

import selectors
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tests.caserver.raw import HEADER, TIME_DOUBLE, RawClient

DOUBLE = 6
EVENT = np.dtype(
    [("head", ">u2", 4), ("status", ">u4"), ("subid", ">u4"), ("state", "V16"), ("value", ">f8")]
)
"""An event of one TIME_DOUBLE: 40 bytes, always."""


def connect(port: int, **options: Any) -> RawClient:
    """A client that has said who it is and waits for nothing."""
    client = RawClient(port, **options)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.greet()
    return client


class Watcher:
    """A client with a monitor on each of many PVs. Counts the events and remembers first and last values."""

    def __init__(self, port: int, names: Sequence[str], **options: Any) -> None:
        self.client = connect(port, **options)
        self.events = 0
        self.first = np.full(len(names), np.nan)
        self.last = np.full(len(names), np.nan)
        self._rest = b""
        for sid in self._channels(names):
            self.client.subscribe(sid, self.client.channels)
            self.client.channels += 1

    def _channels(self, names: Sequence[str]) -> list[int]:
        self.client.channels = 0
        request = b"".join(_create(number, name) for number, name in enumerate(names))
        self.client.sock.sendall(request)
        return [self.client.expect(18).second for _ in names]

    def begin(self) -> None:
        """Forget what came so far."""
        self.client.sock.setblocking(False)
        self.events = 0
        self.first[:] = self.last

    def take(self) -> None:
        """What has arrived. Raises BlockingIOError when there is nothing more."""
        data = self.client.buffer + self._rest + self.client.sock.recv(1 << 20)
        self.client.buffer = b""
        whole = len(data) // EVENT.itemsize
        events = np.frombuffer(data, EVENT, whole)
        self._rest = data[whole * EVENT.itemsize :]
        assert (events["head"][:, 0] == 1).all(), "only events arrive"
        self.events += whole
        self.last[events["subid"]] = events["value"]
        np.copyto(self.first, self.last, where=np.isnan(self.first))

    @property
    def written(self) -> int:
        """Changes of its PVs from the first to the last event: what a client that misses nothing counts."""
        return int(np.nansum(self.last - self.first))

    def close(self) -> None:
        self.client.close()


def watch(watchers: Sequence[Watcher], seconds: float) -> float:
    """Read for a time; how long it really was."""
    with selectors.DefaultSelector() as selector:
        for watcher in watchers:
            selector.register(watcher.client.sock, selectors.EVENT_READ, watcher)
        begin = time.monotonic()
        while (now := time.monotonic()) < begin + seconds:
            for key, _ in selector.select(0.05):
                with suppress(BlockingIOError):
                    key.data.take()
    return now - begin


def _create(cid: int, name: str) -> bytes:
    payload = name.encode() + b"\0"
    payload += b"\0" * (-len(payload) % 8)
    return HEADER.pack(18, len(payload), 0, 0, cid, 13) + payload


def get_times(port: int, name: str, count: int) -> list[float]:
    """Seconds of each round trip of a get."""
    client = connect(port)
    sid = client.connect(name)
    times = [_round_trip(client, HEADER.pack(15, 0, TIME_DOUBLE, 1, sid, n)) for n in range(count)]
    client.close()
    return times


def put_times(port: int, name: str, count: int) -> list[float]:
    """Seconds of each round trip of a put-callback."""
    client = connect(port)
    sid = client.connect(name)
    requests = (HEADER.pack(19, 8, DOUBLE, 1, sid, n) + struct.pack(">d", n) for n in range(count))
    times = [_round_trip(client, request) for request in requests]
    client.close()
    return times


def _round_trip(client: RawClient, request: bytes) -> float:
    begin = time.perf_counter()
    client.sock.sendall(request)
    client.receive()
    return time.perf_counter() - begin


def put(port: int, name: str, value: float) -> None:
    """A put-callback."""
    client = connect(port)
    client.send(19, DOUBLE, 1, client.connect(name), 1, struct.pack(">d", value))
    client.expect(19)
    client.close()


def search_for_others(port: int, known: str, count: int) -> None:
    """Searches for names that nobody has, one in a datagram; returns when the last has been read."""
    datagrams = [_search(f"FACILITY:ELSEWHERE:{n % 1000}:Value", n) for n in range(50)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        for mark in range(count // len(datagrams)):
            for datagram in datagrams:
                udp.sendto(datagram, ("127.0.0.1", port))
            udp.sendto(_search(known, 1000 + mark), ("127.0.0.1", port))
            while HEADER.unpack_from(answer := udp.recv(4096), len(answer) - 24)[5] != 1000 + mark:
                pass


def _search(name: str, cid: int) -> bytes:
    payload = name.encode() + b"\0"
    payload += b"\0" * (-len(payload) % 8)
    return HEADER.pack(0, 0, 0, 13, 0, 0) + HEADER.pack(6, len(payload), 5, 13, cid, cid) + payload
