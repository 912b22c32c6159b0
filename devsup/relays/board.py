"""Relays on a Modbus RTU board that speaks Waveshare's protocol V2: coils 0 to 7, functions 1, 5 and 15.

The board keeps its relays when the computer dies. With `dead_man_s` they are switched on with its timed
flash command instead, and fall off by themselves; whether a second such command starts the time anew has
to be tried on the board itself.
"""

from collections.abc import Mapping

from devsup.health import Manners
from devsup.modbus_bus import ModbusBus
from devsup.modbus_unit import ModbusTalk, ModbusUnit
from devsup.port import Priority
from devsup.relays.bank import Contacts, RelayBank, follow

FLASH_ON = 0x0200  # + coil: on for so many 100 ms (wiki: Modbus RTU Relay, protocol V2)
FLASH_UNIT_S, FLASH_MOST = 0.1, 0x7FFF
REFRESHES = 3  # within the time of the dead man


class ModbusRelays(RelayBank):
    """`coils`: by relay. `feedback`: discrete inputs that show what the contacts do, where the board has
    some wired; without them the coils are read back. Coils of nobody stay as they are."""

    def __init__(
        self,
        bus: ModbusBus,
        unit: int,
        name: str,
        coils: Mapping[str, int],
        *,
        feedback: Mapping[str, int] | None = None,
        dead_man_s: float | None = None,
        manners: Manners | None = None,
    ) -> None:
        self._unit = ModbusUnit(bus, unit, name, manners)
        super().__init__(name, tuple(coils), self._unit.health)
        self._coils = dict(coils)
        self._feedback = dict(feedback or {})
        self._first = min(coils.values())
        self._count = max(coils.values()) - self._first + 1
        self._flash = None if dead_man_s is None else min(FLASH_MOST, round(dead_man_s / FLASH_UNIT_S))
        self.refresh_s = None if dead_man_s is None else dead_man_s / REFRESHES

    async def open(self) -> None:
        """The line has an owner already; a board that does not answer is made safe when it does."""

    async def set(self, wanted: Contacts) -> Contacts:
        return await self._unit.run(lambda talk: self._set(talk, wanted), Priority.COMMAND, key="set")

    async def read(self) -> Contacts:
        return await self._unit.run(self._contacts, Priority.POLL)

    async def safe(self) -> None:
        retries = len(self.health.manners.retry_delays_s)
        await self._unit.run(self._off, Priority.SAFE, key="safe", retries=retries)

    async def close(self) -> None:
        """The line is given back by its owner."""

    # -- in one transaction -------------------------------------------------------------------

    def _set(self, talk: ModbusTalk, wanted: Contacts) -> Contacts:
        if self._flash is None:
            self._write(talk, wanted)
        else:
            self._flash_on(talk, wanted)
        return self._verified(talk, wanted)

    def _off(self, talk: ModbusTalk) -> None:
        off = dict.fromkeys(self.relays, False)
        self._write(talk, off)
        self._verified(talk, off)

    def _write(self, talk: ModbusTalk, wanted: Contacts) -> None:
        """All in one frame, with the coils of others among them as they are."""
        image = [False] * self._count
        if len(wanted) < self._count:
            image = list(talk.read_coils(self._first, self._count))
        for relay, on in wanted.items():
            image[self._coils[relay] - self._first] = on
        talk.write_coils(self._first, image)

    def _flash_on(self, talk: ModbusTalk, wanted: Contacts) -> None:
        """One frame for each: to write all coils would make a flash a lasting on."""
        assert self._flash is not None
        for relay, on in sorted(wanted.items(), key=lambda item: item[1]):  # off first
            if on:
                talk.write_coil_value(FLASH_ON + self._coils[relay], self._flash)
            else:
                talk.write_coil(self._coils[relay], False)

    def _verified(self, talk: ModbusTalk, wanted: Contacts) -> Contacts:
        coils = self._read_coils(talk)
        follow(wanted, coils, self.name)
        return self._contacts(talk) if self._feedback else coils

    def _read_coils(self, talk: ModbusTalk) -> dict[str, bool]:
        image = talk.read_coils(self._first, self._count)
        return {relay: image[coil - self._first] for relay, coil in self._coils.items()}

    def _contacts(self, talk: ModbusTalk) -> Contacts:
        if not self._feedback:
            return self._read_coils(talk)
        first = min(self._feedback.values())
        inputs = talk.read_discrete_inputs(first, max(self._feedback.values()) - first + 1)
        unwatched = {} if len(self._feedback) == len(self._coils) else self._read_coils(talk)
        return {**unwatched, **{relay: inputs[at - first] for relay, at in self._feedback.items()}}
