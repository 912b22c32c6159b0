"""recsync: bytes against the protocol's description, and an IOC against a receiver written from it."""

import asyncio
import os
import socket
import struct
import types
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from iocs.__main__ import main
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.recsync import client, wire
from iocs.common.recsync.client import CONNECTING, DONE, LISTENING, RecSync
from iocs.common.recsync.entries import ioc_infos
from iocs.common.recsync.wire import Announcement, Message
from iocs.common.spec import AlarmPolicy, Archive
from tests.support.ca import CaClient
from tests.support.network import LOOPBACK, LOOPBACK_BROADCAST, ca_environment, free_port
from tests.support.processes import ROOT, IocProcess, Process
from tests.support.recceiver import RecCeiver, Session, Upload
from tests.support.waiting import until, wait_until

TOY = ROOT / "tests" / "toy"

# Bytes


@pytest.mark.parametrize(
    ("datagram", "found"),
    [
        (b"RC\0\0\xff\xff\xff\xff\x13\x88\0\0\0\0\0\x07", Announcement("10.0.0.9", 5000, 7)),
        (b"RC\0X\x0a\x01\x02\x03\x13\x88XX\xff\0\0\0more", Announcement("10.1.2.3", 5000, 0xFF000000)),
        (b"RX\0\0\xff\xff\xff\xff\x13\x88\0\0\0\0\0\x07", None),
        (b"RC\x01\0\xff\xff\xff\xff\x13\x88\0\0\0\0\0\x07", None),
        (b"RC\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\x07", None),
        (b"RC\0\0\xff\xff\xff\xff\x13\x88\0\0\0\0\0", None),
        (b"", None),
    ],
)
def test_an_announcement_is_told_from_anything_else(datagram: bytes, found: Announcement | None) -> None:
    assert wire.announcement(datagram, "10.0.0.9") == found


def test_messages_are_as_described() -> None:
    assert wire.greeting(0x01020304) == b"RC\0\1\0\0\0\x08\0\0\0\0\1\2\3\4"
    assert wire.pong(b"\1\2\3\4and more") == b"RC\0\2\0\0\0\4\1\2\3\4"
    assert wire.add_record(5, "ai", "X:Y") == b"RC\0\3\0\0\0\x0d\0\0\0\5\0\2\0\3aiX:Y"
    assert wire.add_info(0, "key", "value") == b"RC\0\6\0\0\0\x10\0\0\0\0\3\0\0\5keyvalue"
    assert wire.upload_done() == b"RC\0\5\0\0\0\4\0\0\0\0"


def test_what_is_too_long_is_cut_between_characters() -> None:
    body = wire.add_info(1, "k\0ey", "µ" * 40000)[8:]
    assert struct.unpack_from(">IBxH", body) == (1, 3, 65534)
    assert body[8:].decode() == "key" + "µ" * 32767


def test_a_stream_is_taken_apart_however_it_comes() -> None:
    data = b"RC\x80\1\0\0\0\1\0" + b"RC\x80\2\0\0\0\4\1\2\3\4" + b"RC\x90\0\0\0\0\0"
    wanted = [Message(0x8001, b"\0"), Message(0x8002, b"\1\2\3\4"), Message(0x9000, b"")]
    for size in range(1, len(data) + 1):
        reader = wire.Reader()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        assert [message for piece in pieces for message in reader.feed(piece)] == wanted


@pytest.mark.parametrize("data", [b"HTTP/1.1 ", b"RC\x80\1\0\1\0\1"])
def test_a_peer_that_speaks_something_else_is_noticed(data: bytes) -> None:
    with pytest.raises(ValueError, match="a message"):
        list(wire.Reader().feed(data))


def test_the_name_of_the_ioc_and_its_port_are_told() -> None:
    told = ioc_infos("LAB-FLOW", 5070, {"ENGINEER": "A. Person", "LOCATION": "", "SECRET": "x"})
    assert (told["IOCNAME"], told["RSRV_SERVER_PORT"], told["ENGINEER"]) == ("LAB-FLOW", "5070", "A. Person")
    assert not {"LOCATION", "SECRET"} & set(told)
    assert told["HOSTNAME"] == socket.gethostname()


# The client by itself, with short waits


class Bench(Group):
    flow = pv.readback("Flow", "Flow", archive=Archive(1.0, method="SCAN"), alarm=AlarmPolicy("Look."))
    demand = pv.setpoint("Setpoint", "Demand", saved=True, writable=True, access="OPERATE")


