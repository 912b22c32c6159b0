"""One ultrasonic generator with its transducer, as seen at the connector of the board. Physics only.

Knows seconds only as `step(dt_s)`; must not know pins, firmware, bytes or clocks. Scaling of the power
output: 5.44 mV/W. Frequencies 18 to 22 kHz: design document, register 0171.
"""

import enum
import math
import random
from dataclasses import dataclass

MV_PER_W = 5.44
RESET_NEEDS_S = 0.015  # a shorter pulse on RESET is taken for noise
OVERLOAD_AFTER_S = 0.05  # above the limit for so long, then the generator switches off and says so
LOCK_AFTER_S = 0.03  # a driven transducer needs so long to be found, if it was not locked before
POWER_TAU_S = 0.02
HEAT_TAU_S = 120.0


class Ailment(enum.Enum):
    """What can be wrong with one sonicator. The order is that of the states of a fault PV."""

    OK = "works"
    OVERLOAD = "the generator reports an overload and cannot be reset"
    LOCK_LOST = "the generator does not find the resonance any more"
    TRANSDUCER_DEAD = "the transducer takes no power"
    STUCK_ON = "the generator goes on although it is not told to"
    UNPLUGGED = "the connector is off: every line is dead"


@dataclass(frozen=True, slots=True)
class TransducerConfig:
    """`rated_w` at 100 % amplitude and load 1. `locks_idle`: tracks its resonance without being driven.

    `noise`: standard deviation of the power reading, as a part of it.
    """

    rated_w: float = 600.0
    overload_w: float = 880.0
    resonance_hz: float = 20000.0
    drift_hz_per_k: float = -9.0
    heating_k_per_w: float = 0.08
    ambient_degc: float = 23.0
    locks_idle: bool = True
    noise: float = 0.0
    seed: int = 0


class Transducer:
    """A generator in motion: outputs are attributes, inputs arguments of `step`."""

    def __init__(self, config: TransducerConfig) -> None:
        self.config = config
        self.load = 1.0
        self.ailment = Ailment.OK
        self.power_w = 0.0
        self.frequency_hz = 0.0
        self.locked = False
        self.overload = False
        self.temperature_degc = config.ambient_degc
        self._random = random.Random(config.seed)
        self._mean_w = 0.0
        self._above_s = self._reset_s = self._driven_s = 0.0
        self.step(1e-6, start=False, reset=False, amplitude=0.0)

    @property
    def power_volts(self) -> float:
        """The power output, 5.44 mV/W."""
        return self.power_w * MV_PER_W / 1000.0

    def step(self, dt_s: float, *, start: bool, reset: bool, amplitude: float) -> None:
        """Move on by `dt_s` with these levels on START and RESET and this amplitude (0..1 of full)."""
        if self.ailment is Ailment.UNPLUGGED:
            self._unplugged()
            return
        driven = (start or self.ailment is Ailment.STUCK_ON) and not self.overload
        self._driven_s = self._driven_s + dt_s if driven else 0.0
        self._watch_load(dt_s, amplitude if driven else 0.0)
        self._listen_to_reset(dt_s, reset)
        self._find_resonance(driven)
        self._move_power(dt_s, amplitude if driven and self.locked else 0.0)
        self._heat(dt_s)

    def _unplugged(self) -> None:
        self.power_w = self.frequency_hz = self._mean_w = 0.0
        self.locked = self.overload = False
        self._driven_s = 0.0

    def _watch_load(self, dt_s: float, amplitude: float) -> None:
        wanted_w = self.config.rated_w * amplitude * self.load
        self._above_s = self._above_s + dt_s if wanted_w > self.config.overload_w else 0.0
        if self._above_s >= OVERLOAD_AFTER_S or self.ailment is Ailment.OVERLOAD:
            self.overload = True

    def _listen_to_reset(self, dt_s: float, reset: bool) -> None:
        self._reset_s = self._reset_s + dt_s if reset else 0.0
        if self._reset_s >= RESET_NEEDS_S and self.ailment is not Ailment.OVERLOAD:
            self.overload = False

    def _find_resonance(self, driven: bool) -> None:
        findable = self.ailment is not Ailment.LOCK_LOST
        tracks = self.config.locks_idle or self._driven_s >= LOCK_AFTER_S
        self.locked = findable and tracks and not self.overload
        audible = driven or self.config.locks_idle
        config = self.config
        warm_k = self.temperature_degc - config.ambient_degc
        own_hz = config.resonance_hz + config.drift_hz_per_k * warm_k - 120.0 * (self.load - 1.0)
        lost_hz = 0.0 if findable else 700.0  # it hunts beside the resonance
        self.frequency_hz = min(max(own_hz + lost_hz, 17000.0), 23000.0) if audible else 0.0

    def _move_power(self, dt_s: float, amplitude: float) -> None:
        dead = self.ailment is Ailment.TRANSDUCER_DEAD
        target_w = 0.0 if dead else self.config.rated_w * amplitude * self.load
        self._mean_w = approach(self._mean_w, target_w, dt_s, POWER_TAU_S)
        noise = self._random.gauss(1.0, self.config.noise) if self.config.noise else 1.0
        self.power_w = max(0.0, self._mean_w * noise)

    def _heat(self, dt_s: float) -> None:
        warm = self.config.ambient_degc + self.config.heating_k_per_w * self._mean_w
        self.temperature_degc = approach(self.temperature_degc, warm, dt_s, HEAT_TAU_S)


def approach(value: float, target: float, dt_s: float, tau_s: float) -> float:
    """First-order response, exact for any step."""
    return target + (value - target) * math.exp(-dt_s / tau_s)
