"""Who goes first and who supersedes whom, without thread or clock."""

import concurrent.futures
import random
from typing import Any

import pytest

from devsup.errors import NoReply, Overruled
from devsup.health import Health
from devsup.line import Line
from devsup.orders import PATIENCE_S, Order, OrderQueue, Priority, Waiter

Result = Waiter[Any]


def device(name: str, lost: bool = False) -> Health:
    health = Health(name)
    if not lost:
        health.answered(0.01, now=0.0)
    return health


def order(
    health: Health,
    priority: Priority = Priority.POLL,
    *,
    key: object = None,
    label: str = "order",
    born: float = 0.0,
    value: object = None,
) -> Order:
    def work(line: Line, deadline: float) -> object:
        return value

    return Order(
        health=health,
        priority=priority,
        timeout_s=None,
        retries=3,
        key=key,
        label=label,
        waiters=[Waiter(work)],
        born=born,
        delays_s=(0.1, 0.2, 0.3),
    )


def asked_for(item: Order) -> object:
    """What its work would bring to the wire."""
    return item.work(None, 0.0)  # type: ignore[arg-type]


def result_of(item: Order) -> Result:
    return item.waiters[0]


def takes(queue: OrderQueue, now: float = 0.0) -> list[str]:
    labels = []
    while (item := queue.take(now)) is not None:
        labels.append(item.label)
    return labels


# -- order of service -------------------------------------------------------------------------


def test_the_most_urgent_goes_first_and_equals_in_turn() -> None:
    queue, one, two = OrderQueue(), device("one"), device("two")
    for health, priority, label in [
        (one, Priority.BACKGROUND, "slow group"),
        (one, Priority.POLL, "poll 1"),
        (one, Priority.KEEP_ALIVE, "keep-alive"),
        (two, Priority.POLL, "poll 2"),
        (two, Priority.COMMAND, "setpoint"),
        (one, Priority.SAFE, "zero"),
    ]:
        assert queue.put(order(health, priority, label=label)) == []
    assert len(queue) == 6
    assert takes(queue) == ["zero", "setpoint", "keep-alive", "poll 1", "poll 2", "slow group"]
    assert len(queue) == 0


def test_housekeeping_goes_with_the_polls_when_it_has_waited_long_enough() -> None:
    queue, health = OrderQueue(), device("one")
    queue.put(order(health, Priority.BACKGROUND, label="slow group", born=0.0))
    queue.put(order(health, Priority.POLL, label="poll", born=0.0))
    queue.put(order(health, Priority.COMMAND, label="setpoint", born=0.0))
    assert takes(queue, now=PATIENCE_S + 0.1) == ["setpoint", "slow group", "poll"]


def test_a_silent_instrument_lets_those_that_answer_go_first_but_not_for_ever() -> None:
    queue = OrderQueue()
    queue.put(order(device("silent", lost=True), label="silent", born=0.0))
    queue.put(order(device("live"), label="live 1", born=0.0))
    live = queue.take(0.5)
    assert live is not None
    assert live.label == "live 1"
    queue.put(order(device("live"), label="live 2", born=1.2))
    assert takes(queue, now=1.2) == ["silent", "live 2"]


def test_a_silent_instrument_is_made_safe_before_a_live_one_is_polled() -> None:
    queue = OrderQueue()
    queue.put(order(device("live"), Priority.COMMAND, label="setpoint"))
    queue.put(order(device("silent", lost=True), Priority.SAFE, label="zero"))
    assert takes(queue) == ["zero", "setpoint"]


def test_an_order_waits_for_its_delay() -> None:
    queue, item = OrderQueue(), order(device("one"))
    assert queue.put_back(item, 10.0) == []
    assert queue.next_ready() == 10.0
    assert queue.take(9.9) is None
    assert not queue.busy(9.9)
    assert queue.busy(10.0)
    assert queue.take(10.0) is item
    assert queue.next_ready() is None


def test_delays_between_attempts_are_progressive() -> None:
    item = order(device("one"))
    delays = []
    for item.attempts in (1, 2, 3, 4):
        delays.append(item.delay_s)
    assert delays == [0.1, 0.2, 0.3, 0.3]
    item.delays_s = ()
    assert item.delay_s == 0.0


def test_all_can_be_taken_at_the_end() -> None:
    queue = OrderQueue()
    items = [order(device("one")), order(device("two"), Priority.SAFE)]
    for item in items:
        queue.put(item)
    assert queue.take_all() == items
    assert len(queue) == 0


