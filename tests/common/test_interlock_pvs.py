"""Interlocks as a subsystem hooks them in: rows from YAML, inputs from records, trips handed out, PVs."""

import asyncio
import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iocs.caserver import AlarmSeverity, Client, Record, Refused
from iocs.common import pv
from iocs.common.config import ConfigError, load
from iocs.common.group import Group, merge
from iocs.common.interlock import Interlocks, Quantity, Row, Sample, Source, read_rows

QUANTITIES = {"total": Quantity("Total flow", "sccm", 1)}
ROWS = """
interlocks:
  Total:
    {quantity: total, condition: at most 400, limit_high: 500, action: stop, delay: 2, guidance: Look.}
  Hot:
    {pv: Temperature, condition: in 0 to 50, unit: degC, action: alarm only, severity: minor, latch: false,
     guidance: Cool it., hysteresis: 1}
  Door:
    {link: "LAB:VAC:Door", condition: is Closed, action: stop, guidance: Close it., bypass_max: 0}
"""


class Action(enum.Enum):
    STOP = "stop"
    ALARM = "alarm only"


def read(tmp_path: Path, text: str) -> tuple[Row, ...]:
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    document = load(path, {})
    rows = read_rows(document, "interlocks", Action, QUANTITIES)
    document.finish()
    return rows


class Far(Source):
    """A PV of somebody else."""

    answer = Sample(0.0, 1.0, "Closed")

    def sample(self, now: float) -> Sample:
        return self.answer


class Lab(Group):
    temperature = pv.readback("Temperature", "Temperature", unit="degC", source="device", initial=20.0)


class Bench:
    """A subsystem with three interlocks, whose time is a number."""

    def __init__(self, tmp_path: Path) -> None:
        self.now = 100.0
        self.total = 50.0
        self.lab = Lab("P:")
        self.door = Far()
        self.trips: list[str] = []
        self.said: list[str] = []
        self.rows = read(tmp_path, ROWS)
        self.make()

    def make(self) -> None:
        """As at a start of the IOC."""
        self.locks = Interlocks(
            "P:", self.rows, {"total": lambda now: Sample(self.now, self.total, f"{self.total:g}")},
            lambda row, reason: self.trips.append(reason), self.said.append, lambda: self.now,
        )  # fmt: skip
        self.pvs = merge([self.lab, *self.locks.groups])
        self.locks.bind(self.pvs, lambda name: self.door)

    def pv(self, name: str) -> Record[Any]:
        return self.pvs[f"P:Interlock:{name}"]

    def look(self, after_s: float = 0.1) -> None:
        self.now += after_s
        self.locks.look()

    def put(self, name: str, value: Any) -> None:
        """As a client of user `eva` on host `desk`; raises Refused."""
        record = self.pv(name)
        checked = record.check(record.from_client([str(value)]))
        stored = asyncio.run(_call(record.putter, checked))
        record.set_ok(0 if record.spec.kind.value == "command" else checked if stored is None else stored)
        assert record.on_written
        record.on_written(None, checked, "eva", "desk")


async def _call(putter: Callable[[Any], Any] | None, value: Any) -> Any:
    return await putter(value) if putter else None


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.look()
    return made


# Configuration


def test_rows_are_read_with_their_defaults(tmp_path: Path) -> None:
    total, hot, door = read(tmp_path, ROWS)
    assert (total.unit, total.precision, total.description, total.stale_s) == ("sccm", 1, "Total flow", 10.0)
    assert (total.bounds, total.latch, total.bypass_max_min) == ((float("-inf"), 500.0), True, 60.0)
    assert (hot.bounds, hot.severity.value, hot.action) == ((0.0, 50.0), "minor", Action.ALARM)
    assert (door.source, door.stale_s, door.condition.word) == ("LAB:VAC:Door", float("inf"), "Closed")
    assert read(tmp_path, "") == ()


GOOD_ROW = "quantity: total, condition: at most 4, action: stop, guidance: g"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("condition: at most 4, action: stop, guidance: g", "has nothing for its input; expected one of"),
        (f"{GOOD_ROW}, pv: X", "has quantity and pv for its input"),
        (GOOD_ROW.replace("total", "totla"), "'totla' is not known; did you mean total?"),
        (GOOD_ROW.replace("at most 4", "around 4"), "'around 4' is not valid; expected 'at most 5'"),
        (GOOD_ROW.replace("stop", "explode"), "expected one of stop, alarm only"),
        (GOOD_ROW.replace(", guidance: g", ""), "guidance: is missing"),
        (f"{GOOD_ROW}, limit_high: 3", "'<= 4' is outside limit_low -inf to limit_high 3"),
        (GOOD_ROW.replace("at most 4", "is Open") + ", limit_high: 3", "a word has no limits"),
        (f"{GOOD_ROW}, delay: -1", "expected a number from 0 to 3600 s"),
        (f"{GOOD_ROW}, dealy: 1", "unknown key; did you mean delay?"),
    ],
)
def test_mistakes_are_reported(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"interlocks:\n  One: {{{row}}}")
    assert complaint in str(caught.value)


