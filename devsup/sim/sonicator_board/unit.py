"""The board as a unit of a simulated Modbus line: functions 3 and 6 and nothing else.

Knows the board and the line's interface; knows no frames.
"""

from collections.abc import Sequence

from devsup.sim.modbus_talk import READ_HOLDING, WRITE_REGISTER, Refused, Unit
from devsup.sim.sonicator_board.board import Board
from devsup.sim.sonicator_board.registers import Refusal


class BoardUnit(Unit):
    """Registers of a board, as the firmware serves them."""

    functions = frozenset({READ_HOLDING, WRITE_REGISTER})

    def __init__(self, board: Board) -> None:
        self.board = board

    def hears(self, now: float) -> bool:
        return self.board.hears(now)

    def read_holding(self, address: int, count: int) -> Sequence[int]:
        try:
            return self.board.read(address, count)
        except Refusal as refusal:
            raise Refused(refusal.code) from refusal

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        try:
            for place, value in enumerate(values, address):
                self.board.write(place, value)
        except Refusal as refusal:
            raise Refused(refusal.code) from refusal
