"""The firmware's control of one sonicator, as the design document's test plan asks: transitions, timing,
fault injection and recovery, safety overrides. A mock hardware layer, and time in milliseconds."""

import pytest

from devsup.sim.sonicator_board.control import (
    COMM_TIMEOUT_MS,
    FAULT_DEBOUNCE_MS,
    RESET_PULSE_MS,
    START_DELAY_MS,
    STOP_DELAY_MS,
    WATCHDOG_TIMEOUT_MS,
    Amplitude,
    Cause,
    Debounce,
    SonicatorControl,
    State,
    duty_of,
)
from devsup.sim.sonicator_board.hal import AMPLITUDE_ALL, PINS, Hal, HalError

IDLE, STARTING, RUNNING, STOPPING, FAULT = State
PIN = PINS[4]


class Rig:
    """One sonicator, its pins, and a clock."""

    def __init__(self, needs_lock: bool = True) -> None:
        self.hal = Hal()
        self.hal.drive(PIN.freq_lock, True)
        self.amplitude = Amplitude(self.hal)
        self.unit = SonicatorControl(self.hal, PIN, self.amplitude, needs_lock)
        self.ms = 0
        self.silent = False
        self.live(FAULT_DEBOUNCE_MS + 1)

    def live(self, ms: int) -> State:
        for _ in range(ms):
            self.ms += 1
            self.unit.update(self.ms, self.silent)
        return self.unit.state

    def run(self) -> "Rig":
        assert self.unit.start(self.ms)
        assert self.live(START_DELAY_MS) is RUNNING
        return self

    def broken(self, cause: Cause) -> "Rig":
        self.unit.fail(cause, self.ms)
        return self

    @property
    def outputs(self) -> tuple[bool, int]:
        return self.hal.level(PIN.start), self.hal.duty(AMPLITUDE_ALL)


@pytest.fixture
def rig() -> Rig:
    return Rig()


# Scaling


@pytest.mark.parametrize(
    ("percent", "duty"), [(20, 0), (21, 3), (60, 127), (80, 191), (100, 255), (0, 0), (19, 0), (101, 255)]
)
def test_amplitude_scales_20_to_100_per_cent(percent: int, duty: int) -> None:
    assert duty_of(percent) == duty


def test_the_actual_amplitude_is_what_the_duty_stands_for(rig: Rig) -> None:
    rig.amplitude.percent = 100
    rig.amplitude.apply()
    assert rig.amplitude.actual == 100.0
    rig.amplitude.minimum()
    assert (rig.amplitude.actual, rig.amplitude.percent) == (20.0, 100)


# Transitions and their times


def test_start_sets_the_amplitude_before_it_asserts_start(rig: Rig) -> None:
    order: list[str] = []
    pwm, gpio = rig.hal.pwm_set_duty_cycle, rig.hal.gpio_write_pin
    rig.hal.pwm_set_duty_cycle = lambda pin, duty: (order.append(pin), pwm(pin, duty))  # type: ignore
    rig.hal.gpio_write_pin = lambda pin, level: (order.append(pin), gpio(pin, level))  # type: ignore
    assert rig.unit.start(rig.ms)
    assert order == [AMPLITUDE_ALL, PIN.start]
    assert rig.outputs == (True, duty_of(80))


def test_starting_takes_50_ms(rig: Rig) -> None:
    assert rig.unit.start(rig.ms)
    assert rig.live(START_DELAY_MS - 1) is STARTING
    assert rig.live(1) is RUNNING


def test_stopping_takes_100_ms_and_ends_at_minimum_amplitude(rig: Rig) -> None:
    rig.run()
    assert rig.unit.stop(rig.ms)
    assert rig.outputs == (False, duty_of(80))
    assert rig.live(STOP_DELAY_MS - 1) is STOPPING
    assert rig.live(1) is IDLE
    assert rig.outputs == (False, 0)


def test_a_stop_during_the_start_stops(rig: Rig) -> None:
    rig.unit.start(rig.ms)
    rig.live(10)
    assert rig.unit.stop(rig.ms)
    assert rig.unit.state is STOPPING
    assert rig.live(STOP_DELAY_MS) is IDLE


def test_the_amplitude_stays_while_others_run(rig: Rig) -> None:
    rig.run()
    rig.unit.alone = lambda: False
    rig.unit.stop(rig.ms)
    rig.live(STOP_DELAY_MS)
    assert rig.outputs == (False, duty_of(80))


