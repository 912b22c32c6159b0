"""The gas IOC: how many setpoints can be judged in a second, how soon a trip acts."""

import random
import re
import tempfile
import time
import timeit
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devsup.sim.alicat_line import AlicatLine
from devsup.sim.alicat_unit import AlicatUnit, Condition, UnitConfig
from devsup.sim.wire import PtyLine, Transmission
from iocs.gas.logic.approval import Gas, Limits, Plant, approve
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import percentile
from tests.benchmarks.scene import awake
from tests.benchmarks.wire_time import crossing_s
from tests.gas.bench import gauges
from tests.support.ca import CaClient
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

BAUDRATE = 19200
PREFIX = "BENCH:GAS:"
UNITS = {"Ar": ("A", 200.0, 1), "O2": ("B", 100.0, 11), "N2": ("C", 150.0, 8)}
POLL_S = 0.1
LIMIT, DEMAND = 120.0, 100.0  # of the interlock, and of argon before its supply surges
ALLOWANCE_S = 0.005
WANTED_PER_S = 50_000
ZERO = re.compile(rb"[ABC]S ?0(\.0*)?\r")
ORDERS: Mapping[str, tuple[str, float]] = {
    "granted": ("O2", 20.0),
    "too much oxygen": ("O2", 50.0),
    "too much in total": ("N2", 150.0),
    "zero that takes oxygen along": ("Ar", 0.0),
}


@dataclass(frozen=True, slots=True)
class GasFigures:
    """`judged`: approvals per second by kind of answer. Times in order of size, from the end of the first
    frame that shows too much flow to the end of the first zero, and of argon's, on the wire."""

    judged: Mapping[str, float]
    first_s: Sequence[float]
    argon_s: Sequence[float]

    def report(self) -> Report:
        return Report((_judged_table(self), _trip_table(self)), tuple(_targets(self)))


def measure(scale: float = 1.0) -> GasFigures:
    """`scale` 1 takes about one and a half minutes."""
    first, argon = _trips(max(2, round(40 * scale)))
    return GasFigures({kind: _per_s(*order, scale) for kind, order in ORDERS.items()}, first, argon)


# -- judging ---------------------------------------------------------------------------------------


def _per_s(name: str, flow: float, scale: float) -> float:
    """Approvals per second; the best of several tries."""
    gases = [
        Gas(gas, now, now, full, full, float(gas == "O2"))
        for (gas, (_, full, _)), now in zip(UNITS.items(), (140.0, 30.0, 1.0), strict=True)
    ]
    plant = Plant(tuple(gases), Limits(total=300.0))
    count = max(200, round(20_000 * scale))
    return count / min(timeit.repeat(lambda: approve(name, flow, plant), number=count, repeat=5))


# -- a trip ----------------------------------------------------------------------------------------


class Watched(AlicatLine):
    """Notes when too much flow was first shown, and when zeros came, in the time of the line."""

    shown_at: float | None = None
    first_at: float | None = None
    argon_at: float | None = None

    def expect(self) -> None:
        self.shown_at = self.first_at = self.argon_at = None

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        sent = super().receive(data, now)
        argon = self.unit("A")
        if self.shown_at is None:
            if argon.mass_flow > LIMIT and sent and sent[-1].data.startswith(b"A "):
                self.shown_at = now + crossing_s(len(sent[-1].data), BAUDRATE)
        elif ZERO.search(data):
            self.first_at = self.first_at or now
            if argon.setpoint == 0.0:
                self.argon_at = self.argon_at or now
        return sent


def configuration(url: str) -> str:
    mfcs = "\n".join(
        f"    {name}: {{unit_id: {unit}, serial_port: {url}, max_flow: {full}}}"
        for name, (unit, full, _) in UNITS.items()
    )
    return f"""
gas_control:
  read_interval: {POLL_S}
  mfcs:
{mfcs}
inputs: {{chamber_pressure: "G:Pressure"}}
interlocks:
  Total: {{quantity: total_flow, condition: at most {LIMIT:g}, action: zero all, guidance: Look.}}
"""


