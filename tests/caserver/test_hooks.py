"""What user code hangs on a record, and how a record stays readable whatever clients write."""

import asyncio
import logging
import math
import struct
import time
from typing import Any

import pytest

from iocs.caserver import Analog, Choice, Client, Flag, Integer, Record, Refused, Text
from iocs.caserver.dbr import Mask, Native
from iocs.caserver.interfaces import Network
from iocs.caserver.names import Deadband, Target
from iocs.caserver.puts import Outcome, Put
from iocs.caserver.server import Server
from iocs.caserver.subscription import Event, Subscription
from iocs.caserver.wire import ECA_NORMAL, ECA_PUTFAIL
from tests.support.waiting import until

CLIENT = Client("ann", "desk", "127.0.0.1:1")


async def put(record: Record[Any], field: str, text: str) -> Outcome:
    """A put of text to a field, and its answer."""
    answers: list[Outcome] = []
    record.get_field(field).put(Put(CLIENT, Native.STRING, 1, text.encode(), True, answers.append))
    await until(lambda: answers)
    assert len(answers) == 1
    return answers[0]


async def test_scan_is_the_users_to_grant() -> None:
    record = Analog("X")
    assert not record.get_field("SCAN").writable_by(CLIENT)
    seen: list[str] = []
    record.on_scan = seen.append
    assert record.get_field("SCAN").writable_by(CLIENT)
    assert (await put(record, "SCAN", ".5 second")).status == ECA_NORMAL
    assert (seen, record.scan) == ([".5 second"], ".5 second")


async def test_a_scan_that_is_refused_stays() -> None:
    async def refuse(text: str) -> None:
        raise Refused(f"not {text}")

    record, before = Analog("X"), Analog("X").scan
    record.on_scan = refuse
    assert await put(record, "SCAN", "Passive") == (ECA_PUTFAIL, "not Passive")
    assert record.scan == before


async def test_proc_runs_what_the_user_gave_it() -> None:
    runs: list[int] = []

    async def process() -> None:
        runs.append(1)

    record = Analog("X")
    record.process = process
    assert (await put(record, "PROC", "1")).status == ECA_NORMAL
    assert runs == [1]
    record.process = None
    assert (await put(record, "PROC", "1")).status == ECA_NORMAL


class Fault(Exception):
    """As device support raises it."""

    kind = "timeout"
    recoverable = True


