"""PVs of other IOCs as inputs of the chamber and its interlocks: whatever cannot be relied on says why.

Knows links and samples; knows no interlock and no gas.
"""

import math
from collections.abc import Mapping

from iocs.common.interlock import Sample, Source
from iocs.common.links import Link, Links
from iocs.gas.config import Inputs


class Linked:
    """A link as the interlocks ask it."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def sample(self, now: float) -> Sample:
        reading = self._link.reading
        if not reading.good:
            return Sample(self._link.at, problem=reading.reason)
        value = reading.value
        number = float(value) if isinstance(value, int | float) else math.nan
        return Sample(self._link.at, number, self._link.text)


def linked_inputs(inputs: Inputs, links: Links) -> Mapping[str, Source]:
    """Those that are configured, by name."""
    given = {
        "pressure": inputs.pressure, "door": inputs.door, "water": inputs.water,
        "facility_stop": inputs.facility_stop,
    }  # fmt: skip
    return {name: Linked(links.to(item.link)) for name, item in given.items() if item.link}
