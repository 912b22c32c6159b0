"""Access rules at work: who may read and write which record, also when a condition or the file changes.

Knows records, links and the server that tells clients; decides nothing itself (rules.py does).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from iocs.caserver import AccessRights, AlarmSeverity, Client, Record, Refused, current_server, spawn
from iocs.caserver.dbr import Mask
from iocs.common import pv
from iocs.common.access.acf import Acf, AcfError, Rights, read
from iocs.common.access.rules import FIELD_LEVEL, VALUE_LEVEL, grant
from iocs.common.group import Group
from iocs.common.links import Links
from iocs.common.spec import RESERVED, AlarmPolicy, Archive

MOST_KEPT = 10_000
ON_THE_WIRE = {
    Rights.NONE: AccessRights.NO_ACCESS,
    Rights.READ: AccessRights.READ,
    Rights.WRITE: AccessRights.READ | AccessRights.WRITE,
}

log = logging.getLogger(__name__)


class Input(Protocol):
    """A PV in a condition."""

    def number(self) -> float:
        """Its value, NaN if it cannot be relied on."""

    def close(self) -> None:
        """Nobody asks any more."""


class AccessPVs(Group):
    """State of the access rules."""

    status = pv.choice(
        "Access:Status",
        "State of the access rules",
        states=["OK", "Old rules kept", "Off"],
        severities={"Old rules kept": AlarmSeverity.MINOR},
        archive=Archive(),
        alarm=AlarmPolicy("The access file is broken: see Access:Message, mend it, then Access:Reload."),
    )
    message = pv.text("Access:Message", "What is wrong with the access file", max_length=400)
    file = pv.text("Access:File", "The access file", max_length=200)
    loaded = pv.text("Access:Loaded", "When the rules in force were read")
    reload = pv.command("Access:Reload", "Read the access file again", access="CONFIGURE")


class Security(AccessPVs):
    """Rules of a file for the records of an IOC. Without a file everybody may do everything.

    Raises AcfError or OSError for a file that cannot be used; later on, the rules in force are kept then.
    """

    def __init__(
        self,
        prefix: str,
        records: Mapping[str, Record[Any]],
        file: Path | None = None,
        macros: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{prefix}IOC:")
        self._path = file
        self._macros = {**(macros or {}), "P": prefix}
        self._records = {**records, **self.pvdb}
        self._links = Links()
        self._linking: asyncio.Task[None] | None = None
        self._inputs: dict[str, Input] = {}
        self._news = asyncio.Event()
        self._kept: dict[tuple[Any, ...], AccessRights] = {}
        self._acf = Acf()
        if file is None:
            self._show(2, "no access file: everybody may do everything")
            return
        self.file.set_ok(str(file)[-199:])
        self._adopt(self._read(file))
        for record in self._records.values():
            record.rules = partial(self.rights, record)

    # -- deciding -----------------------------------------------------------------------------

    def rights(self, record: Record[Any], client: Client, field: str) -> AccessRights:
        """What a client may do with a field, at this moment."""
        if record.asg in RESERVED and record.asg not in self._acf.groups:
            return AccessRights.READ  # EPICS base would take DEFAULT's rules for a file that forgets it
        level = VALUE_LEVEL if field == "VAL" else FIELD_LEVEL
        values = self._values(record.asg)
        key = (record.asg, level, client.user, client.host, *values.items())
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) > MOST_KEPT:
                self._kept.clear()
            rights = grant(self._acf, record.asg, level, client.user, client.host, values).rights
            found = self._kept[key] = ON_THE_WIRE[rights]
        return found

    def _values(self, group: str) -> dict[str, float]:
        """The inputs of a group that can be relied on."""
        wanted = self._acf.group(group).inputs.values()
        found = {name: self._inputs[name].number() for name in wanted}
        return {name: value for name, value in found.items() if not math.isnan(value)}

    # -- while it runs ------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell clients of new rights, and read the file again at SIGHUP, for ever."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(AttributeError, NotImplementedError):  # Windows
            loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        if self._path is None:
            return
        self._link()
        while True:
            await self._news.wait()
            self._news.clear()
            current_server().push_rights()

    def _on_hangup(self) -> None:
        """Never the end of the IOC, which is what systemd's reload would be without a file."""
        if self._path is None:
            log.warning("SIGHUP: there is no access file to read again")
        else:
            self._try_again()

    async def put_reload(self, value: int) -> None:
        if self._path is None:
            raise Refused("this IOC was started without an access file")
        if problem := self._try_again():
            raise Refused(problem)

    def _try_again(self) -> str:
        """Read the file again; what is wrong with it, if so, and then the rules in force stay."""
        assert self._path is not None
        try:
            acf = self._read(self._path)
        except (AcfError, OSError) as error:
            problem = str(error)
            log.error("access rules not changed:\n%s", problem)
            self._show(1, problem)
            return problem
        self._adopt(acf)
        self._link()
        log.info("access rules read from %s", self._path)
        return ""

    # -- the file -----------------------------------------------------------------------------

    def _read(self, path: Path) -> Acf:
        acf = read(path.read_text(encoding="utf-8", errors="replace"), str(path), self._macros)
        for warning in acf.warnings:
            log.warning("%s", warning)
        return acf

    def _adopt(self, acf: Acf) -> None:
        names = {name for group in acf.groups.values() for name in group.inputs.values()}
        for source in self._inputs.values():
            source.close()
        self._links = Links()
        self._inputs = {name: self._source(name) for name in sorted(names)}
        self._acf = acf
        self._kept.clear()
        self._news.set()
        self.loaded.set_ok(time.strftime("%Y-%m-%d %H:%M:%S"))
        self._show(0, "; ".join(map(str, acf.warnings)))

    def _source(self, name: str) -> Input:
        """A record of this IOC, else a link to another one."""
        record = self._records.get(name.removesuffix(".VAL"))
        if record is None:
            return _Remote(self._links, name, self._news.set)
        return _Local(record, self._news.set)

    def _link(self) -> None:
        """Connect what the rules in force need from other IOCs."""
        if self._linking is not None:
            self._linking.cancel()
        self._linking = spawn(self._links.run, "access links", restart_after_s=1.0)

    def _show(self, status: int, message: str) -> None:
        self.status.set_ok(status)
        self.message.set_ok(message[:399])


class _Local:
    """A record of this IOC, watched as a client would."""

    mask = int(Mask.VALUE | Mask.ALARM)

    def __init__(self, record: Record[Any], changed: Callable[[], None]) -> None:
        self._record = record
        self.changed = changed
        record.watch(self)

    def close(self) -> None:
        self._record.unwatch(self)

    def number(self) -> float:
        bad = self._record.severity is AlarmSeverity.INVALID
        return math.nan if bad else _number(self._record.value)


class _Remote:
    """A PV of another IOC."""

    def __init__(self, links: Links, name: str, changed: Callable[[], None]) -> None:
        self._link = links.to(name)
        self._link.watch(lambda _: changed())

    def close(self) -> None:
        """The links end together."""

    def number(self) -> float:
        return _number(self._link.value) if self._link.good else math.nan


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
