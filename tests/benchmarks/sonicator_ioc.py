"""The sonicator IOC as a process: puts through Channel Access, an overload, keep-alives under load."""

import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devsup.sim.sonicator_bench import UNIT, SonicatorLine
from devsup.sim.sonicator_board import Ailment, Board, BoardConfig, BoardUnit, Cause, TransducerConfig
from devsup.sim.wire import PtyLine
from tests.benchmarks.scene import simulated
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, ca_environment, free_port
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

BAUDRATE = 115200
PREFIX = "BENCH:SON:"
NUMBERS = (1, 2, 3, 4)
START_STOP = 0x0160
CLIENTS = 4
PUT_PAUSE_S = 0.15  # the longest between two puts of one client


@dataclass(frozen=True, slots=True)
class Endurance:
    """How long, puts and refused ones, keep-alives missed and answered per second; was it deaf at the end?"""

    seconds: float
    puts: int
    refused: int
    missed: int
    rate_hz: float
    deaf: bool


@contextmanager
def urgent() -> Iterator[None]:
    """What is started inside runs at real-time priority on any core, as far as the system lets us: it is
    compared with a bound, and not with other programs."""
    _schedule("SCHED_FIFO", 1)
    try:
        yield
    finally:
        _schedule("SCHED_OTHER", 0)


def _schedule(policy: str, priority: int) -> None:
    with suppress(PermissionError, AttributeError):
        os.sched_setscheduler(0, getattr(os, policy), os.sched_param(priority))


def configuration(url: str, poll_s: float) -> str:
    sonicators = "\n".join(f"  SON{number}: {{number: {number}, amplitude: 60}}" for number in NUMBERS)
    return f"line: {{url: {url}}}\nboard: {{poll_period: {poll_s}}}\nsonicators:\n{sonicators}\n"


@contextmanager
def served(url: str, poll_s: float, env: dict[str, str], *, hurried: bool = True) -> Iterator[IocProcess]:
    """The IOC, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        db = Path(folder) / "sonicator.yaml"
        db.write_text(configuration(url, poll_s))
        options = ("--db", str(db), "--prefix", PREFIX, "--interfaces", LOOPBACK)
        with ExitStack() as stack:
            with urgent() if hurried else nullcontext():
                process = IocProcess("sonicator", *options, log=Path(folder) / "ioc.log", env=env)
                ioc = stack.enter_context(process)
            yield ioc


def wait_valid(client: CaClient) -> None:
    for number in NUMBERS:
        name = f"{PREFIX}SON{number}:Power"
        wait_until(lambda: client.read(name).severity == 0, 20.0, f"{name} valid")  # noqa: B023


# -- puts ------------------------------------------------------------------------------------------


def put_times(count: int, latency_s: float) -> dict[str, list[float]]:
    """Seconds from put to put-callback of `count` starts and stops, all four polled as fast as it goes; and
    of puts ("neither") that ask nothing of the board."""
    chance, env = random.Random(1), ca_environment()
    times: dict[str, list[float]] = {"start": [], "stop": [], "neither": []}
    wired = ",".join(map(str, NUMBERS))
    with simulated("sonicator", "--wired", wired, baudrate=BAUDRATE, latency_s=latency_s) as line:
        with served(line.url, 0.01, env), urgent(), CaClient(env) as client:
            wait_valid(client)
            for name in ("Start", "Stop", "MaxRunTime"):
                client.wait_connected(f"{PREFIX}SON4:{name}")
            for _ in range(count):
                times["neither"].append(_timed_put(client, f"{PREFIX}SON4:MaxRunTime", 0))
                for name, state in (("start", 2), ("stop", 0)):
                    time.sleep(chance.uniform(0.0, 0.05))
                    times[name].append(_timed_put(client, f"{PREFIX}SON4:{name.capitalize()}"))
                    wait_until(lambda: client.get(f"{PREFIX}SON4:State") == state, 5.0)  # noqa: B023
    return {name: sorted(found) for name, found in times.items()}


def _timed_put(client: CaClient, name: str, value: int = 1) -> float:
    begin = time.perf_counter()
    client.put(name, value)
    return time.perf_counter() - begin


# -- an overload -----------------------------------------------------------------------------------


class Watched(BoardUnit):
    """Notes, in the board's own milliseconds, when the overload was flagged and when a stop arrived."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.flagged_ms: int | None = None
        self.stopped_ms: int | None = None
        self._fail = board.units[4].fail
        board.units[4].fail = self._failing  # type: ignore[method-assign]

    def _failing(self, cause: Cause, now_ms: int) -> None:
        if self.flagged_ms is None and Cause.OVERLOAD in cause:
            self.flagged_ms = now_ms
        self._fail(cause, now_ms)

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        if (
            address == START_STOP
            and values[0] == 0
            and self.flagged_ms is not None
            and self.stopped_ms is None
        ):
            self.stopped_ms = self.board.ms
        super().write_registers(address, values)


