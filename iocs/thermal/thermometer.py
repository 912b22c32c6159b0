"""One sensor behind its PVs: read off the event loop, shown with age and quality, for the controller."""

import math
import time
from collections.abc import Callable

from devsup.sensors import Measured, Quality, Quantity, Sensor, Source, Sysfs
from devsup.sensors.ds18b20 import Ds18b20
from devsup.sensors.max31865 import Max31865Iio, Max31865Spi
from iocs.caserver import AlarmStatus
from iocs.common.group import Group
from iocs.common.ticks import Ticks
from iocs.thermal.logic.facts import Sensed
from iocs.thermal.pvs import AGE, AMBIENT_VALUE, COLD_VALUE, HOT_VALUE, PROBLEM, QUALITY
from iocs.thermal.sensor_config import COLD, HOT, Kind, SensorConfig

VALUES = {COLD: COLD_VALUE, HOT: HOT_VALUE}


class Thermometer(Group):
    """Reads one sensor for ever; `on_news` is called after each reading."""

    def __init__(self, prefix: str, config: SensorConfig, sysfs: Sysfs) -> None:
        super().__init__(prefix)
        name = config.name
        self.config = config
        self.sensor = Sensor(
            name, source(config, sysfs), {Quantity.TEMPERATURE: config.limits}, config.timeout_s
        )
        self.value = self.add("value", VALUES.get(name, AMBIENT_VALUE), name=name)
        self.age = self.add("age", AGE, name=f"{name}:Age")
        self.quality = self.add("quality", QUALITY, name=f"{name}:Quality")
        self.problem = self.add("problem", PROBLEM, name=f"{name}:Problem")
        self.on_news: Callable[[], None] = _nothing
        self._started = time.monotonic()
        self.quality.set_ok(int(Quality.NONE))
        self.problem.set_ok(Measured().problem)

    @property
    def measured(self) -> Measured:
        return self.sensor.measured(Quantity.TEMPERATURE)

    def sensed(self) -> Sensed:
        """The last good reading, for the controller."""
        now = self.measured
        return Sensed() if now.at is None else Sensed(now.value, now.at)

    async def run(self) -> None:
        """Read, period by period, for ever."""
        ticks = Ticks(self.config.period_s)
        while True:
            await ticks.next()
            await self.sensor.read()
            self.show()
            self.on_news()

    def show(self) -> None:
        """The newest reading, or why there is none; the last value stays."""
        now, measured = time.monotonic(), self.measured
        if measured.quality is Quality.GOOD and measured.at is not None:
            self.value.set_ok(measured.value, timestamp=time.time() - (now - measured.at))
        else:
            doubtful = measured.quality is Quality.DOUBTFUL
            self.value.set_invalid(AlarmStatus.READ if doubtful else AlarmStatus.COMM)
        age_s = measured.age_s(now)
        self.age.set_ok(age_s if math.isfinite(age_s) else now - self._started)
        self.quality.set_ok(int(measured.quality))
        self.problem.set_ok(measured.problem[:119])


def _nothing() -> None:
    """Nobody waits for it."""


def source(config: SensorConfig, sysfs: Sysfs) -> Source:
    """What is read: a DS18B20, or a PT100 with or without a driver."""
    if config.kind is Kind.DS18B20:
        return Ds18b20(sysfs, config.address)
    if config.device:
        return Max31865Spi(config.device, config.reference_ohm, wires=config.wires, mains_hz=config.mains_hz)
    return Max31865Iio(sysfs, config.reference_ohm, where=config.where)
