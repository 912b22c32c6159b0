"""The state machine of a sonicator: transitions, their conditions and times, refusals, recoveries."""

from dataclasses import replace

import pytest

from devsup.sonicator_values import Flag, Reading
from iocs.sonicator.logic import (
    TRANSITIONS,
    Action,
    Cause,
    Command,
    Do,
    Inputs,
    Machine,
    State,
    Timing,
    Tuning,
    adopt,
    born,
    cause_text,
    refuse,
    step,
    stopped,
)

IDLE, STARTING, RUNNING, STOPPING, FAULT = State
LOCK, RUN = Flag.FREQ_LOCK, Flag.FREQ_LOCK | Flag.RUNNING
STOP, MINIMUM, RESET = Action(Do.STOP), Action(Do.AMPLITUDE, 20.0), Action(Do.RESET)
REST = (STOP, MINIMUM)
PERIOD_S = 0.02


class Course:
    """One machine, stepped with readings every 20 ms; `seen` is what the board shows."""

    def __init__(self, tuning: Tuning | None = None) -> None:
        self.tuning = tuning or Tuning()
        self.now = 100.0
        self.machine: Machine = born(self.now)
        self.orders: list[Action] = []
        self.seen: Reading | None = Reading(0.0, 20000.0, LOCK, 0.0, self.now, 0.0)
        self.inputs = Inputs(None, amplitude=60.0)
        self.machine = adopt(self.machine, self.seen, self.now)
        self.see()

    def see(self, flags: Flag | None = None, power_w: float | None = None, **changes: object) -> "Course":
        """A new reading after one period, and a step with it."""
        self.now += PERIOD_S
        assert self.seen is not None
        if flags is not None:
            changes["flags"] = flags
        if power_w is not None:
            changes["power_w"] = power_w
        self.seen = replace(self.seen, at=self.now, **changes)  # type: ignore[arg-type]
        return self.step()

    def watch(self, seconds: float, **changes: object) -> "Course":
        for _ in range(round(seconds / PERIOD_S)):
            self.see(**changes)  # type: ignore[arg-type]
        return self

    def step(self, command: Command = Command.NONE, **changes: object) -> "Course":
        inputs = replace(self.inputs, reading=self.seen, command=command, **changes)  # type: ignore[arg-type]
        before = self.machine.state
        self.machine, orders = step(self.machine, inputs, self.tuning, self.now)
        assert self.machine.state is before or self.machine.state in TRANSITIONS[before]
        self.orders += orders
        return self

    def refusal(self, command: Command, **changes: object) -> str:
        inputs = replace(self.inputs, reading=self.seen, command=command, **changes)  # type: ignore[arg-type]
        return refuse(self.machine, inputs, self.tuning)

    def wait(self, seconds: float) -> "Course":
        """Time passes without a reading; steps go on."""
        for _ in range(round(seconds / PERIOD_S)):
            self.now += PERIOD_S
            self.step()
        return self

    def taken(self) -> tuple[Action, ...]:
        """The orders since the last time."""
        orders, self.orders = tuple(self.orders), []
        return orders

    def running(self) -> "Course":
        self.step(Command.START)
        self.watch(0.1, flags=RUN, power_w=300.0)
        assert self.machine.state is RUNNING
        self.taken()
        return self

    def failed(self, cause: Cause = Cause.OVERLOAD) -> "Course":
        self.running()
        self.see(flags=LOCK | Flag.OVERLOAD, power_w=0.0)
        assert (self.machine.state, self.machine.causes) == (FAULT, cause)
        self.wait(0.1)
        self.taken()
        return self

    @property
    def state(self) -> State:
        return self.machine.state


# The design document's transition table


def test_idle_to_starting_immediately_amplitude_first() -> None:
    course = Course().step(Command.START, why="operator")
    assert course.state is STARTING
    assert course.taken() == (Action(Do.AMPLITUDE, 60.0), Action(Do.START))
    assert course.machine.reason == "started at 60 %: operator"


def test_starting_to_running_after_50_ms_and_not_before() -> None:
    course = Course().step(Command.START)
    begin = course.now
    course.now = begin + 0.049
    assert course.step().state is STARTING
    course.now = begin + 0.0501
    assert course.step().state is RUNNING
    assert course.machine.reason == "started at 60 %"


def test_running_to_stopping_immediately() -> None:
    course = Course().running().step(Command.STOP, why="operator")
    assert (course.state, course.taken()) == (STOPPING, (STOP,))
    assert course.machine.reason == "stopped: operator"