def overload_times(count: int, poll_s: float, latency_s: float) -> list[float]:
    """Seconds from the flag in the board's registers until a stop from the IOC had arrived, `count` times."""
    chance, env, times = random.Random(2), ca_environment(), []
    board = Board(BoardConfig(wired={number: TransducerConfig() for number in NUMBERS}))
    server = SonicatorLine(board, BAUDRATE, latency_s)
    server.stations[UNIT].unit = unit = Watched(board)
    with PtyLine(server, BAUDRATE, name="sonbench") as wire, served(wire.url, poll_s, env):
        with CaClient(env) as client:
            wait_valid(client)
            for _ in range(count):
                times.append(_overload_once(client, board, unit, chance))
    return sorted(times)


def _overload_once(client: CaClient, board: Board, unit: Watched, chance: random.Random) -> float:
    client.put(f"{PREFIX}SON4:Start", 1)
    wait_until(lambda: client.get(f"{PREFIX}SON4:State") == 2, 5.0, "running")
    time.sleep(chance.uniform(0.0, 0.05))
    unit.flagged_ms = unit.stopped_ms = None
    board.set_ailment(4, Ailment.OVERLOAD)
    wait_until(lambda: unit.stopped_ms is not None, 5.0, "a stop")
    assert unit.flagged_ms is not None and unit.stopped_ms is not None
    board.set_ailment(4, Ailment.OK)
    wait_until(lambda: client.get(f"{PREFIX}SON4:State") == 4, 5.0, "FAULT")
    client.put(f"{PREFIX}SON4:OverloadReset", 1)
    return (unit.stopped_ms - unit.flagged_ms) / 1000.0


# -- endurance -------------------------------------------------------------------------------------


def endurance(seconds: float) -> Endurance:
    """Four clients put at random to a board that goes deaf after 1 s without a request."""
    env = ca_environment()
    wired = ",".join(map(str, NUMBERS))
    with ExitStack() as stack:
        line = stack.enter_context(
            simulated("sonicator", "--wired", wired, "--deaf", baudrate=BAUDRATE, latency_s=0.001)
        )
        stack.enter_context(served(line.url, 0.02, env, hurried=False))
        watcher = stack.enter_context(CaClient(env))
        wait_valid(watcher)
        before = watcher.get(f"{PREFIX}KeepAlive:Missed")
        puts = _put_at_random(env, seconds)
        missed = watcher.get(f"{PREFIX}KeepAlive:Missed") - before
        rate, comm = watcher.get(f"{PREFIX}KeepAlive:Rate"), watcher.get(f"{PREFIX}Comm")
    return Endurance(seconds, puts["put"], puts["refused"], int(missed), rate, comm == 2)


def _put_at_random(env: dict[str, str], seconds: float) -> dict[str, int]:
    counts, lock = {"put": 0, "refused": 0}, threading.Lock()

    def client(seed: int) -> None:
        chance = random.Random(seed)
        with CaClient({**env, "EPICS_CA_REPEATER_PORT": str(free_port())}) as ca:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                refused = _put_something(ca, chance)
                with lock:
                    counts["put"] += 1
                    counts["refused"] += refused
                time.sleep(chance.uniform(0.0, PUT_PAUSE_S))

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def _put_something(client: CaClient, chance: random.Random) -> bool:
    """Was it refused?"""
    number = chance.choice(NUMBERS)
    choices: list[tuple[str, Any]] = [
        (f"SON{number}:Start", 1),
        (f"SON{number}:Stop", 1),
        (f"SON{number}:Amplitude", chance.randint(15, 105)),
        (f"SON{number}:OverloadReset", 1),
        ("GlobalAmplitude", chance.randint(20, 100)),
        ("StopAll", 1),
    ]
    name, value = chance.choice(choices)
    with suppress(Refused):
        client.put(f"{PREFIX}{name}", value, timeout=20.0)
        return False
    return True
