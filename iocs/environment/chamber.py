"""The chamber as a whole behind its PVs: mode, emergency stop, interlocks, history.

Knows what an operator may do and what a stop means; the loop is in control.py.
"""

import logging
import time
from collections.abc import Callable, Mapping

import numpy as np

from iocs.caserver import Refused
from iocs.common.guard import Guard
from iocs.common.interlock import Interlocks, Row
from iocs.environment import logic
from iocs.environment.config import Action
from iocs.environment.control import Control
from iocs.environment.display import STAMP
from iocs.environment.history import Action as Done
from iocs.environment.history import History
from iocs.environment.logic import Blocks, Mode, Relay
from iocs.environment.pvs import HISTORY, ChamberPVs

OFF_ACTIONS = {
    Relay.FAN: Action.FAN_OFF,
    Relay.MIST: Action.MIST_OFF,
    Relay.LIGHT: Action.LIGHT_OFF,
    Relay.HEATER: Action.HEATER_OFF,
}
STARTED = "Started: every relay off until the first readings"


class Chamber(ChamberPVs):
    """Commands that concern every relay, and what keeps relays off."""

    def __init__(self, prefix: str, guard: Guard, relays: list[Relay]) -> None:
        super().__init__(prefix, self._trip, self._release)
        self._guard = guard
        self._relays = relays
        self._log = logging.getLogger("environment.chamber")
        self.history = History(HISTORY)
        self.show_commands: Callable[[], None] = _nothing  # every relay shows its own
        self.control: Control
        self.interlocks: Interlocks
        guard.say = self.say
        self.say(STARTED)

    @property
    def now_mode(self) -> Mode:
        """Who decides."""
        return Mode(self.mode.value)

    def blocks(self) -> Blocks:
        """What keeps relays off, now."""
        held = self._guard.held(self.control.bank.name)
        return Blocks(held, self.safety_reason.value, self._interlocked())

    def _interlocked(self) -> Mapping[Relay, str]:
        why_off = self.interlocks.blocking
        found = {relay: why_off(Action.ALL_OFF, OFF_ACTIONS[relay]) for relay in self._relays}
        return {relay: why for relay, why in found.items() if why}

    # -- orders -------------------------------------------------------------------------------

    async def put_mode(self, index: int) -> None:
        wanted = Mode(index)
        stays = self.interlocks.blocking(Action.SAFETY)
        blocks = Blocks(self._guard.held(self.control.bank.name), stays)
        if refusal := logic.refuse_mode(self.now_mode, wanted, blocks):
            raise Refused(refusal)
        if wanted is Mode.SAFETY:
            self._enter_safety("put to SAFETY by an operator")
        else:
            self.safety_reason.set_ok("")
            self._adopt(wanted)
        self.say(f"Mode {wanted.name}")
        self.control.hurry()

    def _adopt(self, wanted: Mode) -> None:
        """To MANUAL with what is ordered now, so that nothing moves; out of it with nothing ordered."""
        orders = self.control.orders if wanted is Mode.MANUAL else {}
        self.set_commands({r: r in orders and orders[r].on for r in self._relays})

    def set_commands(self, commands: Mapping[Relay, bool]) -> None:
        """What the operator wants of every relay."""
        self.control.facts.commands.update(commands)
        self.show_commands()

    def _enter_safety(self, why: str) -> None:
        self.mode.set_ok(int(Mode.SAFETY))
        self.safety_reason.set_ok(why[:159])
        self.set_commands(dict.fromkeys(self._relays, False))
        self._log.warning("safety mode: %s", why)

    async def _trip(self) -> str:
        self._enter_safety("emergency stop")
        return await self._guard.trip()

    async def _release(self) -> str:
        problem = await self._guard.release()
        self.say("Emergency stop reset; still in SAFETY: Mode AUTOMATIC or MANUAL")
        self.control.hurry()
        return problem

    def interlock_tripped(self, row: Row, reason: str) -> None:
        """An interlock acts: at once, in the next turn; SAFETY stays until an operator leaves it."""
        self.say(f"Interlock {row.name}: {reason}")
        if row.action is Action.SAFETY:
            self._enter_safety(f"interlock {reason}")
        self.control.hurry()

    # -- history ------------------------------------------------------------------------------

    def done(self, action: Done) -> None:
        """A contact changed."""
        self.history.add(action)
        self.show_history()
        stamp = time.strftime("%H:%M:%S", time.localtime(action.time))
        words = f"{stamp} {action.relay} {'on' if action.on else 'off'}: {action.reason}"
        self.history_last.set_ok(words[:159])

    def show_history(self) -> None:
        """The last 24 hours as arrays, newest first."""
        actions = list(self.history)
        stamps = [time.strftime(STAMP, time.localtime(action.time)) for action in actions]
        self.history_time.set_ok(np.array([action.time for action in actions], dtype=float))
        self.history_stamp.set_ok(tuple(stamps))
        self.history_relay.set_ok(tuple(action.relay for action in actions))
        self.history_state.set_ok(tuple("On" if action.on else "Off" for action in actions))
        self.history_code.set_ok(np.array([action.code for action in actions], dtype=np.int32))
        self.history_reason.set_ok(tuple(action.reason for action in actions))


def _nothing() -> None:
    """Nobody wants to know."""
