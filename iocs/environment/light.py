"""The schedule of the light behind its PVs: its anchor, a time of day, becomes a moment."""

import re
import time

from iocs.caserver import Refused
from iocs.common.memory import Memory
from iocs.environment.control import Control
from iocs.environment.pvs import LightPVs

CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class LightGroup(LightPVs):
    """`$(P)Light:` beside the relay's own PVs."""

    control: Control

    def __init__(self, prefix: str, memory: Memory, anchor: str) -> None:
        super().__init__(f"{prefix}Light:")
        self._memory = memory
        self.anchor.set_ok(anchor)

    def begin(self) -> float:
        """The moment from which cycles count: the remembered one, if it belongs to the anchor that holds."""
        text, at = self._memory.get("light", ["", 0.0])
        return float(at) if text == self.anchor.value else latest(self.anchor.value, time.time())

    def remember(self) -> None:
        """Note the moment; it moves with steps of the clock, so that the cycle keeps its phase."""
        self._memory.set("light", [self.anchor.value, self.control.state.light.anchor])

    async def put_anchor(self, text: str) -> str:
        text = text.strip()
        if not CLOCK.fullmatch(text):
            raise Refused(f"{text!r} is no time of day: expected HH:MM")
        self.control.set_anchor(latest(text, time.time()))
        return text

    async def put_verify_reset(self, value: int) -> None:
        self.control.reset_failures()


def latest(clock: str, wall: float) -> float:
    """The last moment at which the local clock showed this time of day."""
    hours, minutes = map(int, clock.split(":"))
    today = time.localtime(wall)
    for days in (0, -1):
        moment = (today.tm_year, today.tm_mon, today.tm_mday + days, hours, minutes, 0, 0, 0, -1)
        if (at := time.mktime(moment)) <= wall:
            return at
    return wall
