"""The laboratory as processes, its treatment, its observer, and the account at the end."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from iocs.__main__ import furnished
from iocs.caserver import Record
from iocs.common.group import merge
from iocs.common.subsystem import find, known
from tests.soak.treatment import Account, at_rest, break_and_mend, misbehave, put_anything, stop_clients
from tests.support.ca import CaClient
from tests.support.plant import Plant, plant
from tests.support.processes import Process

WARM_UP = 0.3
"""Part of the time after which memory is to stay."""
RETURN_S = 60.0
MIB = 1 << 20


@dataclass
class Outcome:
    """What was found. `memory`: MiB of each IOC once warm, and at the end."""

    account: Account = field(default_factory=Account)
    broken: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    memory: dict[str, tuple[float, float]] = field(default_factory=dict)
    judged: int = 0
    updates: int = 0
    unreached: int = 0

    def problems(self, growth_mib: float) -> list[str]:
        """Everything that should not be."""
        sizes = self.memory.items()
        grown = [f"{name} grew by {b - a:.1f} MiB" for name, (a, b) in sizes if b - a > growth_mib]
        unread = [f"{name} cannot be read" for name in self.unread]
        return [
            *self.broken, *self.ended, *self.tracebacks, *self.account.unanswered, *unread, *grown,
            *(f"{name} ended before its time" for name in self.account.died),
            *(f"the observer did not reach {self.unreached} of its PVs" for _ in range(bool(self.unreached))),
            *(["the observer saw nothing"] if not self.judged or not self.updates else []),
        ]  # fmt: skip

    def words(self) -> str:
        """For people."""
        counts = ", ".join(f"{number} {what}" for what, number in sorted(self.account.done.items()))
        memory = ", ".join(f"{name} {a:.1f} -> {b:.1f}" for name, (a, b) in self.memory.items())
        return f"{counts}; {self.judged} judgements on {self.updates} updates; MiB: {memory}"


def soak(folder: Path, seconds: float, seed: int = 1, pause_s: float = 0.02) -> Outcome:
    """Treat all IOCs badly for so long. `pause_s`: between two puts."""
    outcome, records = Outcome(), all_records()
    with plant(folder) as running:
        with observed(running, folder, outcome):
            running.start()
            with treated(running, folder, records, seed, pause_s, outcome.account):
                _watch(running, seconds, outcome)
            outcome.unread = at_rest(running.client, list(records), RETURN_S)
        for name, ioc in running.iocs.items():
            if not ioc.is_running():
                outcome.ended.append(f"{name} ended with {ioc.child.returncode}")
            if "Traceback" in ioc.output():
                outcome.tracebacks.append(f"{name}: {_traceback(ioc.output())}")
    return outcome


def all_records() -> Mapping[str, Record[Any]]:
    """Every PV by its definition, to know what may be put."""
    groups = []
    for name in known():
        subsystem = find(name)
        ioc = furnished(subsystem, subsystem.load(subsystem.database, {}), subsystem.prefix, simulate=True)
        _KEPT.append(ioc)
        groups += ioc.groups
    return merge(groups)


_KEPT: list[object] = []
"""A simulation that is only looked at holds a folder until the end."""


@contextmanager
def observed(running: Plant, folder: Path, outcome: Outcome) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.soak.observer"]
    with Process(command, folder / "observer.log", env=running.env) as observer:
        try:
            yield
        finally:
            if observer.is_running():
                observer.terminate()
            lines = [json.loads(line) for line in observer.output().splitlines() if line.startswith("{")]
            outcome.broken += [line["broken"] for line in lines if "broken" in line]
            outcome.judged = sum(line.get("judged", 0) for line in lines)
            outcome.updates = sum(line.get("updates", 0) for line in lines)
            outcome.unreached = sum(line.get("unreached", 0) for line in lines)


@contextmanager
def treated(
    running: Plant, folder: Path, records: Mapping[str, Record[Any]], seed: int, pause_s: float,
    account: Account,
) -> Iterator[None]:  # fmt: skip
    ended, names = threading.Event(), list(records)
    ports = [_port(running.client, f"{find(name).prefix}IOC:HEARTBEAT") for name in known()]
    with ExitStack() as stack:
        one, other = (stack.enter_context(CaClient(running.env)) for _ in range(2))
        loops = [
            threading.Thread(target=put_anything, args=(one, records, seed, ended, account, pause_s)),
            threading.Thread(target=break_and_mend, args=(other, records, seed, ended, account)),
            threading.Thread(target=misbehave, args=(ports, names, seed, ended, account)),
            threading.Thread(
                target=stop_clients, args=(folder / "client.log", running.env, names, seed, ended, account)
            ),
        ]
        for loop in loops:
            loop.start()
        try:
            yield
        finally:
            account.died += [loop.name for loop in loops if not loop.is_alive()]
            ended.set()
            for loop in loops:
                loop.join()


def _port(client: CaClient, name: str) -> int:
    return int(str(client.info(name)["host"]).rpartition(":")[2])


def _watch(running: Plant, seconds: float, outcome: Outcome) -> None:
    """Until the time is over, or an IOC is: memory at the end of the warm-up and at the end."""
    over, processes = threading.Event(), {name: psutil.Process(ioc.pid) for name, ioc in running.iocs.items()}
    warm: dict[str, float] = {}
    for part in (WARM_UP, 1.0 - WARM_UP):
        over.wait(seconds * part)
        alive = {name: process for name, process in processes.items() if running.iocs[name].is_running()}
        now = {name: process.memory_info().rss / MIB for name, process in alive.items()}
        outcome.memory = {name: (warm.get(name, size), size) for name, size in now.items()}
        warm = warm or now


def _traceback(log: str) -> str:
    return log[log.index("Traceback") :][:2000]


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tests.soak [minutes] [seed]`: an hour by default."""
    import tempfile

    words = list(arguments if arguments is not None else sys.argv[1:])
    minutes = float(words[0]) if words else 60.0
    seed = int(words[1]) if len(words) > 1 else random.randrange(1 << 16)
    with tempfile.TemporaryDirectory(prefix="lab-soak-") as folder:
        outcome = soak(Path(folder), 60.0 * minutes, seed)
    problems = outcome.problems(growth_mib=5.0)
    print(f"seed {seed}: {outcome.words()}")
    print("\n".join(problems) or "nothing wrong")
    return 1 if problems else 0