# -- superseding ------------------------------------------------------------------------------


def test_ten_setpoints_become_one_and_all_ten_learn_what_was_sent() -> None:
    queue, health = OrderQueue(), device("one")
    orders = [order(health, Priority.COMMAND, key="setpoint", value=n) for n in range(10)]
    waiters = [result_of(item) for item in orders]
    for item in orders:
        assert queue.put(item) == []
    sent = queue.take(0.0)
    assert sent is not None
    assert queue.take(0.0) is None
    assert sent.claim()
    sent.succeed(asked_for(sent))
    assert [waiter.result(0) for waiter in waiters] == [9] * 10


def test_the_newer_order_takes_the_place_of_the_older() -> None:
    queue, one = OrderQueue(), device("one")
    queue.put(order(one, Priority.COMMAND, key="setpoint", label="older"))
    queue.put(order(device("two"), Priority.COMMAND, label="other"))
    queue.put(order(one, Priority.COMMAND, key="setpoint", label="newer"))
    assert takes(queue) == ["newer", "other"]


def test_orders_without_a_key_and_polls_are_not_superseded() -> None:
    queue, health = OrderQueue(), device("one")
    for label in ("one", "two"):
        queue.put(order(health, Priority.COMMAND, label=label))
    assert takes(queue) == ["one", "two"]


def test_if_the_newest_withdraws_the_one_before_counts_again() -> None:
    queue, health = OrderQueue(), device("one")
    first, second = (order(health, Priority.COMMAND, key="setpoint", value=n) for n in (1, 2))
    early, late = result_of(first), result_of(second)
    queue.put(first)
    queue.put(second)
    assert late.cancel()
    sent = queue.take(0.0)
    assert sent is not None
    assert sent.claim()
    assert asked_for(sent) == 1
    sent.succeed(1)
    assert early.result(0) == 1
    assert late.cancelled()


def test_a_retry_joins_the_newer_order_that_came_meanwhile() -> None:
    queue, health = OrderQueue(), device("one")
    old = order(health, Priority.COMMAND, key="setpoint", value=1)
    waiter = result_of(old)
    queue.put(old)
    assert queue.take(0.0) is old
    assert old.claim()
    old.attempts = 1
    newer = order(health, Priority.COMMAND, key="setpoint", value=2)
    queue.put(newer)
    assert queue.put_back(old, 0.1) == []
    assert queue.take(0.0) is newer
    assert newer.claim()
    assert asked_for(newer) == 2
    newer.succeed(2)
    assert waiter.result(0) == 2
    assert queue.take(1.0) is None


# -- safe outranks ----------------------------------------------------------------------------


def test_safe_overrules_waiting_commands_of_its_instrument_only() -> None:
    queue, one, two = OrderQueue(), device("one"), device("two")
    mine = [order(one, Priority.COMMAND, key=key, label=f"mine {key}") for key in ("setpoint", "mode", None)]
    others = [order(two, Priority.COMMAND, label="other"), order(one, Priority.POLL, label="poll")]
    for item in [*mine, *others]:
        queue.put(item)
    overruled = queue.put(order(one, Priority.SAFE, key="safe", label="zero"))
    assert [loser for loser, _ in overruled] == mine
    for loser, error in overruled:
        assert str(error) == f"{loser.label}: overruled by zero"
        waiter = result_of(loser)
        loser.fail(error)
        with pytest.raises(Overruled):
            waiter.result(0)
    assert takes(queue) == ["zero", "other", "poll"]


def test_safe_overrules_a_command_between_its_attempts() -> None:
    queue, health = OrderQueue(), device("one")
    command = order(health, Priority.COMMAND, key="setpoint")
    queue.put_back(command, ready_at=0.1)
    ((loser, _),) = queue.put(order(health, Priority.SAFE, label="zero"))
    assert loser is command
    assert takes(queue, now=1.0) == ["zero"]


def test_a_command_that_fails_while_safe_waits_is_not_repeated() -> None:
    queue, health = OrderQueue(), device("one")
    command = order(health, Priority.COMMAND, key="setpoint", label="setpoint")
    queue.put(order(health, Priority.SAFE, label="zero"))
    ((loser, error),) = queue.put_back(command, 0.1)
    assert loser is command
    assert "zero" in str(error)
    assert takes(queue, now=1.0) == ["zero"]