@contextmanager
def chamber() -> Iterator[tuple[Watched, CaClient]]:
    """Three units on a paced line, a gauge, the IOC, a client."""
    units = [
        AlicatUnit(UnitConfig(unit, full_scale=full, gas=gas, tau_s=0.02, seed=ord(unit)))
        for unit, full, gas in UNITS.values()
    ]
    server = Watched(units, latency_s=0.0)
    env, gauges_env = ca_environment(), ca_environment()
    env["EPICS_CA_ADDR_LIST"] += f" {LOOPBACK}:{gauges_env['EPICS_CAS_SERVER_PORT']}"
    with tempfile.TemporaryDirectory(prefix="bench-") as name, PtyLine(server, BAUDRATE, name="gas") as wire:
        folder = Path(name)
        (folder / "gas.yaml").write_text(configuration(wire.url))
        options = ("--db", str(folder / "gas.yaml"), "--prefix", PREFIX, "--interfaces", LOOPBACK)
        options += ("--state", str(folder / "state"))
        with (
            gauges(folder, gauges_env),
            IocProcess("gas", *options, log=folder / "ioc.log", env=env),
            CaClient(env) as client,
        ):
            yield server, client


def _trips(count: int) -> tuple[list[float], list[float]]:
    chance = random.Random(3)
    with awake(), chamber() as (server, client):
        wait_until(lambda: client.get(f"{PREFIX}Pumped") == 1, 20.0, "pumped")
        for name in UNITS:
            wait_until(lambda: client.read(f"{PREFIX}{name}:Flow").severity == 0, 20.0, name)  # noqa: B023
        found = [_trip_once(server, client, chance) for _ in range(count)]
    return sorted(first for first, _ in found), sorted(argon for _, argon in found)


def _trip_once(server: Watched, client: CaClient, chance: random.Random) -> tuple[float, float]:
    """Argon's supply surges at a random moment."""
    client.put(f"{PREFIX}Ar:Setpoint", DEMAND)
    wait_until(lambda: client.get(f"{PREFIX}Ar:Flow") > 0.95 * DEMAND, 5.0, "it flows")
    server.expect()
    time.sleep(chance.uniform(0.0, POLL_S))
    server.set_condition("A", Condition.SURGE)
    wait_until(lambda: server.argon_at is not None, 5.0, "argon zeroed")
    server.set_condition("A", Condition.OK)
    wait_until(lambda: client.get(f"{PREFIX}TotalFlow") < 1.0, 5.0, "nothing flows")
    wait_until(lambda: client.get(f"{PREFIX}Interlock:Total:OK") == 1, 5.0, "all well")
    client.put(f"{PREFIX}Interlock:Total:Reset", 1)
    assert server.shown_at is not None and server.first_at is not None and server.argon_at is not None
    return server.first_at - server.shown_at, server.argon_at - server.shown_at


# -- report ----------------------------------------------------------------------------------------


def bound_s() -> float:
    """One poll period and 5 ms, as was asked for."""
    return POLL_S + ALLOWANCE_S


def _targets(figures: GasFigures) -> list[Target]:
    least, longest, bound = min(figures.judged.values()), figures.first_s[-1], bound_s()
    return [
        Target(
            "Gas: setpoints judged per second",
            f">= {WANTED_PER_S:,}".replace(",", " "),
            f"{least:,.0f}".replace(",", " "),
            least >= WANTED_PER_S,
        ),
        Target(
            f"Gas: sample that trips to first zero on the wire, longest, {1e3 * POLL_S:g} ms polls",
            f"<= {1e3 * bound:g} ms",
            f"{1e3 * longest:.1f} ms",
            longest <= bound,
        ),
    ]


def _judged_table(figures: GasFigures) -> Table:
    rows = tuple((kind, f"{per_s:,.0f}".replace(",", " ")) for kind, per_s in figures.judged.items())
    return Table("Approval of a setpoint among three gases, in one process:", ("answer", "per second"), rows)


def _trip_table(figures: GasFigures) -> Table:
    columns = ("from the frame that shows it", "p50, ms", "p99, ms", "longest, ms", "trips")
    rows = tuple(
        (
            name,
            f"{1e3 * percentile(times, 0.5):.1f}",
            f"{1e3 * percentile(times, 0.99):.1f}",
            f"{1e3 * times[-1]:.1f}",
            str(len(times)),
        )
        for name, times in (
            ("first zero on the wire (oxygen)", figures.first_s),
            ("argon's zero", figures.argon_s),
        )
    )
    return Table(f"Three units at 19200 baud, polled every {1e3 * POLL_S:g} ms:", columns, rows)
