"""What one sonicator has to know of everything around it: emergency stop, interlocks, board, its siblings.

A place where facts meet; asks nobody, decides nothing.
"""

import logging
from collections.abc import Callable

from iocs.common.guard import Guard, Words

STOPPED = Words(one="stop", all="every sonicator is stopped")
Follow = Callable[[str, float, bool], None]
"""Who has set the amplitude, to how much, and whether an operator wanted it so."""


class Around:
    """The circumstances. Whoever knows a fact puts it here; the sonicators look when they decide."""

    def __init__(self, guard: Guard, *, shared_amplitude: bool) -> None:
        self.guard = guard
        self.shared_amplitude = shared_amplitude
        self.say: Callable[[str], None] = logging.getLogger("sonicator").info
        self.board_enabled = True
        self.board_stopped = False  # the board's own emergency stop
        self.inhibit_mask = 0
        self.tripped: Callable[[], str] = _nothing  # why an interlock stops what runs
        self.blocking: Callable[[], str] = _nothing  # why an interlock lets nothing start
        self.active: dict[str, bool] = {}  # who is told to run
        self.followers: list[Follow] = []

    @property
    def stop(self) -> bool:
        """Does the emergency stop hold, ours or the board's?"""
        return self.guard.stop.active or self.board_stopped

    def hold(self, name: str) -> str:
        """Why a sonicator must not run; empty when it may."""
        if held := self.guard.held(name):
            return held
        if not self.board_enabled:
            return "the board is disabled: GlobalEnable first"
        return self.tripped()

    def forbid(self, number: int) -> str:
        """Why a sonicator must not be started, beyond what stops those that run."""
        if self.inhibit_mask >> number - 1 & 1:
            return "its start is inhibited at the board (START_INHIBIT)"
        return self.blocking()

    def others_run(self, name: str) -> bool:
        """Is anybody else told to run?"""
        return any(active for other, active in self.active.items() if other != name)

    def amplitude_set(self, who: str, value: float, *, demanded: bool) -> None:
        """The amplitude of one has been set; where all share it, the others follow."""
        if self.shared_amplitude:
            for follow in self.followers:
                follow(who, value, demanded)


def _nothing() -> str:
    return ""
