"""Links to PVs of other servers: EPICS base, one of our own IOCs, and the same process."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from iocs.caserver import AlarmSeverity, AlarmStatus, wire
from iocs.caserver.interfaces import from_environment
from iocs.caserver.server import Server
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.links import Link, Links, Quality
from tests.conformance.servers import server
from tests.support.ca import CaClient
from tests.support.network import LOOPBACK
from tests.support.network import free_port as find_free_port
from tests.support.processes import Process
from tests.support.waiting import until

P = "LINKS:"
SERVERS = ("base_ioc", "our_ioc")
STALE_S = 0.8
RETURN_S = 10.0
"""Two searches, an IOC that is still starting, and a busy machine."""
pytestmark = pytest.mark.timeout(90)

Start = Callable[..., Process]


@pytest.fixture
def start(ca_env: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts one of SERVERS on this test's port."""
    with ExitStack() as running:

        def start(module: str) -> Process:
            pytest.importorskip("softioc")
            process = running.enter_context(server(module, [P], ca_env, tmp_path))
            process.log.write_bytes(b"")
            process.wait_for("ready")
            return process

        yield start


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICS_CA_CONN_TMO", "1.5")


@asynccontextmanager
async def running(*names: str) -> AsyncIterator[tuple[Link, ...]]:
    links = Links(check_s=0.1, stale_s=STALE_S)
    found = tuple(links.to(name) for name in names)
    task = asyncio.create_task(links.run())
    try:
        yield found
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def put(ca: CaClient, name: str, value: object) -> None:
    await asyncio.to_thread(ca.put, P + name, value)


async def started(start: Start, module: str) -> Process:
    return await asyncio.to_thread(start, module)


async def good(link: Link, timeout: float = 20.0) -> None:
    await until(lambda: link.good, timeout, f"{link.name} good")


@pytest.mark.parametrize("module", SERVERS)
async def test_a_link_carries_value_alarm_units_and_time(start: Start, ca: CaClient, module: str) -> None:
    await started(start, module)
    async with running(*(P + n for n in ("Ai", "Mbbo", "Stringout", "Lso.VAL$", "Wave", "Longout"))) as links:
        ai, mbbo, words, long_words, wave, longout = links
        await until(lambda: all(link.connected for link in links))
        assert ai.quality is Quality.INVALID and ai.status is AlarmStatus.UDF
        assert ai.reason == f"{P}Ai is INVALID (UDF)"
        for name, value in {"AiDrive": "85", "Mbbo": 1, "Stringout": "grün", "Longout": 7}.items():
            await put(ca, name, value)
        await put(ca, "Lso.VAL$", [*b"a sentence", 0])
        await put(ca, "Wave", [1.5, 2.5])
        await until(lambda: ai.value == 85 and longout.value == 7 and long_words.value == "a sentence")
        await until(lambda: wave.good and mbbo.value == 1 and words.value == "grün")
        assert (ai.good, ai.severity, ai.status) == (True, AlarmSeverity.MINOR, AlarmStatus.HIGH)
        assert (ai.units, longout.units, words.units) == ("ln/min", "pcs", "")
        assert (mbbo.text, mbbo.states) == ("Manual", ("Auto", "Manual", "Fault"))
        assert isinstance(wave.value, tuple) and wave.value[:2] == (1.5, 2.5)
        assert abs(ai.stamp - longout.stamp) < 60
        assert ai.reason == ""


@pytest.mark.parametrize("module", SERVERS)
async def test_a_server_that_is_killed_and_returns(start: Start, ca: CaClient, module: str) -> None:
    async with running(P + "Ao", P + "Nobody") as (ao, nobody):
        assert ao.quality is Quality.MISSING and "was not found" in ao.reason
        process = await started(start, module)
        await put(ca, "Ao", 5)
        await until(lambda: ao.value == 5)
        for _ in range(2):
            process.kill()
            await until(lambda: ao.quality is Quality.DISCONNECTED)
            assert ao.value is not None and "has been disconnected for" in ao.reason
            process = await started(start, module)
            await until(lambda: ao.quality is Quality.INVALID, RETURN_S)
            assert ao.status is AlarmStatus.UDF and ao.value == 0
        assert nobody.quality is Quality.MISSING


async def test_a_server_that_hangs_and_comes_to_itself(start: Start, ca: CaClient) -> None:
    process = await started(start, "base_ioc")
    async with running(P + "Ao") as (ao,):
        await put(ca, "Ao", 5)
        await until(lambda: ao.value == 5)
        seen: list[Quality] = []
        ao.watch(lambda link: seen.append(link.quality))
        for value, long in ((6, False), (7, True)):
            process.signal(signal.SIGSTOP)
            await until(lambda: ao.quality is Quality.STALE)
            assert ao.value == value - 1 and "silent for" in ao.reason
            if long:
                await until(lambda: ao.quality is Quality.DISCONNECTED)
            process.signal(signal.SIGCONT)
            await good(ao)
            await put(ca, "Ao", value)
            await until(lambda value=value: ao.value == value)  # type: ignore[misc]
        assert Quality.STALE in seen


