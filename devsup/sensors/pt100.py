"""Platinum resistance thermometers: resistance and temperature after Callendar and Van Dusen (IEC 60751).

Pure arithmetic; knows no converter.
"""

import math

A = 3.9083e-3
B = -5.775e-7
C = -4.183e-12  # below 0 degC only
COLDEST, HOTTEST = -200.0, 850.0  # degC, the range of the standard
_NEWTON_STEPS = 8  # four are enough for 1e-9 K over the whole range


def resistance(temperature: float, r0: float = 100.0) -> float:
    """Ohms at a temperature in degC. `r0`: ohms at 0 degC."""
    t = temperature
    below = C * (t - 100.0) * t**3 if t < 0.0 else 0.0
    return r0 * (1.0 + A * t + B * t * t + below)


def temperature(resistance_ohm: float, r0: float = 100.0) -> float:
    """degC at a resistance. NaN outside -200 to 850 degC, where the equation means nothing."""
    if not resistance(COLDEST, r0) <= resistance_ohm <= resistance(HOTTEST, r0):
        return math.nan
    ratio = resistance_ohm / r0
    warm = (-A + math.sqrt(A * A - 4.0 * B * (1.0 - ratio))) / (2.0 * B)
    return warm if ratio >= 1.0 else _below_zero(ratio, warm)


def _below_zero(ratio: float, start: float) -> float:
    """Newton's method on the equation of fourth order, from the solution of the one of second order."""
    t = start
    for _ in range(_NEWTON_STEPS):
        slope = A + 2.0 * B * t + C * (4.0 * t**3 - 300.0 * t * t)
        t -= (resistance(t, 1.0) - ratio) / slope
    return t
