"""`python -m devsup.sim propar`: Bronkhorst instruments as on the bench."""

import argparse
from dataclasses import replace

from devsup.sim.bench import Bench
from devsup.sim.faults import FAULT_NAMES
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import Fluid, NodeConfig, ProparNode

FLUIDS = (
    (Fluid("N2", 500.0, "mln/min", 1.250), Fluid("Ar", 700.0, "mln/min", 1.784)),
    (Fluid("Air", 1000.0, "mln/min", 1.293), Fluid("O2", 980.0, "mln/min", 1.429)),
    (Fluid("He", 200.0, "mln/min", 0.178), Fluid("N2", 142.0, "mln/min", 1.250)),
)


def addresses(text: str) -> list[int]:
    found = [int(item) for item in text.split(",")]
    if not found or len(set(found)) < len(found) or not all(1 <= item <= 127 for item in found):
        raise argparse.ArgumentTypeError(f"{text}: expected different addresses 1..127")
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=addresses, default=[3, 5, 6], help="addresses, e.g. 3,5,6")
    parser.add_argument("--fluid-change", type=float, default=1.0, help="seconds a change of fluid takes")
    parser.add_argument("--noise", type=float, default=0.0, help="noise of the reading, fraction of capacity")
    parser.add_argument(
        "--power-up-alarm", action="store_true", help="instruments announce that they were off"
    )


def nodes(given: argparse.Namespace) -> list[ProparNode]:
    """Instruments with the fluids N2, Air, He, and the same again."""
    common = NodeConfig(
        0, fluid_change_s=given.fluid_change, noise=given.noise, power_up_alarm=given.power_up_alarm
    )
    return [
        ProparNode(replace(common, address=address, fluids=FLUIDS[place % len(FLUIDS)], seed=address))
        for place, address in enumerate(given.nodes)
    ]


def server(given: argparse.Namespace) -> ProparLine:
    return ProparLine(nodes(given), given.latency)


BENCH = Bench(38400.0, "NODE", FAULT_NAMES, add_options, server)
