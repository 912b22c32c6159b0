"""What every IOC gets besides its own groups: settings that outlive it, and how it is itself.

Knows the surface of an Ioc and the services around it; knows no subsystem.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iocs.caserver import spawn
from iocs.common.autosave import Autosave
from iocs.common.memory import Memory
from iocs.common.pv import Group, merge
from iocs.common.statefile import StateFile
from iocs.common.status import StatusPVs
from iocs.common.subsystem import Ioc


class Furnished:
    """An IOC with the services of the house. `state`: folder of its state file; None: nothing is saved."""

    def __init__(self, ioc: Ioc, name: str, prefix: str, state: Path | None) -> None:
        self._ioc = ioc
        memory: Memory | None = getattr(ioc, "memory", None)
        stem = prefix.strip(":").replace(":", "-") or name
        file = StateFile(state, stem, f"{name} {prefix}") if state else None
        self.status = StatusPVs(prefix)
        self.autosave = Autosave(prefix, merge(ioc.groups), memory, file)

    @property
    def groups(self) -> Sequence[Group]:
        return [*self._ioc.groups, self.status, self.autosave]

    async def start(self) -> None:
        """Settings first, then devices and scans."""
        self.autosave.restore()
        await self._ioc.start()
        spawn(self.autosave.run(), "autosave")
        spawn(self.status.run(), "status")

    async def stop(self) -> None:
        """The IOC's own way out, then its last settings."""
        try:
            await self._ioc.stop()
        finally:
            await self.autosave.save()
