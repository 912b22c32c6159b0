"""The statistics of a port, to the last count."""

import time
from collections.abc import Iterator

import pytest

from devsup.errors import ChecksumError, DeviceError, FramingError, IdentityError, Implausible, NoReply
from devsup.health import Manners
from devsup.line import Line
from devsup.port import Priority
from devsup.stats import KINDS
from tests.devsup.far_end import PATIENCE_S
from tests.devsup.port_rig import SHORT_S, Rig, port_rig
from tests.support.waiting import wait_until


@pytest.fixture
def rig() -> Iterator[Rig]:
    with port_rig() as rig:
        yield rig


def failing(kind: type[Exception]) -> object:
    def work(line: Line, deadline: float) -> None:
        raise kind("so it is")

    return work


def test_good_and_bad_operations_attempts_and_retries(rig: Rig) -> None:
    good = rig.ask("good")
    rig.serve(1)
    rig.served(good)
    with pytest.raises(NoReply):
        rig.ask("bad", timeout_s=SHORT_S).result(PATIENCE_S)
    seen = rig.port.snapshot()
    assert (seen.operations, seen.succeeded, seen.failed) == (2, 1, 1)
    assert (seen.failures["timeout"], seen.retries) == (4, 3)
    assert seen.fail_rate == 50.0
    assert seen.backed_off == 1
    assert seen.last_error == "one: bad: no reply"
    assert seen.overruns == 0


def test_an_operation_that_succeeds_at_the_second_attempt_is_one_good_operation(rig: Rig) -> None:
    order = rig.ask("hello", timeout_s=0.5)
    rig.far.expect()
    rig.serve(1)
    rig.served(order)
    seen = rig.port.snapshot()
    assert (seen.operations, seen.succeeded, seen.retries, seen.failures["timeout"]) == (1, 1, 1, 1)
    assert seen.longest_ms >= 500.0, "the time of all attempts"


@pytest.mark.parametrize(
    "kind", [NoReply, FramingError, IdentityError, ChecksumError, DeviceError, Implausible]
)
def test_failures_are_booked_under_their_kind(rig: Rig, kind: type[DeviceError]) -> None:
    with pytest.raises(kind):
        rig.port.submit(failing(kind), rig.one, retries=1).result(PATIENCE_S)  # type: ignore[arg-type]
    attempts = 2 if kind.recoverable else 1
    assert rig.port.snapshot().failures == {name: attempts * (name == kind.kind) for name in KINDS}
    assert rig.port.snapshot().retries == attempts - 1


def test_waits_behind_another_caller_are_counted(rig: Rig) -> None:
    for _ in range(3):
        done = rig.ask("alone")
        rig.serve(1)
        rig.served(done)
    assert rig.port.snapshot().blocked == 0
    held = rig.busy()
    waiting = [rig.ask("one"), rig.ask("two")]
    seen = rig.port.snapshot()
    assert (seen.blocked, seen.queue_depth) == (2, 2)
    rig.far.say("re hold")
    rig.serve(2)
    rig.served(held, *waiting)
    assert rig.port.snapshot().queue_depth == 0


def test_an_order_that_waits_for_its_own_retry_blocks_nobody() -> None:
    with port_rig(Manners(retry_delays_s=(60.0,), floor_s=0.01)) as rig:
        rig.ask("stuck", timeout_s=SHORT_S)
        rig.far.expect()
        wait_until(lambda: rig.port.snapshot().queue_depth == 1)
        done = rig.ask("free")
        rig.serve(1)
        rig.served(done)
        assert rig.port.snapshot().blocked == 0


def test_superseded_orders_are_no_operations(rig: Rig) -> None:
    rig.busy()
    orders = [rig.ask(f"set {n}", priority=Priority.COMMAND, key="setpoint") for n in range(10)]
    rig.far.say("re hold")
    rig.serve(1)
    rig.served(*orders)
    assert rig.port.snapshot().operations == 2


def test_a_retry_that_joins_a_newer_order_is_not_counted_as_made() -> None:
    with port_rig(Manners(retry_delays_s=(60.0,), floor_s=0.01)) as rig:
        old = rig.ask("set 1", priority=Priority.COMMAND, key="setpoint", timeout_s=SHORT_S)
        rig.far.expect()
        wait_until(lambda: rig.port.snapshot().queue_depth == 1)
        new = rig.ask("set 2", priority=Priority.COMMAND, key="setpoint")
        assert rig.serve(1) == ["set 2"]
        assert rig.served(old, new) == ["re set 2"] * 2
        seen = rig.port.snapshot()
        assert (seen.retries, seen.operations, seen.succeeded) == (0, 1, 1)


def test_late_replies_are_counted_once_each(rig: Rig) -> None:
    with pytest.raises(NoReply):
        rig.ask("slow", retries=0, timeout_s=SHORT_S).result(PATIENCE_S)
    rig.far.expect()
    rig.far.say("a reply of several words that comes too late")
    wait_until(lambda: rig.port.snapshot().late_replies)
    rig.settle()
    assert rig.port.snapshot().late_replies == 1


def test_utilisation_is_bytes_against_the_baud_rate(rig: Rig) -> None:
    order = rig.ask("x" * 99)
    rig.serve(1)
    rig.served(order)
    now = time.monotonic()
    out, back = 100, len("re ") + 100
    percent_of_ten_seconds = 100 * (out + back) * 10 / 38400 / 10
    assert rig.port.stats.utilisation(now, now - 10.0) == pytest.approx(percent_of_ten_seconds)
    assert 0.0 < rig.port.snapshot().utilisation <= 100.0


def test_drained_bytes_were_on_the_wire_too(rig: Rig) -> None:
    with pytest.raises(NoReply):
        rig.ask("slow", retries=0, timeout_s=SHORT_S).result(PATIENCE_S)
    rig.far.expect()
    rig.far.send(b"y" * 95)
    wait_until(lambda: rig.port.snapshot().late_replies)
    rig.settle()
    now = time.monotonic()
    bytes_seen = rig.port.stats.utilisation(now, now - 10.0) / 100 * 10 * 38400 / 10
    assert bytes_seen == pytest.approx(len("slow\n") + 95 + len("last\n") + len("re last\n"))


def test_overruns_are_for_whoever_polls(rig: Rig) -> None:
    rig.port.stats.overruns += 2
    assert rig.port.snapshot().overruns == 2


def test_reset_begins_anew(rig: Rig) -> None:
    rig.settle()
    rig.port.reset_statistics()
    seen = rig.port.snapshot()
    assert (seen.operations, seen.longest_ms, seen.utilisation) == (0, 0.0, 0.0)
    rig.settle()
    assert rig.port.snapshot().operations == 1
