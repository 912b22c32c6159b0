"""Measure, and write the tables into README.md next to this file, the targets into the top README.md.

Usage: run [--scale FACTOR] [--dry] [--peers] [NAME...]      (no name: all of them)
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks import (
    alicat,
    command,
    environment,
    faults,
    gas,
    ioc,
    modbus,
    neighbours,
    peer,
    polling,
    sonicator,
    thermal,
)
from tests.benchmarks.report import Figures, machine_line, markdown, summarise, write

BENCHMARKS: Mapping[str, Callable[[float], Figures]] = {
    "polling": polling.measure,
    "command": command.measure,
    "neighbours": neighbours.measure,
    "faults": faults.measure,
    "alicat": alicat.measure,
    "modbus": modbus.measure,
    "gas": gas.measure,
    "sonicator": sonicator.measure,
    "sonicator-endurance": sonicator.measure_endurance,
    "environment": environment.measure,
    "thermal": thermal.measure,
    "ioc": ioc.measure,
}
README = Path(__file__).with_name("README.md")
TOP = README.parents[2] / "README.md"


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    if given.peers:
        peer.make()
    for name in given.names or BENCHMARKS:
        sys.stderr.write(f"{name} …\n")
        text = markdown(BENCHMARKS[name](given.scale).report(), machine_line())
        print(f"\n## {name}\n\n{text}")
        if not given.dry:
            write(README, name, text)
    if not given.dry:
        summarise(README, TOP)
    return 0


def parser() -> argparse.ArgumentParser:
    new = argparse.ArgumentParser(prog="tests/benchmarks/run", description=__doc__.splitlines()[0])
    new.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)}")
    new.add_argument("--scale", type=float, default=1.0, help="shorter (0.1) or longer (2) than usual")
    new.add_argument("--dry", action="store_true", help="print the tables, leave README.md alone")
    new.add_argument(
        "--peers", action="store_true", help="set up, each on its own, libraries that are only compared with"
    )
    return new


if __name__ == "__main__":
    sys.exit(main())
