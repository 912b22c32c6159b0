"""What sensors in a simulated chamber feel of it: with lag and noise, and wherever they hang.

Knows the chamber's air; must not know how a sensor tells of it. Every choice comes from a seeded generator.
"""

import math
import random
from dataclasses import dataclass

from devsup.sim.chamber import Air, Relays

LAG_S = 12.0  # of a sensor in a plastic case
STREAM_LAG_S = 8.0  # of one that hangs in the mist
NOISE = (0.03, 0.25, 6.0, 0.01)  # K, %RH, ppm, share of the light


@dataclass(frozen=True, slots=True)
class Felt:
    """degC, %RH, ppm, lx."""

    celsius: float
    humidity: float
    ppm: float
    lux: float


class Senses:
    """Sensors at one place. `in_mist`: they hang in the stream of the mist."""

    def __init__(self, air: Air, seed: int = 0) -> None:
        self.in_mist = False
        self._random = random.Random(seed)
        self._felt = Felt(air.celsius, air.humidity, air.ppm, air.lux)
        self._wet = 0.0  # share of the way to saturation that the stream has brought it

    def step(self, dt: float, air: Air, relays: Relays) -> Felt:
        """Let time pass; what they say now."""
        share = 1.0 - math.exp(-dt / LAG_S)
        stream = 1.0 - math.exp(-dt / STREAM_LAG_S)
        self._wet += stream * ((0.9 if self.in_mist and relays.mist else 0.0) - self._wet)
        humidity = air.humidity + self._wet * (100.0 - air.humidity)
        old = self._felt
        self._felt = Felt(
            old.celsius + share * (air.celsius - old.celsius),
            old.humidity + share * (humidity - old.humidity),
            old.ppm + share * (air.ppm - old.ppm),
            air.lux,
        )
        return self._noisy(self._felt)

    def _noisy(self, felt: Felt) -> Felt:
        gauss = self._random.gauss
        return Felt(
            felt.celsius + gauss(0.0, NOISE[0]),
            min(100.0, max(0.0, felt.humidity + gauss(0.0, NOISE[1]))),
            felt.ppm + gauss(0.0, NOISE[2]),
            max(0.0, felt.lux * (1.0 + gauss(0.0, NOISE[3]))),
        )
