"""The raw registers as PVs: read for everybody, written only while the engineering switch is on.

Knows the map and the images that are read; knows no meaning of any value.
"""

from collections.abc import Callable, Mapping
from functools import partial

from devsup.errors import DeviceFault
from devsup.sonicator_board import SonicatorBoard
from devsup.sonicator_map import Register
from iocs.caserver import Integer, Refused
from iocs.common import pv
from iocs.common.group import Group

READ = pv.integer("Reg", "A register", source="device")
WRITE = pv.integer("Reg", "A register", source="device", drive=(0, 0xFFFF), access="CONFIGURE")


class RegisterBank(Group):
    """The registers of one sonicator, or (number 0) of the board, as `Reg:0160`."""

    def __init__(self, prefix: str, board: SonicatorBoard, number: int) -> None:
        super().__init__(prefix)
        self.unlocked: Callable[[], bool] = lambda: False
        self._board = board
        self._by_address: dict[int, Integer] = {}
        rows = board.map.sonicator if number else board.map.board
        for row in rows.values():
            self._add(row, row.of(number))

    def _add(self, row: Register, address: int) -> None:
        attribute = f"reg_{address:04x}"
        if row.writable:
            setattr(self, f"put_{attribute}", partial(self._put, row, address))
        definition = WRITE if row.writable else READ
        unit = row.unit if row.scale == 1.0 else ""  # raw counts have none
        self._by_address[address] = self.add(
            attribute, definition, name=f"Reg:{address:04X}", desc=row.title, unit=unit
        )

    def show(self, image: Mapping[int, int]) -> None:
        """What was read."""
        for address, record in self._by_address.items():
            record.set_ok(image[address])

    async def _put(self, row: Register, address: int, value: int) -> int:
        if not self.unlocked():
            raise Refused("raw registers are read only: Engineering first")
        try:
            return await self._board.write_raw(address, value)
        except DeviceFault as fault:
            raise Refused(f"{row.name}: {fault}") from fault
