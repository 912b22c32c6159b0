"""A million mutated frames over TCP and UDP: the server answers afterwards, and has not grown."""

import random
import socket

import psutil
import pytest

from tests.caserver.conftest import Served
from tests.caserver.raw import HEADER, RawClient

FRAMES = 1_000_000
PER_CONNECTION = 100
HARMLESS = (0, 1, 3, 4, 4, 6, 8, 9, 10, 15, 15, 18, 19, 19, 20, 21, 23)
ENDING = (2, 12, 99)


def mutated(chance: random.Random, count: int) -> bytes:
    """Frames that are nearly right: most are understood, a few end the connection."""
    frames = bytearray()
    for _ in range(count):
        command = chance.choice(ENDING if chance.random() < 0.01 else HARMLESS)
        payload = chance.randbytes(chance.choice((16, 40, 80)))
        numbers = (chance.randrange(40 if command in (3, 4, 15, 19) else 39), chance.randrange(10))
        frame = bytearray(
            HEADER.pack(command, len(payload), *numbers, 1, chance.randrange(1 << 32)) + payload
        )
        if chance.random() < 0.01:
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        frames += frame
    return bytes(frames)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_mutated_frames(bench: Served) -> None:
    chance, port = random.Random(5064), int(bench.env["EPICS_CAS_SERVER_PORT"])
    process, sent = psutil.Process(bench.process.pid), 0
    bench.ca.get(bench("Note"))
    before = process.memory_info().rss
    while sent < FRAMES:
        with RawClient(port) as client:
            client.connect(bench(chance.choice(("Wave", "Free", "Mode", "Note", "Essay.VAL$", "Free.HIHI"))))
            try:
                client.sock.sendall(mutated(chance, PER_CONNECTION))
            except OSError:
                pass  # hung up on, as it should be
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(mutated(chance, 20), ("127.0.0.1", port))
        sent += PER_CONNECTION + 20
    assert bench.ca.get(bench("Note.RTYP")) == "stringout"
    bench.ca.put(bench("DrivePlain"), 12.0)
    assert bench.ca.get(bench("Plain")) == 12.0
    assert process.memory_info().rss - before < 20e6
    assert process.num_fds() < 40
    assert "Traceback" not in bench.process.output()
