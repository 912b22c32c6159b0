"""Tables of figures, and their place in README.md: between the markers that name a benchmark.

Knows Markdown and this machine's public face (cores, Python, kernel); no benchmark, no host name, no path.
"""

import datetime
import os
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. The first column is text, the others are figures."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What was asked for, what came out."""

    what: str
    wanted: str
    got: str
    met: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark, ready to be written."""

    tables: tuple[Table, ...]
    targets: tuple[Target, ...]
    notes: tuple[str, ...] = ()


class Figures(Protocol):
    """What `measure` of a benchmark returns: numbers that know how to present themselves."""

    def report(self) -> Report: ...


def markdown(report: Report, machine: str) -> str:
    """The report as Markdown, targets first."""
    parts = [f"*{machine}*"]
    if report.targets:
        parts.append("\n".join(_lines(_target_table(report.targets))))
    parts += ["\n".join(_lines(table)) for table in report.tables]
    parts += report.notes
    return "\n\n".join(parts)


def write(readme: Path, name: str, text: str) -> None:
    """Put `text` between the markers of `name`. ValueError if the file does not have them."""
    begin, end = f"<!-- benchmark:{name} -->", f"<!-- /benchmark:{name} -->"
    old = readme.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(old):
        raise ValueError(f"{readme.name} has no markers {begin} … {end}: add them where the table belongs")
    new = pattern.sub(lambda _: f"{begin}\n{text}\n{end}", old, count=1)
    readme.write_text(new, encoding="utf-8")


def summarise(readme: Path, top: Path) -> None:
    """Put the targets of all benchmarks, as they stand in `readme`, into the summary of `top`."""
    lines = readme.read_text(encoding="utf-8").splitlines()
    begins = [number + 2 for number, line in enumerate(lines) if line.startswith("| target |")]
    rows = [row for begin in begins for row in takewhile(lambda line: line.startswith("|"), lines[begin:])]
    head = list(_lines(_target_table(())))
    measured = [line.strip("*") for line in lines if line.startswith("*Measured")]
    write(top, "summary", "\n".join([*head, *rows, "", *measured[-1:]]))


def machine_line(today: datetime.date | None = None) -> str:
    """Where and when a figure was taken."""
    day = today or datetime.date.today()
    kernel = platform.release().split("-")[0]
    return (
        f"Measured {day.isoformat()} on {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {platform.system()} {kernel}."
    )


def _target_table(targets: Sequence[Target]) -> Table:
    rows = tuple((item.what, item.wanted, item.got, "yes" if item.met else "**no**") for item in targets)
    return Table("", ("target", "wanted", "measured", "met"), rows)


def _lines(table: Table) -> Iterator[str]:
    if table.caption:
        yield f"{table.caption}\n"
    yield f"| {' | '.join(table.columns)} |"
    yield f"|---|{'---:|' * (len(table.columns) - 1)}"
    for row in table.rows:
        yield f"| {' | '.join(row)} |"
