"""Clients that stall, die, flood or talk nonsense: nobody else may notice (D1-D4, D8, D9)."""

import os
import random
import socket
import struct
from collections.abc import Iterator

import psutil
import pytest

from iocs.caserver.dbr import PUT_ACKS, Mask
from tests.caserver.conftest import Served, running
from tests.caserver.raw import HEADER, RawClient
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(60)
ECA_GETFAIL, ECA_PUTFAIL, ECA_NOWTACCESS, ECA_PUTCBINPROG = 152, 160, 376, 362


@pytest.fixture
def raw(bench: Served) -> Iterator[RawClient]:
    with RawClient(int(bench.env["EPICS_CAS_SERVER_PORT"])) as client:
        client.greet()
        yield client


def port(bench: Served) -> int:
    return int(bench.env["EPICS_CAS_SERVER_PORT"])


def test_a_stalled_client_stops_nobody_and_costs_little(bench: Served) -> None:
    """D1, D3: it never reads; the others see every value, and memory stays."""
    process = psutil.Process(bench.process.pid)
    with RawClient(port(bench), receive_buffer=4096) as stalled:
        stalled.greet()
        sid = stalled.connect(bench("Plain"))
        for subid in range(200):
            stalled.subscribe(sid, subid)
        healthy = bench.ca.monitor(bench("Plain"))
        healthy.wait_count(1)
        for _ in range(20):
            bench.ca.put(bench("Burst"), 40)
        before = process.memory_info().rss
        for _ in range(40):
            bench.ca.put(bench("Burst"), 40)
        bench.ca.put(bench("Burst"), 50)
        healthy.wait_for(lambda e: e.value == 50.0)
        grown = process.memory_info().rss - before
        assert grown < 4e6
    assert bench.ca.get(bench("Plain")) == 50.0


def test_a_stalled_client_gets_the_newest_value_when_it_reads_again(bench: Served) -> None:
    with RawClient(port(bench), receive_buffer=4096) as client:
        client.greet()
        sid = client.connect(bench("Plain"))
        for subid in range(300):
            client.subscribe(sid, subid)
        for _ in range(40):
            bench.ca.put(bench("Burst"), 40)
        bench.ca.put(bench("DrivePlain"), -1.0)
        newest: dict[int, float] = {}
        while len(newest) < 300 or set(newest.values()) != {-1.0}:
            event = client.expect(1)
            newest[event.second] = struct.unpack(">d", event.payload[16:24])[0]


def test_clients_that_die_under_load_leave_nothing(bench: Served) -> None:
    """D2."""
    process = psutil.Process(bench.process.pid)
    files = process.num_fds()
    for _ in range(5):
        victim = RawClient(port(bench), receive_buffer=4096)
        victim.greet()
        sid = victim.connect(bench("Plain"))
        for subid in range(50):
            victim.subscribe(sid, subid)
        bench.ca.put(bench("Burst"), 300, wait=False)
        victim.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        victim.close()
    wait_until(lambda: process.num_fds() <= files)
    assert bench.ca.get(bench("Note")) == "hello"


def test_a_read_that_fails_is_answered_with_getfail(bench: Served, raw: RawClient) -> None:
    """D4: libca aborts the client's program on ECA_INTERNAL."""
    sid = raw.connect(bench("Note"))
    bench.ca.put(bench("Note"), "words")
    raw.send(15, 6, 1, sid, 77)
    answer = raw.expect(15)
    assert (answer.first, answer.second) == (ECA_GETFAIL, 77)
    raw.subscribe(sid, 5)
    assert raw.expect(1).first == ECA_GETFAIL
    raw.send(23)
    raw.expect(23)
    bench.ca.put(bench("Note"), "hello")


def test_an_acknowledgement_of_nothing_is_refused(bench: Served, raw: RawClient) -> None:
    sid = raw.connect(bench("Note"))
    raw.send(19, PUT_ACKS, 0, sid, 5)
    assert raw.expect(19).first == ECA_PUTFAIL


def test_a_put_without_access_is_answered(bench: Served, raw: RawClient) -> None:
    sid = raw.connect(bench("Flow"))
    raw.send(19, 6, 1, sid, 5, struct.pack(">d", 1.0))
    assert raw.expect(19).first == ECA_NOWTACCESS
    raw.send(4, 6, 1, sid, 5, struct.pack(">d", 1.0))
    complaint = raw.expect(11)
    assert complaint.second == ECA_NOWTACCESS
    assert b"no write access" in complaint.payload


