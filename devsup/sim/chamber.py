"""The physics of a small cultivation chamber: heat, moisture, CO2, light and condensation, second by second.

Explicit time, no noise and no sensors: those are in sensor_files.py and chamber_sensors.py. The figures
are those of a tent of 1 m3 with a fruiting mushroom bed, rounded; they are plausible, not measured.
"""

import math
from dataclasses import dataclass, replace

SLICE_S = 5.0  # longest step of the integration; the fastest time constant is a minute


@dataclass(frozen=True, slots=True)
class Relays:
    """What the contacts do, and whether the lamp lights."""

    fan: bool = False
    mist: bool = False
    light: bool = False
    heater: bool = False
    lamp_works: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """The room around the chamber: its mean, and how much it swings in a day (warmest at 15:00)."""

    celsius: float = 18.0
    swing: float = 4.0
    humidity: float = 55.0
    ppm: float = 450.0
    lux: float = 4.0

    def at(self, clock_s: float) -> float:
        """degC at a time of day."""
        return self.celsius + self.swing * math.cos(2 * math.pi * (clock_s - 54_000.0) / 86_400.0)


@dataclass(frozen=True, slots=True)
class Build:
    """The chamber itself: volume in m3, heat in J/K and W, moisture in g/s, CO2 in ppm/s, exchange in 1/s."""

    volume: float = 1.0
    heat_capacity: float = 30_000.0  # air, bed and walls that follow it within minutes
    loss: float = 8.0  # W/K through the walls
    heater: float = 120.0
    lamp: float = 25.0
    bed: float = 6.0  # the bed warms itself
    mist: float = 0.020
    bed_moisture: float = 0.0006
    bed_ppm: float = 0.30
    leak: float = 0.5 / 3600.0
    fan: float = 25.0 / 3600.0
    lamp_lux: float = 900.0
    wall_area: float = 5.0
    wall_factor: float = 0.35  # how far the inner wall is from air to room temperature
    deposition: float = 0.003  # m/s, vapour to wall


@dataclass(frozen=True, slots=True)
class Air:
    """The state: degC, vapour in g/m3, ppm, water on the walls in g, lux."""

    celsius: float = 20.0
    vapour: float = 14.5
    ppm: float = 600.0
    film: float = 0.0
    lux: float = 4.0

    @property
    def humidity(self) -> float:
        """%RH; fog keeps it at 100."""
        return min(100.0, 100.0 * self.vapour / saturation(self.celsius))


def saturation(celsius: float) -> float:
    """Vapour in saturated air, g/m3 (Magnus' formula, WMO coefficients)."""
    pressure = 611.2 * math.exp(17.62 * celsius / (243.12 + celsius))
    return 2.16679 * pressure / (celsius + 273.15)


class Chamber:
    """The chamber as it goes on in time. `clock_s`: seconds since midnight of the first day."""

    def __init__(self, clock_s: float = 0.0, air: Air | None = None) -> None:
        self.clock_s = clock_s
        self.build = Build()
        self.room = Room()
        self.air = air or Air()

    def step(self, dt: float, relays: Relays) -> Air:
        """Let time pass."""
        while dt > 0.0:
            part = min(dt, SLICE_S)
            self.air = self._slice(part, relays)
            self.clock_s += part
            dt -= part
        return self.air

    def _slice(self, dt: float, relays: Relays) -> Air:
        build, room, air = self.build, self.room, self.air
        outside = room.at(self.clock_s)
        exchange = build.leak + (build.fan if relays.fan else 0.0)
        lamp = relays.light and relays.lamp_works
        celsius = air.celsius + dt * self._heating(relays, lamp, outside, exchange)
        wall = air.celsius + build.wall_factor * (outside - air.celsius)
        wet = self._condensing(wall) * dt
        entering = room.humidity / 100.0 * saturation(outside)
        gain = (build.mist if relays.mist else 0.0) + build.bed_moisture
        vapour = air.vapour + dt * (gain / build.volume + exchange * (entering - air.vapour))
        vapour = max(0.0, vapour - wet / build.volume)
        fog = max(0.0, vapour - saturation(celsius))
        return replace(
            air,
            celsius=celsius,
            vapour=vapour - fog,
            ppm=air.ppm + dt * (build.bed_ppm + exchange * (room.ppm - air.ppm)),
            film=max(0.0, air.film + wet + fog * build.volume),
            lux=room.lux + (build.lamp_lux if lamp else 0.0),
        )

    def _heating(self, relays: Relays, lamp: bool, outside: float, exchange: float) -> float:
        """K/s. Air brings 1.2 kJ per m3 and K with it; mist costs what its evaporation takes."""
        build, air = self.build, self.air
        watts = build.bed + (build.heater if relays.heater else 0.0) + (build.lamp if lamp else 0.0)
        watts += build.loss * (outside - air.celsius)
        watts += 1200.0 * build.volume * exchange * (outside - air.celsius)
        watts -= 2450.0 * build.mist if relays.mist and air.humidity < 100.0 else 0.0
        return watts / build.heat_capacity

    def _condensing(self, wall: float) -> float:
        """g/s onto the walls where they are colder than the dew point; back into the air where warmer."""
        build, air = self.build, self.air
        flow = build.deposition * build.wall_area * (air.vapour - saturation(wall))
        return flow if flow > 0.0 else max(flow, -air.film / SLICE_S)