async def test_an_unchanged_value_is_not_stale(start: Start, ca: CaClient) -> None:
    await started(start, "base_ioc")
    async with running(P + "Ao") as (ao,):
        await put(ca, "Ao", 5)
        await until(lambda: ao.value == 5)
        stamp, at = ao.stamp, ao.at
        bad: list[Quality] = []
        ao.watch(lambda link: bad.append(link.quality))
        await until(lambda: ao.at > at + 2 * STALE_S)
        assert bad == [] and ao.good and ao.stamp == stamp


class Own(Group):
    """PVs of this very process."""

    flow = pv.readback("Flow", "Measured flow", unit="ln/min")


@asynccontextmanager
async def serving(group: Group) -> AsyncIterator[Server]:
    server = Server(group.pvdb, from_environment())
    await server.open()
    await server.listen()
    try:
        yield server
    finally:
        await server.close()


async def test_a_link_to_the_same_process(prefix: str) -> None:
    own = Own(prefix)
    async with serving(own), running(prefix + "Flow") as (flow,):
        await until(lambda: flow.quality is Quality.INVALID)
        own.flow.set_ok(3.5)
        await until(lambda: flow.value == 3.5)
        own.flow.set_invalid()
        await until(lambda: flow.quality is Quality.INVALID)
        assert flow.status is AlarmStatus.COMM and flow.value == 3.5
        assert flow.reading.reason == f"{prefix}Flow is INVALID (COMM)"


async def test_without_links_nothing_runs() -> None:
    await Links().run()


async def test_one_name_is_one_link(prefix: str) -> None:
    links = Links()
    assert links.to(prefix + "A") is links.to(prefix + "A")


class Grumpy:
    """A server of bare sockets that finds every name, and then does as `manner` says."""

    def __init__(self, port: int, manner: str) -> None:
        self.manner = manner
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((LOOPBACK, port))
        self.udp.setblocking(False)
        self.port = find_free_port() if manner == "refuses" else port
        self.connections: list[asyncio.StreamWriter] = []
        self.searches = 0

    async def __aenter__(self) -> "Grumpy":
        asyncio.get_running_loop().add_reader(self.udp, self._search)
        if self.manner != "refuses":
            self.tcp = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        return self

    def _search(self) -> None:
        data, peer = self.udp.recvfrom(4096)
        while data:
            command, size, *_, cid = wire.HEADER.unpack(data[:16])
            if command == wire.SEARCH:
                version = b"\0\x0d" + bytes(6)
                answer = wire.frame(wire.SEARCH, self.port, 0, wire.HERE, cid, version)
                self.searches += 1
                self.udp.sendto(wire.frame(wire.VERSION, 0, 13, 0, 0) + answer, peer)
            data = data[16 + size :]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        if self.manner != "mute":
            writer.write(wire.frame(wire.VERSION, 0, 13, 0, 0))
        while head := await reader.read(16):
            command, size, _, _, cid, _ = wire.HEADER.unpack(head)
            await reader.readexactly(size)
            if command == wire.CREATE_CHAN:
                writer.write(self._created(cid))
        writer.close()

    def _created(self, cid: int) -> bytes:
        made = wire.frame(wire.ACCESS_RIGHTS, 0, 0, cid, 3) + wire.frame(wire.CREATE_CHAN, 6, 1, cid, 1)
        gone = wire.frame(27, 0, 0, cid, 0)
        answers = {"fails": wire.frame(wire.CREATE_CH_FAIL, 0, 0, cid, 0), "gives up": made + gone}
        return answers.get(self.manner, b"\xff" * 64)

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.udp)
        self.udp.close()
        if self.manner != "refuses":
            self.tcp.close()
            for connection in self.connections:
                connection.close()
            await self.tcp.wait_closed()


@pytest.mark.parametrize("manner", ["refuses", "mute", "fails", "gives up", "garbage"])
async def test_a_server_that_does_not_serve_is_not_the_end(
    start: Start, ca_env: dict[str, str], manner: str
) -> None:
    port = int(ca_env["EPICS_CA_SERVER_PORT"])
    async with running(P + "Ao") as (ao,):
        async with Grumpy(port, manner) as grumpy:
            await until(lambda: grumpy.searches > 2, 15)
            assert not ao.good
        await started(start, "our_ioc")
        await until(lambda: ao.connected, RETURN_S)


async def test_a_network_that_is_away_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "255.255.255.255:1 no.such.host.invalid")
    async with running(P + "Ao") as (ao,):
        at = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > at + 1)
        assert ao.quality is Quality.MISSING
    texts = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(texts) == len(set(texts)) and any("no.such.host.invalid" in t for t in texts)