def test_a_flood_of_put_callbacks_is_bounded_and_all_are_answered(bench: Served, raw: RawClient) -> None:
    """D9: one at a time, and beyond a limit the client is told that one is in progress."""
    sid = raw.connect(bench("Setpoint"))
    for ioid in range(1000):
        raw.send(19, 6, 1, sid, ioid, struct.pack(">d", 11.0 if ioid % 2 else 7.0))
    seen = [raw.expect(19).first for _ in range(700)]
    assert set(seen) == {ECA_PUTFAIL, ECA_PUTCBINPROG}


def test_a_plain_put_that_fails_brings_the_reason(bench: Served, raw: RawClient) -> None:
    sid = raw.connect(bench("Clipped"), cid=9)
    raw.send(4, 6, 1, sid, 5, struct.pack(">d", float("nan")))
    complaint = raw.expect(11)
    assert (complaint.first, complaint.second) == (9, ECA_PUTFAIL)
    assert b"nan is not a finite number" in complaint.payload


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(19, 0xFFFF, 4, 0, 1, 1) + struct.pack(">II", 0xFFFFFFF0, 1),
        HEADER.pack(99, 0, 0, 0, 0, 0),
        HEADER.pack(15, 0, 6, 1, 4711, 0),
        HEADER.pack(2, 0, 6, 1, 4711, 0),
        HEADER.pack(1, 0, 6, 1, 4711, 0),
        HEADER.pack(12, 0, 0, 0, 4711, 0),
        b"GET / HTTP/1.1\r\nHost: ioc\r\n\r\n" * 50,
    ],
    ids=["4 GiB", "unknown command", "read", "cancel", "subscribe", "clear", "http"],
)
@pytest.mark.parametrize("at_rest", [False, True], ids=["in a row", "at rest"])
def test_a_client_that_breaks_the_protocol_is_hung_up_on(
    bench: Served, raw: RawClient, data: bytes, at_rest: bool
) -> None:
    """D8 and the zombies: closed at once, nothing buffered, no traceback.

    At rest, with nothing in front of it, a request is done past the circuit's task.
    """
    if at_rest:
        raw.send(23)
        raw.expect(23)
    raw.sock.sendall(data)
    assert raw.is_closed()
    assert "Traceback" not in bench.process.output().replace("a bug", "").partition("RuntimeError")[0]


def test_any_number_of_versions_and_a_name_server_search(bench: Served, raw: RawClient) -> None:
    for _ in range(3):
        raw.send(0, count=13, dtype=5)
    raw.send(6, 10, 13, 42, 42, bench("Flow").encode() + b"\0")
    found = raw.expect(6)
    assert (found.dtype, found.second) == (port(bench), 42)
    raw.send(6, 10, 13, 43, 43, b"NOBODY:HAS:THIS\0")
    assert raw.expect(14).first == 43
    raw.send(6, 5, 13, 44, 44, b"NOBODY:HAS:THIS\0")
    raw.send(23)
    assert raw.expect(23).command == 23


def test_requests_are_done_in_their_order_however_they_are_cut(bench: Served, raw: RawClient) -> None:
    """Some go past the circuit's task, if they come whole; they must not overtake those that do not."""
    raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    chance, sid = random.Random(3), raw.connect(bench("Free"))
    for n in range(300):
        value = struct.pack(">d", float(n % 7))
        monitor = HEADER.pack(1, 16, 6, 1, sid, n) + struct.pack(">fffHH", 0, 0, 0, 1, 0)
        put, get = HEADER.pack(4, 8, 6, 1, sid, n) + value, HEADER.pack(15, 0, 6, 1, sid, n)
        whole = (monitor if n % 3 == 0 else b"") + put + get
        cuts = sorted(chance.sample(range(1, len(whole)), 2))
        for part in (whole[: cuts[0]], whole[cuts[0] : cuts[1]], whole[cuts[1] :]):
            raw.sock.sendall(part)
        assert raw.expect(15).payload == value
        if n % 3 == 0:
            raw.send(2, 6, 1, sid, n)


def test_no_event_after_the_answer_to_a_cancel(bench: Served, raw: RawClient) -> None:
    sid = raw.connect(bench("Plain"))
    raw.subscribe(sid, 1, Mask.VALUE)
    raw.expect(1)
    bench.ca.put(bench("Burst"), 20)
    raw.send(2, 20, 1, sid, 1)
    bench.ca.put(bench("Burst"), 20)
    raw.send(23)
    seen = []
    while (message := raw.receive()).command != 23:
        seen.append(len(message.payload))
    assert seen.index(0) == len(seen) - 1


