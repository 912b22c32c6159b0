"""Bad treatment: puts of every kind, instruments that fail and return, clients that stall and die.

Each is a loop that ends when it is told to. Choices come from a seed.
"""

from __future__ import annotations

import itertools
import math
import random
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iocs.caserver import Record
from iocs.common.spec import Kind
from tests.caserver.raw import RawClient
from tests.support.ca import CaClient, NoAnswer, Refused
from tests.support.plant import RUNNING
from tests.support.processes import Process

SPARED = ("SYSRESET", "Access:Reload")
"""Would end the IOC, or read its rules again; both have tests of their own."""
NONSENSE: Sequence[Any] = (
    math.nan, math.inf, -math.inf, 1e308, -1, 0, 99999999999, "", "nonsense", "x" * 39, "Ä" * 10,
    [1.0, 2.0, 3.0], ["a", "b"], True,
)  # fmt: skip
HELPFUL: Sequence[tuple[str, Any]] = (
    *((f"LAB:{name}:EStop:Reset", 1) for name in ("GAS", "FLOW", "ENV", "SON", "TEC")),
    ("LAB:GAS:Interlock:Reset", 1), ("LAB:ENV:Mode", 0), ("LAB:TEC:Rearm", 1), ("LAB:TEC:Resume", 1),
    ("LAB:SON:SON4:OverloadReset", 1), ("LAB:SON:SON4:Enabled", 1), *RUNNING.items(),
)  # fmt: skip
"""Puts by which something runs again: without them all would soon be stopped, latched and quiet."""
HELP = 0.2
LONGEST_FAULT_S = 6.0
STALLED_S = 5.0
MONITORED, LONGEST_STOP_S, RECOVERY_S = 150, 20.0, 60.0
PATIENCE_S = 30.0  # that a put-callback may take


@dataclass
class Account:
    """What was done, and what came of it."""

    done: dict[str, int] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    """Puts without an answer, and clients that heard nothing any more."""
    died: list[str] = field(default_factory=list)
    """Loops that ended before they were told to."""

    def count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1


def anything(record: Record[Any], chance: random.Random) -> Any:
    """For a PV of this kind: something sensible in two of three cases."""
    spec = record.spec
    if chance.random() < 0.33:
        return chance.choice(NONSENSE)
    if spec.states:
        return chance.choice([chance.randrange(len(spec.states)), chance.choice(spec.states)])
    if spec.kind is Kind.COMMAND:
        return 1
    if spec.kind in (Kind.SETPOINT, Kind.INTEGER, Kind.COUNTER, Kind.READBACK):
        low, high = (edge if math.isfinite(edge) else 100.0 * at for at, edge in enumerate(spec.drive))
        value = chance.uniform(low, high) * chance.choice([1.0, 1.0, 1.0, 1.2])
        return round(value) if spec.kind is Kind.INTEGER else value
    return chance.choice(["Sputtering Process", "N2", "Ar", "07:30", "a remark"])


def put_anything(
    client: CaClient, records: Mapping[str, Record[Any]], seed: int, ended: threading.Event, account: Account,
    pause_s: float,
) -> None:  # fmt: skip
    """Puts and put-callbacks on every PV that can be written, in turn, but those of the simulation."""
    chance = random.Random(seed)
    names = [
        name for name, record in records.items()
        if record.writable and ":SIM:" not in name and not name.endswith(SPARED)
    ]  # fmt: skip
    chance.shuffle(names)
    turns = itertools.cycle(names)
    while not ended.wait(pause_s):
        if chance.random() < HELP:
            name, value = chance.choice(HELPFUL)
        else:
            name = next(turns)
            value = anything(records[name], chance)
        try:
            client.put(name, value, wait=chance.random() < 0.7, timeout=PATIENCE_S)
            account.count("puts")
        except Refused:
            account.count("puts refused")
        except RuntimeError:  # pyepics itself knows no way to send that
            account.count("puts that no client can make")
        except NoAnswer as error:
            account.unanswered.append(f"{name}: {error}")


