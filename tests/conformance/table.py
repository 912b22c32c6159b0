"""The lists in README.md, written from the tables. Run as `python -m tests.conformance.table`."""

from pathlib import Path

from tests.conformance.differences_found import FINDINGS
from tests.conformance.differences_intended import INTENDED

README = Path(__file__).with_name("README.md")


def tables() -> dict[str, str]:
    """Mark in README.md to the lines that belong there."""
    rows = [f"| {i} | {row.reason} | {_scenarios(row.patterns)} |" for i, row in enumerate(INTENDED, 1)]
    found = [f"{number}. {finding.title}" for number, finding in FINDINGS.items()]
    return {
        "table": "\n".join(["| | Difference and reason | Where |", "|---|---|---|", *rows]),
        "findings": "\n".join(found) or "None.",
    }


def _scenarios(patterns: tuple[str, ...]) -> str:
    names = sorted({pattern.partition(":")[0] for pattern in patterns})
    return ", ".join("all" if name == "*" else name for name in names)


def written(text: str) -> str:
    """README.md as it should be."""
    for mark, lines in tables().items():
        before, _, rest = text.partition(f"<!-- {mark} -->\n")
        after = rest.partition("<!-- end -->")[2]
        text = f"{before}<!-- {mark} -->\n{lines}\n<!-- end -->{after}"
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