def test_stopping_to_idle_after_100_ms_with_the_amplitude_at_its_minimum() -> None:
    course = Course().running().step(Command.STOP)
    course.taken()
    begin = course.now
    course.now = begin + 0.099
    assert (course.step().state, course.taken()) == (STOPPING, ())
    course.now = begin + 0.1001
    assert (course.step().state, course.taken()) == (IDLE, (MINIMUM,))


@pytest.mark.parametrize("state", [IDLE, STARTING, RUNNING, STOPPING])
def test_any_state_to_fault_immediately(state: State) -> None:
    course = Course()
    if state is not IDLE:
        course.step(Command.START)
    if state in (RUNNING, STOPPING):
        course.watch(0.1, flags=RUN, power_w=300.0)
    if state is STOPPING:
        course.step(Command.STOP)
    assert course.state is state
    course.taken()
    course.see(flags=LOCK | Flag.OVERLOAD)
    assert (course.state, course.taken()) == (FAULT, REST)
    assert (course.machine.causes, course.machine.reason) == (Cause.OVERLOAD, "fault: overload")


def test_fault_to_idle_by_reset_once_the_fault_has_cleared() -> None:
    course = Course().failed()
    course.step(Command.RESET)
    assert (course.state, course.taken()) == (FAULT, (RESET,))
    course.see(flags=Flag.OVERLOAD | Flag.FAULT)
    course.see(flags=LOCK | Flag.FAULT)
    assert course.state is FAULT
    course.see(flags=LOCK)
    assert (course.state, course.taken()) == (IDLE, ())
    assert (course.machine.causes, course.machine.last_causes) == (Cause.NONE, Cause.OVERLOAD)


def test_the_table_is_the_design_documents_and_complete() -> None:
    document = {
        (IDLE, STARTING), (STARTING, RUNNING), (RUNNING, STOPPING), (STOPPING, IDLE), (FAULT, IDLE),
        *((state, FAULT) for state in (IDLE, STARTING, RUNNING, STOPPING)),
    }  # fmt: skip
    ours = {(here, there) for here, targets in TRANSITIONS.items() for there in targets}
    assert set(TRANSITIONS) == set(State)
    assert ours - document == {(STARTING, STOPPING)}, "the one we add: a stop does not wait for the start"
    assert document <= ours


# Starting


@pytest.mark.parametrize(
    ("flags", "changes", "reason"),
    [
        (LOCK, {}, ""),
        (Flag.NONE, {}, "there is no frequency lock"),
        (LOCK | Flag.OVERLOAD, {}, "the board reports a fault or an overload"),
        (LOCK | Flag.FAULT, {}, "the board reports a fault or an overload"),
        (LOCK | Flag.COMM_FAULT, {}, "the board reports a fault or an overload"),
        (LOCK, {"hold": "disabled"}, "disabled"),
        (LOCK, {"forbid": "interlock: not read yet"}, "interlock: not read yet"),
        (LOCK, {"amplitude": 19.9}, "amplitude 19.9 is outside 20 to 100 %"),
        (LOCK, {"amplitude": 101.0}, "amplitude 101 is outside 20 to 100 %"),
    ],
)
def test_start_has_conditions(flags: Flag, changes: dict[str, object], reason: str) -> None:
    course = Course()
    assert course.seen is not None
    course.seen = replace(course.seen, flags=flags)
    assert course.refusal(Command.START, **changes) == reason


def test_a_refused_start_changes_nothing() -> None:
    course = Course().step(Command.START, hold="interlock: water")
    assert (course.state, course.taken()) == (IDLE, ())


def test_lock_before_the_start_is_not_asked_of_those_that_lock_when_driven() -> None:
    course = Course(Tuning(lock_first=False))
    course.see(flags=Flag.NONE)
    assert course.refusal(Command.START) == ""
    course.step(Command.START)
    course.watch(0.5, flags=Flag.RUNNING, power_w=300.0)
    assert course.state is RUNNING
    course.see(flags=RUN)
    course.see(flags=Flag.RUNNING)
    assert (course.state, course.machine.causes) == (FAULT, Cause.FREQ_UNLOCK)


def test_one_that_never_locks_fails_when_its_time_is_over() -> None:
    course = Course(Tuning(lock_first=False))
    course.see(flags=Flag.NONE)
    course.step(Command.START)
    course.watch(0.98, flags=Flag.RUNNING, power_w=300.0)
    assert course.state is RUNNING
    course.watch(0.1)
    assert course.machine.causes is Cause.FREQ_UNLOCK