def break_and_mend(
    client: CaClient, records: Mapping[str, Record[Any]], seed: int, ended: threading.Event, account: Account
) -> None:
    """Switches of the simulation, thrown for some seconds, one after the other; at the end all is well."""
    chance = random.Random(seed)
    switches = {
        name: record.value for name, record in records.items()
        if record.writable and ":SIM:" in name and record.spec.kind in (Kind.CHOICE, Kind.FLAG)
    }  # fmt: skip
    while not ended.is_set():
        name = chance.choice(list(switches))
        _throw(client, name, chance.randrange(len(records[name].spec.states)), account)
        ended.wait(chance.uniform(0.5, LONGEST_FAULT_S))
        _throw(client, name, switches[name], account)
    for name, value in switches.items():
        _throw(client, name, value, account)


def _throw(client: CaClient, name: str, state: int, account: Account) -> None:
    try:
        client.put(name, state, timeout=PATIENCE_S)
        account.count("switches thrown")
    except Refused:  # not every instrument can have every fault
        account.count("switches refused")
    except NoAnswer as error:
        account.unanswered.append(f"{name}: {error}")


def misbehave(
    ports: Sequence[int], names: Sequence[str], seed: int, ended: threading.Event, account: Account
) -> None:
    """Clients that subscribe and do not read, send rubbish, or are gone from one moment to the next."""
    chance = random.Random(seed)
    while not ended.wait(0.2):
        with suppress(OSError):
            _one_bad_client(RawClient(chance.choice(ports), receive_buffer=4096), chance, names, ended)
            account.count("bad clients")


def _one_bad_client(
    client: RawClient, chance: random.Random, names: Sequence[str], ended: threading.Event
) -> None:
    try:
        client.greet()
        for number, name in enumerate(chance.sample(names, 20)):
            client.send(18, first=number, second=13, payload=name.encode() + b"\0")
        if chance.random() < 0.3:
            client.sock.sendall(chance.randbytes(200))
        ended.wait(chance.choice([0.0, 0.1, STALLED_S]))
    finally:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        client.close()


def stop_clients(
    log: Path, env: Mapping[str, str], names: Sequence[str], seed: int, ended: threading.Event,
    account: Account,
) -> None:  # fmt: skip
    """libca clients that are stopped as by Ctrl-Z, then killed or go on; who goes on must hear again."""
    chance = random.Random(seed)
    while not ended.is_set():
        command = [sys.executable, "-m", "tests.soak.bystander", *chance.sample(names, MONITORED)]
        with Process(command, log, env) as client:
            told = _events(client, 0, ended)
            if not told and not ended.is_set():
                account.unanswered.append(f"a client heard nothing: {client.output()[-500:]}")
            client.signal(signal.SIGSTOP)
            ended.wait(chance.uniform(1.0, LONGEST_STOP_S))
            account.count("clients stopped")
            if chance.random() < 0.5:
                client.signal(signal.SIGCONT)
                if not _events(client, told, ended) and not ended.is_set():
                    account.unanswered.append(f"a stopped client heard nothing after {told} events")
        log.unlink()


def _events(client: Process, beyond: int, ended: threading.Event) -> int:
    """How many events a client has heard, once that are more than so many; 0 if that does not come."""
    deadline = time.monotonic() + RECOVERY_S
    while time.monotonic() < deadline and not ended.wait(0.2):
        counts = re.findall(r"^\d+ (\d+)$", client.output(), re.MULTILINE)
        if counts and int(counts[-1]) > beyond:
            return int(counts[-1])
    return 0


def at_rest(client: CaClient, names: Sequence[str], within_s: float) -> list[str]:
    """PVs of these that cannot be read, after all has had time to return."""
    deadline = time.monotonic() + within_s
    missing = list(names)
    while missing and time.monotonic() < deadline:
        missing = [name for name in missing if not _reads(client, name)]
    return missing


def _reads(client: CaClient, name: str) -> bool:
    try:
        client.read(name, form="ctrl", timeout=5.0)
        return True
    except (Refused, NoAnswer):
        return False
