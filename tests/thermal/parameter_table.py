"""The table of parameters in db/README.md: python -m tests.thermal.parameter_table writes it."""

from pathlib import Path

from iocs.thermal.logic.parameters import Bounds, Parameters, bounds

README = Path(__file__).parents[2] / "db" / "README.md"
BEGIN, END = "<!-- thermal-parameters -->", "<!-- /thermal-parameters -->"
HEAD = ("| Parameter | Default | Lowest | Ceiling | Highest | Meaning |", "|---|---:|---:|---:|---:|---|")


def row(name: str, known: Bounds, default: float) -> str:
    unit = f" {known.unit}" if known.unit else ""
    cells = (f"`{name}`", f"{plain(default)}{unit}", *map(plain, (known.low, known.ceiling, known.highest)))
    return f"| {' | '.join((*cells, known.text))} |"


def plain(number: float) -> str:
    """Without an exponent."""
    return f"{number:.10g}"


def updated(text: str) -> str:
    """The README with this table. ValueError if it has no place for it."""
    default = Parameters()
    rows = (row(name, known, getattr(default, name)) for name, known in bounds().items())
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no {BEGIN} … {END} in the README")
    return "\n".join([before + BEGIN, *HEAD, *rows, END + after])


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
