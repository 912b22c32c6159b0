"""What stock caproto 1.3.0 does to its users, D1 to D10 and the client's, shown on it and gone here.

    python -m tests.caserver.defects [D5 ...]

prints a table. Each experiment is the same for both servers (defects_ioc.py) and says in words what harm it
saw, or nothing. test_defects.py asks that stock is harmed by each: what upstream mends can be left out here.
"""

import asyncio
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from caproto.asyncio.client import Context as StockClient

from iocs.common.links import Links
from tests.caserver.raw import HEADER, RawClient
from tests.support.network import ca_environment
from tests.support.processes import Process
from tests.support.waiting import until, wait_until

P = "X:"
ECA_NORMAL, ECA_INTERNAL, ECA_GETFAIL = 1, 142, 152
DOUBLE, LONG, STRING, ENUM, TIME_DOUBLE = 6, 5, 0, 3, 20
PATIENCE_S = 3.0


@dataclass
class Server:
    """One of the two, running."""

    kind: str
    env: dict[str, str]
    process: Process

    @property
    def memory(self) -> psutil.Process:
        return psutil.Process(self.process.pid)

    def client(self, **options: int) -> RawClient:
        """A new client that has said who it is."""
        client = RawClient(int(self.env["EPICS_CAS_SERVER_PORT"]), **options)
        client.sock.settimeout(PATIENCE_S)
        client.greet()
        return client

    def put(self, name: str, value: float, *, wait: bool = True) -> int:
        """A put-callback; its status."""
        with self.client() as client:
            sid = client.connect(P + name)
            client.send(19 if wait else 4, DOUBLE, 1, sid, 7, struct.pack(">d", value))
            return client.expect(19).first if wait else 0

    def read(self, name: str, dtype: int = DOUBLE) -> tuple[int, bytes]:
        """Status and payload of a get."""
        with self.client() as client:
            client.send(15, dtype, 1, client.connect(P + name), 8)
            while (answer := client.receive()).command not in (15, 11):
                pass
            if answer.command == 11:  # an exception message, which names the status in its second number
                return answer.second, b""
            return answer.first, answer.payload

    def serves(self) -> bool:
        """Whether a new client gets a value."""
        try:
            return self.read("Note", STRING)[0] == ECA_NORMAL
        except OSError:
            return False


@contextmanager
def running(kind: str, folder: Path) -> Iterator[Server]:
    env = {**ca_environment(), "CAPROTO_SERVER_HIGH_LOAD_WARN_LATENCY_SEC": "0"}
    command = [sys.executable, "-m", "tests.caserver.defects_ioc", kind, P]
    with Process(command, folder / f"{kind}.log", env) as process:
        process.wait_for("ready")
        yield Server(kind, env, process)


def many_subscriptions(server: Server, count: int, *, reads: bool) -> RawClient:
    """A client with so many subscriptions of one PV, with little room if it does not read."""
    client = server.client() if reads else server.client(receive_buffer=4096)
    sid = client.connect(P + "Plain")
    for subid in range(count):
        client.subscribe(sid, subid)
    return client


def d1_a_client_that_does_not_read(server: Server) -> str:
    """It subscribes and reads nothing: do others still get events?"""
    with many_subscriptions(server, 200, reads=False):
        for _ in range(10):
            with suppress(OSError):
                server.put("Burst", 200)
        with server.client() as fresh:
            fresh.subscribe(fresh.connect(P + "Plain"), 1)
            try:
                fresh.expect(1)
            except OSError:
                return "a new monitor gets no event, not even its first"
    return ""


def d2_a_client_that_leaves_under_load(server: Server) -> str:
    """It reads more slowly than events come, and dies: is anybody still served?"""
    try:
        for _ in range(20):
            victims = [many_subscriptions(server, 200, reads=False) for _ in range(2)]
            for _ in range(3):
                server.put("Burst", 100, wait=False)
            for _ in range(100):
                for victim in victims:
                    victim.sock.recv(4096)
            for victim in victims:
                victim.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                victim.close()
            wait_until(server.serves, PATIENCE_S)
    except (OSError, AssertionError):
        return "the server serves nobody any more"
    return ""