def test_before_the_first_reading_nothing_can_be_ordered_but_a_stop() -> None:
    course = Course()
    course.machine, course.seen = born(course.now), None
    assert course.refusal(Command.START) == "the board has not been heard yet"
    assert course.refusal(Command.AMPLITUDE) == "the board has not been heard yet"
    assert course.refusal(Command.STOP) == ""
    assert course.machine.reason == "not heard yet"


def test_start_is_refused_while_stopping_and_in_fault_and_repeated_without_harm() -> None:
    course = Course().running()
    assert course.refusal(Command.START) == ""
    assert (course.step(Command.START).state, course.taken()) == (RUNNING, ())
    course.step(Command.STOP)
    assert course.refusal(Command.START) == "it is being stopped"
    assert Course().failed().refusal(Command.START) == "in FAULT (overload): OverloadReset first"


def test_a_start_without_power_is_a_fault_when_its_time_is_over() -> None:
    course = Course().step(Command.START)
    course.watch(0.98, flags=RUN, power_w=0.0)
    assert course.state is RUNNING
    course.watch(0.1)
    assert (course.state, course.machine.causes) == (FAULT, Cause.NO_RESPONSE)


def test_a_start_off_frequency_is_a_fault_when_its_time_is_over() -> None:
    course = Course().step(Command.START)
    course.watch(1.1, flags=RUN, power_w=300.0, frequency_hz=17500.0)
    assert course.machine.causes is Cause.NO_RESPONSE


def test_one_that_loses_its_power_later_fails_as_well() -> None:
    course = Course().running()
    course.watch(5.0)
    course.watch(1.1, power_w=4.9)
    assert course.machine.causes is Cause.NO_RESPONSE


# Stopping


def test_a_stop_during_the_start_is_obeyed_at_once() -> None:
    course = Course().step(Command.START)
    course.taken()
    course.step(Command.STOP)
    assert (course.state, course.taken()) == (STOPPING, (STOP,))


@pytest.mark.parametrize("state", [STARTING, RUNNING])
def test_whatever_forbids_running_stops(state: State) -> None:
    course = Course().step(Command.START)
    if state is RUNNING:
        course.watch(0.1, flags=RUN, power_w=300.0)
    course.taken()
    course.step(hold="interlock: water flow 1.2 < 2 l/min")
    assert (course.state, course.taken()) == (STOPPING, (STOP,))
    assert course.machine.reason == "stopped: interlock: water flow 1.2 < 2 l/min"


def test_what_forbids_a_start_stops_nobody() -> None:
    assert Course().running().step(forbid="interlock: not read yet").state is RUNNING


def test_a_stop_is_sent_whenever_it_is_wanted() -> None:
    course = Course().step(Command.STOP)
    assert (course.state, course.taken()) == (IDLE, (STOP,))
    course.running().step(Command.STOP)
    course.taken()
    assert course.step(Command.STOP).taken() == (STOP,)
    failed = Course().failed().step(Command.STOP)
    assert (failed.state, failed.taken()) == (FAULT, REST)


def test_the_amplitude_stays_while_others_share_it() -> None:
    for shared, orders in ((True, ()), (False, (MINIMUM,))):
        course = Course(Tuning(shared_amplitude=shared)).running().step(Command.STOP)
        course.inputs = replace(course.inputs, others_run=True)
        course.taken()
        course.watch(0.12, flags=LOCK, power_w=0.0)
        assert (course.state, course.taken()) == (IDLE, orders)


def test_power_after_a_stop_is_a_fault() -> None:
    course = Course().running().step(Command.STOP)
    course.watch(1.0, flags=LOCK, power_w=120.0)
    assert course.state is IDLE
    course.watch(0.3)
    assert (course.state, course.machine.causes) == (FAULT, Cause.NOT_STOPPED)


# Amplitude


@pytest.mark.parametrize("value", [20.0, 60.0, 100.0])
def test_the_amplitude_may_change_in_idle_starting_and_running(value: float) -> None:
    order = (Action(Do.AMPLITUDE, value),)
    course = Course()
    assert course.step(Command.AMPLITUDE, amplitude=value).taken() == order
    course.step(Command.START).taken()
    assert course.step(Command.AMPLITUDE, amplitude=value).taken() == order
    course.running()
    assert course.step(Command.AMPLITUDE, amplitude=value).taken() == order


