"""The part of db/environment.yaml that says which sensors there are, and what is measured with which.

Knows the keys, their ranges and defaults; opens nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from devsup.health import Manners
from devsup.sensors import Limits, Quantity
from devsup.sensors.ads1115 import Photoresistor
from devsup.sensors.ds18b20 import ADDRESS
from devsup.sensors.transmitter import Kind, Register
from iocs.common.config import Section
from iocs.common.lineconfig import read_manners

T, RH, PPM, LUX = Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.CO2, Quantity.LIGHT
NAMES = {"temperature": T, "humidity": RH, "co2": PPM, "light": LUX}
KINDS = {kind.name.lower(): kind for kind in Kind}
PLAUSIBLE = {
    T: Limits(-20.0, 60.0, 5.0),
    RH: Limits(0.0, 100.0, 30.0),
    PPM: Limits(100.0, 40_000.0, 2000.0),
    LUX: Limits(0.0, 100_000.0),
}
WHERE = r"[\w.:\-]*"
PV_NAME = r"[A-Za-z0-9_\-+:\[\]<>;/.]{1,60}"


@dataclass(frozen=True, slots=True)
class Scd4x:
    """Through the kernel's driver."""

    trigger: str
    where: str
    gives: tuple[Quantity, ...] = (PPM, T, RH)


@dataclass(frozen=True, slots=True)
class Scd4xI2c:
    """On an I2C bus, without a driver."""

    bus: str
    gives: tuple[Quantity, ...] = (PPM, T, RH)


@dataclass(frozen=True, slots=True)
class Ads1115:
    """A photoresistor on one of its channels."""

    channel: int
    where: str
    divider: Photoresistor
    gives: tuple[Quantity, ...] = (LUX,)


@dataclass(frozen=True, slots=True)
class Ds18b20:
    """A thermometer on 1-Wire."""

    address: str
    gives: tuple[Quantity, ...] = (T,)


@dataclass(frozen=True, slots=True)
class Max31865:
    """A PT100: through the kernel's driver, or on the spidev of `device`."""

    reference_ohm: float
    r0: float
    where: str
    device: str
    wires: int
    mains_hz: int
    gives: tuple[Quantity, ...] = (T,)


@dataclass(frozen=True, slots=True)
class Modbus:
    """A transmitter on a serial line."""

    line: str
    unit: int
    holding: bool
    registers: Mapping[Quantity, Register]
    manners: Manners

    @property
    def gives(self) -> tuple[Quantity, ...]:
        return tuple(self.registers)


@dataclass(frozen=True, slots=True)
class Linked:
    """PVs of other IOCs."""

    pvs: Mapping[Quantity, str]

    @property
    def gives(self) -> tuple[Quantity, ...]:
        return tuple(self.pvs)


Source = Scd4x | Scd4xI2c | Ads1115 | Ds18b20 | Max31865 | Modbus | Linked


@dataclass(frozen=True, slots=True)
class SensorConfig:
    """One sensor."""

    name: str
    period_s: float
    timeout_s: float
    source: Source


@dataclass(frozen=True, slots=True)
class ValueConfig:
    """One quantity of the chamber, and from which sensor it comes."""

    quantity: Quantity
    sensor: str
    plausible: Limits
    offset: float = 0.0
    alarms: Mapping[str, float] = field(default_factory=dict)


def read_sensors(section: Section, lines: Sequence[str]) -> tuple[SensorConfig, ...]:
    """The sensors by name. `lines`: the serial lines there are."""
    return tuple(_sensor(name, item, lines) for name, item in section.mapping("sensors", at_least=1))


def _sensor(name: str, section: Section, lines: Sequence[str]) -> SensorConfig:
    source = READERS[section.choice("kind", tuple(READERS))](section, lines)
    slow = isinstance(source, Scd4x | Scd4xI2c)
    return SensorConfig(
        name=name,
        period_s=section.number("period", low=0.1, high=600, unit="s", default=5.0 if slow else 1.0),
        timeout_s=section.number("timeout", low=0.1, high=60, unit="s", default=10.0),
        source=source,
    )


def _scd4x(section: Section, lines: Sequence[str]) -> Source:
    return Scd4x(section.text("trigger", pattern=r"\S+"), _where(section))


def _scd4x_i2c(section: Section, lines: Sequence[str]) -> Source:
    return Scd4xI2c(section.text("bus", pattern=r"/\S+", default="/dev/i2c-1"))


