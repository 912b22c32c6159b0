"""Settings that outlive an IOC: what is saved and restored, what is not, and what a broken disk does."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from iocs.caserver import AlarmSeverity
from iocs.common.autosave import Autosave
from iocs.common.group import Group
from iocs.common.memory import Memory
from iocs.common.pv import choice, flag, integers, readback, setpoint, text, texts, waveform
from iocs.common.statefile import StateFile
from tests.support.waiting import until

NAN = math.nan


class Channel(Group):
    period = setpoint("Period", "Poll period", unit="s", precision=2, drive=(0.1, 10.0), saved=True)
    mode = choice("Mode", "Mode", ["Slow", "Fast"], saved=True)
    fault = flag("Fault", "Latched fault", saved=True)
    note = text("Note", "Remark", saved=True)
    curve = waveform("Curve", "Correction", 4, saved=True)
    steps = integers("Steps", "Steps", 4, saved=True)
    events = texts("Events", "Last events", 4, saved=True)
    demand = setpoint("Setpoint", "Output", drive=(0, 10))
    flow = readback("Flow", "Flow", high=5.0)

    def __init__(self) -> None:
        super().__init__("X:A:")
        self.puts: list[float] = []

    async def put_period(self, value: float) -> None:
        self.puts.append(value)

    async def put_demand(self, value: float) -> None:
        self.puts.append(value)


class Kept:
    """One life of an IOC: its channel, memory and autosave, restored from a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.channel, self.memory = Channel(), Memory()
        file = StateFile(folder, "X", "toy X:") if folder else None
        self.autosave = Autosave("X:", self.channel.pvdb, self.memory, file)
        self.autosave.restore()

    def set_field(self, record: Any, field: str, value: Any) -> None:
        """As a client's put of a field does it."""
        before = record.fields[field].get(record)
        record.fields[field].put(record, value)
        record.on_field(field, before, value, "me", "here")


@asynccontextmanager
async def life(folder: Path | None) -> AsyncIterator[Kept]:
    kept = Kept(folder)
    task = asyncio.create_task(kept.autosave.run())
    try:
        yield kept
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_saved_values_come_back_and_no_putter_runs(tmp_path: Path) -> None:
    async with life(tmp_path) as first:
        first.channel.period.set_ok(2.5)
        first.channel.mode.set_ok("Fast")
        first.channel.fault.set_ok(1)
        first.channel.note.set_ok("pump serviced")
        first.channel.demand.set_ok(7.0)
        await first.autosave.kept()
    second = Kept(tmp_path).channel
    assert (second.period.value, second.mode.label, second.fault.value) == (2.5, "Fast", 1)
    assert second.note.value == "pump serviced"
    assert second.puts == []
    assert not second.demand.updated, "an output is not restored"


async def test_saved_arrays_come_back(tmp_path: Path) -> None:
    async with life(tmp_path) as first:
        first.channel.curve.set_ok([1.5, NAN, 3.0])
        first.channel.steps.set_ok([1, 2])
        first.channel.events.set_ok(["start", "grün"])
        await first.autosave.kept()
    second = Kept(tmp_path).channel
    assert second.curve.value[[0, 2]].tolist() == [1.5, 3.0] and second.curve.used == 3
    assert second.steps.value.tolist() == [1, 2]
    assert second.events.value == ("start", "grün")


async def test_fields_that_a_client_changed_come_back_others_follow_the_definition(tmp_path: Path) -> None:
    async with life(tmp_path) as first:
        flow = first.channel.flow
        first.set_field(flow, "HIGH", NAN)
        first.set_field(flow, "HIHI", 8.0)
        first.set_field(flow, "HSV", AlarmSeverity.MAJOR)
        first.set_field(flow, "DESC", "Flow of the left line")
        first.set_field(first.channel.fault, "OSV", AlarmSeverity.MAJOR)
        await first.autosave.kept()
    second = Kept(tmp_path).channel
    flow = second.flow
    assert math.isnan(flow.limits.high) and flow.limits.hihi == 8.0
    assert (flow.limits.hsv, flow.desc) == (AlarmSeverity.MAJOR, "Flow of the left line")
    assert second.fault.state_severity(1) == AlarmSeverity.MAJOR
    assert second.period.drvh == 10.0


