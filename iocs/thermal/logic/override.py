"""Has a hand turned the knob? What a supply holds against what we left it with.

Pure. Design document, Manual Override Detection.
"""

from iocs.thermal.logic.controller import NAMES, Controller, Mismatch, View, expected
from iocs.thermal.logic.facts import State, Supply

OPERATIONAL = frozenset({State.STARTUP, State.RAMP_UP, State.STEADY_STATE})


def touched(c: Controller, v: View, index: int, supply: Supply) -> str:
    """How a supply differs from what we left it with; empty if not, or if that cannot be told now.

    It cannot while an order is on its way, in the grace after one, or when nothing was confirmed.
    """
    left = expected(c, index, supply)
    settled = max(supply.confirmed_at, c.since) + v.p.manual_override_grace_ms / 1000.0
    if left is None or supply.pending or supply.at <= settled:
        return ""
    p = v.p
    how = supply.held.differs(left, p.manual_override_current_a, p.manual_override_voltage_v)
    return f"{NAMES[index]} has {how}" if how else ""


def watch(c: Controller, v: View) -> tuple[Mismatch, ...]:
    """Mismatches of each supply, one more per reading that differs."""
    return tuple(_count(c, v, index) for index in range(len(c.mismatches)))


def _count(c: Controller, v: View, index: int) -> Mismatch:
    before, supply = c.mismatches[index], v.seen.supplies[index]
    if supply.at <= before.reading_at:
        return before
    differs = c.state in OPERATIONAL and touched(c, v, index, supply)
    return Mismatch(before.count + 1 if differs else 0, supply.at)


def overridden(c: Controller, v: View) -> str:
    """Which supply a hand has taken over; empty while none."""
    for index, (mismatch, supply) in enumerate(zip(c.mismatches, v.seen.supplies, strict=True)):
        if mismatch.count >= v.p.manual_override_mismatch_count:
            return touched(c, v, index, supply) or f"{NAMES[index]} is not as we left it"
    return ""