@pytest.fixture
async def telling(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[RecSync, RecCeiver]]:
    """A client that runs, and a receiver which has yet to announce itself."""
    monkeypatch.setattr(client, "current_server", lambda: types.SimpleNamespace(port=5064))
    at = (LOOPBACK, free_port())
    waits = {"hold_off_s": 0.0, "silence_s": 1.0, "greeting_s": 0.5}
    recsync = RecSync("X:", "NAME", Bench("X:").pvdb, at, **waits)
    running = asyncio.create_task(recsync.run())
    with RecCeiver(at) as receiver:
        yield recsync, receiver
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def synchronise(receiver: RecCeiver) -> tuple[Session, Upload]:
    session = receiver.accept()
    assert session.greeting_key() == receiver.key
    session.greet()
    return session, session.upload()


async def test_everything_is_told_with_its_facts(telling: tuple[RecSync, RecCeiver]) -> None:
    recsync, receiver = telling
    session, told = await asyncio.to_thread(synchronise, receiver)
    with session:
        assert told.about("X:Flow") == {
            **{"type": "ai", "recordDesc": "Flow", "archive": "scan@1", "alarm": "Look."}
        }
        assert told.about("X:Setpoint") == {
            **{"type": "ao", "recordDesc": "Demand", "autosaveFields": "VAL", "asg": "OPERATE"}
        }
        await until(lambda: recsync.state.value == DONE, what="Done")
        assert recsync.message.value.startswith("2 records as NAME at 127.0.0.1:")


async def test_nothing_is_told_before_the_server_has_greeted(telling: tuple[RecSync, RecCeiver]) -> None:
    recsync, receiver = telling

    def meet() -> None:
        with receiver.accept() as session:
            session.greeting_key()
            assert session.nothing_more()
            session.send(0x8765, b"of a later version")
            assert session.nothing_more()

    await asyncio.to_thread(meet)
    assert recsync.state.value in (CONNECTING, LISTENING)


async def test_pings_are_answered_and_extra_bytes_and_messages_ignored(
    telling: tuple[RecSync, RecCeiver],
) -> None:
    recsync, receiver = telling

    def meet() -> None:
        session, _ = synchronise(receiver)
        with session:
            assert session.ping(b"\xde\xad\xbe\xef") == b"\xde\xad\xbe\xef"
            session.send(0x8100, b"")
            session.send(0x8002, b"\1")
            assert session.ping(b"\0\0\0\1more") == b"\0\0\0\1"

    await asyncio.to_thread(meet)


async def test_a_lost_server_is_found_again_and_told_the_same(telling: tuple[RecSync, RecCeiver]) -> None:
    recsync, receiver = telling
    session, first = await asyncio.to_thread(synchronise, receiver)
    session.close()
    await until(lambda: recsync.state.value == LISTENING, what="Listening")
    assert recsync.message.value == "it has closed the connection"
    session, second = await asyncio.to_thread(synchronise, receiver)
    session.close()
    assert second == first


async def test_a_server_that_falls_silent_is_left(telling: tuple[RecSync, RecCeiver]) -> None:
    recsync, receiver = telling
    session, _ = await asyncio.to_thread(synchronise, receiver)
    with session:
        await until(lambda: recsync.message.value == "it has fallen silent", what="silence is noticed")
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(session.receive)


async def test_what_is_no_receiver_is_left(telling: tuple[RecSync, RecCeiver]) -> None:
    recsync, receiver = telling
    with await asyncio.to_thread(receiver.accept) as session:
        session.socket.sendall(b"220 mail.example.org ESMTP\r\n")
        await until(lambda: "not 0x5243" in recsync.message.value, what="the wrong peer is noticed")


async def test_an_announcement_nobody_stands_behind_costs_nothing(telling: tuple[RecSync, RecCeiver]) -> None:
    recsync, receiver = telling
    receiver.close()
    with RecCeiver(("127.0.0.1", 1)) as closed:
        announcement = closed.announcement()
    at = recsync.message.value.rpartition(":")[2]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:

        def refused() -> bool:
            sock.sendto(announcement, (LOOPBACK, int(at)))
            return (
                "refused" in recsync.message.value.lower() or "Connect call failed" in recsync.message.value
            )

        await until(refused, what="the refusal is said")


# As a process


