"""What is said to the sonicator board within one transaction, and how its answers are checked.

Runs in the thread of the port; knows no queue, no priority and no event loop. Everything raises
devsup.errors.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from devsup.errors import DeviceError, DeviceFault, LineLost
from devsup.modbus_unit import ModbusTalk
from devsup.sonicator_map import FAST, Register, RegisterMap, block
from devsup.sonicator_values import BoardControl, BoardStatus, Reading, Settings, Status

TRIES = 2  # of a write that may be repeated, but that does not read back


@dataclass(frozen=True, slots=True)
class BoardTalk:
    """The board's side of one transaction, through one version of the map."""

    talk: ModbusTalk
    map: RegisterMap

    # -- reading ------------------------------------------------------------------------------

    def reading(self, number: int) -> Reading:
        """The fast values of one sonicator, in one exchange."""
        raw = self._values([self.map.sonicator[name] for name in FAST], number)
        value = {name: self.map.sonicator[name].scale * raw[name] for name in FAST}
        return Reading(
            power_w=value["POWER"],
            frequency_hz=value["FREQUENCY"],
            flags=self.map.decode_flags(raw["STATUS_FLAGS"]),
            amplitude=value["AMPLITUDE_ACT"],
            at=time.monotonic(),
            stamp=time.time(),
        )

    def image(self, number: int) -> Mapping[int, int]:
        """Every register of one sonicator by its address, in one exchange; 0 for the board's own."""
        rows = list((self.map.sonicator if number else self.map.board).values())
        first, count = block(rows, number)
        values = self.talk.read_holding(first, count)
        return {row.of(number): values[row.of(number) - first] for row in rows}

    def status(self) -> BoardStatus:
        """What the board says of itself: the keep-alive."""
        names = ("SYSTEM_STATUS", "LAST_SHUTDOWN_REASON")
        first, count = block([self.map.board[name] for name in names])
        status, active, mask, watchdog, errors, previous, shutdown = self.talk.read_holding(first, count)
        return BoardStatus(
            Status(status & 0x1F), active, mask, watchdog, errors, previous, shutdown,
            time.monotonic(), time.time(),
        )  # fmt: skip

    def _values(self, rows: list[Register], number: int) -> dict[str, int]:
        first, count = block(rows, number)
        values = self.talk.read_holding(first, count)
        return {row.name: values[row.of(number) - first] for row in rows}

    # -- orders -------------------------------------------------------------------------------

    def set(self, name: str, raw: int, number: int = 0) -> int:
        """Write what may be written twice, and read it back; returns what it reads.

        Raises DeviceError when the board acknowledges, but keeps another value.
        """
        address = self.map.register(name).of(number)
        for _ in range(TRIES):
            self.talk.write_register(address, raw)
            (now,) = self.talk.read_holding(address)
            if now == raw:
                return now
        raise DeviceError(f"{name} = {raw} not taken, it reads back {now}")

    def start(self, number: int, amplitude: int) -> None:
        """Amplitude first, read back; then START, once. An answer that does not come is made up for by
        reading whether it was taken: the order itself is never repeated."""
        self.set("AMPLITUDE_SP", amplitude, number)
        self._once("START_STOP", 1, number)

    def stop(self, number: int) -> None:
        """START_STOP = 0, read back."""
        self.set("START_STOP", 0, number)

    def emergency_stop(self) -> None:
        """The board's own, where it has one; again only after reading that it was not taken."""
        try:
            self._once("EMERGENCY_STOP", 1)
        except DeviceError:
            self._once("EMERGENCY_STOP", 1)

    def pulse(self, number: int) -> None:
        """OVERLOAD_RESET = 1, once. It may have cleared itself by the time it could be read."""
        self.talk.write_register(self.map.register("OVERLOAD_RESET").of(number), 1)

    def raw(self, address: int, raw: int) -> int:
        """Any register, once; returns what it reads back, which may be another value."""
        self.talk.write_register(address, raw)
        (now,) = self.talk.read_holding(address)
        return now

    def _once(self, name: str, raw: int, number: int = 0) -> None:
        """Write once; if it is not acknowledged, look whether it was taken all the same."""
        address, missed = self.map.register(name).of(number), ""
        try:
            self.talk.write_register(address, raw)
        except (DeviceError, LineLost):
            raise
        except DeviceFault as fault:
            missed = f" ({fault})"
        (now,) = self.talk.read_holding(address)
        if now != raw:
            raise DeviceError(f"{name} = {raw} not taken, it reads back {now}{missed}")


def settings(map_: RegisterMap, image: Mapping[int, int], number: int) -> Settings:
    """The control registers of one sonicator out of its image; `amplitude` NaN where it is not in it."""

    def value(name: str) -> int | None:
        return image.get(map_.register(name).of(number)) if map_.has(name) else None

    amplitude, persisted = value("AMPLITUDE_SP"), value("PERSISTED_AMPLITUDE")
    return Settings(
        start=bool(value("START_STOP")),
        amplitude=math.nan if amplitude is None else float(amplitude),
        previous_state=value("PREV_STATE"),
        persisted_amplitude=None if persisted is None else float(persisted),
        last_fault=value("LAST_FAULT"),
        timestamp_lo=value("TIMESTAMP_LO"),
    )


def control(map_: RegisterMap, image: Mapping[int, int]) -> BoardControl:
    """The global control registers out of the board's image."""

    def value(name: str) -> int | None:
        return image.get(map_.board[name].address) if name in map_.board else None

    stopped = value("EMERGENCY_STOP")
    amplitude = value("GLOBAL_AMPLITUDE") if "GLOBAL_AMPLITUDE" in map_.board else value("AMPLITUDE_SP")
    return BoardControl(
        enabled=bool(value("GLOBAL_ENABLE")),
        stopped=None if stopped is None else bool(stopped),
        inhibit_mask=value("START_INHIBIT"),
        amplitude=math.nan if amplitude is None else float(amplitude),
    )
