"""All IOCs of the demo with their simulated instruments, on ports of their own, and a hand at their PVs.

Knows processes and names of PVs; knows no screen.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from iocs.common.subsystem import find, known
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK_BROADCAST, ca_environment
from tests.support.processes import ROOT, IocProcess
from tests.support.waiting import wait_until

RUNNING: Mapping[str, object] = {
    "LAB:GAS:Ar:Setpoint": 50.0,
    "LAB:GAS:O2:Setpoint": 12.0,
    "LAB:FLOW:N2:Setpoint": 5.0,
    "LAB:FLOW:Air:Setpoint": 8.0,
    "LAB:SON:SON4:Amplitude": 60.0,
    "LAB:SON:SON4:Start": 1,
    "LAB:TEC:Start": 1,
}
"""What is put so that there is something to see; PVs of subsystems that are not there are left out."""
DOOR, TRIPPED = ("LAB:SIM:GAS:Chamber:Door", "Open"), ("LAB:GAS:Interlock:Door:Tripped", 1)
UNPLUG, LOST = ("LAB:SIM:FLOW:PORT:bench1:Fault", "HUNG_UP"), ("LAB:FLOW:N2:Comm", 2)
SETTLED_S = 30.0


@dataclass(frozen=True)
class Plant:
    """`client` reaches all IOCs, which `iocs` has by name."""

    client: CaClient
    env: Mapping[str, str]
    iocs: Mapping[str, IocProcess]

    @property
    def server_port(self) -> int:
        return int(self.env["EPICS_CA_SERVER_PORT"])

    @property
    def repeater_port(self) -> int:
        return int(self.env["EPICS_CA_REPEATER_PORT"])

    def start(self) -> None:
        """Something flows, sounds and cools."""
        served = tuple(find(name).prefix for name in self.iocs)
        for name, value in RUNNING.items():
            if name.startswith(served):
                wait_until(partial(self._takes, name, value), SETTLED_S, f"{name} takes {value}")

    def open_door(self) -> None:
        """Until the interlock has tripped."""
        self._put_and_see(DOOR, TRIPPED)

    def unplug(self) -> None:
        """The line of the flow controllers, until that is noticed."""
        self._put_and_see(UNPLUG, LOST)

    def _takes(self, name: str, value: object) -> bool:
        """Instruments need a moment to be found."""
        try:
            self.client.put(name, value)
        except Refused:
            return False
        return True

    def _put_and_see(self, put: tuple[str, object], seen: tuple[str, object]) -> None:
        self.client.put(*put)
        wait_until(lambda: self.client.get(seen[0]) == seen[1], SETTLED_S, f"{seen[0]} is {seen[1]}")


@contextmanager
def plant(folder: Path, *names: str) -> Iterator[Plant]:
    """All subsystems, or those named. Logs, state and recipes are in `folder`."""
    recipes = folder / "recipes"
    shutil.copytree(ROOT / "db" / "recipes", recipes)
    env = {**ca_environment(), "EPICS_CA_ADDR_LIST": LOOPBACK_BROADCAST, "GAS_RECIPES": str(recipes)}
    options = ("--simulate", "--state", str(folder / "state"), "--put-log", str(folder / "puts"))
    with ExitStack() as running:
        iocs = {
            name: running.enter_context(IocProcess(name, *options, log=folder / f"{name}.log", env=env))
            for name in names or known()
        }
        yield Plant(running.enter_context(CaClient(env)), env, iocs)