@pytest.mark.parametrize(("error", "logged"), [(Fault("no reply"), False), (KeyError("bug"), True)])
async def test_a_fault_of_the_device_is_no_traceback(
    error: Exception, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def putter(value: float) -> float | None:
        raise error

    record = Analog("X", writable=True)
    record.set_ok(1)
    record.putter = putter
    assert (await put(record, "VAL", "2")).status == ECA_PUTFAIL
    assert ("Traceback" in caplog.text) == logged
    assert (record.value, record.severity) == (1.0, 0)


async def test_a_putter_that_returns_nonsense_fails_the_put_only() -> None:
    async def putter(value: float) -> Any:
        return "nonsense"

    record = Analog("X", writable=True)
    record.set_ok(1)
    record.putter = putter
    assert (await put(record, "VAL", "2")).status == ECA_PUTFAIL
    assert record.value == 1.0


async def test_what_was_written_is_reported_with_old_and_new() -> None:
    record, seen = Text("X", writable=True), []
    record.on_written = lambda *what: seen.append(what)
    await put(record, "VAL", "a")
    await put(record, "VAL", "b")
    assert seen == [("", "a", "ann", "desk"), ("a", "b", "ann", "desk")]


async def test_puts_that_wait_when_the_server_stops_are_answered() -> None:
    async def putter(value: float) -> float | None:
        await asyncio.Event().wait()
        return None

    record = Analog("X", writable=True)
    record.putter = putter
    answers: list[Outcome] = []
    for _ in range(3):
        record.put(Put(CLIENT, Native.DOUBLE, 1, struct.pack(">d", 1), True, answers.append))
    (task,) = (t for t in asyncio.all_tasks() if t.get_name() == "puts X")
    await asyncio.sleep(0)
    task.cancel()
    await until(lambda: len(answers) == 3)
    assert {a.status for a in answers} == {ECA_PUTFAIL}


@pytest.mark.parametrize(
    ("record", "field", "text"),
    [
        (Choice("X", ["A", "B"], writable=True), "VAL", "inf"),
        (Choice("X", ["A", "B"], writable=True), "VAL", "0.5"),
        (Choice("X", ["A", "B"], writable=True), "ZRST", "B"),
        (Choice("X", ["A", "B"], writable=True), "ZRST", ""),
        (Choice("X", ["A", "B"], writable=True), "FFST", "C"),
        (Flag("X", writable=True), "VAL", "²"),
        (Analog("X", writable=True), "VAL", "0x" + "f" * 30),
        (Integer("X", writable=True), "VAL", "0x" + "f" * 30),
        (Analog("X"), "HYST", "nan"),
        (Analog("X"), "MDEL", "nan"),
        (Analog("X"), "HOPR", "inf"),
        (Analog("X"), "PREC", "nan"),
        (Analog("X"), "HHSV", "TERRIBLE"),
        (Analog("X"), "HHSV", "4"),
        (Analog("X"), "NAME", "Y"),
        (Analog("X"), "STAT", "0"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
async def test_nonsense_is_refused_and_leaves_the_record_readable(
    record: Record[Any], field: str, text: str
) -> None:
    before = record.get_field(field).image(Native.STRING, 1, False)
    outcome = await put(record, field, text)
    readable = [record.image(t, 1, False) for t in (0, 20, 34, 31)]
    assert len(readable) == 4
    if not text.startswith("0x") or isinstance(record, Integer):
        assert outcome.status == ECA_PUTFAIL
        assert record.get_field(field).image(Native.STRING, 1, False) == before


async def test_an_odd_precision_does_no_harm() -> None:
    record = Analog("X")
    record.set_ok(1.5)
    for text in ("-3", "1000"):
        assert (await put(record, "PREC", text)).status == ECA_NORMAL
        assert record.image(Native.STRING, 1, False).payload.strip(b"\0 ")


class Sink:
    """Where a subscription sends to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost_events = 0

    def queue_event(self, event: Event) -> None:
        self.events.append(event)

    def values(self) -> list[float]:
        return [struct.unpack(">d", e.payload[-8:])[0] for e in self.events]


@pytest.mark.parametrize(
    ("band", "seen"),
    [(Deadband(False, 2), [10.0, 13.0, 16.0, 19.0]), (Deadband(True, 20), [10.0, 13.0, 16.0, 20.0])],
)
def test_the_deadband_filter_of_a_channel(band: Deadband, seen: list[float]) -> None:
    record, sink = Analog("X"), Sink()
    record.set_ok(10)
    Subscription(sink, Target(record, deadband=band), 20, 1, 1, Mask.VALUE).changed()
    for value in range(11, 21):
        record.set_ok(value)
    assert sink.values() == seen


def test_the_time_stamp_filter_of_a_channel() -> None:
    record, sink = Analog("X"), Sink()
    record.set_ok(10, timestamp=1e9)
    Subscription(sink, Target(record, stamp_now=True), 20, 1, 1, Mask.VALUE).changed()
    Subscription(sink, Target(record), 20, 1, 2, Mask.VALUE).changed()
    now, then = (struct.unpack_from(">I", e.payload, 4)[0] + 631152000 for e in sink.events)
    assert then == 1e9
    assert abs(now - time.time()) < 60


def test_big_arrays_wait_once_and_the_newest_stays() -> None:
    record, sink = Analog("X"), Sink()
    subscription = Subscription(sink, Target(record), 20, 1, 1, Mask.VALUE)
    for value in range(1, 101):
        record.set_ok(value)
    assert len(sink.events) == 32
    assert sink.values()[-1] == 100.0
    assert sink.lost_events == 68
    for event in sink.events:
        subscription.sent(event)
    record.set_ok(0.5)
    assert len(sink.events) == 33


class Stalled:
    """A circuit that has not been read for a while."""

    address = "10.0.0.9:1"
    unsent_bytes = 5000

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.closed = False
        self.outbox = self

    def stalled_for(self, now: float) -> float:
        return self.seconds

    def close(self, *, abort: bool = False) -> None:
        self.closed = abort


def server(**options: float) -> Server:
    made = Server({"X": Analog("X")}, Network(("127.0.0.1",), 0, (), frozenset(), 15.0), **options)
    made.loop = asyncio.get_running_loop()
    return made


async def test_a_client_that_does_not_read_is_dropped_in_the_end() -> None:
    watched = server(stall_limit_s=10)
    stuck, slow = Stalled(11), Stalled(9)
    watched.circuits |= {stuck, slow}  # type: ignore[arg-type]
    assert len(watched.stalled()) == 2
    watched.keep_house(watched.loop.time())
    assert (stuck.closed, slow.closed) == (True, False)
    assert watched.counters.stalled_dropped == 1
    watched.cancel_timers()


async def test_an_event_loop_that_stood_still_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    watched = server()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            watched.keep_house(watched.loop.time() - 2.0)
    assert watched.counters.stalls == 3
    assert watched.counters.worst_lag_s == pytest.approx(2.0, abs=0.5)
    assert caplog.text.count("stood still") == 1
    assert math.isfinite(watched.counters.worst_lag_s)
    watched.cancel_timers()
