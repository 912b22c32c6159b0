"""What the registers of a RuiDeng DPS supply mean: scales, models, protections, limits.

Pure: knows registers and engineering units; must not know a frame, a port or a clock.
Source: RuiDeng, DPS50xx communication protocol V1.2.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from devsup.errors import DeviceError

U_SET, I_SET, LOCK, OUTPUT = 0x0000, 0x0001, 0x0006, 0x0009
BLOCK, BLOCK_SIZE = 0x0000, 13  # everything that changes, and the model, in one read
STORE, STORE_SIZE = 0x0050, 8  # group M0, which is in force: set points, protections, behaviour at power-up
OVP = 0x0052  # followed by OCP
VOLT = 0.01  # of one count, in every model


class Protect(IntEnum):
    """Which protection has switched the output off."""

    NONE = 0
    OVER_VOLTAGE = 1
    OVER_CURRENT = 2
    OVER_POWER = 3
    OTHER = 4  # anything no document names

    @property
    def text(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Model:
    """What a model can put out (V, A), and what one count of its currents is (A)."""

    name: str
    volts: float
    amps: float
    amp: float


MODELS: Mapping[int, Model] = MappingProxyType({
    3005: Model("DPS3005", 32.0, 5.1, 0.001),
    5005: Model("DPS5005", 50.0, 5.0, 0.001),
    5015: Model("DPS5015", 50.0, 15.0, 0.01),
    5020: Model("DPS5020", 50.0, 20.0, 0.01),
    5205: Model("DPH5005", 50.0, 5.0, 0.001),
    8005: Model("DPS8005", 80.0, 5.1, 0.001),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SupplyLimits:
    """What a supply may be told (V, A), and at what it must switch itself off: S-OVP, S-OCP."""

    volts: float
    amps: float
    over_voltage: float
    over_current: float

    def __post_init__(self) -> None:
        if not (0.0 < self.volts < self.over_voltage and 0.0 < self.amps < self.over_current):
            raise ValueError(
                f"limits {self.volts:g} V, {self.amps:g} A must be above 0 and below the protections"
                f" {self.over_voltage:g} V, {self.over_current:g} A"
            )


@dataclass(frozen=True, slots=True)
class SupplyReading:
    """One block read. Volts, amperes; `power` W is voltage times current, `raw_power` the register (its
    scale is disputed). `at` is monotonic, `stamp` UNIX seconds."""

    voltage: float
    current: float
    power: float
    raw_power: int
    input_voltage: float
    set_voltage: float
    set_current: float
    output: bool
    constant_current: bool
    protect: Protect
    locked: bool
    model: Model
    firmware: str
    at: float
    stamp: float

    def exceeds(self, limits: SupplyLimits) -> bool:
        """Would the protections of the limits trip the running output?"""
        over = self.voltage >= limits.over_voltage or self.current >= limits.over_current
        return self.output and over

    def shows(self, voltage: float | None, current: float) -> bool:
        """Are its set points these (None: whatever), to within half a count?"""
        same_voltage = voltage is None or _same(self.set_voltage, voltage, VOLT)
        return same_voltage and _same(self.set_current, current, self.model.amp)


@dataclass(frozen=True, slots=True)
class Store:
    """Settings in force that the block does not show (V, A)."""

    over_voltage: float
    over_current: float
    on_at_power_up: bool

    def protects_as(self, limits: SupplyLimits) -> bool:
        """Are its protections those of the limits? (Half a count of the coarsest model does not matter.)"""
        same_voltage = _same(self.over_voltage, limits.over_voltage, VOLT)
        return same_voltage and _same(self.over_current, limits.over_current, 0.01)


@dataclass(frozen=True, slots=True)
class SupplyPlate:
    """Who the supply is, and what it does by itself. `protected`: as the limits say, or there are none."""

    model: Model | None = None
    firmware: str = ""
    store: Store = Store(math.nan, math.nan, False)
    protected: bool = False


def decode_block(block: Sequence[int], at: float, stamp: float) -> SupplyReading:
    """The block in engineering units. DeviceError for an unknown model, whose scales are unknown."""
    u_set, i_set, u_out, i_out, power, u_in, lock, protect, cc, output, _, number, version = block
    model = MODELS.get(number)
    if model is None:
        raise DeviceError(f"model {number} is none of {', '.join(known.name for known in MODELS.values())}")
    voltage, current = volts(u_out), amps(i_out, model)
    return SupplyReading(
        voltage=voltage,
        current=current,
        power=voltage * current,
        raw_power=power,
        input_voltage=volts(u_in),
        set_voltage=volts(u_set),
        set_current=amps(i_set, model),
        output=output != 0,
        constant_current=cc != 0,
        protect=Protect(min(protect, Protect.OTHER)),
        locked=lock != 0,
        model=model,
        firmware=f"{version // 10}.{version % 10}",
        at=at,
        stamp=stamp,
    )


def decode_store(store: Sequence[int], model: Model) -> Store:
    """Memory group M0; what it says of voltage, current and power set is not used."""
    return Store(volts(store[2]), amps(store[3], model), store[7] != 0)


def volts(count: int) -> float:
    """Of a voltage register; without the dust of a product, so that 1199 is 11.99."""
    return round(count * VOLT, 2)


def amps(count: int, model: Model) -> float:
    """Of a current register."""
    return round(count * model.amp, 3)


def counts(value: float, unit: float) -> int:
    """The register that comes nearest to `value`: rounded, never cut off."""
    return round(value / unit)


def _same(one: float, two: float, unit: float) -> bool:
    return abs(one - two) <= 0.5001 * unit
