"""A simulated DPS5015: set points, panel, protections, the rhythm of its firmware, and whatever it feeds.

Knows volts and amperes; must not know frames or lines. What it feeds is a callable, so that a plant
can be connected.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from devsup.sim.dps5015_registers import (
    CV_CC,
    G_OCP,
    G_ON,
    G_OPP,
    G_OVP,
    I_OUT,
    I_SET,
    LOCK,
    OUTPUT,
    POWER,
    PROTECT,
    U_IN,
    U_OUT,
    U_SET,
    Registers,
)
from devsup.sim.modbus_talk import Unit

Load = Callable[[float, float, float], tuple[float, float]]
"""Volts and amperes that flow over the next `dt` seconds, from the highest of both that are on offer."""

VOLT, WATT, OPP_WATT = 0.01, 0.01, 0.1  # of one count
OVER_VOLTAGE, OVER_CURRENT, OVER_POWER = 1, 2, 3
DROP = 1.1  # a buck converter needs so much more at its input
RATINGS: Mapping[int, tuple[float, float, float]] = MappingProxyType({  # V, A, A of one count
    3005: (32.0, 5.1, 0.001), 5005: (50.0, 5.0, 0.001), 5015: (50.0, 15.0, 0.01),
    5020: (50.0, 20.0, 0.01), 5205: (50.0, 5.0, 0.001), 8005: (80.0, 5.1, 0.001),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resistor:
    """The simplest load."""

    ohms: float

    def __call__(self, volts: float, amps: float, dt_s: float) -> tuple[float, float]:
        current = min(amps, volts / self.ohms)
        return current * self.ohms, current


@dataclass(frozen=True, slots=True)
class SwitchingNoise:
    """Bursts of `burst_s` every `period_s`, in which answers come out wrong with `probability`, while more
    than `amps` flow."""

    period_s: float = 20.0
    burst_s: float = 2.0
    probability: float = 0.7
    amps: float = 1.0


class DpsSupply(Unit):
    """One supply. `step` and the Unit methods are for its line; the rest for any thread.

    `rhythm_s`: the stock firmware looks at its UART so often (0.4), whatever the line's speed, and answers
    one request each time; another that comes before is lost. 0: it answers at once.
    """

    functions = frozenset({3, 6, 16})
    most_registers = 32

    def __init__(
        self,
        load: Load | None = None,
        *,
        model: int = 5015,
        version: int = 13,
        input_volts: float = 24.0,
        rhythm_s: float = 0.0,
        noise: SwitchingNoise | None = None,
        seed: int = 0,
    ) -> None:
        volts, amps, self.amp = RATINGS[model]
        self.registers = Registers(model, version, round(volts / VOLT), round(amps / self.amp))
        self.load: Load = load or Resistor(2.0)
        self.input_volts = input_volts
        self.rhythm_s = rhythm_s
        self.noise = noise
        self.powered = True
        self.volts = self.amps = 0.0
        self._random = random.Random(seed)
        self._busy_until = float("-inf")

    # ---- what can be seen and done at the bench -------------------------------------------

    @property
    def output(self) -> bool:
        return self.powered and self.registers.values[OUTPUT] != 0

    @property
    def protect(self) -> int:
        return self.registers.values[PROTECT]

    @property
    def set_volts(self) -> float:
        return self.registers.now[U_SET] * VOLT

    @property
    def set_amps(self) -> float:
        return self.registers.now[I_SET] * self.amp

    def turn_knob(self, volts: float | None = None, amps: float | None = None) -> bool:
        """By hand; nothing happens while the panel is locked, or without power. Did it take?"""
        if not self.powered or self.registers.values[LOCK]:
            return False
        if volts is not None:
            self.registers.write(U_SET, round(volts / VOLT))
        if amps is not None:
            self.registers.write(I_SET, round(amps / self.amp))
        return True

    def press_output(self) -> bool:
        """The key that switches the output; as `turn_knob`."""
        if not self.powered or self.registers.values[LOCK]:
            return False
        self._switch(not self.output)
        return True

    def cut_power(self) -> None:
        """It falls silent and puts out nothing."""
        self.powered = False
        self.volts = self.amps = 0.0

    def restore_power(self) -> None:
        """It comes back with the set points it had, and its output as group M0 says for power-up."""
        if not self.powered:
            self.powered = True
            self.registers.values[LOCK] = 0
            self._switch(self.registers.now[G_ON] != 0)

    # ---- physics ------------------------------------------------------------------------

    def step(self, dt_s: float) -> None:
        on = self.output
        offered = min(self.set_volts, self.input_volts / DROP) if on else 0.0
        self.volts, self.amps = self.load(offered, self.set_amps if on else 0.0, dt_s)
        if on:
            self._watch()
        self._measure()

    def _watch(self) -> None:
        """A protection switches off at once, and says so until the output is switched on again."""
        now = self.registers.now
        trips = (
            (OVER_VOLTAGE, self.volts > now[G_OVP] * VOLT),
            (OVER_CURRENT, self.amps > now[G_OCP] * self.amp),
            (OVER_POWER, self.volts * self.amps > now[G_OPP] * OPP_WATT),
        )
        for code, tripped in trips:
            if tripped:
                self.registers.values[OUTPUT] = 0
                self.registers.values[PROTECT] = code
                return

    def _measure(self) -> None:
        on = self.output
        volts, amps = (self.volts, self.amps) if on else (0.0, 0.0)
        limited = on and amps > 0.0 and volts < self.set_volts - VOLT / 2
        self.registers.values |= {
            U_OUT: round(volts / VOLT),
            I_OUT: round(amps / self.amp),
            POWER: round(volts * amps / WATT) & 0xFFFF,  # runs over beyond 655 W
            U_IN: round(self.input_volts / VOLT),
            CV_CC: int(limited),
        }

    def _switch(self, on: bool) -> None:
        self.registers.values[OUTPUT] = int(on)
        if on:
            self.registers.values[PROTECT] = 0

    # ---- for its line -------------------------------------------------------------------

    def hears(self, now: float) -> bool:
        return self.powered and now >= self._busy_until

    def delay_s(self, now: float) -> float:
        if not self.rhythm_s:
            return 0.0
        self._busy_until = math.ceil(now / self.rhythm_s) * self.rhythm_s
        return self._busy_until - now

    def disturbs(self, now: float) -> bool:
        noise = self.noise
        if noise is None or not self.output or self.amps <= noise.amps:
            return False
        return now % noise.period_s < noise.burst_s and self._random.random() < noise.probability

    def read_holding(self, address: int, count: int) -> Sequence[int]:
        self._measure()
        return [self.registers.read(place) for place in range(address, address + count)]

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        for place, value in enumerate(values, address):
            self.registers.check(place, value)  # all or nothing
        for place, value in enumerate(values, address):
            self.registers.write(place, value)
            if place == OUTPUT:
                self._switch(value != 0)
