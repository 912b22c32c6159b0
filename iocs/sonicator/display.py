"""What is known about one sonicator, on its PVs: readings, state, faults, limits of use, totals.

Knows readings, states and records; asks the board nothing, decides nothing.
"""

import time

from devsup.sonicator_values import Flag, Reading
from iocs.caserver import Alarm, AlarmSeverity, AlarmStatus
from iocs.sonicator.config import SonicatorConfig
from iocs.sonicator.logic import Cause, Limits, Machine, State, Totals, Usage, cause_text
from iocs.sonicator.pvs import FLAGS, SonicatorPVs

WS_PER_H = 3600.0
FLAGS_S = 1.0  # flags that stay as they are have their time stamps renewed this often
STAMP = "%Y-%m-%d %H:%M:%S"
UNLOCKED = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR)
DIFFERS = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR)


class SonicatorDisplay(SonicatorPVs):
    """The PVs of one sonicator, and how they follow what is known."""

    def __init__(self, prefix: str, config: SonicatorConfig) -> None:
        super().__init__(f"{prefix}{config.name}:", config.description)
        self.config = config
        self._shown: Machine | None = None
        self._flags: tuple[Flag, bool] | None = None
        self.amplitude.set_ok(config.amplitude)
        self.enabled.set_ok(int(config.enabled))
        self.max_run_time.set_ok(config.limits.max_run_s)
        self.duty_limit.set_ok(100.0 * config.limits.duty)
        self.duty_window.set_ok(config.limits.window_s)

    @property
    def limits(self) -> Limits:
        """As they are set now; they may have been restored or changed."""
        return Limits(self.max_run_time.value, self.duty_limit.value / 100.0, self.duty_window.value)

    # -- readings -----------------------------------------------------------------------------

    def show_reading(self, reading: Reading, state: State) -> None:
        """A good reading, and whether it is meant to run."""
        stamp = reading.stamp
        driven = state in (State.STARTING, State.RUNNING)
        self.power.set_ok(reading.power_w, timestamp=stamp)
        self.frequency.quiet = not driven  # some generators show none while they rest
        self.frequency.set_ok(reading.frequency_hz, timestamp=stamp)
        self.amplitude_actual.set_ok(reading.amplitude, timestamp=stamp)
        known = (reading.flags, driven)
        if known != self._flags or stamp - self.flags.timestamp >= FLAGS_S:
            self._flags = known
            self._show_flags(reading, driven)

    def _show_flags(self, reading: Reading, driven: bool) -> None:
        stamp = reading.stamp
        self.running.set_ok(int(reading.running), timestamp=stamp)
        self.flags.set_ok(int(reading.flags), timestamp=stamp)
        for attribute, flag in FLAGS.items():
            on = flag in reading.flags
            lost = flag is Flag.FREQ_LOCK and not on and driven
            self.records[attribute].set_ok(int(on), timestamp=stamp, alarm=UNLOCKED if lost else None)

    def show_blind(self, status: AlarmStatus) -> None:
        """There are no readings any more."""
        self._flags = None
        self.set_invalid(status)

    def show_amplitude(self, held: float) -> None:
        """The setpoint that the board holds; it differs from the demand while it rests."""
        state = self._shown.state if self._shown else State.IDLE
        differs = state is State.RUNNING and round(held) != round(self.amplitude.value)
        self.amplitude_rbv.set_ok(held, alarm=DIFFERS if differs else None)

    # -- state --------------------------------------------------------------------------------

    def show_machine(self, machine: Machine) -> None:
        """State, reason and faults; nothing where nothing has changed."""
        before, self._shown = self._shown, machine
        if before is None or machine.state is not before.state:
            self.state.set_ok(int(machine.state))
            self.run_.set_ok(int(machine.state in (State.STARTING, State.RUNNING)))
        if before is None or machine.reason != before.reason:
            self.state_reason.set_ok(machine.reason[:119])
        if before is None or machine.causes != before.causes:
            self._show_faults(machine, before.causes if before else Cause.NONE)

    def _show_faults(self, machine: Machine, before: Cause) -> None:
        self.faults.set_ok(int(machine.causes))
        self.faults_text.set_ok(cause_text(machine.causes)[:159])
        if machine.causes & ~before:
            self.faults_last.set_ok(cause_text(machine.causes)[:159])
            self.faults_time.set_ok(time.strftime(STAMP))
            self.faults_count.set_ok(self.faults_count.value + (not before))

    # -- use ----------------------------------------------------------------------------------

    def show_use(self, usage: Usage, totals: Totals, limits: Limits, now: float) -> None:
        """How long it has run, and what that took."""
        self.energy.set_ok(totals.energy_wh)
        self.run_time.set_ok(totals.run_s / WS_PER_H)
        self.run_present.set_ok(usage.run_s(now))
        self.duty.set_ok(100.0 * usage.used_s(limits.window_s, now) / limits.window_s)
