"""Ten minutes of all clients: does the server keep up, and does its memory stay.

Knows the server benchmark's processes.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.scene import NEAR_CORE, Urgency, awake, on_core
from tests.benchmarks.server import (
    CLIENTS,
    HERTZ,
    OFFERED,
    OURS,
    WATCHED,
    Delivery,
    at_most,
    delivered,
    running,
    watched,
)
from tests.benchmarks.server_load import watch

PARTS, GROWTH_LIMIT_MIB = 10, 1.0


@dataclass(frozen=True, slots=True)
class EnduranceFigures:
    """All clients for a long time, in parts of equal length."""

    part_s: float
    parts: Sequence[Delivery]

    def report(self) -> Report:
        columns = ("after, s", "events/s", "delivered", "CPU, % of a core", "memory, MiB")
        rows = tuple(
            (f"{(number + 1) * self.part_s:.0f}", f"{part.events_per_s:,.0f}", f"{100 * part.part:.2f} %",
             f"{100 * part.cpu:.0f}", f"{part.rss_mib:.1f}")
            for number, part in enumerate(self.parts)
        )  # fmt: skip
        whole_s = self.part_s * len(self.parts)
        grown = self.parts[-1].rss_mib - self.parts[0].rss_mib
        lost = min(part.part for part in self.parts)
        targets = (
            at_most(f"server: memory gained in {whole_s:.0f} s, MiB", grown, GROWTH_LIMIT_MIB),
            Target(f"server: delivered in {whole_s:.0f} s", "all", f"{100 * lost:.2f} %", lost == 1.0),
        )
        what = f"{CLIENTS} clients, {OFFERED:,.0f} events/s:"
        return Report((Table(what, columns, rows),), targets)


def measure(scale: float = 1.0) -> EnduranceFigures:
    """`scale` 1 takes ten minutes."""
    part_s = 60.0 * scale
    with awake(), on_core(NEAR_CORE, Urgency.FIRST), running(OURS, sys.executable, WATCHED) as server:
        with watched(server, CLIENTS, HERTZ) as watchers:
            watch(watchers, part_s / 4)
            parts = [delivered(server, watchers, part_s) for _ in range(PARTS)]
    return EnduranceFigures(part_s, parts)
