"""The part of db/environment.yaml that says how the chamber is controlled: limits, duty, guard, light.

Knows the keys, their ranges and defaults, which are those of the design document.
"""

from collections.abc import Mapping

from iocs.common.config import Section
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

MINUTE_S = 60.0
LIGHT_MODES: Mapping[str, LightMode] = {mode.name: mode for mode in LightMode}
LOSSES: Mapping[str, OnLoss] = {loss.name.lower(): loss for loss in OnLoss}


def read_settings(section: Section, relays: tuple[Relay, ...]) -> Settings:
    """Everything below `control` that can be changed while the IOC runs."""
    settings = Settings(
        limits=_limits(section),
        guard=_guard(section),
        light=_light(section),
        relays={relay: _relay(relay, section) for relay in relays},
        window_s=MINUTE_S * section.number("duty_window", low=5, high=240, unit="min", default=30.0),
        lost_after_s=section.number("sensor_timeout", low=2, high=3600, unit="s", default=60.0),
    )
    if problem := contradiction(settings):
        section.error("", problem)
    return settings


def _limits(section: Section) -> Limits:
    base = Limits()
    return Limits(
        temperature_min=_celsius(section, "temperature_min", base.temperature_min),
        temperature_max=_celsius(section, "temperature_max", base.temperature_max),
        temperature_hysteresis=section.number(
            "temperature_hysteresis", low=0, high=20, unit="K", default=base.temperature_hysteresis
        ),
        humidity_min=section.number("humidity_min", low=0, high=100, unit="%RH", default=base.humidity_min),
        humidity_hysteresis=section.number(
            "humidity_hysteresis", low=0, high=50, unit="%RH", default=base.humidity_hysteresis
        ),
        co2_max=section.number("co2_max", low=400, high=40000, unit="ppm", default=base.co2_max),
        co2_hysteresis=section.number(
            "co2_hysteresis", low=0, high=10000, unit="ppm", default=base.co2_hysteresis
        ),
    )


def _guard(section: Section) -> GuardSettings:
    base = GuardSettings()
    minutes = section.number(
        "condensation_duration", low=0, high=120, unit="min", default=base.duration_s / MINUTE_S
    )
    return GuardSettings(
        threshold=section.number(
            "condensation_threshold", low=50, high=100, unit="%RH", default=base.threshold
        ),
        hysteresis=section.number(
            "condensation_hysteresis", low=0, high=50, unit="%RH", default=base.hysteresis
        ),
        duration_s=MINUTE_S * minutes,
    )


def _light(section: Section) -> LightSettings:
    base = LightSettings()
    return LightSettings(
        mode=LIGHT_MODES[section.choice("light_mode", tuple(LIGHT_MODES), default=base.mode.name)],
        on_s=_minutes(section, "light_on", base.on_s),
        off_s=_minutes(section, "light_off", base.off_s),
        bright=_lux(section, "light_on_threshold", base.bright),
        dark=_lux(section, "light_off_threshold", base.dark),
        verify_after_s=section.number(
            "light_verification_delay", low=0, high=600, unit="s", default=base.verify_after_s
        ),
        verify_every_s=section.number(
            "light_verification_repeat", low=1, high=86400, unit="s", default=base.verify_every_s
        ),
    )


def _relay(relay: Relay, section: Section) -> RelaySettings:
    """`fan_duty`, `fan_minimum`, `fan_on_loss` and the like."""
    name = relay.value.lower()
    base = Settings().relays[relay]
    return RelaySettings(
        duty=section.number(f"{name}_duty", low=0, high=100, unit="%", default=100.0 * base.duty) / 100.0,
        minimum_s=section.number(f"{name}_minimum", low=0, high=600, unit="s", default=base.minimum_s),
        on_loss=OnLoss.OFF if relay is Relay.LIGHT else _loss(section, f"{name}_on_loss"),
    )


def _loss(section: Section, key: str) -> OnLoss:
    return LOSSES[section.choice(key, tuple(LOSSES), default="off")]


def _celsius(section: Section, key: str, default: float) -> float:
    return section.number(key, low=-20, high=60, unit="degC", default=default)


def _lux(section: Section, key: str, default: float) -> float:
    return section.number(key, low=0, high=100_000, unit="lx", default=default)


def _minutes(section: Section, key: str, default_s: float) -> float:
    """Seconds, of a time given in minutes."""
    return MINUTE_S * section.number(key, low=0, high=10_080, unit="min", default=default_s / MINUTE_S)
