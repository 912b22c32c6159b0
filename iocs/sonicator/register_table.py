"""The register tables in README.md, written from the maps the driver uses.

python -m iocs.sonicator.register_table      # brings README.md up to date; a test says when it is not
"""

from collections.abc import Iterable
from pathlib import Path

from devsup.sonicator_map import MAPS, Register, RegisterMap

BEGIN, END = "<!-- register-table -->", "<!-- /register-table -->"
README = Path(__file__).with_name("README.md")
HEADING = ("Register", "Address", "Sonicator 4", "Access", "Unit", "Value", "Meaning")


def tables() -> str:
    """Both maps, as markdown."""
    return "\n".join(_table(version) for version in MAPS.values())


def _table(version: RegisterMap) -> str:
    rows = [*version.board.values(), *version.sonicator.values()]
    lines = [_line(HEADING), _line(["---"] * len(HEADING)), *(_line(_cells(row)) for row in rows)]
    flags = ", ".join(f"{bit:#04x} {flag.name}" for bit, flag in version.flags.items())
    return "\n".join([f"#### `{version.name}`", "", *lines, "", f"Bits of `STATUS_FLAGS`: {flags}.", ""])


def _cells(row: Register) -> list[str]:
    unit_address = f"{row.of(4):04X}" if row.stride else ""
    place = f"{row.address:04X} + 20h·(n-1)" if row.stride else f"{row.address:04X}"
    scale = f"raw · {row.scale:.4g}" if row.scale != 1.0 else ""
    bounds = f"{row.low} … {row.high}" if row.writable and row.high != 0xFFFF else ""
    access = "RW" if row.writable else "R"
    return [f"`{row.name}`", place, unit_address, access, row.unit, scale or bounds, row.title]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def updated(readme: str) -> str:
    """A README with the text between its marks replaced. Raises ValueError if it has no marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