@pytest.mark.parametrize("value", [19.0, 0.0, 100.1, -1.0, float("nan")])
def test_an_amplitude_outside_its_range_goes_nowhere(value: float) -> None:
    course = Course().running()
    assert "is outside 20 to 100 %" in course.refusal(Command.AMPLITUDE, amplitude=value)
    assert course.step(Command.AMPLITUDE, amplitude=value).taken() == ()


def test_the_amplitude_stays_at_its_minimum_while_stopping_and_in_fault() -> None:
    course = Course().running().step(Command.STOP)
    assert course.refusal(Command.AMPLITUDE) == "it is being stopped"
    failed = Course().failed()
    assert failed.refusal(Command.AMPLITUDE) == "in FAULT (overload) the amplitude stays at its minimum"
    assert failed.step(Command.AMPLITUDE).taken() == ()


# Faults


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (Flag.RUNNING | Flag.OVERLOAD | LOCK, Cause.OVERLOAD),
        (Flag.RUNNING, Cause.FREQ_UNLOCK),
        (RUN | Flag.FAULT, Cause.HARDWARE),
        (RUN | Flag.OVER_TEMP, Cause.OVER_TEMP),
        (RUN | Flag.COMM_FAULT | Flag.FAULT, Cause.COMM),
        (Flag.RUNNING | Flag.OVERLOAD | Flag.FAULT, Cause.OVERLOAD | Cause.FREQ_UNLOCK),
    ],
)
def test_flags_of_the_board_are_faults(flags: Flag, cause: Cause) -> None:
    course = Course().running()
    course.see(flags=flags)
    assert (course.state, course.machine.causes, course.taken()) == (FAULT, cause, REST)


def test_no_lock_is_no_fault_while_idle() -> None:
    assert Course().watch(5.0, flags=Flag.NONE).state is IDLE


@pytest.mark.parametrize(("samples", "debounce_s", "readings"), [(1, 10.0, 1), (3, 10.0, 3), (99, 0.05, 4)])
def test_a_signal_counts_after_samples_or_after_time(samples: int, debounce_s: float, readings: int) -> None:
    course = Course(Tuning(timing=Timing(samples=samples, debounce_s=debounce_s))).running()
    for _ in range(5):
        for _ in range(readings - 1):
            course.see(flags=RUN | Flag.OVERLOAD)
        course.see(flags=RUN)
    assert course.state is RUNNING
    course.watch(readings * PERIOD_S, flags=RUN | Flag.OVERLOAD)
    assert course.machine.causes is Cause.OVERLOAD


def test_a_reading_counts_once_however_often_it_is_looked_at() -> None:
    course = Course(Tuning(timing=Timing(samples=2, debounce_s=10.0))).running()
    course.see(flags=RUN | Flag.OVERLOAD)
    for _ in range(10):
        assert course.step().state is RUNNING
    assert course.see().state is FAULT


def test_two_seconds_of_silence_are_a_fault_that_clears_by_itself_and_starts_nothing() -> None:
    course = Course().running().wait(1.98)
    assert course.state is RUNNING
    course.wait(0.04)
    assert (course.state, course.machine.causes, course.taken()) == (FAULT, Cause.COMM, REST)
    course.wait(60.0)
    assert course.state is FAULT
    course.see(flags=Flag.COMM_FAULT | Flag.FAULT | LOCK, power_w=0.0)
    assert course.state is FAULT
    course.see(flags=LOCK)
    assert (course.state, course.machine.reason) == (IDLE, "communication is back; it stays stopped")
    course.watch(5.0)
    assert course.taken() == ()


def test_one_that_comes_back_running_is_stopped_before_anything_else() -> None:
    course = Course().running().wait(2.1)
    course.taken()
    course.see(flags=RUN, power_w=300.0)
    assert (course.state, course.taken()) == (FAULT, REST)
    course.see(flags=LOCK, power_w=0.0)
    assert course.state is FAULT, "the board needs its time to stop"
    course.watch(0.1)
    assert (course.state, course.taken()) == (IDLE, ())


def test_a_stop_that_is_confirmed_late_gives_the_board_its_time() -> None:
    course = Course().running().wait(2.2)
    course.machine = stopped(course.machine, course.now)
    course.see(flags=LOCK, power_w=0.0)
    assert course.state is FAULT
    assert course.watch(0.1).state is IDLE


def test_one_that_goes_on_running_in_fault_is_stopped_with_every_reading() -> None:
    course = Course().failed()
    for _ in range(20):
        course.see(flags=RUN | Flag.FAULT, power_w=300.0)
        assert (course.state, course.taken()) == (FAULT, REST)
    assert Cause.DISAGREES in course.machine.causes


