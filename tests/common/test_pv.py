"""The PV factory: definitions, wiring of put methods, and what is refused when a class is defined."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest

from iocs.caserver import AlarmSeverity, AlarmStatus, Analog
from iocs.caserver.dbr import Native
from iocs.caserver.puts import Client, Outcome, Put
from iocs.caserver.wire import ECA_NORMAL
from iocs.common.group import Group, merge
from iocs.common.pv import (
    AlarmPolicy,
    Archive,
    choice,
    command,
    flag,
    integer,
    readback,
    setpoint,
    text,
    waveform,
)


class Channel(Group):
    flow = readback(
        "Flow",
        "Measured flow",
        unit="ln/min",
        precision=2,
        high=9,
        source="device",
        deadband=0.1,
        archive=Archive(period_s=1, deadband=0.5),
        alarm=AlarmPolicy("Look at the valve", delay_s=5),
    )
    demand = setpoint("Setpoint", "Demanded flow", unit="ln/min", drive=(0, 10), saved=True)
    mode = choice(
        "Mode", "Mode", ["Auto", "Manual"], severities={"Manual": AlarmSeverity.MINOR}, initial="Auto"
    )
    zero = command("Zero", "Sets the flow to zero")

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.reasons: list[str] = []

    async def put_demand(self, value: float) -> None:
        await asyncio.sleep(0)

    def refused(self, record: Any, reason: str, value: Any, user: str, host: str) -> None:
        self.reasons.append(f"{record.name} {user}@{host}: {reason}")


def put(record: Any, text: str) -> list[Outcome]:
    """A put of text by a client; the answers collect in the list."""
    answers: list[Outcome] = []
    client = Client("ann", "desk", "127.0.0.1:1")
    record.put(Put(client, Native.STRING, 1, text.encode(), True, answers.append))
    return answers


def test_attributes_become_records_with_full_names() -> None:
    group = Channel("X:N2:")
    assert list(group.pvdb) == ["X:N2:Flow", "X:N2:Setpoint", "X:N2:Mode", "X:N2:Zero"]
    assert group.records["flow"] is group.flow is group.pvdb["X:N2:Flow"]
    assert isinstance(group.flow, Analog)
    assert (group.flow.record_type, group.demand.record_type, group.zero.record_type) == ("ai", "ao", "bi")


def test_two_groups_do_not_share_anything() -> None:
    first, second = Channel("A:"), Channel("B:")
    first.flow.set_ok(9.5)
    assert first.flow.severity == AlarmSeverity.MINOR
    assert second.flow.status is AlarmStatus.UDF
    assert list(merge([first, second]))[4] == "B:Flow"
    with pytest.raises(ValueError, match="served twice"):
        merge([first, Channel("A:")])


def test_the_spec_is_where_everything_is_declared() -> None:
    spec = Channel("X:").specs["X:Flow"]
    assert (spec.unit, spec.deadband, spec.high, spec.source) == ("ln/min", 0.1, 9.0, "device")
    assert math.isnan(spec.hihi)
    assert spec.archive is not None and spec.archive.deadband == 0.5
    assert spec.alarm is not None and spec.alarm.guidance == "Look at the valve"
    flow = Channel("X:").flow
    assert (flow.mdel, flow.adel) == (0.1, 0.5)


def test_a_lost_device_marks_only_what_it_feeds() -> None:
    group = Channel("X:")
    group.set_invalid(AlarmStatus.READ)
    assert group.flow.status is AlarmStatus.READ
    assert group.mode.severity == 0


async def test_a_put_method_makes_a_pv_writable() -> None:
    group = Channel("X:")
    client = Client("ann", "desk", "127.0.0.1:1")
    assert group.demand.writable_by(client)
    assert not group.flow.writable_by(client)
    answers = put(group.demand, "4")
    while not answers:
        await asyncio.sleep(0)
    assert answers == [(ECA_NORMAL, "")]
    assert group.demand.value == 4.0


async def test_refusals_reach_the_group() -> None:
    group = Channel("X:")
    assert put(group.demand, "11")[0].status != ECA_NORMAL
    assert group.reasons == ["X:Setpoint ann@desk: 11 above DRVH 10 ln/min"]


async def test_a_failing_refusal_hook_does_not_cost_the_client_its_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    group = Channel("X:")
    group.reasons = None  # type: ignore[assignment]
    assert len(put(group.demand, "11")) == 1
    assert "AttributeError" in caplog.text


def test_a_pv_that_only_configuration_knows() -> None:
    group = Channel("X:")
    extra = group.add("extra", setpoint("Extra", "Extra"), writable=True, drive=(0.0, 1.0))
    assert (extra.record_type, extra.drvh, group.pvdb["X:Extra"]) == ("ao", 1.0, extra)
    with pytest.raises(ValueError, match="exists already"):
        group.add("again", readback("Extra", "Extra"))


def test_a_subclass_adds_and_replaces() -> None:
    class Fancy(Channel):
        flow = readback("Flow", "Better flow")
        note = text("Note", "Note")

    assert list(Fancy("X:").pvdb) == ["X:Flow", "X:Note", "X:Setpoint", "X:Mode", "X:Zero"]
    assert Fancy("X:").flow.desc == "Better flow"


def test_the_same_name_twice_is_refused_when_the_class_is_defined() -> None:
    with pytest.raises(ValueError, match="defined twice: Flow"):

        class Wrong(Channel):
            other = readback("Flow", "Again")


@pytest.mark.parametrize(
    "definition",
    [
        lambda: readback("Flow", "x" * 41),
        lambda: readback("Flow", ""),
        lambda: readback("", "desc"),
        lambda: readback("Flow.VAL", "desc"),
        lambda: readback("Flow", "desc", high=1, hihi=0),
        lambda: readback("Flow", "desc", low=2, high=1),
        lambda: readback("Flow", "desc", deadband=-1),
        lambda: readback("Flow", "desc", unit="x" * 16),
        lambda: readback("Flow", "desc", access="EVERYONE"),
        lambda: setpoint("Flow", "desc", drive=(2, 1)),
        lambda: choice("Mode", "desc", ["A", "A"]),
        lambda: choice("Mode", "desc", [str(i) for i in range(17)]),
        lambda: choice("Mode", "desc", ["x" * 26]),
        lambda: choice("Mode", "desc", ["A"], severities={"B": AlarmSeverity.MAJOR}),
        lambda: Archive(period_s=0),
        lambda: AlarmPolicy(""),
    ],
)
def test_mistakes_are_found_at_definition(definition: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="."):
        definition()


def test_every_factory_makes_its_record() -> None:
    class All(Group):
        a = integer("A", "a", initial=1, high=5)
        b = flag("B", "b", initial="On")
        c = text("C", "c", max_length=100)
        d = waveform("D", "d", 10)

    group = All("X:")
    assert [r.record_type for r in group.pvdb.values()] == ["longin", "bi", "lsi", "waveform"]
    assert (group.a.value, group.b.label) == (1, "On")
