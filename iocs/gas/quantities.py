"""What the chamber knows, by the names that interlocks and recipes use: gauges, switches, sums of the gases.

Knows where each comes from; must not know limits, nor what anybody does about it.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from iocs.common.interlock import Sample, Source
from iocs.gas.gas import GasChannel
from iocs.gas.logic import measured
from iocs.gas.logic.measured import Seen, Total

NOISE_SCCM = 0.5  # less oxygen than this is no share
FLOWING_SCCM = 0.5  # more than this is a flow


class Quantities:
    """`inputs`: pressure, door, water and facility stop, by name, as sources."""

    def __init__(self, channels: Sequence[GasChannel], inputs: Mapping[str, Source]) -> None:
        self._channels = channels
        self._inputs = inputs
        self.by_name: Mapping[str, Callable[[float], Sample]] = {
            "chamber_pressure": lambda now: self.input("pressure", now),
            "pressure_in_flow": self._pressure_in_flow,
            "door": lambda now: self.input("door", now),
            "water": lambda now: self.input("water", now),
            "total_flow": lambda now: _sample(measured.most_flow(self._known()), now),
            "largest_flow": lambda now: _sample(measured.largest_flow(self._known()), now),
            "oxygen_share": lambda now: _sample(measured.most_oxygen(self._known(), NOISE_SCCM), now),
            "deviation": self._deviation,
        }

    def input(self, name: str, now: float) -> Sample:
        if name not in self._inputs:
            return Sample(problem=f"no input is configured for {name}")
        return self._inputs[name].sample(now)

    def has(self, name: str) -> bool:
        """Is there such an input?"""
        return name in self._inputs

    def total_flow(self) -> Total:
        return measured.total_flow(self._seen())

    def oxygen_share(self) -> Total:
        return measured.oxygen_share(self._seen(), NOISE_SCCM)

    def _seen(self) -> list[Seen]:
        return [
            Seen(
                channel.as_gas(),
                channel.reading.flow if channel.reading and channel.sees else math.nan,
                channel.read_at or -math.inf,
            )
            for channel in self._channels
            if channel.enabled
        ]

    def _known(self) -> list[Seen]:
        """Without those that have not been read since the start: a restart must not trip over them. Nothing
        can grow on their account, because approval reckons with all they may hold."""
        return [seen for seen in self._seen() if math.isfinite(seen.at)]

    def _pressure_in_flow(self, now: float) -> Sample:
        """The chamber pressure while anything flows or may; else 0."""
        flowing = any(seen.missing or seen.known_flow > FLOWING_SCCM for seen in self._known())
        return self.input("pressure", now) if flowing else Sample(now, 0.0)

    def _deviation(self, now: float) -> Sample:
        worst = max((channel.deviation_percent(now) for channel in self._channels), default=0.0)
        return Sample(now, worst)


def _sample(total: Total, now: float) -> Sample:
    """Gases that are not read are reckoned with, so what is known is of now."""
    return Sample(now, total.value, problem=total.problem)
