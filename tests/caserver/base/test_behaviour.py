"""The same script of libca operations on both servers: puts, fields, alarms, events, acknowledgement."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from iocs.caserver import dbr
from tests.caserver.base.conftest import PREFIX, Pair, Side
from tests.caserver.base.differences import FIELDS, STEPS
from tests.support.ca import Monitor, Refused
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(90)
QUIET_POLLS = 12

PUTS: list[tuple[str, Any]] = [
    ("Ao", 50.0), ("Ao", "12.5"), ("Ao", "0x10"), ("Ao", "abc"), ("Ao", 1000.0), ("Ao", -1000.0), ("Ao", ""),
    ("Ao", float("nan")), ("Ao", 50.0), ("Ao", float("inf")),
    ("Long", 42), ("Long", "43"), ("Long", "99999999999"), ("Long", "x"), ("Long", -7), ("Long", "1e12"),
    ("Bo", 1), ("Bo", "Off"), ("Bo", "On"), ("Bo", "Middle"), ("Bo", 0), ("Bo", 5),
    ("Mbbo", 2), ("Mbbo", "Auto"), ("Mbbo", "Manual"), ("Mbbo", "Nowhere"), ("Mbbo", "2"), ("Mbbo", 7),
    ("Text", "words"), ("Text", ""), ("Text", "x" * 39), ("Long:Text", "short"), ("Long:Text", "y" * 39),
    ("Wave", [1.0, 2.0, 3.0]), ("AiDrive", 5.5),
]  # fmt: skip

RESTORED = {"Ao": 50.0, "Long": 1, "Bo": 0, "Mbbo": 0}

FIELD_NAMES = (
    "Ao.RTYP Ao.NAME Ao.DESC Ao.EGU Ao.PREC Ao.HOPR Ao.LOPR Ao.DRVH Ao.DRVL Ao.HIHI Ao.HIGH Ao.LOW Ao.LOLO "
    "Ao.HHSV Ao.HSV Ao.LSV Ao.LLSV Ao.HYST Ao.MDEL Ao.ADEL Ao.STAT Ao.SEVR Ao.ACKS Ao.ACKT Ao.UDF Ao.DISP "
    "Ao.SCAN Ao.PROC Ai.RTYP Ai.SCAN Ai.MDEL Ai.ADEL Ai.HIHI Ai.HIGH Ai.LOW Ai.LOLO Ai.HHSV Ai.HSV "
    "AiDrive.DRVH AiDrive.DRVL Long.RTYP Long.EGU Long.HIGH Long.HSV Long.HIHI Long.HOPR Long.SCAN "
    "Bo.RTYP Bo.ZNAM Bo.ONAM Bo.ZSV Bo.OSV Bo.COSV Mbbo.RTYP Mbbo.ZRST Mbbo.TWST Mbbo.THST Mbbo.FFST "
    "Mbbo.TWSV Mbbo.THSV Mbbo.UNSV Mbbo.COSV Text.RTYP Text.DESC Long:Text.RTYP Long:Text.SIZV Long:Text.LEN "
    "Wave.RTYP Wave.NELM Wave.NORD Wave.FTVL Wave.EGU Wave.PREC Wave.HOPR"
).split()


def attempt(side: Side, name: str, value: Any) -> str:
    """What a put-callback came to, and the value afterwards."""
    try:
        side.ca.put(PREFIX + name, value)
        outcome = "done"
    except Refused:
        outcome = "refused"
    after = side.ca.read(PREFIX + name, as_string=name != "Wave", count=3 if name == "Wave" else None)
    return f"{outcome} {after.value}"


@pytest.fixture
def restored(pair: Pair) -> Iterator[None]:
    """Where the servers mean to differ they end in different states: back to the same one."""
    yield
    for side in pair:
        for name, value in RESTORED.items():
            side.ca.put(PREFIX + name, value)
        acknowledge_all(side)


def acknowledge_all(side: Side) -> None:
    """No alarm of Ao waits to be acknowledged."""
    with side.raw() as client:
        sid = client.connect(f"{PREFIX}Ao")
        client.send(19, dbr.PUT_ACKS, 1, sid, 1, struct.pack(">H", 3))
        assert client.expect(19).first == 1


@pytest.mark.usefixtures("restored")
def test_puts_come_to_the_same(pair: Pair) -> None:
    wrong = []
    for name, value in PUTS:
        base, ours = (attempt(side, name, value) for side in pair)
        if base != ours and (name, str(value)) not in STEPS:
            wrong.append(f"{name} <- {value!r}: base {base}, ours {ours}")
    assert wrong == []


@pytest.mark.usefixtures("restored")
def test_every_listed_difference_of_puts_exists(pair: Pair) -> None:
    for name, value in STEPS:
        sent: Any = value if value == "1e12" else float(value) if "n" in value else int(value)
        base, ours = (attempt(side, name, sent) for side in pair)
        assert base != ours, (name, value)


def test_fields_have_the_same_type_and_text(pair: Pair) -> None:
    wrong = []
    for name in FIELD_NAMES:
        told = [(s.ca.info(PREFIX + name)["type"], s.ca.get(PREFIX + name, as_string=True)) for s in pair]
        if told[0] != told[1] and name not in FIELDS:
            wrong.append(f"{name}: base {told[0]}, ours {told[1]}")
    assert wrong == []


def settle(monitors: list[Monitor]) -> None:
    """Until nothing has arrived for a while."""
    counts: list[int] = []

    def quiet() -> bool:
        counts.append(sum(len(m.events) for m in monitors))
        return len(counts) > QUIET_POLLS and len(set(counts[-QUIET_POLLS:])) == 1

    wait_until(quiet)


def events(side: Side, name: str, script: Callable[[Side], None]) -> dict[str, list[Any]]:
    """What monitors of every mask see of a script, the first value left out."""
    monitors = {mask: side.ca.monitor(PREFIX + name, mask=mask) for mask in ("V", "L", "A", "P", "VLA")}
    for monitor in monitors.values():
        monitor.wait_count(1)
    settle(list(monitors.values()))
    script(side)
    settle(list(monitors.values()))
    for monitor in monitors.values():
        monitor.close()
    return {m: [(e.value, e.severity, e.status) for e in one.events[1:]] for m, one in monitors.items()}


def puts(*steps: tuple[str, Any]) -> Callable[[Side], None]:
    def script(side: Side) -> None:
        for name, value in steps:
            side.ca.put(PREFIX + name, value)

    return script


SCRIPTS = {
    "limits": ("Ao", puts(*(("Ao", v) for v in (50.0, 80.0, 90.0, 85.0, 50.0, 10.0, 5.0, 50.0)))),
    "hysteresis": ("Ao", puts(*(("Ao", v) for v in (80.0, 79.0, 78.0, 77.9, 79.0, 91.0, 88.5, 87.0)))),
    "moving limits": (
        "Ao",
        puts(("Ao", 50.0), ("Ao.HIGH", 40.0), ("Ao.HSV", "MAJOR"), ("Ao.HSV", "NO_ALARM"), ("Ao.HIGH", 80.0)),
    ),
    "deadbands": ("Ai", puts(*(("AiDrive", v) for v in (0.0, 1.0, 2.0, 3.0, 3.0, 6.0, 8.5, 20.0, 19.0)))),
    "unchanged": ("Ao", puts(("Ao", 30.0), ("Ao", 30.0), ("Ao", 30.0))),
    "metadata": ("Ao", puts(("Ao", 30.0), ("Ao.EGU", "g/h"), ("Ao.PREC", 3), ("Ao.HOPR", 60.0))),
    "integer": ("Long", puts(("Long", 1), ("Long", 600), ("Long", 600), ("Long", 2), ("Long.HIGH", 1))),
    "flag": ("Bo", puts(("Bo", 1), ("Bo", 1), ("Bo", 0), ("Bo.ZSV", "MAJOR"), ("Bo.ZSV", "NO_ALARM"))),
    "change of state": ("Bo", puts(("Bo", 0), ("Bo.COSV", "MINOR"), ("Bo", 1), ("Bo", 0), ("Bo", 0))),
    "choice": ("Mbbo", puts(("Mbbo", 1), ("Mbbo", 2), ("Mbbo", "Auto"), ("Mbbo.ZRSV", "MINOR"))),
    "text": ("Text", puts(("Text", "a"), ("Text", "a"), ("Text", "b"))),
    "long text": ("Long:Text", puts(("Long:Text", "a"), ("Long:Text", "a"), ("Long:Text", "b"))),
}


@pytest.mark.parametrize("title", SCRIPTS)
def test_monitors_of_every_mask_see_the_same_events(pair: Pair, title: str) -> None:
    name, script = SCRIPTS[title]
    base, ours = (events(side, name, script) for side in pair)
    assert ours == base


def test_a_field_is_monitored_alike(pair: Pair) -> None:
    script = puts(("Ao", 50.0), ("Ao.HIHI", 40.0), ("Ao.HIHI", 40.0), ("Ao.HIHI", 90.0))
    base, ours = (events(side, "Ao.HIHI", script) for side in pair)
    assert ours == base


@pytest.mark.parametrize("field", ["SEVR", "STAT", "ACKS"])
def test_alarm_fields_are_monitored_alike(pair: Pair, field: str) -> None:
    script = puts(("Ao", 50.0), ("Ao", 85.0), ("Ao", 95.0), ("Ao", 50.0))
    seen = []
    for side in pair:
        acknowledge_all(side)
        by_mask = events(side, f"Ao.{field}", script)
        seen.append([value for value, *_ in by_mask["VLA"]])
    assert seen[1] == seen[0]


def acknowledge(side: Side) -> list[tuple[int, ...]]:
    """(status, severity, ackt, acks) after each step of an alarm and its acknowledgement."""
    told = []
    with side.raw() as client:
        sid = client.connect(f"{PREFIX}Ao")

        def put(value: float) -> None:
            client.send(19, dbr.Native.DOUBLE, 1, sid, 1, struct.pack(">d", value))

        def ack(dbr_type: int, value: int) -> None:
            client.send(19, dbr_type, 1, sid, 1, struct.pack(">H", value))

        steps = [
            (put, 50.0), (put, 95.0), (put, 50.0), (ack, dbr.PUT_ACKS, 1), (ack, dbr.PUT_ACKS, 2),
            (put, 85.0), (ack, dbr.PUT_ACKT, 0), (put, 50.0), (put, 95.0), (put, 85.0),
            (ack, dbr.PUT_ACKT, 1), (put, 50.0), (ack, dbr.PUT_ACKS, 3),
        ]  # fmt: skip
        for order, *arguments in steps:
            order(*arguments)
            assert client.expect(19).first == 1
            client.send(15, dbr.STSACK_STRING, 1, sid, 1)
            told.append(struct.unpack_from(">hhHH", client.expect(15).payload))
    return told


def test_acknowledgement_goes_alike(pair: Pair) -> None:
    base, ours = (acknowledge(side) for side in pair)
    assert ours == base


def test_disp_locks_out_alike(pair: Pair) -> None:
    told = []
    for side in pair:
        side.ca.put(f"{PREFIX}Ao", 50.0)
        side.ca.put(f"{PREFIX}Ao.DISP", 1)
        told.append((attempt(side, "Ao", 60.0), side.ca.get(f"{PREFIX}Ao.DISP")))
        side.ca.put(f"{PREFIX}Ao.DISP", 0)
        told[-1] += (attempt(side, "Ao", 60.0),)
    assert told[1] == told[0]


@pytest.mark.parametrize(
    "name", ["Ao", "Long", "Bo", "Mbbo", "Text", "Long:Text", "Long:Text.VAL$", "Wave", "Ao."]
)
def test_channels_are_announced_alike(pair: Pair, name: str) -> None:
    told = [{k: v for k, v in s.ca.info(PREFIX + name).items() if k != "host"} for s in pair]
    assert told[1] == told[0]


def test_array_filters_and_counts(pair: Pair) -> None:
    told = []
    for side in pair:
        side.ca.put(f"{PREFIX}Wave", [float(i) for i in range(8)])
        told.append(
            [
                side.ca.get(PREFIX + "Wave", count=3),
                side.ca.get(PREFIX + "Wave.NORD"),
                side.ca.get(PREFIX + 'Wave.{"arr":{"s":2,"e":4}}'),
                side.ca.get(PREFIX + "Wave.[1:6]"),
                side.ca.get(PREFIX + "Wave.[0:2:6]"),
            ]
        )
    assert told[1] == told[0]