def test_commands_repeat_without_harm(rig: Rig) -> None:
    assert rig.unit.stop(rig.ms)
    assert rig.unit.state is IDLE
    rig.run()
    assert rig.unit.start(rig.ms)
    assert rig.unit.state is RUNNING


@pytest.mark.parametrize("state", [STOPPING, FAULT])
def test_start_is_refused_in(rig: Rig, state: State) -> None:
    rig.run()
    rig.unit.stop(rig.ms) if state is STOPPING else rig.broken(Cause.HARDWARE)
    assert rig.unit.state is state
    assert not rig.unit.start(rig.ms)
    assert not rig.hal.level(PIN.start)


def test_start_needs_no_overload_and_frequency_lock(rig: Rig) -> None:
    rig.hal.drive(PIN.freq_lock, False)
    rig.live(FAULT_DEBOUNCE_MS + 1)
    assert not rig.unit.start(rig.ms)
    assert rig.unit.state is IDLE
    unlocked = Rig(needs_lock=False)
    unlocked.hal.drive(PIN.freq_lock, False)
    unlocked.live(FAULT_DEBOUNCE_MS + 1)
    assert unlocked.unit.start(unlocked.ms)


def test_one_that_locks_when_driven_has_half_a_second(rig: Rig) -> None:
    late = Rig(needs_lock=False)
    late.hal.drive(PIN.freq_lock, False)
    late.live(FAULT_DEBOUNCE_MS + 1)
    late.run()
    assert late.live(499) is RUNNING
    assert late.live(1) is FAULT
    assert late.unit.causes is Cause.FREQ_UNLOCK


def test_amplitude_changes_at_once_while_it_runs_and_not_before(rig: Rig) -> None:
    rig.amplitude.percent = 40
    rig.unit.amplitude_changed(rig.ms)
    assert rig.outputs == (False, 0)
    rig.run()
    rig.amplitude.percent = 100
    rig.unit.amplitude_changed(rig.ms)
    assert rig.outputs == (True, 255)


# Faults


@pytest.mark.parametrize("state", [IDLE, STARTING, RUNNING, STOPPING])
def test_an_overload_of_10_ms_is_a_fault_in_every_state(state: State) -> None:
    rig = Rig()
    if state is not IDLE:
        rig.unit.start(rig.ms)
        rig.live(START_DELAY_MS if state in (RUNNING, STOPPING) else 5)
    if state is STOPPING:
        rig.unit.stop(rig.ms)
    assert rig.unit.state is state
    rig.hal.drive(PIN.overload, True)
    assert rig.live(FAULT_DEBOUNCE_MS) is state
    assert rig.live(1) is FAULT
    assert (rig.outputs, rig.unit.causes) == ((False, 0), Cause.OVERLOAD)


def test_a_shorter_overload_is_none(rig: Rig) -> None:
    rig.run()
    for _ in range(20):
        rig.hal.drive(PIN.overload, True)
        rig.live(FAULT_DEBOUNCE_MS - 1)
        rig.hal.drive(PIN.overload, False)
        rig.live(1)
    assert rig.unit.state is RUNNING


def test_a_lost_lock_is_a_fault_while_driven_only(rig: Rig) -> None:
    rig.hal.drive(PIN.freq_lock, False)
    assert rig.live(50) is IDLE
    rig.hal.drive(PIN.freq_lock, True)
    rig.live(FAULT_DEBOUNCE_MS + 1)
    rig.run()
    rig.hal.drive(PIN.freq_lock, False)
    assert rig.live(FAULT_DEBOUNCE_MS + 1) is FAULT
    assert rig.unit.causes is Cause.FREQ_UNLOCK


def test_an_update_later_than_a_second_is_a_fault(rig: Rig) -> None:
    rig.run()
    rig.ms += WATCHDOG_TIMEOUT_MS - 1
    assert rig.live(1) is RUNNING
    rig.ms += WATCHDOG_TIMEOUT_MS
    assert rig.live(1) is FAULT
    assert rig.unit.causes is Cause.WATCHDOG


@pytest.mark.parametrize("pin", [PIN.overload, PIN.freq_lock])
def test_a_hardware_layer_that_fails_to_read_is_a_fault(rig: Rig, pin: str) -> None:
    rig.run()
    rig.hal.broken = {pin}
    assert rig.live(1) is FAULT
    assert rig.unit.causes is Cause.HARDWARE


@pytest.mark.parametrize("pin", [AMPLITUDE_ALL, PIN.start])
def test_a_start_that_fails_at_the_pins_is_a_fault(rig: Rig, pin: str) -> None:
    rig.hal.broken = {pin}
    assert not rig.unit.start(rig.ms)
    assert rig.unit.causes is Cause.HARDWARE


