"""One sensor behind its PVs: read period by period, its values handed to the quantities that come from it."""

import logging
import time
from collections.abc import Callable, Sequence

from devsup.sensors import Feed, Quality
from iocs.common.ticks import Ticks
from iocs.environment.display import ValueGroup
from iocs.environment.pvs import SensorPVs
from iocs.environment.sensor_config import SensorConfig


class SensorGroup(SensorPVs):
    """`$(P)SENSOR:<name>:`"""

    def __init__(
        self, prefix: str, config: SensorConfig, feed: Feed, values: Sequence[ValueGroup],
        on_news: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(f"{prefix}SENSOR:{config.name}:")
        self.feed = feed
        self._period_s = config.period_s
        self._values = [value for value in values if value.config.sensor == config.name]
        self._on_news = on_news
        self._log = logging.getLogger("environment.sensors")
        self.kind.set_ok(type(config.source).__name__)

    async def run(self) -> None:
        """Read, period by period, for ever."""
        ticks = Ticks(self._period_s)
        while True:
            await ticks.next()
            await self._read()

    async def _read(self) -> None:
        measured = await self.feed.read()
        now = time.monotonic()
        for value in self._values:
            value.take(measured[value.config.quantity], now)
        sees = any(item.quality in (Quality.GOOD, Quality.DOUBTFUL) for item in measured.values())
        self.show_link(self.feed.health, sees=sees)
        self._on_news()
