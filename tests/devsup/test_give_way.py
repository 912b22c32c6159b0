"""A transaction that asks twice makes room for a command in between, and is begun anew after it."""

from collections.abc import Iterator

import pytest

from devsup.errors import Implausible
from devsup.line import Line
from devsup.port import Priority
from tests.devsup.far_end import PATIENCE_S, ask
from tests.devsup.port_rig import Rig, port_rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    with port_rig() as rig:
        yield rig


def twice(line: Line, deadline: float) -> str:
    """A doubtful reading: asks again, unless the line is wanted."""
    first = ask("first")(line, deadline)
    line.give_way()
    return f"{first}, {ask('second')(line, deadline)}"


def test_it_asks_twice_when_nobody_is_in_a_hurry(rig: Rig) -> None:
    poll = rig.port.submit(twice, rig.one, timeout_s=PATIENCE_S)
    assert rig.far.expect() == "first"
    others = [rig.ask("poll", rig.two), rig.ask("slow group", rig.two, Priority.BACKGROUND)]
    rig.far.say("re first")
    assert rig.serve(3) == ["second", "poll", "slow group"]
    assert rig.served(poll, *others)[0] == "re first, re second"


@pytest.mark.parametrize("priority", [Priority.COMMAND, Priority.SAFE])
def test_an_order_waits_for_one_question_only(rig: Rig, priority: Priority) -> None:
    poll = rig.port.submit(twice, rig.one, timeout_s=PATIENCE_S)
    assert rig.far.expect() == "first"
    other, order = rig.ask("poll", rig.two), rig.ask("order", rig.two, priority)
    rig.far.say("re first")
    assert rig.serve(4) == ["order", "first", "second", "poll"], "it keeps its place among the polls"
    assert rig.served(poll, order, other) == ["re first, re second", "re order", "re poll"]


def test_making_room_is_neither_a_failure_nor_a_retry(rig: Rig) -> None:
    poll = rig.port.submit(twice, rig.one, timeout_s=PATIENCE_S)
    assert rig.far.expect() == "first"
    order = rig.ask("order", rig.two, Priority.COMMAND)
    rig.far.say("re first")
    rig.serve(3)
    rig.served(poll, order)
    rig.settle()
    snapshot = rig.port.snapshot()
    assert (snapshot.operations, snapshot.failed, snapshot.retries, rig.one.errors) == (3, 0, 0, 0)
    assert not any(snapshot.failures.values())


def test_two_answers_that_disagree_are_no_silence_to_listen_to(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    drained: list[Line] = []
    monkeypatch.setattr(Line, "drain", lambda line, quiet_s, limit_s: drained.append(line))

    def disagree(line: Line, deadline: float) -> str:
        raise Implausible(twice(line, deadline))

    poll = rig.port.submit(disagree, rig.one, timeout_s=PATIENCE_S, retries=0)
    assert rig.serve(2) == ["first", "second"]
    with pytest.raises(Implausible):
        poll.result(PATIENCE_S)
    rig.settle()
    assert not drained