def test_a_stop_or_a_change_or_a_reset_that_fails_at_the_pins_is_a_fault() -> None:
    for pin, act in (
        (PIN.start, SonicatorControl.stop),
        (PIN.reset, SonicatorControl.reset_overload),
        (AMPLITUDE_ALL, SonicatorControl.amplitude_changed),
    ):
        rig = Rig().run()
        rig.hal.broken = {pin}
        assert not act(rig.unit, rig.ms)
        assert rig.unit.causes is Cause.HARDWARE


def test_a_fault_tries_both_outputs(rig: Rig) -> None:
    rig.run()
    rig.hal.broken = {PIN.start}
    rig.broken(Cause.OVERLOAD)
    assert rig.outputs == (True, 0)
    rig = Rig().run()
    rig.hal.broken = {AMPLITUDE_ALL}
    rig.broken(Cause.OVERLOAD)
    assert rig.outputs[0] is False


# Recovery


def test_overload_is_left_by_a_pulse_of_20_ms_once_it_has_cleared(rig: Rig) -> None:
    rig.run()
    rig.hal.drive(PIN.overload, True)
    rig.live(20)
    assert rig.unit.reset_overload(rig.ms)
    assert rig.hal.level(PIN.reset)
    rig.live(RESET_PULSE_MS - 1)
    assert rig.hal.level(PIN.reset)
    rig.hal.drive(PIN.overload, False)
    rig.live(1)
    assert not rig.hal.level(PIN.reset)
    assert rig.live(FAULT_DEBOUNCE_MS) is IDLE
    assert (rig.unit.causes, rig.unit.last_cause) == (Cause.NONE, Cause.OVERLOAD)
    assert rig.outputs == (False, 0)


def test_a_pulse_that_does_not_help_leaves_the_fault(rig: Rig) -> None:
    rig.hal.drive(PIN.overload, True)
    rig.live(20)
    rig.unit.reset_overload(rig.ms)
    assert rig.live(100) is FAULT


def test_a_fault_stays_without_a_reset(rig: Rig) -> None:
    rig.run()
    rig.hal.drive(PIN.overload, True)
    rig.live(20)
    rig.hal.drive(PIN.overload, False)
    assert rig.live(1000) is FAULT
    assert rig.outputs == (False, 0)


def test_silence_is_left_with_the_next_request_and_starts_nothing(rig: Rig) -> None:
    rig.run()
    rig.silent = True
    assert rig.live(1) is FAULT
    assert rig.unit.causes is Cause.COMM_TIMEOUT
    rig.silent = False
    assert rig.live(1) is IDLE
    assert rig.live(COMM_TIMEOUT_MS) is IDLE
    assert rig.outputs == (False, 0)


def test_silence_beside_another_fault_still_needs_the_reset(rig: Rig) -> None:
    rig.run().broken(Cause.EMERGENCY_STOP)
    rig.silent = True
    rig.live(5)
    rig.silent = False
    assert rig.live(5) is FAULT
    assert rig.unit.causes is Cause.EMERGENCY_STOP
    rig.unit.reset_overload(rig.ms)
    assert rig.live(RESET_PULSE_MS + FAULT_DEBOUNCE_MS) is IDLE


def test_a_reset_in_idle_only_pulses(rig: Rig) -> None:
    rig.unit.reset_overload(rig.ms)
    assert rig.live(RESET_PULSE_MS) is IDLE
    assert not rig.hal.level(PIN.reset)


# Parts


def test_debounce_takes_steady_levels_only() -> None:
    debounce = Debounce()
    for ms in range(100):
        debounce = debounce.see(ms % 10 != 0, ms)
        assert not debounce.level
    assert debounce.see(True, 101).see(True, 115).level


def test_the_hardware_layer_reads_what_the_world_puts_on_it() -> None:
    hal = Hal()
    hal.apply(PIN.power_sense, 2.5)
    hal.pulse(PIN.freq_div10, 1999.6)
    assert (hal.adc_read_channel(PIN.power_sense), hal.timer_measure_frequency(PIN.freq_div10)) == (512, 2000)
    hal.apply(PIN.power_sense, 9.0)
    assert hal.adc_read_channel(PIN.power_sense) == 1023
    with pytest.raises(HalError):
        hal.pwm_set_duty_cycle(AMPLITUDE_ALL, 256)
    hal.broken = {PIN.power_sense}
    with pytest.raises(HalError, match="PA7 does not work"):
        hal.adc_read_channel(PIN.power_sense)
