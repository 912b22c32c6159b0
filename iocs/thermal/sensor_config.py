"""The part of db/thermal.yaml about sensors: a PT100 on the cold plate, DS18B20s on the hot side and around.

Knows the keys, their ranges and defaults; opens nothing.
"""

from dataclasses import dataclass
from enum import Enum

from devsup.sensors import Limits
from devsup.sensors.ds18b20 import ADDRESS
from iocs.common.config import Section

COLD, HOT = "ColdPlate", "HotPlate"
MOST_AMBIENTS = 8
FAST_STEP = 15.0  # K from one reading to the next: more has to be confirmed by a second


class Kind(Enum):
    """How a sensor is read."""

    MAX31865 = "max31865"
    DS18B20 = "ds18b20"


@dataclass(frozen=True, slots=True)
class SensorConfig:
    """One thermometer. `address` is that of a DS18B20; what comes behind it belongs to a MAX31865."""

    name: str
    kind: Kind
    period_s: float
    timeout_s: float
    limits: Limits
    address: str = ""
    reference_ohm: float = 430.0
    where: str = ""
    device: str = ""
    wires: int = 4
    mains_hz: int = 50


def read_sensors(section: Section) -> tuple[SensorConfig, ...]:
    """Cold plate, hot side, and the ambient ones, in this order."""
    cold = _sensor(COLD, section.section(COLD), Limits(-200.0, 200.0, FAST_STEP))
    hot = _sensor(HOT, section.section(HOT), Limits(-55.0, 125.0))  # one sample is enough to cut
    ambients = tuple(
        _sensor(name, item, Limits(-55.0, 125.0, FAST_STEP))
        for name, item in section.mapping("ambient", names=r"Ambient[1-9]")
    )
    if len(ambients) > MOST_AMBIENTS:
        section.error("ambient", f"{len(ambients)} sensors, there may be {MOST_AMBIENTS}")
    return (cold, hot, *ambients)


def _sensor(name: str, section: Section, limits: Limits) -> SensorConfig:
    kind = section.choice("kind", Kind, default=Kind.MAX31865 if name == COLD else Kind.DS18B20)
    base = SensorConfig(
        name=name,
        kind=kind,
        period_s=section.number("period", low=0.05, high=60, unit="s", default=1.0),
        timeout_s=section.number("timeout", low=0.1, high=60, unit="s", default=5.0),
        limits=limits,
    )
    return _ds18b20(base, section) if kind is Kind.DS18B20 else _max31865(base, section)


def _ds18b20(base: SensorConfig, section: Section) -> SensorConfig:
    address = section.text("address", pattern=ADDRESS)
    return SensorConfig(base.name, base.kind, base.period_s, base.timeout_s, base.limits, address)


def _max31865(base: SensorConfig, section: Section) -> SensorConfig:
    return SensorConfig(
        base.name, base.kind, base.period_s, base.timeout_s, base.limits,
        reference_ohm=section.number("reference", low=10, high=100_000, unit="Ohm", default=430.0),
        where=section.text("where", pattern=r"[\w.:\-]*", default=""),
        device=section.text("device", pattern=r"/\S+", default=""),
        wires=section.integer("wires", low=2, high=4, default=4),
        mains_hz=int(section.choice("mains", ("50", "60"), default="50")),
    )  # fmt: skip
