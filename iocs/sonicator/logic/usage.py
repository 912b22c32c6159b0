"""How long a sonicator may run, and how much it has run: maximum run time, duty limit, totals. Pure."""

from dataclasses import dataclass, replace

from devsup.sonicator_values import Reading

GAP_S = 1.0  # readings further apart than this are not summed over
WH_PER_WS = 1.0 / 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and `duty` as a part (0..1) of any `window_s`. 0 switches a limit off."""

    max_run_s: float = 0.0
    duty: float = 0.0
    window_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Stretches of running, (from, to), oldest first; the last one goes on while `running`.

    Only what reaches into the window of the duty limit is kept.
    """

    stretches: tuple[tuple[float, float], ...] = ()
    running: bool = False

    def run_s(self, now: float) -> float:
        """How long it has been running without a pause."""
        return now - self.stretches[-1][0] if self.running else 0.0

    def used_s(self, window_s: float, now: float) -> float:
        """How much of the window it has been running."""
        begin = now - window_s
        total = sum(max(0.0, end - max(start, begin)) for start, end in self.stretches)
        return total + (now - max(self.stretches[-1][1], begin) if self.running else 0.0)


def account(usage: Usage, running: bool, limits: Limits, now: float) -> Usage:
    """Book that it runs, or does not, as of `now`."""
    stretches = usage.stretches
    if usage.running:
        stretches = (*stretches[:-1], (stretches[-1][0], now))
    elif running:
        stretches = (*stretches, (now, now))
    begin = now - limits.window_s
    kept = tuple(stretch for stretch in stretches[:-1] if stretch[1] > begin) + stretches[-1:]
    return Usage(kept, running)


def exhausted(usage: Usage, limits: Limits, now: float) -> str:
    """Why it may not run (any longer); empty when it may."""
    if limits.max_run_s and usage.run_s(now) >= limits.max_run_s:
        return f"maximum run time of {limits.max_run_s:g} s"
    allowed_s = limits.duty * limits.window_s
    if limits.duty and usage.used_s(limits.window_s, now) >= allowed_s:
        return f"duty limit of {100 * limits.duty:g} % in {limits.window_s:g} s"
    return ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Energy (Wh) and run time (s) since they were reset, and what they were counted up to."""

    energy_wh: float = 0.0
    run_s: float = 0.0
    last: Reading | None = None

    def add(self, reading: Reading) -> "Totals":
        """Up to this reading: mean power of the two, over the time between them. Gaps are left out."""
        last = self.last
        if last is None or not 0.0 < reading.at - last.at <= GAP_S:
            return replace(self, last=reading)
        elapsed_s = reading.at - last.at
        energy_wh = self.energy_wh + 0.5 * (last.power_w + reading.power_w) * elapsed_s * WH_PER_WS
        run_s = self.run_s + (elapsed_s if last.running and reading.running else 0.0)
        return Totals(energy_wh, run_s, reading)
