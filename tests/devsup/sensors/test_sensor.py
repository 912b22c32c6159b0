"""Readings off the event loop: in parallel, with deadlines, booked."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from devsup.errors import NoReply
from devsup.health import Link
from devsup.sensors import Limits, Quality, Quantity, Sample, Sensor
from tests.support.waiting import until

T = Quantity.TEMPERATURE


class Scripted:
    """A source that does what the test says."""

    quantities = (T,)

    def __init__(self, work: Callable[[], float]) -> None:
        self.work = work
        self.closed = 0

    def read(self) -> Sample:
        return Sample(time.monotonic(), {T: self.work()})

    def close(self) -> None:
        self.closed += 1


def fails() -> float:
    raise NoReply("nothing")


async def test_a_reading_is_booked() -> None:
    sensor = Sensor("air", Scripted(lambda: 21.5))
    before = time.monotonic()
    measured = (await sensor.read())[T]
    assert (measured.value, measured.quality) == (21.5, Quality.GOOD)
    assert measured.at is not None and before <= measured.at <= time.monotonic()
    assert sensor.measured(T) is measured
    assert sensor.health.link is Link.OK


async def test_failures_keep_the_value_and_the_link_is_lost_after_four() -> None:
    source = Scripted(lambda: 21.5)
    sensor = Sensor("air", source)
    await sensor.read()
    source.work = fails
    for lost in (False, False, False, True):
        measured = (await sensor.read())[T]
        assert (measured.value, measured.quality, measured.problem) == (21.5, Quality.FAILED, "nothing")
        assert sensor.health.lost is lost
    source.work = lambda: 22.0
    assert (await sensor.read())[T].quality is Quality.GOOD
    assert not sensor.health.lost


async def test_sensors_are_read_in_parallel() -> None:
    together = threading.Barrier(3, timeout=10)

    def work() -> float:
        return float(together.wait() >= 0)  # returns once all three are being read

    sensors = [Sensor(str(n), Scripted(work)) for n in range(3)]
    for result in await asyncio.gather(*(sensor.read() for sensor in sensors)):
        assert result[T].quality is Quality.GOOD


async def test_the_event_loop_runs_on_while_a_sensor_is_read() -> None:
    go = threading.Event()

    def work() -> float:
        assert go.wait(10)
        return 1.0

    reading = asyncio.create_task(Sensor("slow", Scripted(work)).read())
    await asyncio.sleep(0)
    go.set()  # only a loop that runs gets here
    assert (await reading)[T].value == 1.0


async def test_a_reading_that_never_returns_costs_its_thread_and_nothing_else() -> None:
    release = threading.Event()
    source = Scripted(lambda: float(release.wait(30)))
    sensor = Sensor("locked up", source, timeout_s=0.05)
    assert "no reading within 0.05 s" in (await sensor.read())[T].problem
    threads = threading.active_count()
    for _ in range(3):
        assert "hangs since" in (await sensor.read())[T].problem
    assert threading.active_count() == threads
    sensor.close()
    assert source.closed == 0, "the reading still uses it"
    release.set()
    await until(lambda: not [t for t in threading.enumerate() if t.name == "sensor-locked up"])
    sensor.timeout_s = 10.0
    assert (await sensor.read())[T].value == 1.0
    sensor.close()
    assert source.closed == 1


async def test_a_mistake_of_our_own_is_no_value_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    source = Scripted(lambda: 1 / 0)
    assert (await Sensor("air", source).read())[T].quality is Quality.NONE
    assert "failed in our own code" in caplog.text


async def test_a_change_of_state_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    source = Scripted(fails)
    sensor = Sensor("air", source)
    for _ in range(5):
        await sensor.read()
    source.work = lambda: 1.0
    for _ in range(5):
        await sensor.read()
    messages = [record.message for record in caplog.records]
    assert messages == ["air: no reading: nothing", "air: readings come"]


async def test_an_implausible_value_is_doubted() -> None:
    source = Scripted(lambda: 21.5)
    sensor = Sensor("air", source, {T: Limits(-10, 60)})
    await sensor.read()
    source.work = lambda: 988.0
    measured = (await sensor.read())[T]
    assert (measured.value, measured.quality) == (21.5, Quality.DOUBTFUL)
    assert sensor.health.link is Link.OK, "the conversation works"
