"""From the configuration to what stands behind it: feeds for the sensors, a bank for the relays.

Opens nothing. `Stand` says what is at the other end; simulation.py replaces it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devsup.modbus_bus import ModbusBus
from devsup.relays import DryRelays, GpioRelays, ModbusRelays, RelayBank
from devsup.sensors import Feed, Limits, Quantity, Sensor, Source, Sysfs
from devsup.sensors.ads1115 import Ads1115Light
from devsup.sensors.ds18b20 import Ds18b20
from devsup.sensors.i2c import I2c
from devsup.sensors.max31865 import Max31865Iio, Max31865Spi
from devsup.sensors.scd4x import Scd4xIio
from devsup.sensors.scd4x_i2c import Scd4xI2c
from devsup.sensors.spi import Spi
from devsup.sensors.transmitter import Transmitter
from iocs.common.links import Links
from iocs.environment import sensor_config as kinds
from iocs.environment.config import Backend, EnvironmentConfig, RelaysConfig
from iocs.environment.linked import LinkedFeed
from iocs.environment.sensor_config import SensorConfig, ValueConfig

BANK = "relays"


@dataclass(slots=True)
class Stand:
    """What the sensors and relays are connected to. `gpiod`: the module, None to import it. `moved` is told
    what relays without a back-end do."""

    root: Path = Path("/")
    gpiod: Any = None
    moved: Callable[[Mapping[str, bool]], None] | None = None
    i2c: Mapping[str, I2c] = field(default_factory=dict)
    spi: Mapping[str, Spi] = field(default_factory=dict)


def feeds(
    config: EnvironmentConfig, stand: Stand, buses: Mapping[str, ModbusBus], links: Links
) -> list[Feed]:
    """One for each sensor, in the order of the file."""
    return [_feed(sensor, _limits(sensor, config.values), stand, buses, links) for sensor in config.sensors]


def _limits(sensor: SensorConfig, values: tuple[ValueConfig, ...]) -> dict[Quantity, Limits]:
    return {value.quantity: value.plausible for value in values if value.sensor == sensor.name}


def _feed(
    sensor: SensorConfig,
    limits: Mapping[Quantity, Limits],
    stand: Stand,
    buses: Mapping[str, ModbusBus],
    links: Links,
) -> Feed:
    source = sensor.source
    if isinstance(source, kinds.Modbus):
        return Transmitter(
            sensor.name, buses[source.line], source.unit, source.registers, holding=source.holding,
            limits=limits, manners=source.manners,
        )  # fmt: skip
    if isinstance(source, kinds.Linked):
        return LinkedFeed(sensor.name, {what: links.to(name) for what, name in source.pvs.items()}, limits)
    return Sensor(sensor.name, _source(source, stand), limits, sensor.timeout_s)


def _source(
    source: kinds.Scd4x | kinds.Scd4xI2c | kinds.Ads1115 | kinds.Ds18b20 | kinds.Max31865, stand: Stand
) -> Source:
    sysfs = Sysfs(stand.root)
    match source:
        case kinds.Scd4x():
            return Scd4xIio(sysfs, source.trigger, source.where)
        case kinds.Scd4xI2c():
            return Scd4xI2c(stand.i2c.get(source.bus, source.bus))
        case kinds.Ads1115():
            return Ads1115Light(sysfs, source.channel, source.divider, source.where)
        case kinds.Ds18b20():
            return Ds18b20(sysfs, source.address)
    if source.device:
        device = stand.spi.get(source.device, source.device)
        return Max31865Spi(device, source.reference_ohm, source.r0, source.wires, source.mains_hz)
    return Max31865Iio(sysfs, source.reference_ohm, source.r0, source.where)


def bank(config: RelaysConfig, stand: Stand, buses: Mapping[str, ModbusBus]) -> RelayBank:
    """The relays."""
    places = {relay.value: place for relay, place in config.places.items()}
    feedback = {relay.value: place for relay, place in config.feedback.items()}
    if config.backend is Backend.SIMULATED:
        return DryRelays(BANK, tuple(places), stand.moved)
    if config.backend is Backend.MODBUS:
        return ModbusRelays(
            buses[config.line], config.unit, BANK, _numbers(places), feedback=_numbers(feedback),
            dead_man_s=config.dead_man_s,
        )  # fmt: skip
    return GpioRelays(
        BANK, config.chip, _lines(places), active_low=config.active_low, feedback=_lines(feedback),
        feedback_active_low=config.feedback_active_low, gpiod=stand.gpiod,
    )  # fmt: skip


def _numbers(places: Mapping[str, str]) -> dict[str, int]:
    return {relay: int(place) for relay, place in places.items()}


def _lines(places: Mapping[str, str]) -> dict[str, int | str]:
    """Offsets as numbers, names as they are."""
    return {relay: int(place) if place.isdigit() else place for relay, place in places.items()}
