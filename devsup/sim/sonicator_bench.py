"""`python -m devsup.sim sonicator`: the multi-sonicator board, unit 2, and the sonicators that are wired."""

import argparse

from devsup.sim.bench import Bench
from devsup.sim.faults import Fault
from devsup.sim.modbus_line import FAULTS, ModbusLine
from devsup.sim.sonicator_board import (
    LAYOUTS,
    Ailment,
    Board,
    BoardConfig,
    BoardUnit,
    TransducerConfig,
    Trouble,
)

UNIT = 2
BAUDRATE = 115200.0


class SonicatorLine(ModbusLine):
    """A board whose sonicators, self and answers can be spoiled by name."""

    def __init__(self, board: Board, baudrate: float, latency_s: float) -> None:
        super().__init__({UNIT: BoardUnit(board)}, baudrate or None, latency_s)
        self.board = board

    def throw(self, who: str, fault: str, probability: float = 1.0, delay_s: float | None = None) -> None:
        """`who`: 1 to 4 for a sonicator, `board`, or `answers`."""
        if who == "answers":
            self.set_fault(UNIT, Fault[fault], probability, delay_s)
        elif who == "board":
            self.board.set_trouble(Trouble[fault])
        else:
            self.board.set_ailment(int(who), Ailment[fault])


def numbers(text: str) -> list[int]:
    found = [int(item) for item in text.split(",")]
    if not found or not set(found) <= {1, 2, 3, 4}:
        raise argparse.ArgumentTypeError(f"{text}: expected some of 1,2,3,4")
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wired", type=numbers, default=[4], help="sonicators that are there, e.g. 1,4")
    parser.add_argument("--layout", choices=list(LAYOUTS), default="documented", help="its registers")
    parser.add_argument("--deaf", action="store_true", help="goes deaf after 1 s without a request")


def server(given: argparse.Namespace) -> SonicatorLine:
    wired = {number: TransducerConfig(noise=0.005, seed=number) for number in given.wired}
    deaf_after_s = 1.0 if given.deaf else None
    board = Board(BoardConfig(LAYOUTS[given.layout], wired, deaf_after_s=deaf_after_s))
    return SonicatorLine(board, given.baud, given.latency)


TROUBLES = tuple(trouble.name for trouble in Trouble)
AILMENTS = tuple(ailment.name for ailment in Ailment)
BENCH = Bench(
    BAUDRATE,
    "SONICATOR, 'board', 'answers'",
    (*AILMENTS, *TROUBLES, *(fault.name for fault in FAULTS)),
    add_options,
    server,
)
