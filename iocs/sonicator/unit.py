"""What clients may want of one sonicator: a put asks logic for permission, device support to carry it out.

Knows the machine and its commands; knows no register and no sibling.
"""

import asyncio
import contextlib

from devsup.errors import DeviceFault
from iocs.caserver import Refused
from iocs.sonicator import logic
from iocs.sonicator.logic import Cause, Command, State
from iocs.sonicator.supervised import SupervisedSonicator

OPERATOR = "operator"
ACTIVE = (State.STARTING, State.RUNNING)
FROM_STOP = Cause.EMERGENCY_STOP | Cause.HARDWARE | Cause.DISAGREES
"""What a stop at the board itself looks like, until its status has been read."""
VERIFY_S = 2.0  # beyond what the machine itself waits for the effect of a reset


class SonicatorUnit(SupervisedSonicator):
    """A put-callback completes when the board has confirmed; refused puts change nothing and say why."""

    async def put_start(self, value: int) -> None:
        await self._start()

    async def put_stop(self, value: int) -> None:
        await self.stop_now(OPERATOR)

    async def put_run_(self, value: int) -> int:
        await (self._start() if value else self.stop_now(OPERATOR))
        return int(self.machine.state in ACTIVE)

    async def put_amplitude(self, value: float) -> float:
        await self._order(Command.AMPLITUDE, amplitude=value)
        return float(round(value))

    async def put_overload_reset(self, value: int) -> None:
        await self._order(Command.RESET)
        await self._reset_settled()

    async def put_enabled(self, value: int) -> None:
        if not value and self.around.active.get(self.config.name):
            await self.stop_now("disabled")

    async def put_reset_totals(self, value: int) -> None:
        self.use.reset()

    async def stop_now(self, why: str) -> None:
        """START off, confirmed; from any state. Raises Refused when it is not confirmed."""
        await self._order(Command.STOP, why=why)

    async def leave_stop(self) -> None:
        """The emergency stop has been reset: one that was in FAULT for nothing else is reset with it."""
        causes = self.machine.causes
        if Cause.EMERGENCY_STOP in causes and not causes & ~FROM_STOP:
            await self._order(Command.RESET)

    # -- in steps -----------------------------------------------------------------------------

    async def _start(self) -> None:
        try:
            await self._order(Command.START)
        except Refused as refusal:
            if self.machine.state in ACTIVE:  # sent, but not confirmed: it must not stay unknown
                self.send(self.look(self.inputs(Command.STOP, f"its start was not confirmed: {refusal}")))
            raise
        if self.machine.state not in ACTIVE:
            raise Refused(f"{self.config.name}: {self.machine.reason}")

    async def _order(self, command: Command, why: str = OPERATOR, amplitude: float | None = None) -> None:
        """Ask the machine, and carry out what it orders."""
        inputs = self.inputs(command, why, amplitude)
        if refusal := logic.refuse(self.machine, inputs, self.config.tuning):
            raise Refused(f"{self.config.name}: {refusal}")
        orders = self.look(inputs)
        try:
            await self.carry_out(orders)
        except (DeviceFault, ValueError) as fault:
            raise Refused(f"{self.config.name}: {fault}") from fault

    async def _reset_settled(self) -> None:
        """Until the machine has seen whether the reset helped. Raises Refused when it has not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.tuning.timing.reset_s + VERIFY_S):
                while self.machine.reset_at is not None:
                    self.news.clear()
                    await self.news.wait()
        if self.machine.state is State.FAULT:
            raise Refused(f"{self.config.name}: {self.machine.reason}")
