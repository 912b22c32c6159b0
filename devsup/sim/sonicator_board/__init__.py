"""The sonicator I/O controller as its design document describes it: pins, firmware, registers, and what hangs
behind the pins. Independent of the driver and of every IOC; time is an argument.
"""

from devsup.sim.sonicator_board.board import Board, BoardConfig, Trouble
from devsup.sim.sonicator_board.control import Cause, SonicatorControl, State
from devsup.sim.sonicator_board.hal import PINS, Hal
from devsup.sim.sonicator_board.layouts import LAYOUTS, Layout
from devsup.sim.sonicator_board.transducer import Ailment, Transducer, TransducerConfig
from devsup.sim.sonicator_board.unit import BoardUnit

__all__ = [
    "LAYOUTS",
    "PINS",
    "Ailment",
    "Board",
    "BoardConfig",
    "BoardUnit",
    "Cause",
    "Hal",
    "Layout",
    "SonicatorControl",
    "State",
    "Transducer",
    "TransducerConfig",
    "Trouble",
]
