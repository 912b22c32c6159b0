"""Random courses of events: what must never happen, whatever comes. Once with arbitrary readings, once
against the simulated board, whose firmware and physics are an implementation of their own."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.sim.sonicator_board import Ailment, Board, BoardConfig, Trouble
from devsup.sim.sonicator_board.registers import Refusal
from devsup.sonicator_map import DOCUMENTED, FAST
from devsup.sonicator_values import Flag, Reading
from iocs.sonicator.logic import (
    TRANSITIONS,
    Action,
    Command,
    Do,
    Inputs,
    Machine,
    State,
    Tuning,
    born,
    step,
)

TUNING = Tuning()
ALL_FLAGS = sum(Flag, Flag.NONE)
readings = st.builds(
    Reading,
    power_w=st.sampled_from([0.0, 5.0, 300.0]),
    frequency_hz=st.sampled_from([0.0, 20000.0, 25000.0]),
    flags=st.integers(0, int(ALL_FLAGS)).map(Flag),
    amplitude=st.just(60.0),
    at=st.just(0.0),
    stamp=st.just(0.0),
)
events = st.tuples(
    st.floats(0.001, 3.0),
    st.one_of(st.none(), readings),
    st.sampled_from(Command),
    st.sampled_from([20.0, 60.0, 100.0, 0.0, 19.0, 130.0, float("nan")]),
    st.sampled_from(["", "", "interlock"]),
    st.booleans(),
)


class Oath:
    """What must hold in every course; told of each step."""

    def __init__(self) -> None:
        self.amplitude = 0.0
        self.wanted = False  # has an operator asked for a start that has not been stopped since?

    def judge(self, before: Machine, after: Machine, orders: tuple[Action, ...], inputs: Inputs) -> None:
        assert after.state is before.state or after.state in TRANSITIONS[before.state]
        if inputs.command is Command.START:
            self.wanted = True
        for action in orders:
            self._judge_action(action, after)
        if after.state not in (State.STARTING, State.RUNNING):
            self.wanted = False
        elif after.state is not before.state and after.state is State.STARTING:
            assert self.wanted, "a start without an operator"
        if after.state is State.FAULT:
            assert after.causes
            assert Do.START not in {action.do for action in orders}
            if before.state is not State.FAULT:
                assert [action.do for action in orders] == [Do.STOP, Do.AMPLITUDE]
                assert orders[-1].value == 20.0
        else:
            assert not after.causes

    def _judge_action(self, action: Action, after: Machine) -> None:
        if action.do is Do.AMPLITUDE:
            assert 20.0 <= action.value <= 100.0
            self.amplitude = action.value
        if action.do is Do.START:
            assert self.amplitude >= 20.0, "started without its amplitude set first"
            assert self.wanted and after.state is State.STARTING
        if action.do is Do.STOP:
            self.amplitude = 0.0  # the next start has to set it anew


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(events, max_size=40))
def test_nothing_forbidden_happens_whatever_the_board_says(course: list[tuple]) -> None:  # type: ignore[type-arg]
    now, machine, oath, newest = 0.0, born(0.0), Oath(), None
    for seconds, reading, command, amplitude, hold, stop in course:
        now += seconds
        if reading is not None:
            newest = replace(reading, at=now)
        inputs = Inputs(newest, amplitude, command, "test", hold, stop and command is Command.NONE)
        before = machine
        machine, orders = step(machine, inputs, TUNING, now)
        oath.judge(before, machine, orders, inputs)
        if inputs.stop:
            assert machine.state is State.FAULT


class Loop:
    """The machine and the simulated board, in simulated time: orders are written, telemetry is read."""

    def __init__(self) -> None:
        self.board = Board(BoardConfig())
        self.now = 0.0
        self.oath = Oath()
        self.machine = born(0.0)
        self.reading: Reading | None = None
        self.amplitude = 60.0

    def cycle(self, command: Command = Command.NONE, stop: bool = False, deaf: bool = False) -> None:
        self.now += 0.02
        self.board.advance(self.now)
        if not deaf and self.board.hears(self.now):
            self.reading = self.read()
        inputs = Inputs(self.reading, self.amplitude, command, "test", stop=stop)
        before = self.machine
        self.machine, orders = step(self.machine, inputs, TUNING, self.now)
        self.oath.judge(before, self.machine, orders, inputs)
        for action in orders if not deaf else ():
            self.write(action)

    def read(self) -> Reading:
        registers = [DOCUMENTED.sonicator[name] for name in FAST]
        raw = [self.board.read(register.of(4), 1)[0] for register in registers]
        return Reading(raw[0], raw[1], DOCUMENTED.decode_flags(raw[2]), raw[3], self.now, self.now)

    def write(self, action: Action) -> None:
        name, value = {
            Do.AMPLITUDE: ("AMPLITUDE_SP", round(action.value)),
            Do.START: ("START_STOP", 1),
            Do.STOP: ("START_STOP", 0),
            Do.RESET: ("OVERLOAD_RESET", 1),
        }[action.do]
        if self.board.hears(self.now):
            try:
                self.board.write(DOCUMENTED.sonicator[name].of(4), value)
            except Refusal:
                assert action.do is Do.START, f"{action} refused"

    def live(self, seconds: float, **changes: bool) -> "Loop":
        for _ in range(round(seconds / 0.02)):
            self.cycle(**changes)
        return self


def test_the_machine_and_the_board_agree_over_a_whole_run() -> None:
    loop = Loop().live(0.1)
    loop.cycle(Command.START)
    loop.live(2.0)
    assert loop.machine.state is State.RUNNING
    assert loop.board.units[4].running and loop.board.transducers[4].power_w > 350.0
    loop.cycle(Command.STOP)
    loop.live(3.0)
    assert loop.machine.state is State.IDLE
    assert loop.board.transducers[4].power_w < 1.0


def test_an_overload_is_reset_by_the_operator_and_by_nobody_else() -> None:
    loop = Loop().live(0.1)
    loop.amplitude = 100.0
    loop.cycle(Command.START)
    loop.live(0.5)
    loop.board.set_load(4, 2.0)
    loop.live(0.2)
    assert loop.machine.state is State.FAULT
    loop.board.set_load(4, 1.0)
    assert loop.live(5.0).machine.state is State.FAULT
    loop.cycle(Command.RESET)
    assert loop.live(0.2).machine.state is State.IDLE
    loop.cycle(Command.START)
    assert loop.live(2.0).machine.state is State.RUNNING


def test_a_line_that_was_gone_leaves_it_stopped() -> None:
    loop = Loop().live(0.1)
    loop.cycle(Command.START)
    loop.live(0.5).live(3.0, deaf=True)
    assert not loop.board.units[4].running
    assert loop.live(0.2).machine.state is State.IDLE
    assert not loop.live(2.0).board.hal.level("PC0")


deeds = st.tuples(
    st.sampled_from(Command),
    st.floats(0.02, 0.6),
    st.sampled_from(Ailment),
    st.sampled_from([Trouble.OK, Trouble.OK, Trouble.OK, Trouble.STALLED, Trouble.BROKEN_INPUTS]),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=8, derandomize=True, deadline=None)
@given(st.lists(deeds, max_size=6))
def test_whatever_is_done_to_the_board_it_ends_stopped_or_wanted(course: list[tuple]) -> None:  # type: ignore[type-arg]
    loop = Loop().live(0.1)
    for command, seconds, ailment, trouble, stop, deaf in course:
        loop.board.set_ailment(4, ailment)
        loop.board.set_trouble(trouble)
        loop.cycle(command, stop=stop, deaf=deaf)
        loop.live(seconds, stop=stop, deaf=deaf)
        if loop.machine.state is State.FAULT and not deaf and trouble is Trouble.OK:
            loop.live(0.2, stop=stop)
            assert not loop.board.hal.level("PC0"), "it runs in FAULT"
    loop.board.set_ailment(4, Ailment.OK)
    loop.board.set_trouble(Trouble.OK)
    loop.live(2.5)
    assert loop.board.hal.level("PC0") == (loop.machine.state is State.RUNNING)
