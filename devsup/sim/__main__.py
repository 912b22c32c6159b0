"""python -m devsup.sim PROTOCOL: serves a simulated line in a process of its own until SIGTERM or SIGINT."""

import argparse
import re
import signal
import sys
from collections.abc import Mapping, Sequence

from devsup.sim import alicat_bench, modbus_bench, propar_bench, sonicator_bench
from devsup.sim.bench import Bench, BenchServer
from devsup.sim.faults import LINE_FAULT_NAMES, LineFault
from devsup.sim.wire import PtyLine

PROTOCOLS: Mapping[str, Bench] = {
    "alicat": alicat_bench.BENCH,
    "dps5015": modbus_bench.SUPPLIES,
    "modbus": modbus_bench.MEMORY,
    "propar": propar_bench.BENCH,
    "sonicator": sonicator_bench.BENCH,
}
SWITCH = re.compile(r"(?P<who>\w+)=(?P<fault>\w+)(?::(?P<chance>[\d.]+))?(?::(?P<delay>[\d.]+))?")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; the first line of output is the path to open."""
    given = parser().parse_args(arguments)
    server = PROTOCOLS[given.protocol].server(given)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with PtyLine(server, given.baud, given.link, given.protocol) as line:
        for text in given.fault:
            throw(server, line, text)
        print(line.url, flush=True)
        obey(server, line) if given.control else wait()
    return 0


def parser() -> argparse.ArgumentParser:
    new = argparse.ArgumentParser(prog="python -m devsup.sim", description=__doc__)
    protocols = new.add_subparsers(dest="protocol", required=True, metavar="PROTOCOL")
    for name, bench in PROTOCOLS.items():
        add_common(protocols.add_parser(name, help=f"a line of {name} instruments"), bench)
    return new


def add_common(new: argparse.ArgumentParser, bench: Bench) -> None:
    """What every protocol has, and what this one has of its own."""
    new.add_argument(
        "--baud", type=float, default=bench.baudrate, help="pace of the line; 0 = as fast as it goes"
    )
    new.add_argument("--latency", type=float, default=0.002, help="seconds until an instrument answers")
    new.add_argument(
        "--link", help="path of the line (a link; default: a fresh one under the temporary directory)"
    )
    new.add_argument("--fault", action="append", default=[],
                     metavar=f"{bench.who}=FAULT[:PROBABILITY[:SECONDS]]",
                     help=f"{bench.who} or 'line'; of a {bench.who.lower()} {', '.join(bench.faults)}; "
                          f"of the line {', '.join(LINE_FAULT_NAMES)}")  # fmt: skip
    new.add_argument(
        "--control", action="store_true", help="take further faults from standard input, one a line"
    )
    bench.add_options(new)


def throw(server: BenchServer, line: PtyLine, text: str) -> None:
    """Set a fault as written on the command line; ValueError says what is wrong with the text."""
    text = text.strip()
    match = SWITCH.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r}: expected WHO=FAULT[:PROBABILITY[:SECONDS]]")
    chance = float(match["chance"] or 1.0)
    try:
        if match["who"] == "line":
            line.set_fault(LineFault[match["fault"]], chance)
        else:
            delay_s = float(match["delay"]) if match["delay"] else None
            server.throw(match["who"], match["fault"], chance, delay_s)
    except KeyError as error:
        raise ValueError(f"{text!r}: there is no {error}") from None


def obey(server: BenchServer, line: PtyLine) -> None:
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
