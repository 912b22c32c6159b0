"""Every parameter of control as PVs: read where they are used, checked together before one is changed.

Knows records and logic.Settings; knows no relay and no clock.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from iocs.caserver import Record, Refused
from iocs.common.group import Group
from iocs.environment.logic import (
    GuardSettings,
    LightMode,
    LightSettings,
    Limits,
    OnLoss,
    Relay,
    RelaySettings,
    Settings,
    contradiction,
)
from iocs.environment.pvs import ChamberPVs, FollowingRelayPVs, GuardPVs, LightPVs, LimitPVs, RelayPVs

MINUTE_S = 60.0
Read = Callable[[Record[Any]], Any]


def now(record: Record[Any]) -> Any:
    """The value of a record."""
    return record.value


class Parameters:
    """The settings of the chamber. `start` is what holds before anything was saved."""

    def __init__(
        self,
        chamber: ChamberPVs,
        limits: LimitPVs,
        guard: GuardPVs,
        light: LightPVs,
        relays: Mapping[Relay, RelayPVs],
        start: Settings,
    ) -> None:
        self._chamber = chamber
        self._limits = limits
        self._guard = guard
        self._light = light
        self._relays = relays
        self._start = start
        self.on_change: Callable[[], None] = _nothing
        self._publish(start)
        groups: tuple[Group, ...] = (chamber, limits, guard, light, *relays.values())
        for record in _parameters(groups):
            record.putter = partial(self._put, record)

    def settings(self, read: Read = now) -> Settings:
        """All of them, each as `read` gives it."""
        return Settings(
            limits=self._read_limits(read),
            guard=GuardSettings(
                read(self._guard.threshold), read(self._guard.hysteresis), read(self._guard.duration)
            ),
            light=self._read_light(read),
            relays={relay: _read_relay(group, read) for relay, group in self._relays.items()},
            window_s=MINUTE_S * read(self._chamber.duty_window),
            lost_after_s=read(self._chamber.sensor_timeout),
        )

    def mend(self) -> str:
        """After a start: settings that contradict themselves are replaced by those of the file. Says so."""
        problem = contradiction(self.settings())
        if problem:
            self._publish(self._start)
            return f"saved settings contradict themselves ({problem}): those of the file hold"
        return ""

    async def _put(self, record: Record[Any], value: Any) -> None:
        """A client changes one of them. Raises Refused if it does not go with the others."""
        wanted = self.settings(lambda other: value if other is record else other.value)
        if problem := contradiction(wanted):
            raise Refused(problem)
        self.on_change()

    # -- to and from records ------------------------------------------------------------------

    def _read_limits(self, read: Read) -> Limits:
        pvs = self._limits
        return Limits(
            temperature_min=read(pvs.temperature_min),
            temperature_max=read(pvs.temperature_max),
            temperature_hysteresis=read(pvs.temperature_hysteresis),
            humidity_min=read(pvs.humidity_min),
            humidity_hysteresis=read(pvs.humidity_hysteresis),
            co2_max=read(pvs.co2_max),
            co2_hysteresis=read(pvs.co2_hysteresis),
        )

    def _read_light(self, read: Read) -> LightSettings:
        pvs = self._light
        return LightSettings(
            mode=LightMode(read(pvs.mode)),
            on_s=MINUTE_S * read(pvs.on_minutes),
            off_s=MINUTE_S * read(pvs.off_minutes),
            bright=read(pvs.on_threshold),
            dark=read(pvs.off_threshold),
            verify_after_s=read(pvs.verify_delay),
            verify_every_s=read(pvs.verify_repeat),
        )

    def _publish(self, settings: Settings) -> None:
        limits, guard, light = settings.limits, settings.guard, settings.light
        pvs = self._limits
        for record, value in (
            (pvs.temperature_min, limits.temperature_min),
            (pvs.temperature_max, limits.temperature_max),
            (pvs.temperature_hysteresis, limits.temperature_hysteresis),
            (pvs.humidity_min, limits.humidity_min),
            (pvs.humidity_hysteresis, limits.humidity_hysteresis),
            (pvs.co2_max, limits.co2_max),
            (pvs.co2_hysteresis, limits.co2_hysteresis),
            (self._guard.threshold, guard.threshold),
            (self._guard.hysteresis, guard.hysteresis),
            (self._guard.duration, guard.duration_s),
            (self._light.on_minutes, light.on_s / MINUTE_S),
            (self._light.off_minutes, light.off_s / MINUTE_S),
            (self._light.on_threshold, light.bright),
            (self._light.off_threshold, light.dark),
            (self._light.verify_delay, light.verify_after_s),
            (self._light.verify_repeat, light.verify_every_s),
            (self._chamber.duty_window, settings.window_s / MINUTE_S),
            (self._chamber.sensor_timeout, settings.lost_after_s),
        ):
            record.set_ok(value)
        self._light.mode.set_ok(int(light.mode))
        for relay, group in self._relays.items():
            _publish_relay(group, settings.relays[relay])


def _parameters(groups: tuple[Group, ...]) -> Iterator[Record[Any]]:
    """The records that a client may write and that nobody carries out."""
    for group in groups:
        yield from (record for record in group.records.values() if record.spec.writable)


def _read_relay(group: RelayPVs, read: Read) -> RelaySettings:
    loss = OnLoss(read(group.on_loss)) if isinstance(group, FollowingRelayPVs) else OnLoss.OFF
    return RelaySettings(read(group.duty_limit) / 100.0, read(group.minimum_time), loss)


def _publish_relay(group: RelayPVs, settings: RelaySettings) -> None:
    group.duty_limit.set_ok(100.0 * settings.duty)
    group.minimum_time.set_ok(settings.minimum_s)
    if isinstance(group, FollowingRelayPVs):
        group.on_loss.set_ok(int(settings.on_loss))


def _nothing() -> None:
    """Nobody wants to know."""