def _ads1115(section: Section, lines: Sequence[str]) -> Source:
    base = Photoresistor()
    divider = Photoresistor(
        supply_mv=1000.0 * section.number("supply", low=1, high=10, unit="V", default=base.supply_mv / 1000),
        fixed_ohm=section.number("fixed_resistor", low=1, high=1e7, unit="Ohm", default=base.fixed_ohm),
        grounded=section.flag("grounded", default=base.grounded),
        r10_ohm=section.number("r10", low=1, high=1e7, unit="Ohm", default=base.r10_ohm),
        gamma=section.number("gamma", low=0.1, high=3, default=base.gamma),
    )
    return Ads1115(section.integer("channel", low=0, high=3, default=0), _where(section), divider)


def _ds18b20(section: Section, lines: Sequence[str]) -> Source:
    return Ds18b20(section.text("address", pattern=ADDRESS))


def _max31865(section: Section, lines: Sequence[str]) -> Source:
    return Max31865(
        reference_ohm=section.number("reference", low=10, high=100_000, unit="Ohm"),
        r0=section.number("r0", low=10, high=10_000, unit="Ohm", default=100.0),
        where=_where(section),
        device=section.text("device", pattern=r"/\S+", default=""),
        wires=section.integer("wires", low=2, high=4, default=4),
        mains_hz=int(section.choice("mains", ("50", "60"), default="50")),
    )


def _modbus(section: Section, lines: Sequence[str]) -> Source:
    line = section.text("line")
    if line not in lines:
        section.error("line", f"{line!r} is not one of the lines: {', '.join(lines) or 'there are none'}")
    return Modbus(
        line=line,
        unit=section.integer("unit", low=1, high=247),
        holding=section.flag("holding", default=False),
        registers=_registers(section.section("registers")),
        manners=read_manners(section, Manners()),
    )


def _registers(section: Section) -> dict[Quantity, Register]:
    table = {}
    for name, quantity in NAMES.items():
        if section.has(name):
            item = section.section(name)
            table[quantity] = Register(
                address=item.integer("address", low=0, high=0xFFFF),
                kind=KINDS[item.choice("type", tuple(KINDS), default="u16")],
                scale=item.number("scale", default=1.0),
                offset=item.number("offset", default=0.0),
                low_first=item.flag("low_word_first", default=False),
            )
    if not table:
        section.error("", f"holds no quantity; expected some of {', '.join(NAMES)}")
    return table


def _linked(section: Section, lines: Sequence[str]) -> Source:
    item = section.section("pvs")
    found = {q: item.text(name, pattern=PV_NAME) for name, q in NAMES.items() if item.has(name)}
    if not found:
        item.error("", f"holds no quantity; expected some of {', '.join(NAMES)}")
    return Linked(found)


def _where(section: Section) -> str:
    return section.text("where", pattern=WHERE, default="")


READERS: Mapping[str, Callable[[Section, Sequence[str]], Source]] = {
    "scd4x": _scd4x,
    "scd4x_i2c": _scd4x_i2c,
    "ads1115": _ads1115,
    "ds18b20": _ds18b20,
    "max31865": _max31865,
    "modbus": _modbus,
    "pv": _linked,
}


# -- what is measured ------------------------------------------------------------------------------


def read_values(section: Section, sensors: Sequence[SensorConfig]) -> tuple[ValueConfig, ...]:
    """All four quantities of the chamber, each from one sensor."""
    values = section.section("values")
    known = {sensor.name: sensor.source for sensor in sensors}
    return tuple(_value(q, values.section(name), known) for name, q in NAMES.items())


def _value(quantity: Quantity, section: Section, sensors: Mapping[str, Source]) -> ValueConfig:
    sensor = section.text("sensor")
    if sensor not in sensors:
        section.error("sensor", f"{sensor!r} is not one of the sensors: {', '.join(sensors)}")
    elif quantity not in sensors[sensor].gives:
        section.error("sensor", f"{sensor} does not measure {quantity.name.lower()}")
    base = PLAUSIBLE[quantity]
    plausible = Limits(
        low=section.number("plausible_low", default=base.low),
        high=section.number("plausible_high", default=base.high),
        step=section.number("plausible_step", low=0, default=base.step),
    )
    if plausible.low >= plausible.high:
        section.error("plausible_low", f"{plausible.low:g} is not below plausible_high {plausible.high:g}")
    alarms = {key: section.number(key) for key in ("lolo", "low", "high", "hihi") if section.has(key)}
    if list(alarms.values()) != sorted(alarms.values()):
        section.error("", "the alarm limits are not in the order lolo, low, high, hihi")
    return ValueConfig(quantity, sensor, plausible, section.number("offset", default=0.0), alarms)
