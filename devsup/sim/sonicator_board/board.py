"""The whole board in motion: firmware, pins, and what hangs behind them, moved on by time that is passed in.

Knows when a request came, not how it was framed. All methods may be called from any thread.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from devsup.sim.sonicator_board.control import COMM_TIMEOUT_MS, Amplitude, SonicatorControl
from devsup.sim.sonicator_board.hal import DUTY_FULL_SCALE, PINS, STATUS_LED, Hal
from devsup.sim.sonicator_board.layouts import DOCUMENTED, Layout
from devsup.sim.sonicator_board.registers import Refusal, Registers
from devsup.sim.sonicator_board.system import Shutdown, System
from devsup.sim.sonicator_board.transducer import Ailment, Transducer, TransducerConfig

DEAF_AFTER_MS = 1000
BOOT_MS = 20
FINE_MS = 4000  # of a longer pause, only so much is lived through millisecond by millisecond
USUAL = TransducerConfig()


class Trouble(Enum):
    """What can be wrong with the board itself. The order is that of the states of a fault PV."""

    OK = "works"
    STALLED = "its main loop hangs: no updates, no answers"
    DEAF = "does not hear requests any more, until its power is cycled"
    BROKEN_INPUTS = "the hardware layer fails to read the overload inputs"


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """What is soldered and wired. `deaf_after_s` None: it listens for ever (design document); the deployed
    firmware has 1 s."""

    layout: Layout = DOCUMENTED
    wired: Mapping[int, TransducerConfig] = field(default_factory=lambda: MappingProxyType({4: USUAL}))
    needs_lock: bool = True
    deaf_after_s: float | None = None


class Board:
    """Registers over firmware over pins over transducers. `now` is in seconds, of any clock that goes on."""

    def __init__(self, config: BoardConfig | None = None) -> None:
        self.config = config or BoardConfig()
        self.hal = Hal()
        self.transducers = {
            number: Transducer(transducer) for number, transducer in self.config.wired.items()
        }
        self.deaf_after_s = self.config.deaf_after_s
        self.units: dict[int, SonicatorControl] = {}
        self._trouble = Trouble.OK
        self._lock = threading.RLock()
        self._now: float | None = None
        self._left_ms = 0.0
        self._boot()

    def _boot(self) -> None:
        self.hal.power_off()
        self.ms = 0
        self._heard_ms = 0
        self.deaf = False
        amplitude = Amplitude(self.hal)
        self.units.clear()
        for number, pins in PINS.items():
            self.units[number] = unit = SonicatorControl(self.hal, pins, amplitude, self.config.needs_lock)
            unit.alone = lambda: not any(other.active for other in self.units.values())
        self.system = System(self.units, amplitude)
        self._registers = Registers(self.config.layout, self.hal, self.system, self.units)
        for _ in range(BOOT_MS):  # until its inputs have been steady
            self._live_1_ms()

    # ---- requests ---------------------------------------------------------------------------

    def hears(self, now: float) -> bool:
        """A request to it has come. Does it take notice, and will it answer?"""
        with self._lock:
            self.advance(now)
            if self.deaf or self._trouble in (Trouble.STALLED, Trouble.DEAF):
                return False
            self._heard_ms = self.ms
            return True

    def read(self, address: int, count: int) -> list[int]:
        """Holding registers as they are now. Raises Refusal for an exception."""
        with self._lock, self._counting():
            return self._registers.read(address, count)

    def write(self, address: int, value: int) -> None:
        """One register. Raises Refusal for an exception."""
        with self._lock, self._counting():
            self._registers.write(address, value, self.ms)
            if self.system.reset_wanted:
                self.power_cycle(Shutdown.NORMAL)

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except Refusal:
            self.system.comm_errors += 1
            raise

    # ---- for whoever breaks and mends ---------------------------------------------------------

    @property
    def trouble(self) -> Trouble:
        return self._trouble

    def set_trouble(self, trouble: Trouble) -> None:
        with self._lock:
            self._trouble = trouble
            broken = {pins.overload for pins in PINS.values()} if trouble is Trouble.BROKEN_INPUTS else set()
            self.hal.broken = broken

    def set_ailment(self, number: int, ailment: Ailment) -> None:
        with self._lock:
            self.transducers[number].ailment = ailment

    def set_load(self, number: int, load: float) -> None:
        """1 is what the transducer is rated for."""
        with self._lock:
            self.transducers[number].load = load

    def power_cycle(self, reason: Shutdown = Shutdown.POWER_LOSS) -> None:
        """As after switching on: everything off, default amplitude, hearing again."""
        with self._lock:
            before = self.system.active_mask
            self._boot()
            self.system.prev_active_mask, self.system.last_shutdown = before, reason

    @property
    def led(self) -> bool:
        return self.hal.level(STATUS_LED)

    # ---- time -------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Live until `now`."""
        with self._lock:
            elapsed_ms = 0.0 if self._now is None else max(0.0, (now - self._now) * 1000.0)
            self._now = now
            whole, self._left_ms = divmod(self._left_ms + elapsed_ms, 1.0)
            skipped = max(0, int(whole) - FINE_MS)
            for _ in range(int(whole) - skipped):
                self._live_1_ms()
            if skipped:  # nothing has happened for long, and nothing more will
                self._skip(skipped)

    def _live_1_ms(self) -> None:
        self.ms += 1
        for number in self.transducers:
            self._move(number, 0.001)
        if self._trouble is Trouble.STALLED:
            return
        silent = self.ms - self._heard_ms
        if self.deaf_after_s is not None and silent > 1000.0 * self.deaf_after_s and not self.deaf:
            self.deaf = True
            self.system.comm_errors += 1
        for unit in self.units.values():
            unit.update(self.ms, silent > COMM_TIMEOUT_MS)
        self.system.watch()
        self.hal.gpio_write_pin(STATUS_LED, self.system.led(self.ms))

    def _move(self, number: int, dt_s: float) -> None:
        pins, transducer, hal = PINS[number], self.transducers[number], self.hal
        amplitude = 0.2 + 0.8 * self.system.amplitude.duty / DUTY_FULL_SCALE
        start, reset = hal.level(pins.start), hal.level(pins.reset)
        transducer.step(dt_s, start=start, reset=reset, amplitude=amplitude)
        hal.drive(pins.overload, transducer.overload)
        hal.drive(pins.freq_lock, transducer.locked)
        hal.apply(pins.power_sense, transducer.power_volts)
        hal.pulse(pins.freq_div10, transducer.frequency_hz / 10.0)

    def _skip(self, ms: int) -> None:
        self.ms += ms
        for number in self.transducers:
            self._move(number, ms / 1000.0)
        if self._trouble is not Trouble.STALLED:
            for unit in self.units.values():
                unit.rest(self.ms)
