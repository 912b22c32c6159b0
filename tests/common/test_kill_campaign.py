"""kill -9 of a real IOC at random moments, while it starts and while a client changes its settings: nothing
confirmed is lost, and every start that is let live succeeds.

KILLS in the environment sets how often; without it as often as fits into a slow test.
"""

import math
import os
import random
import signal
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.caserver.raw import HEADER, RawClient
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

KILLS = int(os.environ.get("KILLS", "40"))
PATIENCE_S = 60.0 + 3.0 * KILLS
LONGEST_LIFE_S = 0.4
STILLBORN, LONGEST_START_S = 0.3, 1.0
"""Share of the lives that end from outside while the IOC starts, restores and writes its first file."""
SETTINGS = tuple(
    f"LAB:FLOW:{name}{what}" for name in ("N2", "Air", "He") for what in (":PollPeriod", ":Flow.HIGH")
)
DOUBLE, WRITE_NOTIFY, READ_NOTIFY = 6, 19, 15
FILES = 13  # the newest, ten generations, a draft, the lock


@dataclass
class Ledger:
    """Per setting what a client was told is kept, and what it had asked for when the IOC died."""

    confirmed: dict[str, float] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)

    def admits(self, name: str, value: float) -> bool:
        if name not in self.confirmed:
            return True  # the first start tells what it begins with
        expected = (self.confirmed[name], self.asked.get(name, self.confirmed[name]))
        return any(value == one or (math.isnan(value) and math.isnan(one)) for one in expected)

    def take_over(self, name: str, value: float) -> None:
        self.confirmed[name] = value
        self.asked.pop(name, None)


@dataclass
class Client:
    """Gets and put-callbacks on the settings, one after the other."""

    raw: RawClient
    channels: dict[str, int]

    def get(self, name: str) -> float:
        self.raw.sock.sendall(HEADER.pack(READ_NOTIFY, 0, DOUBLE, 1, self.channels[name], 1))
        (value,) = struct.unpack(">d", self.raw.expect(READ_NOTIFY).payload)
        return float(value)

    def put(self, name: str, value: float) -> int:
        """The status that the server answers, 1 for done."""
        self.raw.send(WRITE_NOTIFY, DOUBLE, 1, self.channels[name], 1, struct.pack(">d", value))
        return self.raw.expect(WRITE_NOTIFY).first


def connected(port: int) -> Client:
    def try_it() -> RawClient | None:
        try:
            return RawClient(port)
        except OSError:
            return None

    raw = wait_until(try_it, 30.0, "the IOC listens")
    assert raw is not None
    raw.greet()
    return Client(raw, {name: raw.connect(name) for name in SETTINGS})


def change_until_it_dies(client: Client, ledger: Ledger, chance: random.Random) -> Iterator[int]:
    """The status of each put that was answered."""
    while True:
        name, value = chance.choice(SETTINGS), round(chance.uniform(1.0, 50.0), 3)
        ledger.asked[name] = value
        try:
            status = client.put(name, value)
        except OSError:
            return
        ledger.take_over(name, value)
        yield status


def one_life(ioc: IocProcess, port: int, ledger: Ledger, chance: random.Random) -> int:
    """Checks what was restored, changes it, dies. Returns how many changes were confirmed."""
    client = connected(port)
    try:
        found = {name: client.get(name) for name in SETTINGS}
        lost = {name: value for name, value in found.items() if not ledger.admits(name, value)}
        assert not lost, f"restored {lost}, confirmed {ledger.confirmed}, asked {ledger.asked}"
        for name, value in found.items():
            ledger.take_over(name, value)
        blow = threading.Timer(chance.uniform(0.0, LONGEST_LIFE_S), ioc.kill)
        blow.start()
        statuses = list(change_until_it_dies(client, ledger, chance))
        blow.join()
        assert set(statuses) <= {1}
        return len(statuses)
    finally:
        client.raw.close()


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S)
def test_nothing_confirmed_is_lost_by_a_kill(ca_env: dict[str, str], tmp_path: Path) -> None:
    chance, ledger, changes = random.Random(8), Ledger(), 0
    state, port = tmp_path / "state", int(ca_env["EPICS_CAS_SERVER_PORT"])
    for life in range(KILLS):
        ioc = IocProcess(
            "flow", "--simulate", "--state", str(state), log=tmp_path / f"{life}.log", env=ca_env
        )
        try:
            if life and chance.random() < STILLBORN:
                threading.Event().wait(chance.uniform(0.0, LONGEST_START_S))
                ioc.kill()
            else:
                changes += one_life(ioc, port, ledger, chance)
        except AssertionError as error:
            raise AssertionError(f"life {life} after {changes} changes: {error}\n{ioc.output()}") from error
        finally:
            ioc.kill()
        assert ioc.child.returncode == -signal.SIGKILL, ioc.output()
        assert len(list(state.iterdir())) <= FILES
        ioc.log.unlink()
    print(f"{KILLS} kills, {changes} confirmed changes")
    assert changes > KILLS
