"""One interlock behind its PVs, and the summary of all: what is shown, and what an operator may do.

Knows records and states; decides nothing.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Protocol

from iocs.caserver import AlarmStatus, Record, Refused
from iocs.common.interlock.core import Bank, Sample, State
from iocs.common.interlock.pvs import InterlockPVs, InterlockSummaryPVs
from iocs.common.interlock.rules import Row

STAMP = "%Y-%m-%d %H:%M:%S"
AGAIN_S = 1.0  # what does not change is shown again this often, for ages and heartbeats


class Desk(Protocol):
    """Who carries out what an operator wants."""

    def reset(self, index: int) -> str:
        """Release one trip. Returns why not."""

    def reset_all(self) -> str:
        """Release every trip that is over. Returns what is not."""

    def bypass(self, index: int, minutes: float) -> None:
        """Bypass one for so long; 0 ends it."""


class Panel(InterlockPVs):
    """One interlock."""

    def __init__(self, prefix: str, row: Row, desk: Desk, index: int) -> None:
        super().__init__(prefix, row)
        self._desk = desk
        self._index = index
        self._shown: tuple[State, str] | None = None
        self._again = 0.0

    # -- shown ------------------------------------------------------------------------------------

    def live_row(self) -> Row:
        """The row with its limits as they are now, never beyond the bounds of the file."""
        row = self.row
        if not row.condition.is_numeric:
            return row
        low, high = row.bounds
        limit = min(max(self.limit.value, low), high)
        lower = min(max(self.limit_low.value, low), high) if row.condition.has_range else low
        return replace(row, condition=row.condition.with_limits(limit, lower))

    def show_input(self, sample: Sample) -> None:
        """The value it watches; INVALID when there is none."""
        numeric = self.row.condition.is_numeric
        value: Any = sample.number if numeric else sample.word
        if sample.problem or value != value:
            self.value.set_invalid(AlarmStatus.LINK)
        else:
            self.value.set_ok(value)

    def show(self, state: State, first_out: str, now: float) -> None:
        """How it stands, if that is news or has not been said for a while."""
        if (state, first_out) == self._shown and now < self._again:
            return
        self._shown, self._again = (state, first_out), now + AGAIN_S
        self.condition.set_ok(self.live_row().condition.text(self.row.unit))
        self.ok.set_ok(int(state.ok))
        self.tripped.set_ok(int(state.tripped))
        self.first_out.set_ok(int(first_out == self.row.name))
        self.reason.set_ok((state.cause or state.why)[:159])
        self.bypass.set_ok(int(state.bypassed))
        left_s = 0.0 if state.bypass_until is None else max(state.bypass_until - now, 0.0)
        self.bypass_left.set_ok(left_s / 60.0)
        if not state.bypassed and self.bypass_by.value:  # the next bypass needs a reason of its own
            self.bypass_by.set_ok("")
            self.bypass_why.set_ok("")

    def tripped_now(self) -> None:
        """It has just tripped."""
        self.trip_time.set_ok(time.strftime(STAMP))

    # -- operated ---------------------------------------------------------------------------------

    async def put_limit(self, value: float) -> None:
        if self.row.condition.has_range and value < self.limit_low.value:
            raise Refused(f"{value:g} is below LimitLow {self.limit_low.value:g}")

    async def put_limit_low(self, value: float) -> None:
        if value > self.limit.value:
            raise Refused(f"{value:g} is above Limit {self.limit.value:g}")

    async def put_reset(self, value: int) -> None:
        if refusal := self._desk.reset(self._index):
            raise Refused(f"still wrong: {refusal}")

    async def put_bypass_minutes(self, value: float) -> None:
        """Only remembered."""

    async def put_bypass(self, value: int) -> None:
        if not value:
            if self.bypass.value:
                self._desk.bypass(self._index, 0.0)
            return
        if not self.row.bypass_max_min:
            raise Refused(f"{self.row.name} cannot be bypassed")
        if not self.bypass_why.value.strip():
            raise Refused("write the reason into Bypass:Why first")
        self._desk.bypass(self._index, self.bypass_minutes.value)

    def written(self, record: Record[Any], old: Any, new: Any, user: str, host: str) -> None:
        if record is self.bypass and new:
            self.bypass_by.set_ok(f"{user}@{host}"[:39])
        super().written(record, old, new, user, host)


class Summary(InterlockSummaryPVs):
    """All interlocks of an IOC."""

    def __init__(self, prefix: str, desk: Desk) -> None:
        super().__init__(prefix)
        self._desk = desk

    def show(self, bank: Bank) -> None:
        """How they stand together."""
        self.first_out.set_ok(bank.first_out)
        self.count.set_ok(sum(state.tripped for state in bank.states))
        self.blocking.set_ok(sum(not state.ok for state in bank.states))
        self.bypassed.set_ok(sum(state.bypassed for state in bank.states))

    async def put_reset(self, value: int) -> None:
        if refusal := self._desk.reset_all():
            raise Refused(f"still wrong: {refusal}")