async def test_a_field_that_is_no_setting_is_not_saved(tmp_path: Path) -> None:
    async with life(tmp_path) as first:
        first.set_field(first.channel.flow, "DISP", 1)
        first.autosave.changed()
        await first.autosave.kept()
    assert Kept(tmp_path).channel.flow.disp == 0


async def test_memory_comes_back(tmp_path: Path) -> None:
    async with life(tmp_path) as first:
        first.memory.set("hours", {"fan": 12.5})
        await first.autosave.kept()
    second = Kept(tmp_path)
    assert second.memory.get("hours") == {"fan": 12.5}
    assert second.memory.get("other", 3) == 3


def test_memory_takes_json_only() -> None:
    memory = Memory()
    for wrong in (object(), NAN, {1, 2}):
        with pytest.raises((TypeError, ValueError)):
            memory.set("x", wrong)
    kept = {"a": [1]}
    memory.set("x", kept)
    kept["a"].append(2)
    assert memory.get("x") == {"a": [1]}, "what was set is a copy"


async def test_a_value_that_is_no_longer_allowed_is_reported_and_the_others_restored(tmp_path: Path) -> None:
    file = StateFile(tmp_path, "X", "toy X:")
    file.write(
        {
            "values": {"A:Period": 99.0, "A:Mode": 5, "A:Note": "kept", "A:Gone": 1, "A:Setpoint": 3.0},
            "fields": {"A:Flow": {"HIGH": 4.0, "NOSUCH": 1, "VAL": 2}},
        }
    )
    kept = Kept(tmp_path)
    assert not kept.channel.period.updated and not kept.channel.mode.updated
    assert not kept.channel.demand.updated
    assert (kept.channel.note.value, kept.channel.flow.limits.high) == ("kept", 4.0)
    words = kept.autosave.reboot_text.value
    assert kept.autosave.reboot_status.label == "Warning"
    for name in ("A:Period: 99 above DRVH 10 s", "A:Mode", "A:Gone is not served any more", "A:Setpoint"):
        assert name in words


def test_a_first_start_has_nothing_to_restore(tmp_path: Path) -> None:
    autosave = Kept(tmp_path).autosave
    assert autosave.reboot_status.label == "None"
    assert autosave.reboot_status.severity == AlarmSeverity.NO_ALARM


def test_garbage_never_stops_a_start(tmp_path: Path) -> None:
    (tmp_path / "X.json").write_bytes(b"\xff\xfe garbage")
    autosave = Kept(tmp_path).autosave
    assert autosave.reboot_status.label == "Failed"
    assert "X.json" in autosave.reboot_text.value


def test_a_file_of_the_wrong_shape_never_stops_a_start(tmp_path: Path) -> None:
    StateFile(tmp_path, "X", "toy X:").write({"values": [1, 2], "memory": 7})
    assert Kept(tmp_path).autosave.reboot_status.label == "Failed"


def test_without_a_folder_nothing_is_saved_and_that_is_said() -> None:
    autosave = Kept(None).autosave
    assert (autosave.status.label, autosave.status.severity) == ("Off", AlarmSeverity.MINOR)


async def test_a_disk_that_fails_is_an_alarm_until_it_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iocs.common.autosave.RETRY_S", 0.01)
    folder = tmp_path / "state"
    folder.write_text("in the way")
    async with life(folder) as kept:
        kept.channel.period.set_ok(3.0)
        await until(lambda: kept.autosave.status.label == "Failed", what="the failure is shown")
        assert kept.autosave.status.severity == AlarmSeverity.MAJOR
        folder.unlink()
        await until(lambda: kept.autosave.status.label == "OK", what="it is written after all")
    assert Kept(folder).channel.period.value == 3.0


async def test_a_put_does_not_hang_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iocs.common.autosave.PATIENCE_S", 0.02)
    kept = Kept(tmp_path)  # nobody writes
    kept.channel.period.set_ok(3.0)
    await kept.autosave.kept()
    assert kept.autosave.heartbeat.value == 0


async def test_changes_that_come_together_are_written_together(tmp_path: Path) -> None:
    async with life(tmp_path) as kept:
        await kept.autosave.kept()
        before = kept.autosave.heartbeat.value
        for step in range(1, 50):
            kept.channel.period.set_ok(step / 10)
        await kept.autosave.kept()
        assert kept.autosave.heartbeat.value == before + 1
