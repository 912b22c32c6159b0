"""What every IOC gets besides its own groups: rules of access, a put log, settings that outlive it, status.

Knows the surface of an Ioc and the services around it; knows no subsystem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iocs.caserver import current_server, spawn
from iocs.common.access.security import Security
from iocs.common.autosave import Autosave
from iocs.common.group import Group, merge
from iocs.common.memory import Memory
from iocs.common.notify import Notifier
from iocs.common.putlog import PutLog
from iocs.common.recsync import RecSync
from iocs.common.statefile import StateFile
from iocs.common.status import Status
from iocs.common.subsystem import Ioc


@dataclass(frozen=True)
class Services:
    """Which services an IOC gets; none of them by default.

    `state`: folder of its state file. `access`: its access file, with `macros`. `put_log`: folder for the
    log of puts; `put_log_server`: host and TCP port of a server for it. `recsync`: address and UDP port where
    RecCeivers of ChannelFinder announce themselves; `ioc_name`: what it calls the IOC, by default its prefix.
    """

    state: Path | None = None
    access: Path | None = None
    macros: Mapping[str, str] = field(default_factory=dict)
    put_log: Path | None = None
    put_log_server: tuple[str, int] | None = None
    recsync: tuple[str, int] | None = None
    ioc_name: str = ""


class Furnished:
    """An IOC with the services of the house. Raises AcfError or OSError for an access file of no use."""

    def __init__(self, ioc: Ioc, name: str, prefix: str, services: Services | None = None) -> None:
        services = services or Services()
        self._ioc = ioc
        self._prefix = prefix
        memory: Memory | None = getattr(ioc, "memory", None)
        stem = prefix.strip(":").replace(":", "-") or name
        file = StateFile(services.state, stem, f"{name} {prefix}") if services.state else None
        if memory is not None and services.state is not None:
            memory.beside = services.state / stem
        log = services.put_log / f"{stem}-puts.json" if services.put_log else None
        self.notifier = Notifier()
        self.status = Status(prefix)
        records = merge([*ioc.groups, *self.status.groups])
        self.autosave = Autosave(prefix, records, memory, file)
        self.security = Security(prefix, records, services.access, services.macros)
        self.put_log = PutLog(prefix, {**records, **self.security.pvdb}, log, services.put_log_server)

        own = [*self.status.groups, self.autosave, self.security, self.put_log]
        told = merge([*ioc.groups, *own])
        self.recsync = RecSync(prefix, services.ioc_name or stem, told, services.recsync)
        self._own: list[Group] = [*own, self.recsync]

    @property
    def groups(self) -> Sequence[Group]:
        return [*self._ioc.groups, *self._own]

    async def start(self) -> None:
        """Settings first, then devices and scans."""
        self.autosave.restore()
        spawn(self.put_log.run(), "put log")
        spawn(self.security.run(), "access")
        await self._ioc.start()
        spawn(self.autosave.run(), "autosave")
        spawn(self.status.run(), "status")
        spawn(self.notifier.run(self.in_words), "service manager")

    def ready(self) -> None:
        """Clients are served from now on."""
        spawn(self.recsync.run(), "recsync")
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
