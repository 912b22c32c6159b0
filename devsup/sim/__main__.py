"""python -m devsup.sim propar: serves a simulated line in a process of its own until SIGTERM or SIGINT."""

import argparse
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from devsup.sim.faults import FAULT_NAMES, LINE_FAULT_NAMES, Fault, LineFault
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import Fluid, NodeConfig, ProparNode
from devsup.sim.wire import PtyLine

SWITCH = re.compile(r"(?P<who>\d+|line)=(?P<fault>\w+)(?::(?P<chance>[\d.]+))?(?::(?P<delay>[\d.]+))?")
BENCH = (
    (Fluid("N2", 500.0, "mln/min", 1.250), Fluid("Ar", 700.0, "mln/min", 1.784)),
    (Fluid("Air", 1000.0, "mln/min", 1.293), Fluid("O2", 980.0, "mln/min", 1.429)),
    (Fluid("He", 200.0, "mln/min", 0.178), Fluid("N2", 142.0, "mln/min", 1.250)),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; the first line of output is the path to open."""
    given = parser().parse_args(arguments)
    server = ProparLine(bench(given), given.latency)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with PtyLine(server, given.baud, given.link, "propar") as line:
        for text in given.fault:
            throw(server, line, text)
        print(line.url, flush=True)
        obey(server, line) if given.control else wait()
    return 0


def parser() -> argparse.ArgumentParser:
    new = argparse.ArgumentParser(prog="python -m devsup.sim", description=__doc__)
    new.add_argument("protocol", choices=["propar"])
    new.add_argument("--nodes", type=addresses, default=[3, 5, 6], help="addresses, e.g. 3,5,6")
    new.add_argument("--baud", type=float, default=38400.0, help="pace of the line; 0 = as fast as it goes")
    new.add_argument("--latency", type=float, default=0.002, help="seconds until an instrument answers")
    new.add_argument(
        "--link", help="path of the line (a link; default: a fresh one under the temporary directory)"
    )
    new.add_argument("--fluid-change", type=float, default=1.0, help="seconds a change of fluid takes")
    new.add_argument("--noise", type=float, default=0.0, help="noise of the reading, fraction of capacity")
    new.add_argument("--power-up-alarm", action="store_true", help="instruments announce that they were off")
    new.add_argument("--fault", action="append", default=[], metavar="NODE=FAULT[:PROBABILITY[:SECONDS]]",
                     help=f"NODE or 'line'; of a node {', '.join(FAULT_NAMES)}; "
                          f"of the line {', '.join(LINE_FAULT_NAMES)}")  # fmt: skip
    new.add_argument(
        "--control", action="store_true", help="take further faults from standard input, one a line"
    )
    return new


def addresses(text: str) -> list[int]:
    found = [int(item) for item in text.split(",")]
    if not found or len(set(found)) < len(found) or not all(1 <= item <= 127 for item in found):
        raise argparse.ArgumentTypeError(f"{text}: expected different addresses 1..127")
    return found


def bench(given: argparse.Namespace) -> list[ProparNode]:
    """Instruments as on the bench: N2, Air, He, and the same again."""
    common = NodeConfig(
        0, fluid_change_s=given.fluid_change, noise=given.noise, power_up_alarm=given.power_up_alarm
    )
    return [
        ProparNode(replace(common, address=address, fluids=BENCH[place % len(BENCH)], seed=address))
        for place, address in enumerate(given.nodes)
    ]


def throw(server: ProparLine, line: PtyLine, text: str) -> None:
    """Set a fault as written on the command line; ValueError says what is wrong with the text."""
    text = text.strip()
    match = SWITCH.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r}: expected NODE=FAULT[:PROBABILITY[:SECONDS]]")
    chance = float(match["chance"] or 1.0)
    try:
        if match["who"] == "line":
            line.set_fault(LineFault[match["fault"]], chance)
        else:
            delay_s = float(match["delay"]) if match["delay"] else None
            server.set_fault(int(match["who"]), Fault[match["fault"]], chance, delay_s)
    except KeyError as error:
        raise ValueError(f"{text!r}: there is no {error}") from None


def obey(server: ProparLine, line: PtyLine) -> None:
    for text in sys.stdin:
        try:
            throw(server, line, text)
            print("ok", flush=True)
        except ValueError as error:
            print(error, flush=True)


def wait() -> None:
    while True:
        signal.pause()


def leave(number: int, frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
