"""A million mutated frames over TCP and UDP: the server takes them all, answers afterwards, has not grown."""

import random
import socket
from contextlib import suppress

import psutil
import pytest

from iocs.caserver import wire
from tests.caserver.conftest import Served
from tests.caserver.mutants import Mutants
from tests.caserver.raw import HEADER, RawClient

BY_TCP, BY_UDP = 500_000, 500_000
BATCH = 50
PATIENCE_S = 0.1
NAMES = ("Wave", "Free", "Mode", "Note", "Essay.VAL$", "Free.HIHI", "Lamp", "Number", "Banded", "Mode.ONST")


def conversation(client: RawClient, chance: random.Random, names: list[str]) -> int:
    """Talk until the server hangs up or is lost in what it reads; how many messages it has surely taken."""
    client.greet()
    mutants = Mutants(chance, [client.connect(name) for name in names], names)
    client.sock.settimeout(PATIENCE_S)
    taken = 0
    with suppress(OSError):
        while taken < 40 * BATCH:
            mark = taken + 1
            client.sock.sendall(b"".join(mutants.some(BATCH)) + wire.frame(wire.ECHO, 0, 0, 77, mark))
            while (answer := client.expect(wire.ECHO)).first != 77 or answer.second != mark:
                pass
            taken += BATCH
    return taken


def mutated_by_tcp(port: int, chance: random.Random, names: list[str]) -> int:
    taken = 0
    while taken < BY_TCP:
        with RawClient(port) as client:
            taken += conversation(client, chance, names)
    return taken


def mutated_by_udp(port: int, chance: random.Random, names: list[str]) -> int:
    """A search for a name that is there says when the datagrams before it have been taken."""
    mutants, taken = Mutants(chance, [0], names), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        while taken < BY_UDP:
            for _ in range(10):
                udp.sendto(mutants.datagram(BATCH), ("127.0.0.1", port))
            mark = taken + 1
            search = wire.frame(wire.SEARCH, 5, 13, mark, mark, names[0].encode() + b"\0")
            udp.sendto(search, ("127.0.0.1", port))
            while last_found(udp) != mark:
                pass
            taken += 10 * BATCH
    return taken


def last_found(udp: socket.socket) -> int:
    """The number of the last search that the next datagram answers."""
    answer = udp.recv(1 << 16)
    number: int = HEADER.unpack_from(answer, len(answer) - 24)[5]
    return number


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_million_mutated_frames(bench: Served) -> None:
    chance, port = random.Random(5064), int(bench.env["EPICS_CAS_SERVER_PORT"])
    names = [bench(name) for name in NAMES]
    process = psutil.Process(bench.process.pid)
    bystander = bench.ca.monitor(bench("Plain"))
    with RawClient(port) as client:
        conversation(client, chance, names)
    before = process.memory_info().rss
    assert mutated_by_tcp(port, chance, names) >= BY_TCP
    assert mutated_by_udp(port, chance, names) >= BY_UDP
    assert bench.ca.get(bench("Note.RTYP")) == "stringout"
    bench.ca.put(bench("DrivePlain"), 12.0)
    assert bystander.wait_for(lambda event: event.value == 12.0)
    assert process.memory_info().rss - before < 20e6
    assert process.num_fds() < 40
    assert "Traceback" not in bench.process.output()
