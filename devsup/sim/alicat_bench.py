"""`python -m devsup.sim alicat`: Alicat controllers as at the sputter chamber."""

import argparse
from dataclasses import replace

from devsup.sim.alicat_firmware import GENERATIONS
from devsup.sim.alicat_line import AlicatLine
from devsup.sim.alicat_unit import CONDITION_NAMES, AlicatUnit, UnitConfig
from devsup.sim.bench import Bench
from devsup.sim.faults import FAULT_NAMES

CHAMBER = ((200.0, 1), (100.0, 11), (150.0, 8))  # full scale in sccm and gas: Ar, O2, N2


def unit_ids(text: str) -> list[str]:
    found = text.upper().split(",")
    if len(set(found)) < len(found) or not all(len(one) == 1 and "A" <= one <= "Z" for one in found):
        raise argparse.ArgumentTypeError(f"{text}: expected different letters A..Z")
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--units", type=unit_ids, default=["A", "B", "C"], help="unit ids, e.g. A,B,C")
    parser.add_argument("--firmware", choices=list(GENERATIONS), default="10v20", help="of all units")
    parser.add_argument("--totalizer", action="store_true", help="with totalizers")
    parser.add_argument(
        "--ramp", type=float, default=0.0, help="setpoint ramp, parts of full scale per second; 0: none"
    )
    parser.add_argument("--noise", type=float, default=0.0, help="noise of the reading, parts of full scale")


def units(given: argparse.Namespace) -> list[AlicatUnit]:
    """Instruments for Ar, O2 and N2, and the same again."""
    common = UnitConfig(
        "A", firmware=given.firmware, totalizer=given.totalizer, ramp_per_s=given.ramp, noise=given.noise
    )
    made = []
    for place, name in enumerate(given.units):
        full_scale, gas = CHAMBER[place % len(CHAMBER)]
        made.append(AlicatUnit(replace(common, unit=name, full_scale=full_scale, gas=gas, seed=ord(name))))
    return made


def server(given: argparse.Namespace) -> AlicatLine:
    return AlicatLine(units(given), given.latency)


FAULTS = (*FAULT_NAMES, *(name for name in CONDITION_NAMES if name != "OK"))
BENCH = Bench(19200.0, "UNIT", FAULTS, add_options, server)