def test_events_off_holds_events_back_and_on_brings_the_newest(bench: Served, raw: RawClient) -> None:
    sid = raw.connect(bench("Plain"))
    raw.subscribe(sid, 1)
    raw.expect(1)
    raw.send(8)
    raw.send(23)
    raw.expect(23)
    bench.ca.put(bench("Burst"), 500)
    raw.send(23)
    assert raw.receive().command == 23
    raw.send(9)
    values = [0.0]
    while values[-1] != 500.0:
        values.append(struct.unpack(">d", raw.expect(1).payload[16:24])[0])
    assert values == sorted(values)


def test_a_channel_that_is_given_back_takes_its_subscriptions_along(bench: Served, raw: RawClient) -> None:
    sid = raw.connect(bench("Plain"), cid=3)
    raw.subscribe(sid, 1)
    raw.send(12, first=sid, second=3)
    assert raw.expect(12).second == 3
    bench.ca.put(bench("Burst"), 5)
    raw.send(23)
    assert raw.receive().command == 23


def test_mutated_frames_do_no_harm(bench: Served) -> None:
    chance = random.Random(5064)
    template = b"".join(
        HEADER.pack(c, 16, chance.randrange(40), 1, chance.randrange(3), chance.randrange(3)) + bytes(16)
        for c in (0, 1, 2, 4, 6, 12, 15, 18, 19, 20, 21, 23)
    )
    for _ in range(100):
        data = bytearray(template)
        for _ in range(chance.randrange(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with RawClient(port(bench)) as client:
            client.connect(bench("Plain"))
            client.sock.sendall(data)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(500):
            udp.sendto(os.urandom(chance.randrange(1, 200)), ("127.0.0.1", port(bench)))
    assert bench.ca.get(bench("Note")) == "hello"


def search(bench: Served, address: str, name: str) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.settimeout(2)
        payload = name.encode().ljust(24, b"\0")
        version = HEADER.pack(0, 0, 1, 13, 4321, 0)
        udp.sendto(version + HEADER.pack(6, 24, 5, 13, 7, 7) + payload, (address, port(bench)))
        return udp.recv(1000)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.255.255"])
def test_searches_are_heard_directly_and_by_broadcast(bench: Served, address: str) -> None:
    answer = search(bench, address, bench("Flow"))
    version, found = HEADER.unpack_from(answer), HEADER.unpack_from(answer, 16)
    assert (version[0], version[4]) == (0, 4321)
    assert (found[0], found[2], found[5]) == (6, port(bench), 7)


def test_searches_in_quick_succession_are_all_answered_and_a_late_one_too(bench: Served) -> None:
    payload = bench("Flow").encode().ljust(24, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        for burst in (range(100), range(100, 200), range(200, 201)):
            for cid in burst:
                udp.sendto(HEADER.pack(6, 24, 5, 13, cid, cid) + payload, ("127.0.0.1", port(bench)))
            answers = [udp.recv(1000) for _ in burst]
            assert sorted(HEADER.unpack_from(answer, 16)[5] for answer in answers) == list(burst)


@pytest.mark.parametrize("name", ["NOBODY:HAS", "BENCH:Flow.NOPE", "BENCH:Flow.{bad", "BENCH:Flow.VAL$", ""])
def test_foreign_names_stay_without_an_answer(bench: Served, name: str) -> None:
    with pytest.raises(TimeoutError):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.1)
            payload = name.encode().ljust(24, b"\0")
            udp.sendto(HEADER.pack(6, 24, 5, 13, 7, 7) + payload, ("127.0.0.1", port(bench)))
            udp.recv(1000)


def test_two_hundred_clients_at_once(bench: Served) -> None:
    clients = [RawClient(port(bench)) for _ in range(200)]
    try:
        for client in clients:
            client.greet()
            client.subscribe(client.connect(bench("Plain")), 1)
        bench.ca.put(bench("DrivePlain"), 77.0)
        for client in clients:
            while struct.unpack(">d", client.expect(1).payload[16:24])[0] != 77.0:
                pass
    finally:
        for client in clients:
            client.close()


def test_a_server_takes_its_port_again_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """libca itself waits 10 s before it searches anew; a port that is still taken would wait for minutes."""
    with running(tmp_path_factory.mktemp("first")) as first:
        with RawClient(port(first)) as client:
            client.connect(first("Note"))
            assert first.process.terminate() == 0
            assert client.is_closed()
        with running(tmp_path_factory.mktemp("second"), **first.env):
            with RawClient(port(first)) as client:
                assert client.connect(first("Note")) is not None