def test_a_command_is_refused_while_safe_waits_or_is_between_attempts() -> None:
    queue, health = OrderQueue(), device("one")
    queue.put_back(order(health, Priority.SAFE, label="zero"), ready_at=5.0)
    command = order(health, Priority.COMMAND, key="setpoint", label="setpoint")
    ((loser, _),) = queue.put(command)
    assert loser is command
    assert takes(queue, now=1.0) == []
    assert takes(queue, now=6.0) == ["zero"]


def test_safe_that_has_to_be_repeated_overrules_the_command_that_came_meanwhile() -> None:
    queue, health = OrderQueue(), device("one")
    command = order(health, Priority.COMMAND, key="setpoint", label="setpoint")
    queue.put(command)
    ((loser, _),) = queue.put_back(order(health, Priority.SAFE, label="zero"), 0.1)
    assert loser is command
    assert takes(queue, now=1.0) == ["zero"]


def test_two_safe_orders_are_one_also_if_the_first_is_being_repeated() -> None:
    queue, health = OrderQueue(), device("one")
    first, second = (order(health, Priority.SAFE, key="safe", label=name) for name in ("first", "second"))
    waiters = [result_of(first), result_of(second)]
    queue.put_back(first, ready_at=5.0)
    queue.put(second)
    sent = queue.take(0.0)
    assert sent is second, "the new one does not wait for the delay of the old"
    assert sent.claim()
    sent.succeed(None)
    assert [waiter.result(0) for waiter in waiters] == [None, None]


# -- those who wait ---------------------------------------------------------------------------


def test_an_order_nobody_waits_for_is_not_claimed() -> None:
    item = order(device("one"))
    assert result_of(item).cancel()
    assert not item.claim()
    item.fail(NoReply("nobody is told"))


def test_one_who_withdraws_between_attempts_is_released() -> None:
    item = order(device("one"))
    waiter = result_of(item)
    assert item.claim()
    assert not waiter.cancel(), "what is on the wire finishes"
    assert not item.claim()
    with pytest.raises(concurrent.futures.CancelledError):
        waiter.result(0)


def test_failing_after_an_answer_disturbs_nobody() -> None:
    item = order(device("one"))
    waiter = result_of(item)
    assert item.claim()
    item.succeed(5)
    item.fail(NoReply("too late"))
    assert waiter.result(0) == 5


# -- at random --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_in_any_course_of_events_everybody_is_answered_once_and_zero_stays_zero(seed: int) -> None:
    """Orders come, fail, are repeated and withdrawn as chance will have it."""
    chance, queue = random.Random(seed), OrderQueue()
    devices = [device("one"), device("two"), device("silent", lost=True)]
    waiters: list[Result] = []
    zeroed: dict[Health, int] = {}
    number = 0
    for now in range(400):
        for _ in range(chance.randint(0, 3)):
            number += 1
            item = random_order(chance, devices, number, float(now))
            waiters.append(result_of(item))
            fail_all(queue.put(item))
        if waiters and chance.random() < 0.2:
            chance.choice(waiters).cancel()
        if (item := queue.take(float(now))) is not None and item.claim():
            item.attempts += 1
            if chance.random() < 0.3 and item.attempts < 4:
                fail_all(queue.put_back(item, now + chance.choice((0.0, 1.0, 3.0))))
                continue
            if item.priority is Priority.COMMAND:
                assert int(str(asked_for(item))) > zeroed.get(item.health, 0), "older than the zero"
            if item.priority is Priority.SAFE:
                zeroed[item.health] = int(str(asked_for(item)))
            item.succeed(asked_for(item))
    while (item := queue.take(1e9)) is not None:
        if item.claim():
            item.succeed(asked_for(item))
    assert len(queue) == 0
    assert all(waiter.done() for waiter in waiters)


def random_order(chance: random.Random, devices: list[Health], number: int, now: float) -> Order:
    priority = chance.choices(list(Priority), (1, 4, 1, 4, 2))[0]
    target = chance.choice(devices)
    key = (target.name, chance.choice(("setpoint", "mode"))) if priority is Priority.COMMAND else None
    return order(target, priority, key=key, label=str(number), born=now, value=number)


def fail_all(overruled: list[tuple[Order, Overruled]]) -> None:
    for loser, error in overruled:
        loser.fail(error)
