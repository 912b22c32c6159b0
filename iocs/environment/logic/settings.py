"""Every parameter of the chamber, with the design document's defaults, and which sets contradict themselves.

Frozen data; times in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from iocs.environment.logic.words import OnLoss, Relay

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Between which values the chamber is kept, and how far back it must go before a relay lets go."""

    temperature_min: float = 18.0
    temperature_max: float = 24.0
    temperature_hysteresis: float = 1.0
    humidity_min: float = 85.0
    humidity_hysteresis: float = 3.0
    co2_max: float = 1000.0
    co2_hysteresis: float = 100.0


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """When humidity counts as condensation. It is over at `threshold - hysteresis`."""

    threshold: float = 95.0
    hysteresis: float = 3.0
    duration_s: float = 300.0


class LightMode(IntEnum):
    """The order is that of the states of the Light:Mode PV."""

    OFF = 0
    ON = 1
    CYCLE = 2


@dataclass(frozen=True, slots=True)
class LightSettings:
    """The schedule of the light, and how it is verified with the photoresistor."""

    mode: LightMode = LightMode.OFF
    on_s: float = 720 * MINUTE_S
    off_s: float = 480 * MINUTE_S
    bright: float = 200.0
    dark: float = 50.0
    verify_after_s: float = 30.0
    verify_every_s: float = 300.0


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay may be used. `duty` is the greatest share of the window, 1.0 for no limit."""

    duty: float = 1.0
    minimum_s: float = 30.0
    on_loss: OnLoss = OnLoss.OFF


def default_relays() -> dict[Relay, RelaySettings]:
    """All four relays as the design document has them."""
    return {
        Relay.FAN: RelaySettings(duty=0.60),
        Relay.MIST: RelaySettings(duty=0.40),
        Relay.LIGHT: RelaySettings(),
        Relay.HEATER: RelaySettings(),
    }


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it. A chamber without a heater has none in `relays`.

    `window_s`: over which the duty is counted. `lost_after_s`: age at which a sensor counts as lost.
    """

    limits: Limits = field(default_factory=Limits)
    guard: GuardSettings = field(default_factory=GuardSettings)
    light: LightSettings = field(default_factory=LightSettings)
    relays: Mapping[Relay, RelaySettings] = field(default_factory=default_relays)
    window_s: float = 1800.0
    lost_after_s: float = 60.0


def contradiction(settings: Settings) -> str:
    """Why these settings cannot be followed; empty if they can."""
    limits, guard, light = settings.limits, settings.guard, settings.light
    hysteresis = min(limits.temperature_hysteresis, limits.humidity_hysteresis, limits.co2_hysteresis)
    cold, warm = limits.temperature_min, limits.temperature_max
    problems = (
        (hysteresis <= 0 or guard.hysteresis <= 0, "a hysteresis must be above 0"),
        (cold >= warm, f"temperature minimum {cold:g} is not below maximum {warm:g}"),
        (
            cold + limits.temperature_hysteresis > warm - limits.temperature_hysteresis,
            f"temperature hysteresis {limits.temperature_hysteresis:g} overlaps from {cold:g} to {warm:g}",
        ),
        (
            limits.humidity_min + limits.humidity_hysteresis > guard.threshold,
            f"mist would run up to {limits.humidity_min + limits.humidity_hysteresis:g} %RH, "
            f"beyond the condensation threshold {guard.threshold:g}",
        ),
        (limits.co2_hysteresis >= limits.co2_max, "CO2 hysteresis is not below the maximum"),
        (light.on_s + light.off_s <= 0, "a light cycle needs a time on or a time off"),
        (light.dark >= light.bright, f"light is dark at {light.dark:g} but bright at {light.bright:g}"),
    )
    return next((text for wrong, text in problems if wrong), "")
