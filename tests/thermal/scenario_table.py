"""The scenario table of the README: python -m tests.thermal.scenario_table plays all rooms and writes it.

The controller in a closed loop with the plant, noise on every sensor, three hours from Start.
"""

from pathlib import Path

from tests.thermal.scenarios import SCENARIOS, Outcome, play

README = Path(__file__).parents[2] / "iocs" / "thermal" / "README.md"
BEGIN, END = "<!-- scenarios -->", "<!-- /scenarios -->"
COLUMNS = (
    "ambient, degC; load, W", "best, A", "settled at, A", "best, degC", "ends at, degC", "gap, K",
    "90 % after, s", "hot side at the best, degC", "hottest, degC", "overshoot, K",
)  # fmt: skip


def row(one: Outcome) -> tuple[str, ...]:
    """One scenario as it is shown. Overshoot: the hottest hot side above where it is at the best."""
    return (
        f"{one.conditions.ambient_c:g}; {one.conditions.load_w:g}",
        f"{one.best.current:.2f}",
        f"{one.current:.2f}",
        f"{one.best.cold_c:.2f}",
        f"{one.cold_c:.2f}",
        f"{one.gap:.2f}",
        f"{one.ninety_s:.0f}",
        f"{one.best.hot_c:.1f}",
        f"{one.hottest_c:.1f}",
        f"{max(0.0, one.overshoot):.1f}",
    )


def line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """All of them."""
    rule = f"|---|{'---:|' * (len(COLUMNS) - 1)}"
    return "\n".join([line(COLUMNS), rule, *(line(row(play(one))) for one in SCENARIOS)])


def updated(text: str, content: str) -> str:
    """The README with this table. ValueError if it has no place for it."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no {BEGIN} … {END} in the README")
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8"), table()), encoding="utf-8")