def d3_memory_of_a_subscription(server: Server) -> str:
    """A client that reads everything: what does it cost?"""
    subscriptions, values = 40, 1000
    with many_subscriptions(server, subscriptions, reads=True) as client:
        for _ in range(subscriptions):
            client.expect(1)
        before = server.memory.memory_info().rss
        for _ in range(values // 10):
            server.put("Burst", 10)
            last: set[int] = set()
            while len(last) < subscriptions:
                event = client.expect(1)
                if struct.unpack(">d", event.payload[16:24]) == (10.0,):
                    last.add(event.second)
        grown = (server.memory.memory_info().rss - before) / subscriptions
    return f"{grown / 1e6:.1f} MB per subscription" if grown > 0.2e6 else ""


def d4_a_read_that_fails(server: Server) -> str:
    """A text asked for as a number: which status comes back?"""
    status, _ = server.read("Note")
    assert status in (ECA_INTERNAL, ECA_GETFAIL), status
    return "ECA_INTERNAL, at which C clients abort" if status == ECA_INTERNAL else ""


def d5_a_state_that_is_none(server: Server) -> str:
    """A put of 5 to a choice of three: can it still be read?"""
    server.put("Mode", 5)
    status, _ = server.read("Mode", STRING)
    return "" if status == ECA_NORMAL else f"every later read fails ({status})"


def d6_a_value_of_the_wrong_type(server: Server) -> str:
    """The IOC's own code writes a text to a number: can it still be read?"""
    server.put("Spoil", 1)
    status, _ = server.read("Plain")
    return "" if status == ECA_NORMAL else f"every later read fails ({status})"


def d7_whose_alarm_it_is(server: Server) -> str:
    """One PV beyond its limit: what do the others show?"""
    server.put("Flow", 95)
    severities = [struct.unpack_from(">hh", server.read(n, TIME_DOUBLE)[1])[1] for n in ("Flow", "Plain")]
    assert severities[0] == 2, "the PV itself is in MAJOR"
    return "its neighbours show its alarm" if severities[1] else ""


def d8_a_header_of_four_gigabytes(server: Server) -> str:
    """It is announced and begins to arrive: is it kept?"""
    before = server.memory.memory_info().rss
    with server.client() as client:
        client.sock.sendall(HEADER.pack(19, 0xFFFF, DOUBLE, 0, 1, 1) + struct.pack(">II", 0xFFFFFFF0, 1))
        try:
            for _ in range(64):
                client.sock.sendall(bytes(1 << 20))
        except OSError:
            return ""
        grown = server.memory.memory_info().rss - before
    return f"{grown / 1e6:.0f} MB of 64 MB are kept" if grown > 30e6 else ""


def d9_a_flood_of_puts(server: Server) -> str:
    """2,000 puts to a PV that takes a second for each: how many are carried out at once?"""
    with server.client() as client:
        sid = client.connect(P + "Slow")
        for number in range(2000):
            client.send(4, DOUBLE, 1, sid, number, struct.pack(">d", number))
        client.send(23)
        client.sock.settimeout(20)
        client.expect(23)
        wait_until(lambda: server.put("Most", 1) == ECA_NORMAL, 20)
        status, value = server.read("Most")
        assert status == ECA_NORMAL
        most = int(struct.unpack(">d", value)[0])
    return f"{most} at once" if most > 1 else ""


def d10_a_task_that_dies(server: Server) -> str:
    """A task of the IOC raises: does the IOC live, or at least say that it made everything safe?"""
    server.put("Task", 1, wait=False)
    try:
        wait_until(lambda: not server.process.is_running() or not server.serves(), PATIENCE_S)
    except AssertionError:
        return ""
    return "the IOC is gone"


def d10b_sigterm(server: Server) -> str:
    """As systemd and containers stop an IOC: is everything made safe?"""
    server.process.signal(signal.SIGTERM)
    server.process.wait()
    return "" if "made safe" in server.process.output() else "no hook has run"


def client_after_silence(server: Server) -> str:
    """A server hangs until the IOC's own client gives up, and returns: does the client?"""
    with patch.dict("os.environ", {**server.env, "EPICS_CA_CONN_TMO": "1"}):
        return asyncio.run(_silence(server, stock_client if server.kind == "stock" else our_client))


Follow = Callable[[list[float]], AbstractAsyncContextManager[Callable[[], bool]]]


@asynccontextmanager
async def stock_client(values: list[float]) -> AsyncIterator[Callable[[], bool]]:
    """Collects the values of Plain; gives a question: is the server taken for lost?"""

    async def came(_: Any, response: Any) -> None:
        values.append(float(response.data[0]))

    context = StockClient()
    (pv,) = await context.get_pvs(P + "Plain")
    pv.subscribe(data_type="time").add_callback(came)
    yield lambda: pv.circuit_manager.dead.is_set()
    await context.disconnect()


@asynccontextmanager
async def our_client(values: list[float]) -> AsyncIterator[Callable[[], bool]]:
    """The same."""
    links = Links(check_s=0.1, stale_s=0.5)
    link = links.to(P + "Plain")
    link.watch(lambda link: values.append(link.value) if isinstance(link.value, float) else None)
    keeping = asyncio.create_task(links.run())
    yield lambda: not link.connected
    keeping.cancel()
    await asyncio.wait([keeping])


async def _silence(server: Server, follow: Follow) -> str:
    values: list[float] = []
    async with follow(values) as given_up:
        await until(lambda: values, 10, "a first value")
        server.process.signal(signal.SIGSTOP)
        await until(given_up, 30, "the server is taken for lost")
        server.process.signal(signal.SIGCONT)
        await asyncio.to_thread(server.put, "Burst", 3)
        try:
            await until(lambda: 3.0 in values, 10)
        except AssertionError:
            return "it never comes back"
    return ""


EXPERIMENTS: dict[str, Callable[[Server], str]] = {
    "D1": d1_a_client_that_does_not_read,
    "D2": d2_a_client_that_leaves_under_load,
    "D3": d3_memory_of_a_subscription,
    "D4": d4_a_read_that_fails,
    "D5": d5_a_state_that_is_none,
    "D6": d6_a_value_of_the_wrong_type,
    "D7": d7_whose_alarm_it_is,
    "D8": d8_a_header_of_four_gigabytes,
    "D9": d9_a_flood_of_puts,
    "D10": d10_a_task_that_dies,
    "D10, SIGTERM": d10b_sigterm,
    "client": client_after_silence,
}


def harm(name: str, kind: str, folder: Path) -> str:
    """What an experiment does to a server of its own; empty if it bears it."""
    with running(kind, folder) as server:
        return EXPERIMENTS[name](server)


def main(wanted: list[str]) -> None:
    print("| | experiment | stock caproto 1.3.0 | here |\n|---|---|---|---|")
    for name, experiment in EXPERIMENTS.items():
        if not wanted or name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                stock, ours = (harm(name, kind, Path(folder)) or "well" for kind in ("stock", "ours"))
            print(f"| {name} | {experiment.__doc__} | {stock} | {ours} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