def test_silence_from_the_beginning_is_a_fault_as_well() -> None:
    course = Course()
    course.machine, course.seen = born(course.now), None
    assert course.wait(2.2).machine.causes is Cause.COMM
    course.seen = Reading(0.0, 20000.0, LOCK, 0.0, course.now, 0.0)
    assert course.see().state is IDLE


def test_an_update_later_than_a_second_is_a_fault_that_needs_a_reset() -> None:
    course = Course().running()
    course.now += 1.0 - PERIOD_S
    assert course.see().state is RUNNING
    course.now += 1.0
    assert (course.see().machine.causes, course.taken()) == (Cause.WATCHDOG, REST)
    course.see(flags=LOCK, power_w=0.0)
    assert course.state is FAULT
    course.step(Command.RESET)
    assert course.watch(0.1).state is IDLE


@pytest.mark.parametrize(("flags", "state"), [(LOCK, RUNNING), (RUN, IDLE)])
def test_board_and_ioc_that_disagree_about_running_are_a_fault(flags: Flag, state: State) -> None:
    course = Course().running() if state is RUNNING else Course()
    course.watch(0.28, flags=flags)
    assert course.state is state
    course.watch(0.1)
    assert (course.state, course.machine.causes) == (FAULT, Cause.DISAGREES)
    assert course.machine.reason == "fault: the board disagrees about running"


def test_they_may_differ_on_the_way() -> None:
    course = Course().step(Command.START)
    course.watch(0.2, flags=LOCK, power_w=300.0)
    course.see(flags=RUN)
    assert course.state is RUNNING
    course.step(Command.STOP)
    course.watch(0.2, flags=RUN)
    assert course.see(flags=LOCK, power_w=0.0).state is IDLE


def test_the_emergency_stop_outranks_everything() -> None:
    for course in (Course(), Course().step(Command.START), Course().running()):
        course.taken()
        course.step(Command.START, stop=True)
        assert (course.state, course.machine.causes) == (FAULT, Cause.EMERGENCY_STOP)
        assert course.taken() == REST
        assert course.refusal(Command.RESET, stop=True) == "emergency stop is active: EStop:Reset first"
        course.step(Command.RESET, stop=True)
        assert (course.state, course.taken()) == (FAULT, ())
        course.see(flags=LOCK | Flag.FAULT, power_w=0.0)
        course.step(Command.RESET)
        assert course.taken() == (RESET,)
        assert course.watch(0.1, flags=LOCK).state is IDLE


def test_causes_add_up_and_are_named() -> None:
    course = Course().failed()
    course.step(stop=True)
    assert course.machine.causes == Cause.OVERLOAD | Cause.EMERGENCY_STOP
    assert course.machine.reason == "fault: overload, emergency stop"
    assert cause_text(Cause.NONE) == ""
    assert all(cause_text(cause) for cause in Cause)


# Recovery


def test_a_reset_that_does_not_help_says_so_and_leaves_the_fault() -> None:
    course = Course().failed().step(Command.RESET)
    course.watch(0.6, flags=Flag.OVERLOAD | Flag.FAULT)
    assert course.state is FAULT
    assert course.machine.reason == "the reset did not help: overload"
    course.watch(0.6, flags=LOCK)
    assert course.state is FAULT, "a fault that clears later needs another reset"
    course.step(Command.RESET)
    course.watch(0.6, flags=LOCK | Flag.FAULT)
    assert course.machine.reason == "the reset did not help: the board still reports a fault"


def test_a_reading_from_before_the_pulse_does_not_clear() -> None:
    course = Course().failed()
    course.see(flags=LOCK)
    course.step(Command.RESET)
    for _ in range(10):
        assert course.step().state is FAULT
    assert course.see().see().state is IDLE


def test_a_reset_in_idle_only_pulses() -> None:
    course = Course().step(Command.RESET)
    assert (course.state, course.taken()) == (IDLE, (RESET,))


# Start of the IOC


def test_what_runs_when_the_ioc_starts_goes_on_and_nothing_is_ordered() -> None:
    course = Course()
    reading = Reading(300.0, 20000.0, RUN, 60.0, course.now, 0.0)
    course.machine, course.seen = adopt(born(course.now), reading, course.now), reading
    assert (course.state, course.machine.reason) == (RUNNING, "found running, and left so")
    course.watch(5.0)
    assert (course.state, course.taken()) == (RUNNING, ())
    assert Course().machine.reason == "ready"
