"""What concerns the whole board: enable, emergency stop, inhibit mask, shared amplitude, status, status LED.

Knows the sonicators' controls; knows no registers and no frames.
"""

from collections.abc import Mapping
from enum import IntEnum

from devsup.sim.sonicator_board.control import Amplitude, Cause, SonicatorControl, State

RESET_MAGIC = 0xA5C3
STATUS_OK, STATUS_FAULT, STATUS_STOP, STATUS_COMM = 0x01, 0x02, 0x04, 0x08
BLINK_MS = 200  # period of the LED in FAULT


class Shutdown(IntEnum):
    """Why sonicators were stopped last."""

    NORMAL = 0
    WATCHDOG = 1
    POWER_LOSS = 2
    EMERGENCY_STOP = 3
    FAULT = 4


class System:
    """The board as a whole, between two power cycles."""

    def __init__(self, units: Mapping[int, SonicatorControl], amplitude: Amplitude) -> None:
        self.amplitude = amplitude
        self.enabled = True
        self.stopped = False
        self.inhibit_mask = 0
        self.comm_errors = 0
        self.watchdog_ok = True
        self.prev_active_mask = 0
        self.last_shutdown = Shutdown.NORMAL
        self.reset_wanted = False
        self._units = units
        self._stop_mark = False
        self._faulted: set[int] = set()

    # ---- what registers show ----------------------------------------------------------------

    @property
    def active_mask(self) -> int:
        return sum(1 << number - 1 for number, unit in self._units.items() if unit.running)

    @property
    def status(self) -> int:
        causes = [unit.causes for unit in self._units.values()]
        comm = any(Cause.COMM_TIMEOUT in cause for cause in causes)
        fault = any(unit.state is State.FAULT for unit in self._units.values())
        stop = self.stopped or self._stop_mark
        return (
            (STATUS_OK if self.enabled and not fault and not stop else 0)
            | (STATUS_FAULT if fault else 0)
            | (STATUS_STOP if stop else 0)
            | (STATUS_COMM if comm else 0)
        )

    def may_start(self, number: int) -> bool:
        return self.enabled and not self.stopped and not self.inhibit_mask >> number - 1 & 1

    # ---- what registers do ------------------------------------------------------------------

    def set_amplitude(self, percent: int, now_ms: int) -> None:
        """One PWM: whoever's amplitude is written, all follow."""
        self.amplitude.percent = percent
        for unit in self._units.values():
            unit.amplitude_changed(now_ms)

    def enable(self, on: bool, now_ms: int) -> None:
        """Off stops everybody; on starts nobody."""
        if not on and self.enabled:
            self._remember(Shutdown.NORMAL)
            for unit in self._units.values():
                unit.stop(now_ms)
        self.enabled = on

    def emergency_stop(self, now_ms: int) -> None:
        """Any state to FAULT, outputs first, without waiting for the next update."""
        self._remember(Shutdown.EMERGENCY_STOP)
        self.stopped = True
        for unit in self._units.values():
            unit.fail(Cause.EMERGENCY_STOP, now_ms)

    def release(self) -> None:
        """End of the emergency stop. Each sonicator still needs its own reset."""
        self.stopped = False

    def mark_stop(self) -> None:
        """The deployed firmware: a status bit that stays until power is cycled, and nothing else."""
        self._stop_mark = True

    # ---- once a millisecond -----------------------------------------------------------------

    def watch(self) -> None:
        """Notice who has failed since the last time."""
        failed = {number for number, unit in self._units.items() if unit.state is State.FAULT}
        for number in failed - self._faulted:
            causes = self._units[number].causes
            if Cause.WATCHDOG in causes:
                self.watchdog_ok = False
                self.last_shutdown = Shutdown.WATCHDOG
            elif Cause.EMERGENCY_STOP not in causes:
                self.last_shutdown = Shutdown.FAULT
        self._faulted = failed

    def led(self, now_ms: int) -> bool:
        """Fast blink in FAULT, steady while anybody runs, dark otherwise."""
        states = [unit.state for unit in self._units.values()]
        return now_ms % BLINK_MS < BLINK_MS // 2 if State.FAULT in states else State.RUNNING in states

    def _remember(self, reason: Shutdown) -> None:
        self.prev_active_mask = self.active_mask
        self.last_shutdown = reason
