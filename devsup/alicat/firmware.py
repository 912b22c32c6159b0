"""Firmware of an Alicat instrument, and which of its commands mean what.

Pure. What is not certain for a version counts as absent: the same letters mean different things to
different generations (`ALS` asks one for its setpoint, and locks the panel of another).
"""

import re
from dataclasses import dataclass

_NUMBERED = re.compile(r"(?<![\w.])(\d{1,2})v(\d{1,2})(?!\d)")
_GP = re.compile(r"(?<!\w)GP(?:\d+R?\d*)?(?!\w)")


@dataclass(frozen=True, slots=True)
class Firmware:
    """`text` as the instrument tells it; `version` is None where it has no number (GP, not known)."""

    text: str = ""
    version: tuple[int, int] | None = None
    gp: bool = False

    @property
    def known(self) -> bool:
        return self.gp or self.version is not None

    def since(self, major: int, minor: int) -> bool:
        """Is it certainly as new as that?"""
        return self.version is not None and self.version >= (major, minor)

    @property
    def writes_with_dollars(self) -> bool:
        """GP takes orders only behind `$$`, and questions only without."""
        return self.gp

    @property
    def may_ramp(self) -> bool:
        """Serial ramps (`SR`) exist since 7v11; what is not known may have them."""
        return not self.gp and (self.version is None or self.since(7, 11))


UNKNOWN = Firmware()


def firmware_in(text: str) -> Firmware | None:
    """The firmware named somewhere in `text`, None if none is."""
    if found := _NUMBERED.search(text):
        start = found.start()
        return Firmware(text[start:].split()[0], (int(found[1]), int(found[2])))
    if found := _GP.search(text):
        return Firmware(found[0], gp=True)
    return None
