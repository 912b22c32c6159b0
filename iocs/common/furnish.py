"""What every IOC gets besides its own groups: settings that outlive it, and how it is itself.

Knows the surface of an Ioc and the services around it; knows no subsystem.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iocs.caserver import current_server, spawn
from iocs.common.autosave import Autosave
from iocs.common.memory import Memory
from iocs.common.notify import Notifier
from iocs.common.pv import Group, merge
from iocs.common.statefile import StateFile
from iocs.common.status import Status
from iocs.common.subsystem import Ioc


class Furnished:
    """An IOC with the services of the house. `state`: folder of its state file; None: nothing is saved."""

    def __init__(self, ioc: Ioc, name: str, prefix: str, state: Path | None) -> None:
        self._ioc = ioc
        self._prefix = prefix
        memory: Memory | None = getattr(ioc, "memory", None)
        stem = prefix.strip(":").replace(":", "-") or name
        file = StateFile(state, stem, f"{name} {prefix}") if state else None
        self.notifier = Notifier()
        self.status = Status(prefix)
        self.autosave = Autosave(prefix, merge([*ioc.groups, *self.status.groups]), memory, file)

    @property
    def groups(self) -> Sequence[Group]:
        return [*self._ioc.groups, *self.status.groups, self.autosave]

    async def start(self) -> None:
        """Settings first, then devices and scans."""
        self.autosave.restore()
        await self._ioc.start()
        spawn(self.autosave.run(), "autosave")
        spawn(self.status.run(), "status")
        spawn(self.notifier.run(self.in_words), "service manager")

    def ready(self) -> None:
        """Clients are served from now on."""
        self.notifier.ready(self.in_words())

    def in_words(self) -> str:
        """How the IOC is, in one line for a service manager."""
        server = current_server()
        served = f"{len(server.pvdb)} PVs under {self._prefix} on port {server.port}"
        stalls = server.counters.stalls
        trouble = f", stood still {stalls} times" if stalls else ""
        return f"{served}, {server.client_count} clients{trouble}"

    async def stop(self) -> None:
        """The IOC's own way out, then its last settings."""
        self.notifier.stopping()
        try:
            await self._ioc.stop()
        finally:
            await self.autosave.save()
