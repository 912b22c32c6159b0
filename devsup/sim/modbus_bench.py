"""`python -m devsup.sim modbus` and `dps5015`: units that only remember, and supplies, on one line."""

import argparse

from devsup.sim.bench import Bench
from devsup.sim.dps5015 import RATINGS, DpsSupply, Resistor, SwitchingNoise
from devsup.sim.modbus_line import FAULTS, ModbusLine
from devsup.sim.modbus_memory import CountingUnit, MemoryUnit
from devsup.sim.modbus_talk import Unit

NAMES = tuple(fault.name for fault in FAULTS)


def addresses(text: str) -> list[int]:
    found = [int(item) for item in text.split(",")]
    if len(set(found)) < len(found) or not all(1 <= item <= 255 for item in found):
        raise argparse.ArgumentTypeError(f"{text}: expected different addresses 1..255")
    return found


def add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--units", type=addresses, default=[1, 2], help="addresses, e.g. 1,2")
    parser.add_argument("--strict", action="store_true", help="a request without t3.5 before it is lost")


def line(given: argparse.Namespace, units: dict[int, Unit]) -> ModbusLine:
    return ModbusLine(units, given.baud, given.latency, strict=given.strict)


# ---- units that only remember --------------------------------------------------------------


def add_memory_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser)
    parser.add_argument("--size", type=int, default=64, help="registers and coils of each kind, from 0 on")
    parser.add_argument("--counting", action="store_true", help="register 0 counts the reads of a unit")


def memory_line(given: argparse.Namespace) -> ModbusLine:
    """Register n holds n, in every unit."""
    kind = CountingUnit if given.counting else MemoryUnit
    places = range(given.size)
    count = dict(zip(places, places, strict=True))
    off = dict.fromkeys(places, False)
    return line(given, {address: kind(count, count, off, off) for address in given.units})


MEMORY = Bench(9600.0, "UNIT", NAMES, add_memory_options, memory_line)


# ---- supplies ------------------------------------------------------------------------------


def add_supply_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser)
    parser.add_argument("--model", type=int, choices=sorted(RATINGS), default=5015)
    parser.add_argument("--ohms", type=float, default=2.0, help="what each supply feeds")
    parser.add_argument(
        "--rhythm", type=float, default=0.0, help="seconds between answers; stock firmware 0.4"
    )
    parser.add_argument("--noise", action="store_true", help="bursts of CRC errors while current flows")


def supply_line(given: argparse.Namespace) -> ModbusLine:
    return line(given, {address: supply(given, address) for address in given.units})


def supply(given: argparse.Namespace, seed: int) -> DpsSupply:
    noise = SwitchingNoise() if given.noise else None
    return DpsSupply(Resistor(given.ohms), model=given.model, rhythm_s=given.rhythm, noise=noise, seed=seed)


SUPPLIES = Bench(9600.0, "UNIT", NAMES, add_supply_options, supply_line)
