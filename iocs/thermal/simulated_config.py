"""The part of db/thermal.yaml that only `--simulate` uses: the room, the load, how fast time goes.

Knows the keys, their ranges and defaults; opens nothing.
"""

from dataclasses import dataclass

from iocs.common.config import Section


@dataclass(frozen=True, slots=True)
class Simulated:
    """Ambient °C, heat load W, `speed` of the plant's time, rhythm of the supplies' firmware s, noise of the
    sensors K."""

    ambient_c: float
    load_w: float
    speed: float
    rhythm_s: float
    noise_k: float


def read_simulated(section: Section) -> Simulated:
    """Defaults: a laboratory, real time, stock firmware."""
    return Simulated(
        ambient_c=section.number("ambient", low=-20, high=50, unit="degC", default=22.0),
        load_w=section.number("load", low=0, high=100, unit="W", default=8.0),
        speed=section.number("speed", low=0.1, high=1000, default=1.0),
        rhythm_s=section.number("rhythm", low=0, high=2, unit="s", default=0.4),
        noise_k=section.number("noise", low=0, high=5, unit="K", default=0.02),
    )
