"""What our server costs and delivers, beside stock caproto and EPICS base (pythonSoftIOC), in one run.

A server has one core, its clients the other. Knows processes and figures; knows no server from inside.
"""

import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from statistics import median

import psutil

from tests.benchmarks import peer
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.scene import FAR_CORE, NEAR_CORE, ROOT, Urgency, awake, ended, on_core
from tests.benchmarks.server_load import Watcher, connect, get_times, put, put_times, search_for_others, watch
from tests.support.network import ca_environment

OURS, STOCK, BASE = "ours", "stock", "softioc"
WORDS = {OURS: "here", STOCK: "stock caproto", BASE: "pythonSoftIOC"}
PREFIX = "B:"
OTHER = "python3.13"
RECORDS, WATCHED, CLIENTS, HERTZ = 5000, 500, 10, 20.0
OFFERED = WATCHED * CLIENTS * HERTZ
STALLED_BUFFER = 4096
START_S = 60.0
ABREAST = 0.95
"""Of the events that another client got, or that were to be made: counted in times a little apart."""
MIB = 1 << 20
NAN = math.nan


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and how long it took to answer a first get."""

    env: Mapping[str, str]
    process: psutil.Process
    start_s: float

    @property
    def port(self) -> int:
        return int(self.env["EPICS_CAS_SERVER_PORT"])

    @property
    def cpu_s(self) -> float:
        """Processor time of the process so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    @property
    def rss_mib(self) -> float:
        """Memory of the process."""
        return self.process.memory_info().rss / MIB


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events of some clients over some time. `part` of what was due that the worst of them got; CPU of the
    server."""

    events_per_s: float
    part: float
    cpu: float
    rss_mib: float

    @property
    def us_per_event(self) -> float:
        return 1e6 * self.cpu / self.events_per_s


@dataclass(frozen=True, slots=True)
class Figures:
    """One server under one interpreter. Times in seconds."""

    start_s: float = NAN
    rss_mib: float = NAN
    get_s: float = NAN
    put_s: float = NAN
    connect_s: float = NAN
    search_s: float = NAN
    one: Delivery | None = None
    ten: Delivery | None = None
    beside_stalled: Delivery | None = None


@contextmanager
def running(kind: str, python: str, records: int) -> Iterator[Server]:
    """A server on a core of its own."""
    env = ca_environment()
    environment = {**os.environ, **env, "CAPROTO_SERVER_HIGH_LOAD_WARN_LATENCY_SEC": "0"}
    command = [python, "-m", "tests.benchmarks.server_ioc", kind, str(records), PREFIX]
    begin = time.monotonic()
    with on_core(FAR_CORE, Urgency.FIRST):
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, text=True)
    with ended(child):
        _first_get(int(env["EPICS_CAS_SERVER_PORT"]), f"{PREFIX}{records - 1}", child)
        yield Server(env, psutil.Process(child.pid), time.monotonic() - begin)


def _first_get(port: int, name: str, child: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and child.poll() is None:
        with suppress(OSError):
            get_times(port, name, 1)
            return
        time.sleep(0.005)
    raise RuntimeError(f"no server: {child.args!r}")


# Measurements


def answers(server: Server, scale: float) -> Figures:
    """Gets, puts, searches and connecting, while nothing else happens."""
    count = max(100, round(5000 * scale))
    gets, puts = get_times(server.port, f"{PREFIX}0", count), put_times(server.port, f"{PREFIX}Put", count)
    searches, before = max(500, round(50_000 * scale)), server.cpu_s
    search_for_others(server.port, f"{PREFIX}0", searches)
    search_s = (server.cpu_s - before) / searches
    connect_s = median(_connect(server) for _ in range(max(1, round(3 * scale))))
    return Figures(server.start_s, server.rss_mib, median(gets), median(puts), connect_s, search_s)


def _connect(server: Server) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.server_connect", str(RECORDS), PREFIX]
    env = {**os.environ, **server.env}
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


@contextmanager
def watched(
    server: Server, clients: int, hertz: float, *, stalled: bool = False
) -> Iterator[Sequence[Watcher]]:
    """So many clients with a monitor on each PV that moves; one more may not read at all."""
    names = [f"{PREFIX}{number}" for number in range(WATCHED)]
    with ExitStack() as stack:
        if stalled:
            deaf = Watcher(server.port, names, receive_buffer=STALLED_BUFFER)
            stack.callback(deaf.close)
        watchers = [Watcher(server.port, names) for _ in range(clients)]
        for watcher in watchers:
            stack.callback(watcher.close)
        with connect(server.port):
            put(server.port, f"{PREFIX}Hz", hertz)
        try:
            yield watchers
        finally:
            with suppress(OSError):  # a server may have gone down under the load
                put(server.port, f"{PREFIX}Hz", 0.0)


def deliver(server: Server, clients: int, hertz: float, seconds: float, *, stalled: bool = False) -> Delivery:
    """Events to so many clients, once they have come into swing."""
    with watched(server, clients, hertz, stalled=stalled) as watchers:
        watch(watchers, seconds / 4)
        return delivered(server, watchers, seconds)


def delivered(server: Server, watchers: Sequence[Watcher], seconds: float) -> Delivery:
    """What comes in a time."""
    for watcher in watchers:
        watcher.begin()
    before = server.cpu_s
    elapsed = watch(watchers, seconds)
    cpu = (server.cpu_s - before) / elapsed
    events = sum(watcher.events for watcher in watchers)
    return Delivery(events / elapsed, _worst_part(watchers), cpu, server.rss_mib)


def _worst_part(watchers: Sequence[Watcher]) -> float:
    """Of the events due, the part that the worst client got: what is missing shows as gaps between its values
    or, where it stopped getting any, beside the client that got most."""
    most = max(watcher.events for watcher in watchers)
    gaps = min(watcher.events / max(watcher.written, 1) for watcher in watchers)
    behind = min(watcher.events for watcher in watchers) / max(most, 1)
    return gaps if behind >= ABREAST else min(gaps, behind)


def figures(kind: str, python: str, scale: float) -> Figures:
    """All of one server."""
    starts = []
    for _ in range(max(0, round(2 * scale))):
        with running(kind, python, RECORDS) as server:
            starts.append(server.start_s)
    with running(kind, python, RECORDS) as server:
        found = answers(server, scale)
        starts.append(server.start_s)
    seconds = max(1.0, 8.0 * scale)
    with running(kind, python, WATCHED) as server:
        one = deliver(server, 1, HERTZ / 2, seconds)
    with running(kind, python, WATCHED) as server:
        ten = deliver(server, CLIENTS, HERTZ, seconds)
    found = replace(found, start_s=median(starts), one=one, ten=ten)
    if kind != OURS:
        return found
    with running(kind, python, WATCHED) as server:
        return replace(found, beside_stalled=deliver(server, CLIENTS - 1, HERTZ, seconds, stalled=True))


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """Interpreter -> server -> its figures."""

    of: Mapping[str, Mapping[str, Figures]]

    def report(self) -> Report:
        tables = tuple(_table(version, servers) for version, servers in self.of.items())
        targets = tuple(t for version, servers in self.of.items() for t in _targets(version, servers))
        missing = () if len(self.of) > 1 else ("A second interpreter was " + peer.HOW_TO + ".",)
        return Report(tables, targets, missing)


def interpreters() -> dict[str, str]:
    """This one, and the other if it is set up: by version."""
    found = {platform.python_version(): sys.executable}
    if peer.is_there(OTHER):
        asked = [str(peer.python(OTHER)), "-c", "import platform; print(platform.python_version())"]
        version = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        found[version] = str(peer.python(OTHER))
    return found


def measure(scale: float = 1.0) -> ServerFigures:
    """`scale` 1 takes about three minutes for each interpreter."""
    with awake(), on_core(NEAR_CORE, Urgency.FIRST):
        return ServerFigures(
            {
                version: {kind: figures(kind, str(python), scale) for kind in WORDS}
                for version, python in interpreters().items()
            }
        )


# Presentation

Cells = Callable[[Figures], float]
ROWS: Sequence[tuple[str, Cells, str]] = (
    ("get, round trip, µs", lambda f: 1e6 * f.get_s, ".0f"),
    ("put-callback, round trip, µs", lambda f: 1e6 * f.put_s, ".0f"),
    (f"{RECORDS} channels connected by libca, s", lambda f: f.connect_s, ".2f"),
    ("a search for somebody else's PV, µs of CPU", lambda f: 1e6 * f.search_s, ".1f"),
    (f"start with {RECORDS} records to a first get, s", lambda f: f.start_s, ".2f"),
    (f"memory with {RECORDS} records, MiB", lambda f: f.rss_mib, ".0f"),
    (f"1 client, {OFFERED / 20:,.0f} events/s: CPU per event, µs", lambda f: _us(f.one), ".1f"),
    (f"{CLIENTS} clients, {OFFERED:,.0f} events/s: delivered per second", lambda f: _rate(f.ten), ",.0f"),
    ("the same: CPU, % of a core", lambda f: 100 * f.ten.cpu if f.ten else NAN, ".0f"),
    ("the same: CPU per event, µs", lambda f: _us(f.ten), ".1f"),
    ("the same: memory, MiB", lambda f: f.ten.rss_mib if f.ten else NAN, ".0f"),
)


def _us(delivery: Delivery | None) -> float:
    return delivery.us_per_event if delivery else NAN


def _rate(delivery: Delivery | None) -> float:
    return delivery.events_per_s if delivery else NAN


def _table(version: str, servers: Mapping[str, Figures]) -> Table:
    columns = ("", *(WORDS[kind] for kind in servers), "here / pythonSoftIOC", "stock / here")
    rows = []
    for what, cell, form in ROWS:
        ours, stock, base = (cell(servers[kind]) for kind in (OURS, STOCK, BASE))
        figures = tuple(format(cell(found), form) for found in servers.values())
        rows.append((what, *figures, f"{ours / base:.2f}", f"{stock / ours:.2g}"))
    return Table(f"Python {version}, {CLIENTS} × {WATCHED} × {HERTZ:g} Hz:", columns, tuple(rows))


def _targets(version: str, servers: Mapping[str, Figures]) -> Iterator[Target]:
    ours, stock, base = (servers[kind] for kind in (OURS, STOCK, BASE))
    on = f", {version.rpartition('.')[0]}"
    assert ours.ten and ours.beside_stalled
    yield at_most(f"server{on}: get, times base", ours.get_s / base.get_s, 2.5)
    yield at_most(f"server{on}: put-callback, times base", ours.put_s / base.put_s, 2.5)
    connected = ours.connect_s / base.connect_s
    yield at_most(f"server{on}: {RECORDS} channels connected, times base", connected, 10)
    yield at_most(f"server{on}: a foreign search, times base", ours.search_s / base.search_s, 3)
    yield at_most(f"server{on}: start with {RECORDS} records, s", ours.start_s, 1.0)
    yield at_most(f"server{on}: memory with {RECORDS} records, MiB", ours.rss_mib, 80)
    yield _all(f"server{on}: of {OFFERED:,.0f} events/s delivered", ours.ten, OFFERED)
    for what, other, limit in (("stock's", stock, 1 / 8), ("pythonSoftIOC's", base, 1 / 2)):
        yield at_most(f"server{on}: CPU per event, part of {what}", _us(ours.ten) / _us(other.ten), limit)
    nine = f"server{on}: delivered to nine beside one that does not read"
    yield _all(nine, ours.beside_stalled, OFFERED * (CLIENTS - 1) / CLIENTS)


def at_most(what: str, got: float, limit: float) -> Target:
    """A figure that must not be larger."""
    return Target(what, f"<= {limit:.4g}", f"{got:.2f}", got <= limit)


def _all(what: str, delivery: Delivery, offered: float) -> Target:
    met = delivery.part == 1.0 and delivery.events_per_s >= ABREAST * offered
    return Target(what, "all", f"{100 * delivery.part:.2f} % of {delivery.events_per_s:,.0f}/s", met)
