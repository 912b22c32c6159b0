"""A Modbus relay board as Waveshare's protocol V2 describes it: coils, flash commands, inputs.

Knows what the board answers and how its timers run; must not know frames, lines or chambers.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from devsup.sim.modbus_talk import COIL_OFF, COIL_ON, ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refused, Unit
from devsup.sim.relays import SimRelays

CHANNELS = 8
ALL, FLASH_ON, FLASH_OFF, TOGGLE = 0x00FF, 0x0200, 0x0400, 0x5500
FLASH_UNIT_S = 0.1
VERSION, VERSION_REGISTER, ADDRESS_REGISTER = 200, 0x8000, 0x4000


class RelayBoard(Unit):
    """Eight channels; `channels` says which of them have a relay of the process on them.

    `restarts`: whether a second flash command starts the time anew; what real boards do is not documented.
    Inputs 0 to 7 show the contacts. For any thread.
    """

    functions = frozenset({1, 2, 3, 5, 15})  # 6 would change address or speed of the line

    def __init__(
        self,
        relays: SimRelays,
        channels: Mapping[int, str],
        *,
        address: int = 1,
        restarts: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._relays = relays
        self._names = dict(channels)
        self._address = address
        self._restarts = restarts
        self._clock = clock
        self._on = [False] * CHANNELS
        self._back_at: list[float | None] = [None] * CHANNELS
        self._lock = threading.RLock()

    def settle(self) -> None:
        """Flashes whose time is over end. Called before every request, and by whoever looks at contacts."""
        with self._lock:
            now = self._clock()
            for channel, at in enumerate(self._back_at):
                if at is not None and now >= at:
                    self._switch(channel, not self._on[channel])

    def step(self, dt_s: float) -> None:
        self.settle()

    def read_coils(self, address: int, count: int) -> Sequence[bool]:
        return self._on[self._span(address, count)]

    def read_discrete_inputs(self, address: int, count: int) -> Sequence[bool]:
        states = [c in self._names and self._relays.contact(self._names[c]) for c in range(CHANNELS)]
        return states[self._span(address, count)]

    def read_holding(self, address: int, count: int) -> Sequence[int]:
        registers = {ADDRESS_REGISTER: self._address, VERSION_REGISTER: VERSION}
        if count != 1 or address not in registers:
            raise Refused(ILLEGAL_ADDRESS)
        return [registers[address]]

    def write_coils(self, address: int, states: Sequence[bool]) -> None:
        span = self._span(address, len(states))
        with self._lock:
            for channel, on in zip(range(CHANNELS)[span], states, strict=True):
                self._switch(channel, on)

    def write_coil_value(self, address: int, value: int) -> None:
        with self._lock:
            if address == ALL:
                self._command(range(CHANNELS), value)
            elif address < CHANNELS:
                self._command([address], value)
            elif address & 0xFF < CHANNELS and address & 0xFF00 in (FLASH_ON, FLASH_OFF):
                self._flash(address & 0xFF, address & 0xFF00 == FLASH_ON, value)
            else:
                raise Refused(ILLEGAL_ADDRESS)

    def _command(self, channels: Sequence[int], value: int) -> None:
        if value not in (COIL_ON, COIL_OFF, TOGGLE):
            raise Refused(ILLEGAL_VALUE)
        for channel in channels:
            self._switch(channel, not self._on[channel] if value == TOGGLE else value == COIL_ON)

    def _flash(self, channel: int, on: bool, value: int) -> None:
        """On (or off) for a time; then the other way."""
        if not 1 <= value <= 0x7FFF:
            raise Refused(ILLEGAL_VALUE)
        at = self._back_at[channel]
        keeps = at is not None and self._on[channel] is on and not self._restarts
        self._switch(channel, on)
        self._back_at[channel] = at if keeps else self._clock() + value * FLASH_UNIT_S

    def _switch(self, channel: int, on: bool) -> None:
        """A lasting order ends a flash."""
        self._on[channel] = on
        self._back_at[channel] = None
        if channel in self._names:
            self._relays.drive(self._names[channel], on)

    @staticmethod
    def _span(address: int, count: int) -> slice:
        if address + count > CHANNELS:
            raise Refused(ILLEGAL_ADDRESS)
        return slice(address, address + count)
