"""No PV changes its DBR type from one release to the next: an archiver would stop sampling it."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from iocs.__main__ import furnished
from iocs.common import lists
from iocs.common.subsystem import find, known

GOLDEN = Path(__file__).resolve().parents[2] / "db" / "types.csv"
HOW_TO = "python -m iocs export types > db/types.csv"


def rows(text: str) -> Mapping[str, tuple[str, ...]]:
    """By PV: record type, DBR type, elements."""
    _, *listed = csv.reader(io.StringIO(text))
    return {name: tuple(rest) for name, *rest in listed}


def served() -> Mapping[str, tuple[str, ...]]:
    """As the IOCs of the files in db/ serve them."""
    groups = []
    for name in known():
        subsystem = find(name)
        groups += furnished(subsystem, subsystem.load(subsystem.database, {}), subsystem.prefix, False).groups
    return rows(lists.types(groups))


def changed(before: Mapping[str, tuple[str, ...]], now: Mapping[str, tuple[str, ...]]) -> list[str]:
    """PVs that are there before and now, and not the same."""
    return sorted(
        f"{name}: {' '.join(before[name])} is now {' '.join(now[name])}"
        for name in before.keys() & now.keys()
        if before[name] != now[name]
    )


def test_every_pv_has_the_type_that_archivers_know() -> None:
    assert changed(rows(GOLDEN.read_text()), served()) == []


def test_the_list_is_complete() -> None:
    assert rows(GOLDEN.read_text()).keys() == served().keys(), HOW_TO


def test_a_change_is_seen() -> None:
    one = {"LAB:X": ("ai", "DOUBLE", "1"), "LAB:Y": ("bi", "ENUM", "1")}
    other = {"LAB:X": ("longin", "LONG", "1"), "LAB:Z": ("bi", "ENUM", "1")}
    assert changed(one, other) == ["LAB:X: ai DOUBLE 1 is now longin LONG 1"]
