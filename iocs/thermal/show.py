"""What the controller does, on its PVs. Publishes what it is given; decides nothing."""

import math
import re
import time

from iocs.caserver import Alarm, AlarmSeverity, AlarmStatus
from iocs.thermal.logic.controller import Controller
from iocs.thermal.logic.facts import State
from iocs.thermal.logic.parameters import Parameters
from iocs.thermal.pvs import ControllerPVs

STAMP = "%Y-%m-%d %H:%M:%S"
SAID_AGAIN_S = 10.0  # what it waits for changes its figures all the time
FIGURES = re.compile(r"[+-]?\d+(\.\d+)?")
PATIENCE_S = 2.0  # before an output that is not confirmed off is an alarm
TOO_MUCH = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR)
SHORT = {
    State.OFF: "OFF",
    State.INITIALIZING: "INIT",
    State.STARTUP: "START",
    State.RAMP_UP: "RAMP",
    State.STEADY_STATE: "STEADY",
    State.MANUAL_OVERRIDE: "MANUAL",
    State.THERMAL_FAULT: "THERMAL FAULT",
    State.SENSOR_FAULT: "SENSOR FAULT",
    State.DPS_DISCONNECTED: "DPS LOST",
}


class ControllerDisplay(ControllerPVs):
    """The PVs of the controller, and how they follow it."""

    _decision = ""
    _said_at = -math.inf
    _not_off_since: float | None = None

    def show(self, c: Controller, p: Parameters, now: float) -> None:
        """Everything, once per step."""
        self.state.set_ok(int(c.state))
        self.previous.set_ok(int(c.previous))
        self.state_reason.set_ok(c.reason[:159])
        self.time_in_state.set_ok(now - c.entered)
        self.current.set_ok(c.current)
        self.zone.set_ok(int(c.zone))
        self._show_search(c, p, now)
        self._show_trend(c)
        self._show_imbalance(c)
        self._show_decision(c.decision, now)

    def _show_search(self, c: Controller, p: Parameters, now: float) -> None:
        search, probe_s, evaluate_s = c.search, 0.0, 0.0
        self.optimum.set_ok(search.optimum)
        if c.state is State.STEADY_STATE:
            probe_s = max(0.0, p.steady_state_recheck_interval_ms / 1000.0 - (now - search.rest_from))
        if search.trial is not None:
            evaluate_s = max(0.0, p.current_evaluation_delay_ms / 1000.0 - (now - search.trial.at))
        self.next_probe.set_ok(probe_s)
        self.evaluate_in.set_ok(evaluate_s)
        if not math.isnan(search.minimum):
            self.minimum.set_ok(search.minimum)
            self.minimum_when.set_ok(
                time.strftime(STAMP, time.localtime(time.time() - (now - search.minimum_at)))
            )

    def _show_trend(self, c: Controller) -> None:
        history = c.history
        for record, rate in (
            (self.cooling_rate, history.cold_rate),
            (self.hot_rate, history.hot_rate),
            (self.line_rate, history.cold_rate),
        ):
            if math.isnan(rate):
                record.set_invalid(AlarmStatus.CALC)
            else:
                record.set_ok(rate)
        self.trend.set_ok(int(history.trend))
        self.line_state.set_ok(SHORT[c.state])

    def _show_imbalance(self, c: Controller) -> None:
        alarm = TOO_MUCH if c.imbalance.problem else None
        self.imbalance_current.set_ok(c.imbalance.current, alarm=alarm)
        self.imbalance_power.set_ok(c.imbalance.power, alarm=alarm)
        self.imbalance_count.set_ok(c.imbalance.reports)

    def _show_decision(self, decision: str, now: float) -> None:
        """In `Reason`, when there is a new one; new figures of what it waits for not at every step."""
        same = FIGURES.sub("", decision) == FIGURES.sub("", self._decision)
        waits = same and decision.startswith("waiting")
        if decision == self._decision or (waits and now - self._said_at < SAID_AGAIN_S):
            return
        self._decision, self._said_at = decision, now
        self.say(decision)

    def show_not_off(self, names: list[str], now: float) -> None:
        """Outputs that must be off and are not confirmed, once that has taken too long."""
        if not names:
            self._not_off_since = None
        elif self._not_off_since is None:
            self._not_off_since = now
        late = self._not_off_since is not None and now - self._not_off_since >= PATIENCE_S
        self.not_off.set_ok(int(late))
        self.not_off_who.set_ok(" ".join(names)[:39] if late else "")
