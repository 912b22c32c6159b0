"""Every setpoint goes through here: approved, booked, carried out, confirmed.

Knows the gases and who may forbid flow; decides by logic/approval.py, touches no instrument itself.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from iocs.caserver import Refused
from iocs.common.guard import Guard
from iocs.gas.gas import GasChannel
from iocs.gas.logic import setpoints
from iocs.gas.logic.approval import Answer, Change, Gas, Limits, Plant, approve, share, zero
from iocs.gas.logic.order import transition

Why = Callable[[], str]
FIRST_S = 0.5  # how long oxygen may take to confirm its zero before the other gas is zeroed all the same


class Flows:
    """The setpoints of all gases. `limits`, and why nothing, nothing more, or no start is permitted, are
    asked each time."""

    def __init__(
        self, channels: Sequence[GasChannel], guard: Guard, limits: Callable[[], Limits],
        held: Why, blocked: Why, closed: Why,
    ) -> None:  # fmt: skip
        self.channels = {channel.name: channel for channel in channels}
        self._guard = guard
        self._limits = limits
        self._held, self._blocked, self._closed = held, blocked, closed
        self.owner = ""  # why only a recipe may set flows
        self.zeroed: Callable[[str], None] = lambda names: None  # told of zeros by hand

    # -- what there is ------------------------------------------------------------------------

    @property
    def gases(self) -> tuple[Gas, ...]:
        return tuple(channel.as_gas() for channel in self.channels.values())

    def plant(self, *, for_recipe: bool = False) -> Plant:
        """Everything that approval judges by, now."""
        owner = "" if for_recipe else self.owner
        return Plant(self.gases, self._limits(), self._held(), owner, self._blocked(), self._closed())

    def total_setpoint(self) -> float:
        """Sum of what the instruments hold at most, in sccm."""
        return sum(gas.highest for gas in self.gases)

    def oxygen_setpoint(self) -> float:
        """Oxygen share of the setpoints, in per cent."""
        return share((gas, gas.highest) for gas in self.gases)

    def refusal(self, name: str) -> str:
        """Why not even a little more of this gas would be granted; empty when it would."""
        gas = self.plant().gas(name)
        step = max(1e-3 * gas.max_flow, 1e-6)
        return approve(name, gas.highest + step, self.plant()).reason

    # -- setting ------------------------------------------------------------------------------

    async def put(self, name: str, flow: float) -> str:
        """A client's demand. Returns what was done, in words; raises Refused."""
        answer = approve(name, flow, self.plant())
        if not answer.granted:
            raise Refused(answer.reason)
        if flow == 0.0:
            return await self._zero(answer)
        held = await self._set(answer.changes[0])
        return f"{name} {held:g} sccm, confirmed"

    async def _zero(self, answer: Answer) -> str:
        names = [change.gas for change in answer.changes]
        self.zeroed(" and ".join(names))
        if problem := await self._zero_in_order(names, answer.reason or "Zero"):
            raise Refused(problem)
        return answer.reason or f"{names[-1]} is zero, confirmed"

    async def _zero_in_order(self, names: Sequence[str], why: str) -> str:
        """What goes along first, then the last of the names, which waits for it, but not for long.

        Who does not confirm owes it. Returns what is not confirmed.
        """
        first = (
            asyncio.create_task(self._guard.some_safe(names[:-1], why, insist=True)) if names[1:] else None
        )
        if first:
            await asyncio.wait([first], timeout=FIRST_S)
        last = await self._guard.some_safe(names[-1:], why, insist=True)
        return "; ".join(problem for problem in (await first if first else "", last) if problem)

    async def _set(self, change: Change) -> float:
        channel = self.channels[change.gas]
        channel.account = setpoints.accepted(channel.account, change.flow)
        return await channel.set_flow(change.flow)

    async def change_to(self, target: Mapping[str, float]) -> str:
        """From the present flows to these, one instrument after the other, within the limits all the way.

        Returns what went wrong; empty when all is confirmed. For recipes.
        """
        for change in transition(self.gases, target, self._limits()):
            answer = approve(change.gas, change.flow, self.plant(for_recipe=True))
            if not answer.granted:
                return answer.reason
            try:
                if change.flow == 0.0:
                    problem = await self._zero_in_order([each.gas for each in answer.changes], "Recipe")
                    if problem:
                        return problem
                else:
                    await self._set(change)
            except Refused as refusal:
                return str(refusal)
        return ""

    async def zero_all(self, why: str) -> str:
        """Every gas to zero, oxygen first. Returns what is not confirmed."""
        return await self._guard.all_safe(why, insist=True)

    def start_zero(self, names: Sequence[str], why: str) -> "asyncio.Task[str]":
        """Begin to zero these gases, oxygen first and wherever too much of it would remain; those that do not
        confirm owe it. For trips."""
        plant = self.plant(for_recipe=True)
        also = {change.gas for name in names for change in zero(plant.gas(name), plant).changes}
        names = sorted(also)
        return asyncio.create_task(self._guard.some_safe(names, why, insist=True), name=f"trip {why}")
