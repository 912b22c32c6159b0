"""The chamber behind its PVs: limits, what is known from elsewhere, interlocks, emergency stop, permit.

Thin: quantities.py knows, pressure.py remembers, the interlocks judge; here they meet.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from enum import Enum

from iocs.caserver import AlarmStatus, Record, Refused
from iocs.common.estop import EStopPVs
from iocs.common.guard import Guard
from iocs.common.interlock import Interlocks, Row, Sample, Source
from iocs.common.ticks import Ticks
from iocs.gas.config import ALARM, BLOCK, ESTOP, ZERO_ALL, ChamberConfig
from iocs.gas.flows import Flows
from iocs.gas.gas import GasChannel
from iocs.gas.logic import pressure
from iocs.gas.logic.approval import Limits
from iocs.gas.pvs import ChamberPVs
from iocs.gas.quantities import Quantities

PERIOD_S = 0.2
GRACE_S = 5.0  # that a link to the facility may be away: it has to connect first


class Chamber(ChamberPVs):
    """What concerns all gases. `inputs`: pressure, door, water and facility stop, by name, as sources."""

    def __init__(
        self, prefix: str, config: ChamberConfig, channels: Sequence[GasChannel], guard: Guard,
        inputs: Mapping[str, Source],
    ) -> None:  # fmt: skip
        EStopPVs.__init__(self, prefix, guard.trip, guard.release)
        self.config = config
        self.guard = guard
        self.channels = channels
        self._quantities = Quantities(channels, inputs)
        self._air = pressure.Chamber(problem="chamber pressure has not been read yet")
        self._facility_bad_since: float | None = None
        self._tasks: set[asyncio.Task[str]] = set()
        self._log = logging.getLogger("gas.chamber")
        self.flows = Flows(channels, guard, self.limits, self.held, self.blocked, self.closed)
        self.interlocks = Interlocks(prefix, config.rows, self._quantities.by_name, self._tripped, self.say)
        # A row that zeroes one gas holds all of them: what it means for the others is not known.
        self._stopping = [action for action in config.actions if action.value not in (ALARM, BLOCK)]
        self._set_ceilings()
        guard.say = self.say
        self.say("Started; setpoints are taken over from the instruments")

    def _set_ceilings(self) -> None:
        """Limits begin at, and never pass, what the configuration allows."""
        safety = self.config.safety
        for record, ceiling in (
            (self.max_individual, safety.limits.individual),
            (self.max_total, safety.limits.total),
            (self.max_oxygen, safety.limits.oxygen_percent),
            (self.min_pressure, safety.min_pressure),
        ):
            record.reconfigure(drive=(0.0, ceiling), display=(0.0, ceiling))
            record.set_ok(ceiling)
        self.read_interval.set_ok(self.config.read_interval_s)

    # -- who forbids --------------------------------------------------------------------------

    def limits(self) -> Limits:
        return Limits(self.max_individual.value, self.max_total.value, self.max_oxygen.value)

    def held(self) -> str:
        """Why nothing but zero may be set."""
        stop = self.guard.stop
        if stop.closing:
            return "the IOC is shutting down"
        if stop.active:
            return "emergency stop is active: EStop:Reset first"
        return self.interlocks.tripped(*self._stopping)

    def blocked(self) -> str:
        """Why no flow may grow. What is wrong blocks at once; what is done about it waits for its delay."""
        return self.interlocks.blocking(*self._stopping, self._action(BLOCK))

    def closed(self) -> str:
        """Why no flow may start from zero."""
        return pressure.closed(self._air, self.min_pressure.value)

    def _action(self, words: str) -> Enum:
        return self.config.actions(words)

    # -- trips --------------------------------------------------------------------------------

    def _tripped(self, row: Row, reason: str) -> None:
        """Begin what the row asks for; returns at once."""
        self.say(f"Interlock {reason}")
        words = str(row.action.value)
        if words == ALARM or words == BLOCK:
            return
        self.recipe_fails(reason, words in (ESTOP, ZERO_ALL))
        if words == ESTOP:
            self.active.set_ok(1)
            self._begin(asyncio.create_task(self.guard.trip(), name="trip to emergency stop"))
            return
        names = [channel.name for channel in self.channels]
        only = names if words == ZERO_ALL else [words.removeprefix("zero ")]
        self._begin(self.flows.start_zero(only, f"Interlock {row.name}"))

    def _begin(self, task: "asyncio.Task[str]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def recipe_fails(self, reason: str, zeroed: bool) -> None:
        """Replaced by whoever runs recipes. `zeroed`: every gas is being zeroed anyway."""

    # -- while it runs ------------------------------------------------------------------------

    async def run(self) -> None:
        """Sum up and show, for ever; a facility-wide emergency stop counts as ours."""
        ticks = Ticks(PERIOD_S)
        while True:
            await ticks.next()
            now = time.monotonic()
            self._show_inputs(now)
            self._show_sums()
            self._show_permit()
            self._look_at_facility(now)

    def seen(self) -> None:
        """A gas has been read: what trips does so now."""
        self.interlocks.look()
        self._show_sums()

    async def put(self, name: str, flow: float) -> str:
        """A client's demand for one gas."""
        answer = await self.flows.put(name, flow)
        self.say(answer)
        return answer

    async def put_estop(self, value: int) -> None:
        self.recipe_fails("emergency stop", True)
        await super().put_estop(value)

    async def put_zero_all(self, value: int) -> None:
        self.recipe_fails("ZeroAll", True)
        if problem := await self.guard.all_safe("Zero all", insist=True):
            raise Refused(problem)

    async def put_read_interval(self, value: float) -> None:
        for channel in self.channels:
            channel.ticks.period_s = value

    async def put_max_individual(self, value: float) -> None:
        """Asked for by every approval."""

    async def put_max_total(self, value: float) -> None:
        """Asked for by every approval."""

    async def put_max_oxygen(self, value: float) -> None:
        """Asked for by every approval."""

    async def put_min_pressure(self, value: float) -> None:
        """Asked for by every approval."""

    def quantity(self, name: str, now: float) -> Sample:
        """Something the chamber knows, for recipes."""
        return self._quantities.by_name[name](now)

    # -- what is shown ------------------------------------------------------------------------

    def _show_inputs(self, now: float) -> None:
        sample = self._quantities.input("pressure", now)
        start, vented = self.min_pressure.value, self.config.safety.vented_pressure
        self._air = pressure.observe(self._air, sample.number, sample.problem, start, vented)
        self.pumped.set_ok(int(self._air.pumped))
        self.pressure_link.set_ok((sample.problem or f"{self.config.inputs.pressure.link}: good")[:159])
        self._show(self.pressure, sample.problem, sample.number)
        words = {"door": self.door, "water": self.water, "facility_stop": self.facility_stop}
        for name, record in words.items():
            sample = self._quantities.input(name, now)
            self._show(record, sample.problem, (sample.word or f"{sample.number:g}")[:39])

    def _show(self, record: Record[object], problem: str, value: object) -> None:
        if problem:
            record.set_invalid(AlarmStatus.LINK)
        else:
            record.set_ok(value)

    def _show_sums(self) -> None:
        for record, total in (
            (self.total_flow, self._quantities.total_flow()),
            (self.oxygen, self._quantities.oxygen_share()),
        ):
            self._show(record, total.problem, total.value)
        self.total_setpoint.set_ok(self.flows.total_setpoint())
        self.oxygen_setpoint.set_ok(self.flows.oxygen_setpoint())

    def _show_permit(self) -> None:
        """May anything start or grow at all? And each gas for itself."""
        starts = all(gas.highest == 0.0 for gas in self.flows.gases)
        why_not = self.held() or self.blocked() or (self.closed() if starts else "")
        self.permit.set_ok(int(not why_not))
        self.permit_reason.set_ok(why_not[:159])
        for channel in self.channels:
            channel.approval.set_ok(int(not self.flows.refusal(channel.name)))

    def _look_at_facility(self, now: float) -> None:
        """An emergency stop of the facility stops here as well; one that is lost counts as pressed."""
        if not self._quantities.has("facility_stop") or self.guard.stop.active:
            return
        sample = self._quantities.input("facility_stop", now)
        good = self.config.inputs.facility_stop.good
        if not sample.problem and good in (sample.word, f"{sample.number:g}"):
            self._facility_bad_since = None
            return
        self._facility_bad_since = since = self._facility_bad_since or now
        if not sample.problem or now - since > GRACE_S:
            why = sample.problem or f"the facility's emergency stop is {sample.word or sample.number}"
            self._log.warning("%s", why)
            self.active.set_ok(1)
            self.recipe_fails(why, True)
            self._begin(asyncio.create_task(self.guard.trip(), name="emergency stop of the facility"))