@pytest.fixture
def env() -> dict[str, str]:
    return {**ca_environment(), "PYTHONPATH": f"{ROOT}:{TOY}", "ENGINEER": "A. Person"}


def names_of(prefix: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    assert main(["flow", "--list-pvs", "--prefix", prefix, "--simulate"]) == 0
    return set(capsys.readouterr().out.split())


def test_an_ioc_tells_all_it_serves(
    env: dict[str, str], tmp_path: Path, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    at = free_port()
    options = ("--simulate", "--prefix", prefix, "--recsync", f"{LOOPBACK}:{at}")
    with IocProcess("flow", *options, log=tmp_path / "out", env=env), RecCeiver((LOOPBACK, at)) as receiver:
        session, told = synchronise(receiver)
        with session, CaClient(env) as ca:
            served = {name for name in names_of(prefix, capsys) if ":IOC:RecSync:" not in name}
            assert told.names() == served
            assert told.client["IOCNAME"] == prefix.strip(":")
            assert told.client["RSRV_SERVER_PORT"] == env["EPICS_CAS_SERVER_PORT"]
            assert told.client["ENGINEER"] == "A. Person"
            wait_until(lambda: ca.get(f"{prefix}IOC:RecSync:State", as_string=True) == "Done", what="Done")
            for name in (f"{prefix}N2:Flow", f"{prefix}EStop", f"{prefix}IOC:UPTIME"):
                facts = told.about(name)
                assert facts["type"] == ca.get(f"{name}.RTYP")
                assert facts["recordDesc"] == ca.get(f"{name}.DESC")


def test_iocs_of_one_host_hear_one_broadcast(env: dict[str, str], tmp_path: Path) -> None:
    at = (LOOPBACK_BROADCAST, free_port())
    listen = ("--recsync", "{}:{}".format(*at))
    with (
        IocProcess("toy", "--prefix", "A:", *listen, log=tmp_path / "a", env=env),
        IocProcess("toy", "--prefix", "B:", *listen, "--ioc-name", "second", log=tmp_path / "b", env=env),
        RecCeiver(at) as receiver,
    ):
        told = []
        for _ in range(2):
            session, upload = synchronise(receiver)
            told.append(upload.client["IOCNAME"])
            assert session.ping()
            session.close()
        assert set(told) == {"A", "second"}


def test_nobody_is_told_unless_asked_for(env: dict[str, str], tmp_path: Path, prefix: str) -> None:
    with IocProcess("toy", "--prefix", prefix, log=tmp_path / "out", env=env) as ioc, CaClient(env) as ca:
        assert ca.get(f"{prefix}IOC:RecSync:State", as_string=True) == "Off"
        sockets = psutil.Process(ioc.pid).net_connections("udp4")
        assert {each.laddr.port for each in sockets if each.laddr.ip != "0.0.0.0"} == {
            int(env["EPICS_CAS_SERVER_PORT"])
        }


# The real one


RECCEIVER = os.environ.get("RECCEIVER_TWISTD", "")


@pytest.mark.skipif(
    not RECCEIVER,
    reason="recceiver is not on the package index; RECCEIVER_TWISTD: the twistd of an environment with it",
)
def test_the_recceiver_of_channelfinder_understands(env: dict[str, str], tmp_path: Path, prefix: str) -> None:
    at = free_port()
    config = tmp_path / "recceiver.conf"
    config.write_text(
        f"[recceiver]\nbind = {LOOPBACK}:0\naddrlist = {LOOPBACK}:{at}\nannounceInterval = 0.5\n"
        "procs = show\nloglevel = DEBUG\n"
    )
    command = [RECCEIVER, "--nodaemon", f"--pidfile={tmp_path / 'pid'}", "recceiver", "-f", config]
    options = ("--prefix", prefix, "--recsync", f"{LOOPBACK}:{at}")
    with (
        Process(command, tmp_path / "recceiver", env) as server,
        IocProcess("toy", *options, log=tmp_path / "out", env=env),
        CaClient(env) as ca,
    ):
        server.wait_for("Done message from")
        wait_until(lambda: ca.get(f"{prefix}IOC:RecSync:State", as_string=True) == "Done", what="Done")
        count = int(str(ca.get(f"{prefix}IOC:RecSync:Message.VAL$", as_string=True)).split()[0])
        server.wait_for(rf"Rec:{count}, ")
        server.wait_for("pong nonce match", timeout=30)
