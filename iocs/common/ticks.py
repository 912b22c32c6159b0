"""A steady beat: the next tick is counted from the last one due, so it does not drift.

Knows the event loop's clock and nothing of what is done on a tick.
"""

import asyncio
import contextlib
import math


class Ticks:
    """`await ticks.next()` returns at the next tick; the period may change at any time.

    `overruns` counts ticks that passed while the previous one was still being worked on.
    """

    def __init__(self, period_s: float) -> None:
        self.overruns = 0
        self._period_s = period_s
        self._due: float | None = None
        self._first = True
        self._changed = asyncio.Event()

    @property
    def period_s(self) -> float:
        return self._period_s

    @period_s.setter
    def period_s(self, period_s: float) -> None:
        self._period_s = period_s
        self._due = None  # a new period counts from now
        self._changed.set()

    async def next(self) -> int:
        """Wait for the next tick; returns how many were missed. The first comes at once."""
        clock = asyncio.get_running_loop().time
        while (now := clock()) < (due := self._due_from(now)):
            await self._pause(due - now)
        missed = math.floor((now - due) / self._period_s)
        self._due = due + (missed + 1) * self._period_s
        self.overruns += missed
        return missed

    def _due_from(self, now: float) -> float:
        """When the next tick is due, counted from now if there is no beat yet."""
        if self._due is None:
            self._due = now if self._first else now + self._period_s
        self._first = False
        return self._due

    async def _pause(self, wait_s: float) -> None:
        """Until the time has passed or the period has changed; the two may come together."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
