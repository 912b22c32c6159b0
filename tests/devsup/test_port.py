"""Whose turn it is on a line, what is superseded, overruled or withdrawn, and that replies stay in step."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from devsup.errors import DeviceError, FramingError, LineLost, NoReply, Overruled
from devsup.health import Manners
from devsup.line import Line, LineSettings
from devsup.port import Port, Priority
from tests.devsup.far_end import PATIENCE_S, ask
from tests.devsup.port_rig import QUICK, SHORT_S, Rig, port_rig, running
from tests.support.waiting import until, wait_until


@pytest.fixture
def rig() -> Iterator[Rig]:
    with port_rig() as rig:
        yield rig


def refuse(line: Line, deadline: float) -> None:
    line.send(b"refuse\n")
    line.receive(deadline)
    raise DeviceError("read-only", 13)


def bug(line: Line, deadline: float) -> None:
    line.send(b"bug\n")
    raise ZeroDivisionError("in a protocol")


# -- turns ------------------------------------------------------------------------------------


def test_a_transaction_brings_its_result(rig: Rig) -> None:
    asked = rig.ask("flow?")
    assert rig.far.expect() == "flow?"
    rig.far.say("42")
    assert asked.result(PATIENCE_S) == "42"


def test_commands_overtake_polls_and_safe_overtakes_everything(rig: Rig) -> None:
    held = rig.busy()
    waiting = [
        rig.ask("slow group", rig.one, Priority.BACKGROUND),
        rig.ask("poll 1", rig.one, Priority.POLL),
        rig.ask("poll 2", rig.two, Priority.POLL),
        rig.ask("setpoint", rig.two, Priority.COMMAND),
        rig.ask("zero", rig.one, Priority.SAFE),
    ]
    rig.far.say("re hold")
    assert rig.serve(5) == ["zero", "setpoint", "poll 1", "poll 2", "slow group"]
    assert rig.served(held, *waiting)[0] == "re hold"


def test_ten_setpoints_while_the_line_is_busy_send_the_last_and_all_learn_it(rig: Rig) -> None:
    rig.busy()
    orders = [rig.ask(f"set {n}", priority=Priority.COMMAND, key="setpoint") for n in range(10)]
    assert rig.port.snapshot().queue_depth == 1
    rig.far.say("re hold")
    assert rig.serve(1) == ["set 9"]
    assert rig.served(*orders) == ["re set 9"] * 10
    assert rig.far.heard_nothing()


def test_a_setpoint_in_flight_is_answered_for_itself(rig: Rig) -> None:
    first = rig.ask("set 1", priority=Priority.COMMAND, key="setpoint")
    assert rig.far.expect() == "set 1"
    second = rig.ask("set 2", priority=Priority.COMMAND, key="setpoint")
    rig.far.say("re set 1")
    assert rig.serve(1) == ["set 2"]
    assert rig.served(first, second) == ["re set 1", "re set 2"]


# -- safe -------------------------------------------------------------------------------------


def test_safe_overrules_the_commands_that_wait(rig: Rig) -> None:
    held = rig.busy()
    command = rig.ask("set 5", priority=Priority.COMMAND, key="setpoint")
    other = rig.ask("set 7", rig.two, Priority.COMMAND, key="other setpoint")
    zero = rig.ask("zero", priority=Priority.SAFE)
    with pytest.raises(Overruled, match="set 5: overruled by zero"):
        command.result(PATIENCE_S)
    rig.far.say("re hold")
    assert rig.serve(2) == ["zero", "set 7"]
    rig.served(held, other, zero)


def test_safe_overrules_a_command_that_would_be_repeated_later() -> None:
    with port_rig(Manners(retry_delays_s=(60.0,), floor_s=0.01)) as rig:
        command = rig.ask("set 5", priority=Priority.COMMAND, timeout_s=SHORT_S)
        assert rig.far.expect() == "set 5"
        wait_until(lambda: rig.port.snapshot().queue_depth == 1, what="the command waits for its retry")
        zero = rig.ask("zero", priority=Priority.SAFE)
        with pytest.raises(Overruled):
            command.result(PATIENCE_S)
        assert rig.serve(1) == ["zero"]
        rig.served(zero)


def test_a_command_in_flight_that_fails_is_not_repeated_after_safe_was_ordered(rig: Rig) -> None:
    command = rig.ask("set 5", priority=Priority.COMMAND, timeout_s=0.5)
    assert rig.far.expect() == "set 5"
    zero = rig.ask("zero", priority=Priority.SAFE)
    with pytest.raises(Overruled):
        command.result(PATIENCE_S)
    assert rig.serve(1) == ["zero"]
    rig.served(zero)
    rig.settle()


def test_a_command_that_comes_while_safe_waits_is_not_carried_out_after_it(rig: Rig) -> None:
    rig.busy()
    zero = rig.ask("zero", priority=Priority.SAFE)
    command = rig.ask("set 5", priority=Priority.COMMAND)
    with pytest.raises(Overruled):
        command.result(PATIENCE_S)
    rig.far.say("re hold")
    assert rig.serve(1) == ["zero"]
    rig.served(zero)
    rig.settle()


def test_safe_that_is_repeated_overrules_the_command_that_came_while_it_flew(rig: Rig) -> None:
    zero = rig.ask("zero", priority=Priority.SAFE, timeout_s=0.5)
    assert rig.far.expect() == "zero"
    command = rig.ask("set 5", priority=Priority.COMMAND)
    with pytest.raises(Overruled):
        command.result(PATIENCE_S)
    assert rig.serve(1) == ["zero"]
    rig.served(zero)
    rig.settle()


def test_once_safe_is_done_commands_are_carried_out(rig: Rig) -> None:
    zero = rig.ask("zero", priority=Priority.SAFE)
    assert rig.serve(1) == ["zero"]
    rig.served(zero)
    command = rig.ask("set 5", priority=Priority.COMMAND)
    assert rig.serve(1) == ["set 5"]
    rig.served(command)


# -- those who no longer wait -----------------------------------------------------------------


def test_a_cancelled_order_that_still_waits_is_never_sent(rig: Rig) -> None:
    held = rig.busy()
    gone = rig.ask("gone")
    stays = rig.ask("stays")
    assert gone.cancel()
    rig.far.say("re hold")
    assert rig.serve(1) == ["stays"]
    rig.served(held, stays)
    rig.settle()


def test_a_cancelled_order_on_the_wire_finishes_and_the_line_stays_in_step(rig: Rig) -> None:
    flying = rig.ask("flying")
    assert rig.far.expect() == "flying"
    assert not flying.cancel()
    next_one = rig.ask("next")
    rig.far.say("re flying")
    assert rig.serve(1) == ["next"]
    assert rig.served(next_one, flying) == ["re next", "re flying"]


def test_an_order_cancelled_between_attempts_is_not_repeated() -> None:
    with port_rig(Manners(retry_delays_s=(0.6,), floor_s=0.01)) as rig:
        order = rig.ask("once", timeout_s=SHORT_S)
        assert rig.far.expect() == "once"
        wait_until(lambda: rig.port.snapshot().queue_depth == 1, what="it waits for its retry")
        order.cancel()
        wait_until(order.done, what="whoever cancelled is released")
        rig.settle()
        seen = rig.port.snapshot()
        assert (seen.retries, seen.failed, seen.succeeded) == (0, 1, 1)


async def test_a_cancelled_task_withdraws_and_leaves_the_line_in_step(rig: Rig) -> None:
    held = rig.busy()
    task = asyncio.create_task(rig.port.run(ask("gone"), rig.one, timeout_s=PATIENCE_S))
    await until(lambda: rig.port.snapshot().queue_depth == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    rig.far.say("re hold")
    rig.served(held)
    rig.settle()


async def test_results_and_failures_reach_the_event_loop(rig: Rig) -> None:
    task = asyncio.create_task(rig.port.run(ask("flow?"), rig.one, timeout_s=PATIENCE_S))
    await asyncio.sleep(0)
    assert await asyncio.to_thread(rig.far.expect) == "flow?"
    rig.far.say("42")
    assert await task == "42"
    with pytest.raises(NoReply):
        await rig.port.run(ask("silence"), rig.one, timeout_s=SHORT_S, retries=0)


# -- in step ----------------------------------------------------------------------------------


def test_what_arrived_unasked_is_no_reply(rig: Rig) -> None:
    rig.far.say("stale")
    wait_until(lambda: rig.port.snapshot().late_replies == 1, what="an idle line is listened to")
    asked = rig.ask("flow?")
    assert rig.serve(1) == ["flow?"]
    assert rig.served(asked) == ["re flow?"]


def test_what_arrived_at_the_end_of_a_transaction_is_flushed_before_the_next(rig: Rig) -> None:
    def babbled_after(line: Line, deadline: float) -> str:
        rig.far.send_through(b"stale\n")
        return "done"

    first = rig.port.submit(babbled_after, rig.one)
    second = rig.ask("flow?")
    assert rig.serve(1) == ["flow?"]
    assert rig.served(first, second) == ["done", "re flow?"]


def test_a_late_reply_answers_nothing_but_is_remembered() -> None:
    with port_rig(Manners(retry_delays_s=(), floor_s=1.0, response_timeout_s=5.0)) as rig:
        unknown = rig.port.device("unknown")
        late = rig.ask("late", unknown, timeout_s=SHORT_S)
        assert rig.far.expect() == "late"
        wait_until(lambda: unknown.attempts_failed == 1, what="the wait is over, the drain goes on")
        after = rig.ask("after", rig.two)
        rig.far.say("re late")
        with pytest.raises(NoReply):
            late.result(PATIENCE_S)
        assert rig.serve(1) == ["after"]
        assert rig.served(after) == ["re after"]
        assert rig.port.snapshot().late_replies == 1
        assert unknown.lost
        assert unknown.slowest_s > SHORT_S
        assert unknown.due(0.0), "slow, not silent: it is asked again at once"


def test_an_idle_line_hears_a_reply_that_comes_after_the_drain(rig: Rig) -> None:
    unknown = rig.port.device("unknown")
    with pytest.raises(NoReply):
        rig.ask("slow", unknown, timeout_s=SHORT_S).result(PATIENCE_S)
    assert not unknown.due(0.0)
    rig.far.expect()
    rig.far.say("re slow")
    wait_until(lambda: unknown.due(0.0), what="the late reply is credited")
    assert unknown.wait_s() > SHORT_S


def test_one_whose_reply_was_cut_by_the_deadline_is_slow() -> None:
    def half_heard(line: Line, deadline: float) -> str:
        line.send(b"slow\n")
        line.receive(deadline)
        raise FramingError("reply breaks off")

    with port_rig(Manners(retry_delays_s=(), floor_s=0.5)) as rig:
        unknown = rig.port.device("unknown")
        order = rig.port.submit(half_heard, unknown, timeout_s=PATIENCE_S)
        assert rig.far.expect() == "slow"
        rig.far.say("first half")
        wait_until(lambda: unknown.attempts_failed == 1)
        rig.far.say("second half")
        with pytest.raises(FramingError):
            order.result(PATIENCE_S)
        assert unknown.due(0.0)
        assert unknown.latency_s > 0.0


def test_one_whose_reply_was_damaged_is_not_slow(rig: Rig) -> None:
    def damaged(line: Line, deadline: float) -> str:
        line.send(b"damaged\n")
        raise FramingError("noise")

    unknown = rig.port.device("unknown")
    with pytest.raises(FramingError):
        rig.port.submit(damaged, unknown).result(PATIENCE_S)
    rig.far.expect()
    rig.far.say("of somebody else")
    wait_until(lambda: rig.port.snapshot().late_replies == 1)
    assert unknown.latency_s == 0.0
    assert not unknown.due(0.0)


def test_strays_during_a_transaction_are_credited_to_whoever_owes(rig: Rig) -> None:
    unknown = rig.port.device("unknown")
    with pytest.raises(NoReply):
        rig.ask("slow", unknown, timeout_s=SHORT_S).result(PATIENCE_S)

    def turned_away(line: Line, deadline: float) -> str:
        line.strays += 1
        return "ok"

    assert rig.port.submit(turned_away, rig.two).result(PATIENCE_S) == "ok"
    assert unknown.due(0.0)


# -- failures ---------------------------------------------------------------------------------


def test_what_can_be_retried_is_retried_three_times(rig: Rig) -> None:
    order = rig.ask("hello", timeout_s=SHORT_S)
    assert [rig.far.expect() for _ in range(4)] == ["hello"] * 4
    with pytest.raises(NoReply):
        order.result(PATIENCE_S)
    rig.settle()
    assert rig.one.lost
    assert not rig.one.due(rig.one.next_probe - 0.001)


def test_a_retry_may_succeed(rig: Rig) -> None:
    order = rig.ask("hello", timeout_s=0.5)
    assert rig.far.expect() == "hello"
    assert rig.serve(1) == ["hello"]
    assert rig.served(order) == ["re hello"]
    assert not rig.one.lost
    assert rig.one.attempts_failed == 0


def test_what_must_not_be_repeated_is_not(rig: Rig) -> None:
    with pytest.raises(NoReply):
        rig.ask("toggle", timeout_s=SHORT_S, retries=0).result(PATIENCE_S)
    assert rig.far.expect() == "toggle"
    rig.settle()
    assert not rig.one.lost, "one failure is not the end"


def test_a_refusal_is_not_retried_and_is_an_answer(rig: Rig) -> None:
    order = rig.port.submit(refuse, rig.one, timeout_s=PATIENCE_S)
    assert rig.serve(1) == ["refuse"]
    with pytest.raises(DeviceError, match="read-only"):
        order.result(PATIENCE_S)
    assert not rig.one.lost
    assert rig.one.last_error == "read-only"
    rig.settle()


def test_a_lost_instrument_is_probed_once_and_an_answer_brings_it_back(rig: Rig) -> None:
    lost = rig.port.device("lost")
    with pytest.raises(NoReply):
        rig.ask("anybody?", lost, timeout_s=SHORT_S).result(PATIENCE_S)
    assert rig.far.expect() == "anybody?"
    back = rig.ask("and now?", lost)
    assert rig.serve(1) == ["and now?"]
    assert rig.served(back) == ["re and now?"]
    assert not lost.lost


def test_neighbours_are_served_between_the_attempts() -> None:
    with port_rig(Manners(retry_delays_s=(60.0,), floor_s=0.01)) as rig:
        stuck = rig.ask("stuck", rig.one, timeout_s=SHORT_S)
        assert rig.far.expect() == "stuck"
        neighbour = rig.ask("neighbour", rig.two)
        assert rig.serve(1) == ["neighbour"]
        rig.served(neighbour)
        assert not stuck.done()


def test_a_bug_in_a_transaction_fails_that_alone(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError):
        rig.port.submit(bug, rig.one).result(PATIENCE_S)
    assert rig.far.expect() == "bug"
    assert "failed in our own code" in caplog.text
    rig.settle()


def test_a_bug_of_the_port_itself_fails_that_order_alone(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(reply_s: float, now: float) -> None:
        raise RuntimeError("broken book-keeping")

    with monkeypatch.context() as patched:
        patched.setattr(rig.one, "answered", broken)
        order = rig.ask("hello")
        assert rig.serve(1) == ["hello"]
        with pytest.raises(RuntimeError, match="broken"):
            order.result(PATIENCE_S)
    assert "failed in our own code" in caplog.text
    rig.settle()


def test_a_result_is_handed_over_even_if_the_next_question_never_goes_out() -> None:
    def unplugged(line: Line, deadline: float) -> None:
        raise LineLost("just now")

    with port_rig(Manners(retry_delays_s=(60.0,), floor_s=0.01)) as rig:
        first = rig.ask("first")
        assert rig.far.expect() == "first"
        rig.port.submit(unplugged, rig.two)
        rig.far.say("re first")
        assert rig.served(first) == ["re first"]


# -- beginning and end ------------------------------------------------------------------------


def test_stop_finishes_what_flies_and_refuses_what_waits(rig: Rig) -> None:
    flying = rig.busy()
    waiting = [rig.ask("waits"), rig.ask("zero", priority=Priority.SAFE)]
    stopper = stop_in_background(rig.port)
    for order in waiting:
        with pytest.raises(LineLost, match="stopped"):
            order.result(PATIENCE_S)
    rig.far.say("re hold")
    assert rig.served(flying) == ["re hold"]
    stopper.result(PATIENCE_S)
    assert not rig.port.connected
    assert rig.far.heard_nothing()


def test_what_fails_while_stopping_is_not_retried(rig: Rig) -> None:
    flying = rig.ask("flying", timeout_s=0.3)
    assert rig.far.expect() == "flying"
    stopper = stop_in_background(rig.port)
    with pytest.raises(NoReply):
        flying.result(PATIENCE_S)
    stopper.result(PATIENCE_S)


def test_a_port_that_does_not_run_takes_no_orders(rig: Rig) -> None:
    rig.port.stop()
    with pytest.raises(LineLost, match="not running"):
        rig.ask("hello")
    rig.port.stop()


def test_a_port_can_be_started_again_but_not_twice(rig: Rig) -> None:
    with pytest.raises(RuntimeError, match="already"):
        rig.port.start()
    rig.port.stop()
    rig.port.start()
    rig.settle()


async def test_a_closed_event_loop_does_not_disturb_the_port(rig: Rig) -> None:
    def abandon() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(rig.port.run(ask("abandoned"), rig.one, timeout_s=PATIENCE_S))
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()

    await asyncio.to_thread(abandon)
    if not rig.far.heard_nothing():
        assert rig.serve(1) == ["abandoned"]
    rig.settle()


def test_loop_is_a_line_too() -> None:
    with running(Port("loop", LineSettings("loop://"), QUICK)) as port:
        assert port.connected
        assert port.submit(ask("echo"), port.device("one")).result(PATIENCE_S) == "echo"


def stop_in_background(port: Port) -> "Future[None]":
    """stop() blocks as long as the transaction in flight. Returns once it refuses orders."""
    done: Future[None] = Future()

    def stop() -> None:
        port.stop()
        done.set_result(None)

    threading.Thread(target=stop, name="stopper").start()

    def refuses() -> bool:
        try:
            port.submit(ask("never"), port.devices[0]).cancel()
        except LineLost:
            return True
        return False

    wait_until(refuses, what="stop() has begun")
    return done
