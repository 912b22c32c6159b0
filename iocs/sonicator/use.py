"""How much one sonicator has been used, kept over restarts: duty history and totals.

Knows the pure accounts and the IOC's memory; monotonic times become calendar times on the way.
"""

import time
from collections.abc import Sequence
from typing import Any

from devsup.sonicator_values import Reading
from iocs.common.memory import Memory
from iocs.sonicator.logic import Limits, Totals, Usage, account

KEEP_S = 10.0  # while it runs it is remembered this often


class Use:
    """The accounts of one sonicator."""

    def __init__(self, name: str, memory: Memory) -> None:
        self.usage = Usage()
        self.totals = Totals()
        self._name = name
        self._memory = memory
        self._kept_at = 0.0

    def restore(self) -> None:
        """Take over what an earlier run has left; what makes no sense there is left out."""
        totals = self._memory.get(f"{self._name} totals", {})
        if isinstance(totals, dict):
            self.totals = Totals(_number(totals.get("energy_wh")), _number(totals.get("run_s")))
        shift_s = time.time() - time.monotonic()
        stretches = self._memory.get(f"{self._name} stretches", [])
        found = [_stretch(item, shift_s) for item in stretches] if isinstance(stretches, list) else []
        self.usage = Usage(tuple(item for item in found if item is not None))

    def book(self, reading: Reading, limits: Limits, now: float) -> None:
        """One reading."""
        stopped = self.usage.running and not reading.running
        self.totals = self.totals.add(reading)
        self.usage = account(self.usage, reading.running, limits, now)
        if stopped or (reading.running and now - self._kept_at >= KEEP_S):
            self.keep(now)

    def reset(self) -> None:
        """Energy and run time begin at zero; the duty history stays."""
        self.totals = Totals()
        self.keep_now()

    def keep_now(self) -> None:
        """Remember it, because the IOC ends."""
        self.keep(time.monotonic())

    def keep(self, now: float) -> None:
        """Remember it now."""
        self._kept_at = now
        shift_s = time.time() - now
        self._memory.set(
            f"{self._name} totals",
            {"energy_wh": round(self.totals.energy_wh, 4), "run_s": round(self.totals.run_s, 2)},
        )
        stretches = [
            [round(begin + shift_s, 2), round(end + shift_s, 2)] for begin, end in self.usage.stretches
        ]
        self._memory.set(f"{self._name} stretches", stretches)


def _number(given: Any) -> float:
    return float(given) if isinstance(given, int | float) and given >= 0 else 0.0


def _stretch(given: Any, shift_s: float) -> tuple[float, float] | None:
    """A stretch of running, in monotonic seconds of this run; negative ones are from before the boot."""
    if not isinstance(given, Sequence) or len(given) != 2:
        return None
    if not all(isinstance(item, int | float) for item in given) or given[0] > given[1]:
        return None
    return float(given[0]) - shift_s, float(given[1]) - shift_s