def test_a_local_pv_that_does_not_exist_is_a_mistake_of_the_file(tmp_path: Path) -> None:
    rows = read(
        tmp_path, "\ninterlocks:\n  A: {pv: Nowhere, condition: at most 1, action: stop, guidance: g}"
    )
    locks = Interlocks("P:", rows, {}, lambda *_: None, lambda _: None)
    with pytest.raises(ConfigError, match=r"lab\.yaml:3: A\.pv: P:Nowhere is not a PV of this IOC"):
        locks.bind({}, lambda name: Far())


# PVs


def test_all_is_well(bench: Bench) -> None:
    assert [bench.pv(f"{row.name}:OK").value for row in bench.rows] == [1, 1, 1]
    assert (bench.pv("Total:Value").value, bench.pv("Door:Value").value) == (50.0, "Closed")
    assert bench.pv("Total:Condition").value == "<= 400 sccm"
    assert bench.pv("Total:Action").value == "stop after 2 s, until Reset"
    assert bench.pv("Door:Input").value == "link LAB:VAC:Door"
    assert bench.pvs["P:FirstOut"].value == ""
    assert bench.locks.blocking(Action.STOP, Action.ALARM) == ""
    assert (bench.trips, bench.said) == ([], [])


def test_a_trip_is_handed_out_once_and_shown(bench: Bench) -> None:
    bench.total = 450.0
    bench.look()
    assert bench.locks.blocking(Action.STOP) == "Total: 450 sccm, must be <= 400 sccm"
    assert bench.locks.blocking(Action.ALARM) == ""
    assert (bench.trips, bench.pv("Total:OK").value) == ([], 0)
    bench.look(2.0)
    bench.look()
    assert bench.trips == ["Total: 450 sccm, must be <= 400 sccm"]
    tripped = bench.pv("Total:Tripped")
    assert (tripped.value, tripped.severity, tripped.spec.alarm.guidance) == (1, AlarmSeverity.MAJOR, "Look.")
    assert bench.pv("Total:TripTime").value != ""
    assert (bench.pv("Total:FirstOut").value, bench.pvs["P:FirstOut"].value) == (1, "Total")
    assert bench.pv("Tripped").value == 1
    assert [row.name for row in bench.locks.acting(Action.STOP)] == ["Total"]


def test_reset_is_refused_while_it_is_wrong(bench: Bench) -> None:
    bench.total = 450.0
    bench.look()
    bench.look(2.0)
    with pytest.raises(Refused, match="still wrong: Total: 450 sccm, must be <= 400 sccm"):
        bench.put("Total:Reset", 1)
    with pytest.raises(Refused, match="still wrong: Total"):
        bench.put("Reset", 1)
    bench.total = 10.0
    bench.look()
    assert bench.locks.blocking(Action.STOP) == "Total: 450 sccm, must be <= 400 sccm"
    bench.put("Reset", 1)
    assert (bench.pv("Total:Tripped").value, bench.locks.blocking(Action.STOP)) == (0, "")


def test_an_invalid_record_counts_as_wrong_and_the_value_goes_invalid(bench: Bench) -> None:
    bench.lab.set_invalid()
    bench.look()
    assert bench.trips == ["Hot: P:Temperature is INVALID (COMM)"]
    assert bench.pv("Hot:Tripped").severity is AlarmSeverity.MINOR
    assert bench.pv("Hot:Value").severity is AlarmSeverity.INVALID
    bench.lab.temperature.set_ok(20.0)
    bench.look()
    assert bench.pv("Hot:Tripped").value == 0
    assert bench.said == ["Interlock Hot: in 0 to 50 degC again"]


def test_a_lost_link_counts_as_wrong(bench: Bench) -> None:
    bench.door.answer = Sample(0.0, problem="LAB:VAC:Door is disconnected")
    bench.look()
    assert bench.trips == ["Door: LAB:VAC:Door is disconnected"]


