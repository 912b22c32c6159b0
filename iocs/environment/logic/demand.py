"""What the chamber's air asks of fan, mist and heater: thresholds with hysteresis.

Only what is known asks for anything; a sensor that is lost asks for nothing, and never keeps a relay on.
"""

from iocs.environment.logic.known import Known
from iocs.environment.logic.settings import Limits
from iocs.environment.logic.words import Code, Wish, wish


def fan(on: bool, temperature: Known, co2: Known, limits: Limits) -> Wish:
    """On when it is too warm or CO2 too high; off when both are back by their hysteresis."""
    t, ppm = temperature.value, co2.value
    if ppm is not None and ppm >= limits.co2_max:
        return wish(True, Code.CO2_HIGH, f"CO2 {ppm:.0f} ppm >= {limits.co2_max:g}")
    if t is not None and t >= limits.temperature_max:
        return wish(True, Code.TOO_WARM, f"temperature {t:.1f} degC >= {limits.temperature_max:g}")
    if on and ppm is not None and ppm > (back := limits.co2_max - limits.co2_hysteresis):
        return wish(True, Code.CO2_HIGH, f"CO2 {ppm:.0f} ppm, on until <= {back:g}")
    if on and t is not None and t > (back := limits.temperature_max - limits.temperature_hysteresis):
        return wish(True, Code.TOO_WARM, f"temperature {t:.1f} degC, on until <= {back:g}")
    return _content(temperature, "degC", co2, "ppm")


def mist(on: bool, humidity: Known, limits: Limits) -> Wish:
    """On when it is too dry; off at minimum and hysteresis."""
    rh = humidity.value
    if rh is not None and rh <= limits.humidity_min:
        return wish(True, Code.TOO_DRY, f"humidity {rh:.1f} %RH <= {limits.humidity_min:g}")
    if on and rh is not None and rh < (back := limits.humidity_min + limits.humidity_hysteresis):
        return wish(True, Code.TOO_DRY, f"humidity {rh:.1f} %RH, on until >= {back:g}")
    return _content(humidity, "%RH")


def heater(on: bool, temperature: Known, limits: Limits) -> Wish:
    """On when it is too cold; off at minimum and hysteresis."""
    t = temperature.value
    if t is not None and t <= limits.temperature_min:
        return wish(True, Code.TOO_COLD, f"temperature {t:.1f} degC <= {limits.temperature_min:g}")
    if on and t is not None and t < (back := limits.temperature_min + limits.temperature_hysteresis):
        return wish(True, Code.TOO_COLD, f"temperature {t:.1f} degC, on until >= {back:g}")
    return _content(temperature, "degC")


def _content(first: Known, unit: str, second: Known | None = None, other: str = "") -> Wish:
    text = _value(first, unit) + (f", {_value(second, other)}" if second is not None else "")
    return wish(False, Code.WITHIN_LIMITS, f"{text}: within limits")


def _value(what: Known, unit: str) -> str:
    if what.value is None:
        return f"{what.name} unknown"
    return f"{what.name} {what.value:.{0 if unit == 'ppm' else 1}f} {unit}"
