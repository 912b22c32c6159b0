"""The firmware's control of one sonicator: design document, State Machine Design and Control Logic.

`update` runs once a millisecond of the board's own time. Knows the hardware layer and the amplitude that all
sonicators share; knows no registers, no Modbus and no physics.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from devsup.sim.sonicator_board.hal import AMPLITUDE_ALL, DUTY_FULL_SCALE, Hal, HalError, Pins

START_DELAY_MS = 50
STOP_DELAY_MS = 100
RESET_PULSE_MS = 20
FAULT_DEBOUNCE_MS = 10
WATCHDOG_TIMEOUT_MS = 1000
COMM_TIMEOUT_MS = 2000
LOCK_GRACE_MS = 500  # for transducers that lock only when driven
AMPLITUDE_MIN, AMPLITUDE_MAX, AMPLITUDE_DEFAULT = 20, 100, 80


class State(IntEnum):
    """Core states of the design document."""

    IDLE = 0
    STARTING = 1
    RUNNING = 2
    STOPPING = 3
    FAULT = 4


class Cause(IntFlag):
    """Why a sonicator is in FAULT; the numbers are those of the firmware."""

    NONE = 0
    OVERLOAD = 0x01
    FREQ_UNLOCK = 0x02
    COMM_TIMEOUT = 0x04
    HARDWARE = 0x08
    WATCHDOG = 0x10
    EMERGENCY_STOP = 0x20


@dataclass(frozen=True, slots=True)
class Debounce:
    """An input that counts once it has been steady for 10 ms."""

    level: bool = False
    raw: bool = False
    since_ms: int = 0

    def see(self, raw: bool, now_ms: int) -> "Debounce":
        if raw == self.raw == self.level:  # as nearly always, a thousand times a second
            return self
        since_ms = self.since_ms if raw == self.raw else now_ms
        steady = now_ms - since_ms >= FAULT_DEBOUNCE_MS
        return Debounce(raw if steady else self.level, raw, since_ms)


class Amplitude:
    """The one PWM that drives all amplitudes. `percent` is the setpoint, `duty` what is on the pin."""

    def __init__(self, hal: Hal) -> None:
        self.percent = AMPLITUDE_DEFAULT
        self._hal = hal

    @property
    def duty(self) -> int:
        return self._hal.duty(AMPLITUDE_ALL)

    @property
    def actual(self) -> float:
        """Per cent that the duty stands for."""
        return AMPLITUDE_MIN + self.duty * (AMPLITUDE_MAX - AMPLITUDE_MIN) / DUTY_FULL_SCALE

    def apply(self) -> None:
        """Put the setpoint on the pin."""
        self._hal.pwm_set_duty_cycle(AMPLITUDE_ALL, duty_of(self.percent))

    def minimum(self) -> None:
        """The setpoint stays; the pin goes to its least."""
        self._hal.pwm_set_duty_cycle(AMPLITUDE_ALL, 0)


def duty_of(percent: int) -> int:
    """20..100 % as 0..255, in the integer arithmetic of the design document; beyond: the ends."""
    inside = min(max(percent, AMPLITUDE_MIN), AMPLITUDE_MAX)
    return (inside - AMPLITUDE_MIN) * DUTY_FULL_SCALE // (AMPLITUDE_MAX - AMPLITUDE_MIN)


class SonicatorControl:
    """One sonicator under the firmware. Attributes are what the registers show."""

    def __init__(self, hal: Hal, pins: Pins, amplitude: Amplitude, needs_lock: bool = True) -> None:
        self.pins = pins
        self.needs_lock = needs_lock  # start only with frequency lock
        self.amplitude = amplitude
        self.alone: Callable[[], bool] = lambda: True  # does no other sonicator run?
        self.state = State.IDLE
        self.previous = State.IDLE
        self.causes = Cause.NONE
        self.last_cause = Cause.NONE
        self.changed_ms = 0
        self.overload = Debounce()
        self.locked = Debounce()
        self._hal = hal
        self._updated_ms = 0
        self._reset_since_ms: int | None = None

    @property
    def active(self) -> bool:
        """Is it told to run?"""
        return self.state in (State.STARTING, State.RUNNING)

    @property
    def running(self) -> bool:
        return self.state is State.RUNNING

    # ---- commands, as the registers give them -----------------------------------------------

    def start(self, now_ms: int) -> bool:
        """Amplitude, then START. False when a precondition is missing."""
        if self.active:
            return True
        if self.state is not State.IDLE or self.causes or self.overload.level:
            return False
        if self.needs_lock and not self.locked.level:
            return False
        try:
            self.amplitude.apply()
            self._hal.gpio_write_pin(self.pins.start, True)
        except HalError:
            self.fail(Cause.HARDWARE, now_ms)
            return False
        self._enter(State.STARTING, now_ms)
        return True

    def stop(self, now_ms: int) -> bool:
        """De-assert START; what does not run is stopped already. False when the pin does not obey."""
        try:
            self._hal.gpio_write_pin(self.pins.start, False)
        except HalError:
            self.fail(Cause.HARDWARE, now_ms)
            return False
        if self.active:
            self._enter(State.STOPPING, now_ms)
        return True

    def amplitude_changed(self, now_ms: int) -> None:
        """The shared setpoint has changed: what runs follows at once."""
        if self.active:
            try:
                self.amplitude.apply()
            except HalError:
                self.fail(Cause.HARDWARE, now_ms)

    def reset_overload(self, now_ms: int) -> bool:
        """Begin the pulse on RESET; `update` ends it and looks what it has brought."""
        try:
            self._hal.gpio_write_pin(self.pins.reset, True)
        except HalError:
            self.fail(Cause.HARDWARE, now_ms)
            return False
        self._reset_since_ms = now_ms
        return True

    def fail(self, cause: Cause, now_ms: int) -> None:
        """Any fault: outputs off, amplitude minimum, FAULT, at once."""
        with contextlib.suppress(HalError):  # the other output is still worth trying
            self._hal.gpio_write_pin(self.pins.start, False)
        with contextlib.suppress(HalError):
            self.amplitude.minimum()
        new = cause & ~self.causes
        self.causes |= cause
        if new:
            self.last_cause = new
        if self.state is not State.FAULT:
            self._enter(State.FAULT, now_ms)

    # ---- once a millisecond -----------------------------------------------------------------

    def update(self, now_ms: int, comm_silent: bool) -> State:
        """Inputs, faults first, then the state. `comm_silent`: no request for the time-out."""
        if now_ms - self._updated_ms > WATCHDOG_TIMEOUT_MS:
            self.fail(Cause.WATCHDOG, now_ms)
        self._updated_ms = now_ms
        if self._at_rest() and not comm_silent:
            return self.state
        self._look(now_ms)
        self._detect(now_ms, comm_silent)
        match self.state:
            case State.IDLE | State.RUNNING:
                self._end_pulse(now_ms)
            case State.STARTING:
                self._starting(now_ms)
            case State.STOPPING:
                self._stopping(now_ms)
            case State.FAULT:
                self._fault(now_ms)
        return self.state

    def _at_rest(self) -> bool:
        """Idle, and its inputs are what they have long been: there is nothing to do, as mostly."""
        if self.state is not State.IDLE or self.causes is not Cause.NONE or self._reset_since_ms is not None:
            return False
        overload, locked = self._hal.level(self.pins.overload), self._hal.level(self.pins.freq_lock)
        inputs = (overload, self.overload.raw, self.overload.level) == (False, False, False)
        return inputs and locked == self.locked.raw == self.locked.level and not self._hal.broken

    def rest(self, now_ms: int) -> None:
        """Time has passed in which updates came and changed nothing."""
        self._updated_ms = now_ms

    def _look(self, now_ms: int) -> None:
        try:
            self.overload = self.overload.see(self._hal.gpio_read_pin(self.pins.overload), now_ms)
            self.locked = self.locked.see(self._hal.gpio_read_pin(self.pins.freq_lock), now_ms)
        except HalError:
            self.fail(Cause.HARDWARE, now_ms)

    def _detect(self, now_ms: int, comm_silent: bool) -> None:
        if self.overload.level:
            self.fail(Cause.OVERLOAD, now_ms)
        grace_ms = 0 if self.needs_lock else LOCK_GRACE_MS
        if self.active and not self.locked.level and now_ms - self.changed_ms >= grace_ms:
            self.fail(Cause.FREQ_UNLOCK, now_ms)
        if comm_silent:
            self.fail(Cause.COMM_TIMEOUT, now_ms)
        elif self.causes is not Cause.NONE:
            self.causes &= ~Cause.COMM_TIMEOUT

    def _starting(self, now_ms: int) -> None:
        if now_ms - self.changed_ms >= START_DELAY_MS:
            self._enter(State.RUNNING, now_ms)

    def _stopping(self, now_ms: int) -> None:
        if now_ms - self.changed_ms >= STOP_DELAY_MS:
            self._enter(State.IDLE, now_ms)
            if self.alone():
                with contextlib.suppress(HalError):  # no power flows: START is off
                    self.amplitude.minimum()

    def _fault(self, now_ms: int) -> None:
        """Out of FAULT: by a reset that helped, or because somebody speaks to the board again."""
        if self._end_pulse(now_ms) and not self.overload.level:
            self.causes &= Cause.COMM_TIMEOUT
        if not self.causes:
            self._enter(State.IDLE, now_ms)

    def _end_pulse(self, now_ms: int) -> bool:
        """True once, when a pulse on RESET has passed and the inputs have had time to settle."""
        if self._reset_since_ms is None:
            return False
        passed_ms = now_ms - self._reset_since_ms
        if passed_ms >= RESET_PULSE_MS:
            with contextlib.suppress(HalError):  # a broken input or output is found by `_look`
                self._hal.gpio_write_pin(self.pins.reset, False)
        if passed_ms < RESET_PULSE_MS + FAULT_DEBOUNCE_MS:
            return False
        self._reset_since_ms = None
        return True

    def _enter(self, state: State, now_ms: int) -> None:
        self.previous, self.state, self.changed_ms = self.state, state, now_ms
