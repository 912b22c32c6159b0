"""What other people and tools read about the PVs of an IOC, written from their definitions.

Knows records and their Specs; knows no subsystem and no server.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from iocs.caserver import Record
from iocs.common.group import Group, merge
from iocs.common.spec import Spec

BEGIN, END = "<!-- pv-table -->", "<!-- /pv-table -->"
HEADING = ("PV", "Type", "Access", "Unit", "Range", "Alarms", "Description")


class NoTable(Exception):
    """A README has no place for the PV table."""


@dataclass(frozen=True)
class Row:
    """One PV in words."""

    name: str
    record_type: str
    access: str
    unit: str
    range: str
    alarms: str
    description: str


def row(record: Record[Any], name: str) -> Row:
    """A record in words, under a name of choice."""
    spec: Spec = record.spec
    access = f"write ({spec.access})" if record.writable else "read"
    return Row(name, record.record_type, access, spec.unit, _range(spec), _alarms(spec), spec.desc)


def _range(spec: Spec) -> str:
    if spec.states:
        return ", ".join(f"{index} {state}" for index, state in enumerate(spec.states))
    low, high = spec.drive if any(map(math.isfinite, spec.drive)) else spec.display or (math.nan, math.nan)
    return "" if math.isnan(low) and math.isnan(high) else f"{_number(low)} … {_number(high)}"


def _alarms(spec: Spec) -> str:
    if spec.states:
        graded = zip(spec.states, spec.severities, strict=False)
        return ", ".join(f"{state} {severity.name}" for state, severity in graded if severity)
    limits = {"LOLO": spec.lolo, "LOW": spec.low, "HIGH": spec.high, "HIHI": spec.hihi}
    return ", ".join(f"{name} {value:g}" for name, value in limits.items() if not math.isnan(value))


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:g}"


def names(groups: Sequence[Group]) -> str:
    """One PV name per line."""
    return "".join(f"{name}\n" for name in sorted(merge(groups)))


def listing(groups: Sequence[Group]) -> str:
    """One PV per line, in columns separated by tabs, with a heading."""
    rows = [row(record, name) for name, record in sorted(merge(groups).items())]
    return "".join("\t".join(columns) + "\n" for columns in [HEADING, *map(astuple, rows)])


def tables(groups: Sequence[Group], prefix: str) -> str:
    """Markdown tables of the PVs, the prefix as $(P); groups that differ only in their names share one."""
    alike: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        alike.setdefault((type(group).__name__, *_own_names(group)), []).append(group)
    return "\n".join(_table(those, prefix) for those in alike.values() if those[0].pvdb)


def _own_names(group: Group) -> dict[str, Record[Any]]:
    """The records of a group by their names without its prefix."""
    return {name.removeprefix(group.prefix): record for name, record in group.pvdb.items()}


def _table(alike: Sequence[Group], prefix: str) -> str:
    lines = [_heading([group.prefix.replace(prefix, "$(P)", 1) for group in alike]), ""]
    lines += _lines([HEADING, ("---",) * len(HEADING)])
    lines += _lines(astuple(row(record, f"`{name}`")) for name, record in _own_names(alike[0]).items())
    return "\n".join([*lines, ""])


def _heading(prefixes: Sequence[str]) -> str:
    """``#### `$(P)<name>:` (N2, Air)``, or the prefix if there is one only."""
    parts = (prefix.replace("$(P)", "$(P):", 1).split(":") for prefix in prefixes)
    columns = list(zip(*parts, strict=False))
    differing = [column for column in columns if len(set(column)) > 1]
    if len(differing) != 1:
        return "#### " + ", ".join(f"`{prefix}`" for prefix in prefixes)
    common = ":".join(column[0] if column is not differing[0] else "<name>" for column in columns)
    return f"#### `{common.replace('$(P):', '$(P)', 1)}` ({', '.join(differing[0])})"


def _lines(rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(column.replace("|", "\\|") for column in columns) + " |" for columns in rows]


def with_table(readme: str, table: str) -> str:
    """A README with the text between its marks replaced. Raises NoTable if it has no marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoTable(f"there is no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{table}\n{END}{after}"


def update(readme: Path, table: str, *, only_check: bool) -> bool:
    """Brings the table of a README up to date, or only looks. Whether it was. Raises NoTable, OSError."""
    text = readme.read_text(encoding="utf-8")
    new = with_table(text, table)
    if new != text and not only_check:
        readme.write_text(new, encoding="utf-8")
    return new == text