def test_limits_are_live_within_their_bounds(bench: Bench) -> None:
    bench.put("Total:Limit", 40)
    bench.look()
    assert bench.locks.blocking(Action.STOP) == "Total: 50 sccm, must be <= 40 sccm"
    assert bench.pv("Total:Condition").value == "<= 40 sccm"
    with pytest.raises(Refused, match="501 above DRVH 500 sccm"):
        bench.put("Total:Limit", 501)
    with pytest.raises(Refused, match="60 is above Limit 50"):
        bench.pv("Hot:LimitLow").reconfigure(drvh=100)
        bench.put("Hot:LimitLow", 60)
    bench.put("Hot:LimitLow", 10)
    with pytest.raises(Refused, match="5 is below LimitLow 10"):
        bench.put("Hot:Limit", 5)


def test_a_saved_limit_beyond_what_the_file_allows_now_is_not_used(bench: Bench) -> None:
    bench.pv("Total:Limit").set_ok(9999.0)
    bench.total = 501.0
    bench.look()
    assert bench.locks.blocking(Action.STOP) == "Total: 501 sccm, must be <= 500 sccm"


def test_a_bypass_needs_a_reason_shows_who_and_ends_by_itself(bench: Bench) -> None:
    bench.total = 450.0
    bench.put("Total:Bypass:Minutes", 10)
    with pytest.raises(Refused, match="write the reason into Bypass:Why first"):
        bench.put("Total:Bypass", 1)
    bench.pv("Total:Bypass:Why").set_ok("gauge is being changed")
    bench.put("Total:Bypass", 1)
    bench.look(5.0)
    assert (bench.trips, bench.pv("Total:Bypass").severity) == ([], AlarmSeverity.MINOR)
    assert bench.pv("Total:Bypass:By").value == "eva@desk"
    assert bench.pv("Total:Bypass:Remaining").value == pytest.approx(9.9, abs=0.1)
    assert bench.pv("Bypassed").severity is AlarmSeverity.MINOR
    bench.look(595.0)
    assert bench.trips == ["Total: 450 sccm, must be <= 400 sccm"]
    assert (bench.pv("Total:Bypass").value, bench.pv("Total:Bypass:By").value) == (0, "")
    assert bench.pv("Total:Bypass:Why").value == ""
    assert bench.said == ["Interlock Total bypassed for 10 min", "Interlock Total: the bypass has ended"]


def test_a_bypass_can_be_ended_early_and_acts_at_once(bench: Bench) -> None:
    bench.put("Total:Bypass", 0)
    bench.pv("Total:Bypass:Why").set_ok("test")
    bench.total = 450.0
    bench.put("Total:Bypass", 1)
    bench.look()
    bench.look(10.0)
    bench.put("Total:Bypass", 0)
    assert bench.trips == ["Total: 450 sccm, must be <= 400 sccm"]


def test_some_can_never_be_bypassed(bench: Bench) -> None:
    bench.pv("Door:Bypass:Why").set_ok("test")
    with pytest.raises(Refused, match="Door cannot be bypassed"):
        bench.put("Door:Bypass", 1)


def test_after_a_restart_latched_trips_hold_and_bypasses_do_not(bench: Bench) -> None:
    bench.door.answer = Sample(0.0, 0.0, "Open")
    bench.pv("Total:Bypass:Why").set_ok("test")
    bench.put("Total:Bypass", 1)
    bench.look()
    saved = {name: record.value for name, record in bench.pvs.items() if record.spec.saved}
    bench.door.answer = Sample(0.0, 1.0, "Closed")
    bench.trips.clear()
    bench.make()
    for name, value in saved.items():
        bench.pvs[name].set_ok(value)
    bench.locks.restore()
    bench.look()
    assert (bench.pv("Door:Tripped").value, bench.pv("Door:Reason").value) == (
        1,
        "Door: Open, must be Closed",
    )
    assert (bench.pvs["P:FirstOut"].value, bench.pv("Total:Bypass").value, bench.trips) == ("Door", 0, [])
    bench.put("Door:Reset", 1)
    assert bench.locks.blocking(Action.STOP) == ""


def test_the_ages_of_local_pvs_are_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    rows = read(tmp_path, ROWS.replace("pv: Temperature,", "pv: Temperature, stale: 3,"))
    bench.rows = rows
    bench.make()
    bench.look()
    bench.look(2.9)
    assert bench.trips == []
    bench.look(0.3)
    assert bench.trips == ["Hot: Temperature is stale, 3.2 s old"]


def test_clients_may_write_what_an_operator_may(bench: Bench) -> None:
    client = Client("eva", "desk", "127.0.0.1")
    names = {
        name.removeprefix("P:Interlock:") for name, record in bench.pvs.items() if record.writable_by(client)
    }
    hot = ("Limit", "LimitLow", "Reset", "Bypass", "Bypass:Minutes", "Bypass:Why")
    assert {name for name in names if name.startswith("Hot:") or ":" not in name} == {
        "Reset", *(f"Hot:{name}" for name in hot)
    }  # fmt: skip
