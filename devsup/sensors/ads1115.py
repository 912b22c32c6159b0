"""A photoresistor on a channel of an ADS1115: voltage, resistance, light; through the kernel's driver.

The gain is whatever the device tree set, so `_scale` is read, not assumed.
"""

import math
import time
from dataclasses import dataclass

from devsup.errors import Implausible
from devsup.sensors.sysfs import Sysfs
from devsup.sensors.values import Quantity, Sample

NAMES = ("ads1015", "ads1115")  # the driver says ads1015 for both
SHORT = 1e-4  # of R10: no light makes it so small
RAIL = 0.02  # of the supply: beyond the rails by less than this is noise, by more a wrong wiring


@dataclass(frozen=True, slots=True)
class Photoresistor:
    """A photoresistor in a voltage divider, with the figures of its data sheet.

    `grounded`: it lies between the input and ground, the fixed resistor between the input and the
    supply; else the other way round. `r10_ohm` at 10 lx, `gamma` the slope of log R over log lx.
    """

    supply_mv: float = 3300.0
    fixed_ohm: float = 10_000.0
    grounded: bool = False
    r10_ohm: float = 10_000.0
    gamma: float = 0.7
    brightest: float = 20_000.0

    def light(self, millivolts: float) -> float:
        """lx, from 0 (open: dark, or a broken wire) to `brightest`. Raises Implausible beyond the rails."""
        if not -RAIL <= millivolts / self.supply_mv <= 1.0 + RAIL:
            raise Implausible(f"photoresistor: {millivolts:g} mV with a supply of {self.supply_mv:g} mV")
        ohm = self.resistance(millivolts)
        if ohm < SHORT * self.r10_ohm:
            raise Implausible("photoresistor: shorted")
        if math.isinf(ohm):
            return 0.0
        lux = 10.0 * math.pow(self.r10_ohm / ohm, 1.0 / self.gamma)
        return min(self.brightest, lux)

    def resistance(self, millivolts: float) -> float:
        """Ohms; infinite or 0 at and beyond the rails."""
        own = millivolts if self.grounded else self.supply_mv - millivolts
        rest = self.supply_mv - own
        if rest <= 0.0:
            return math.inf
        return self.fixed_ohm * max(0.0, own) / rest


class Ads1115Light:
    """Light from one single-ended channel, 0 to 3. A reading takes one conversion, up to 125 ms."""

    quantities = (Quantity.LIGHT,)

    def __init__(self, sysfs: Sysfs, channel: int, divider: Photoresistor, where: str = "") -> None:
        self._sysfs = sysfs
        self._channel = channel
        self._divider = divider
        self._where = where

    def read(self) -> Sample:
        """A conversion. Raises as Sysfs.number, Implausible as Photoresistor.light."""
        folder = self._sysfs.find_iio(NAMES, self._where)
        name = f"in_voltage{self._channel}"
        scale = self._sysfs.number(folder / f"{name}_scale")
        millivolts = self._sysfs.number(folder / f"{name}_raw") * scale
        return Sample(time.monotonic(), {Quantity.LIGHT: self._divider.light(millivolts)})

    def close(self) -> None:
        """Nothing is held."""
