"""What the flow IOC costs and delivers: a real process on a paced line, and libca clients."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from tests.benchmarks.report import Report, Table
from tests.benchmarks.scene import ROOT, far_end
from tests.support.ca import CaClient, Monitor
from tests.support.network import ca_environment, free_port
from tests.support.processes import IocProcess

DATABASE = ROOT / "db" / "flow.yaml"
LINE_MACRO = "FLOW_BENCH1"
PREFIX = "BENCH:FLOW:"
INSTRUMENTS = ("N2", "Air", "He")
DEMAND = 0.6  # of the range
NODES = (3, 5, 6)
LATENCY_S = 0.002
NOISE = 0.002  # parts of the range: flows that never stand still
FAST_S = 0.05  # a poll period that three nodes on this line cannot quite keep
SETTLE_S = 5.0
SERVED_S = 30.0
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Load:
    """What the IOC used and delivered over some seconds. CPU in parts of one core, events of all clients."""

    scene: str
    polls_per_s: float
    cpu: float
    rss_mib: float
    events_per_s: float


@dataclass(frozen=True, slots=True)
class IocFigures:
    """`first_reading_s`: from the start of the process until a client holds a valid flow; `serving_s`: until
    it says that it serves."""

    pvs: int
    serving_s: float
    first_reading_s: float
    loads: Sequence[Load]

    def report(self) -> Report:
        columns = ("three instruments", "polls/s", "CPU, % of a core", "RSS, MiB", "events/s delivered")
        rows = tuple(
            (
                load.scene,
                f"{load.polls_per_s:.1f}",
                f"{100 * load.cpu:.1f}",
                f"{load.rss_mib:.0f}",
                f"{load.events_per_s:.0f}",
            )
            for load in self.loads
        )
        note = (
            f"From the start of the process: serving after {self.serving_s:.2f} s, first valid reading at a "
            f"client after {self.first_reading_s:.2f} s. Each client monitors {self.pvs} PVs."
        )
        return Report((Table("", columns, rows),), (), (note,))


def measure(scale: float = 1.0) -> IocFigures:
    """`scale` 1 takes about two minutes."""
    starts = [_start_once() for _ in range(max(1, round(5 * scale)))]
    seconds = max(1.0, 20.0 * scale)
    with _running() as scene:
        loads = list(_loads(scene, seconds, min(SETTLE_S, seconds)))
        pvs = len(scene.names)
    return IocFigures(pvs, median(one[0] for one in starts), median(one[1] for one in starts), loads)


@dataclass(frozen=True, slots=True)
class Scene:
    """An IOC that runs, a client, and the PVs of the instruments."""

    process: psutil.Process
    client: CaClient
    env: dict[str, str]
    names: tuple[str, ...]


@contextmanager
def _running() -> Iterator[Scene]:
    env = ca_environment()
    with far_end(NODES, LATENCY_S, NOISE) as line, CaClient(env) as client, _ioc(line.url, env) as ioc:
        for name in INSTRUMENTS:
            flow = client.monitor(f"{PREFIX}{name}:Flow")
            _wait_valid(flow)
            flow.close()
            client.put(f"{PREFIX}{name}:Setpoint", DEMAND * client.get(f"{PREFIX}{name}:Capacity"))
        yield Scene(psutil.Process(ioc.pid), client, env, _names())


def _loads(scene: Scene, seconds: float, settle_s: float) -> Iterator[Load]:
    """Watched by nobody else, by two, and then as fast as the line goes."""
    yield _load("5 Hz each, nobody watches", scene, [], seconds, settle_s)
    with ExitStack() as stack:
        watchers = [stack.enter_context(CaClient(_another(scene.env))) for _ in range(2)]
        monitors = [watcher.monitor(name, timeout=30.0) for watcher in watchers for name in scene.names]
        yield _load("5 Hz each, two clients on every PV", scene, monitors, seconds, settle_s)
        for name in INSTRUMENTS:
            scene.client.put(f"{PREFIX}{name}:PollPeriod", FAST_S)
        yield _load("as fast as the line goes, two clients on every PV", scene, monitors, seconds, settle_s)


def _another(env: dict[str, str]) -> dict[str, str]:
    """For one more client of the same server: each brings its own repeater of beacons."""
    return {**env, "EPICS_CA_REPEATER_PORT": str(free_port())}


def _load(
    scene_name: str, scene: Scene, monitors: Sequence[Monitor], seconds: float, settle_s: float
) -> Load:
    time.sleep(settle_s)
    begin, cpu_s, events, polls = time.monotonic(), _cpu_s(scene), _events(monitors), _operations(scene)
    time.sleep(seconds)
    elapsed_s = time.monotonic() - begin
    return Load(
        scene_name,
        (_operations(scene) - polls) / elapsed_s,
        (_cpu_s(scene) - cpu_s) / elapsed_s,
        scene.process.memory_info().rss / MIB,
        (_events(monitors) - events) / elapsed_s,
    )


def _cpu_s(scene: Scene) -> float:
    times = scene.process.cpu_times()
    return float(times.user + times.system)


def _events(monitors: Sequence[Monitor]) -> int:
    return sum(len(monitor.events) for monitor in monitors)


def _operations(scene: Scene) -> float:
    return float(scene.client.get(f"{PREFIX}PORT:bench1:Operations"))


# -- starting --------------------------------------------------------------------------------------


def _start_once() -> tuple[float, float]:
    """Seconds until the IOC serves, and until a client that connects then holds a valid flow."""
    env = ca_environment()
    with far_end(NODES, LATENCY_S) as line, CaClient(env) as client:
        begin = time.monotonic()
        with _ioc(line.url, env):
            serving_s = time.monotonic() - begin
            _wait_valid(client.monitor(f"{PREFIX}N2:Flow"))
            return serving_s, time.monotonic() - begin


@contextmanager
def _ioc(url: str, env: dict[str, str]) -> Iterator[IocProcess]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        arguments = ["--db", str(DATABASE), "--prefix", PREFIX, "--macro", f"{LINE_MACRO}={url}"]
        with IocProcess("flow", *arguments, log=Path(folder) / "ioc.log", env=env) as ioc:
            yield ioc


def _wait_valid(flow: Monitor) -> None:
    flow.wait_for(lambda event: event.severity == 0, timeout=30.0)


def _names() -> tuple[str, ...]:
    """PVs of the instruments, as the IOC lists them."""
    command = [sys.executable, "-m", "iocs", "flow", "--db", str(DATABASE), "--prefix", PREFIX, "--list-pvs"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return tuple(name for name in listed if name.removeprefix(PREFIX).split(":")[0] in INSTRUMENTS)
