"""The emergency stop every IOC has: one command that latches, one that releases, and the last reason.

Knows PVs only; what stopping means is the subsystem's, handed in as coroutines. Every refused put of
the IOC says why in `Reason`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from iocs.caserver import AlarmSeverity, Record, Refused
from iocs.common import pv
from iocs.common.group import Group, NoHooks
from iocs.common.spec import AlarmPolicy, Archive

Action = Callable[[], Awaitable[str]]
"""Does its work and returns what went wrong, in words; empty when all is well."""


class Refusals(NoHooks):
    """Lets every group of an IOC say in `Reason` why a put was refused.

    The why comes first and names go without `prefix`: a client that reads plain strings sees 39 characters.
    """

    def __init__(self, say: Callable[[str], None], prefix: str = "") -> None:
        self._say = say
        self._prefix = prefix

    def refused(self, record: Record[Any], reason: str, value: Any, user: str, host: str) -> None:
        super().refused(record, reason, value, user, host)
        name = record.name.removeprefix(self._prefix)
        if record.spec.access == "SAFETY":  # such an order is carried out, even if not all is confirmed
            self._say(f"{name}: {reason}")
        else:
            self._say(f"{reason} ({name} = {value} refused)")


class EStopPVs(Group):
    """`EStop` makes everything safe and keeps it so until `EStop:Reset`."""

    estop = pv.command("EStop", "Emergency stop: make everything safe", access="SAFETY")
    active = pv.flag(
        "EStop:Active",
        "Emergency stop is latched",
        states=("Ready", "STOPPED"),
        severities={"STOPPED": AlarmSeverity.MAJOR},
        archive=Archive(),
        alarm=AlarmPolicy("Find out who stopped it and why; make sure it is safe; then EStop:Reset."),
        initial=0,
        saved=True,
    )
    reset = pv.command("EStop:Reset", "Release the emergency stop", access="SAFETY")
    reason = pv.text("Reason", "Last decision, in words", max_length=160, archive=Archive())

    def __init__(self, prefix: str, trip: Action, release: Action) -> None:
        super().__init__(prefix)
        self._trip = trip
        self._release = release

    @property
    def latched(self) -> bool:
        """Whether it is stopped; after a restart as well."""
        return self.active.value == 1

    def say(self, reason: str) -> None:
        """Publish why something was done or refused."""
        self.reason.set_ok(reason[:159])

    async def put_estop(self, value: int) -> None:
        self.active.set_ok(1)
        problem = await self._trip()
        await self._keep()
        if problem:
            raise Refused(f"stopped and latched, but: {problem}")

    async def put_reset(self, value: int) -> None:
        if problem := await self._release():
            raise Refused(problem)
        self.active.set_ok(0)
        await self._keep()

    async def _keep(self) -> None:
        """The latch is on the disk when the put completes: a crash cannot take it back."""
        if self.active.keep is not None:
            await self.active.keep()
