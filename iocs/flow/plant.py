"""The installation as a whole behind its PVs: emergency stop, zero for all, and nobody watching."""

import logging
import time
from collections.abc import Callable

from iocs.caserver import Refused
from iocs.common.guard import Guard
from iocs.common.ticks import Ticks
from iocs.flow import logic
from iocs.flow.config import FlowConfig, OnLoss
from iocs.flow.pvs import PlantPVs

PERIOD_S = 1.0


class FlowPlant(PlantPVs):
    """Commands that concern every instrument, and the watch over the last client."""

    def __init__(self, prefix: str, guard: Guard, config: FlowConfig, clients: Callable[[], int]) -> None:
        super().__init__(prefix, guard.trip, guard.release)
        self._guard = guard
        self._config = config
        self._clients = clients
        self._log = logging.getLogger("flow.plant")
        guard.say = self.say
        self.say("Started; setpoints are taken over from the instruments")

    async def put_zero_all(self, value: int) -> None:
        if problem := await self._guard.all_safe("Zero all"):
            raise Refused(problem)

    async def run(self) -> None:
        """Act, where the configuration wants it, when the last client has been gone too long.

        Whoever gives an order is a client, even if gone again before we look.
        """
        ticks = Ticks(PERIOD_S)
        state = logic.Audience()
        while self._config.on_client_loss is OnLoss.ZERO:
            await ticks.next()
            patience_s = self._config.client_loss_s
            heard, self._guard.orders = self._clients() + self._guard.orders, 0
            state, alone = logic.audience(state, heard, patience_s, time.monotonic())
            if alone:
                self._log.warning("no client for %g s: every setpoint to zero", patience_s)
                await self._guard.all_safe(f"No client for {patience_s:g} s", insist=True)
