"""Settings that outlive the IOC: read back before anything is scanned, written soon after they change.

A value is put into its record and nowhere else: no putter runs, so no hardware moves. What is saved is
declared with the PV (`saved=True`); of any PV, fields that a client has changed (limits, DESC …) are saved
too. Knows records; knows no subsystem and no instrument.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from iocs.caserver import AlarmSeverity, Record
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.memory import Memory
from iocs.common.spec import AlarmPolicy, Archive
from iocs.common.statefile import StateFile

DELAY_S = 0.1  # changes that come together are written together
PATIENCE_S = 2.0  # a put-callback waits for the disk no longer than this
RETRY_S = 5.0
GENERATION_S = 86400.0
SETTINGS = frozenset(
    "DESC EGU PREC HOPR LOPR DRVH DRVL HIHI HIGH LOW LOLO HHSV HSV LSV LLSV HYST MDEL ADEL "
    "ZNAM ONAM ZSV OSV COSV UNSV ZRSV ONSV TWSV THSV FRSV FVSV SXSV SVSV EISV NISV".split()
)
OK, WARNING, FAILED, OFF = range(4)

log = logging.getLogger(__name__)


class AutosavePVs(Group):
    """Under the names that autosave gives them."""

    status = pv.choice(
        "SR_status",
        "State of saving",
        states=["OK", "Warning", "Failed", "Off"],
        severities={
            "Warning": AlarmSeverity.MINOR,
            "Failed": AlarmSeverity.MAJOR,
            "Off": AlarmSeverity.MINOR,
        },
        archive=Archive(),
        alarm=AlarmPolicy(
            "Settings are not saved: see SR_statusStr, check the disk and the state folder.", delay_s=10.0
        ),
    )
    status_text = pv.text("SR_statusStr", "State of saving, in words", max_length=120)
    heartbeat = pv.counter("SR_heartbeat", "Counts the files written")
    reboot_status = pv.choice(
        "SR_rebootStatus",
        "How restoring went at the start",
        states=["OK", "Warning", "Failed", "None"],
        severities={"Warning": AlarmSeverity.MINOR, "Failed": AlarmSeverity.MAJOR},
        archive=Archive(),
        alarm=AlarmPolicy("Settings were not all restored: see SR_rebootStr and check the set-up."),
    )
    reboot_text = pv.text("SR_rebootStr", "What was restored at the start", max_length=400)
    reboot_time = pv.text("SR_rebootTime", "Time of restoring")


class Autosave(AutosavePVs):
    """Keeps the saved PVs of some groups, and a memory, in a state file; without a file only says so."""

    def __init__(
        self,
        prefix: str,
        records: Mapping[str, Record[Any]],
        memory: Memory | None = None,
        file: StateFile | None = None,
    ) -> None:
        super().__init__(f"{prefix}IOC:")
        self._file = file
        self._memory = memory or Memory()
        self._records = {name.removeprefix(prefix): record for name, record in records.items()}
        self._fields: dict[str, dict[str, Any]] = {}
        self._dirty = asyncio.Event()
        self._awaited = asyncio.Event()
        self._changes = self._written = 0
        self._settled = asyncio.Condition()
        self._set_aside_at = -math.inf

    # -- the start ----------------------------------------------------------------------------

    def restore(self) -> None:
        """Put what was saved into the records, and begin to listen for changes. Never raises."""
        if self._file is None:
            self._say_off()
            return
        try:
            state = self._file.read()
            problems = [*state.complaints, *self._take_over(state.content)]
        except Exception as error:  # root of restoring: a start must not fail for a file
            log.exception("restoring failed")
            self._rebooted(FAILED, f"restoring failed: {error}")
        else:
            self._report(state.file, problems)
        self._listen()

    def _take_over(self, content: Mapping[str, Any]) -> list[str]:
        problems = []
        for name, fields in content.get("fields", {}).items():  # before the values, which they may limit
            for field, value in fields.items():
                problems += self._attempt(name, partial(_restore_field, field=field, value=value))
            self._fields[name] = dict(fields)
        for name, value in content.get("values", {}).items():
            problems += self._attempt(name, partial(_restore_value, value=value))
        self._memory.restore(content.get("memory", {}))
        return problems

    def _attempt(self, name: str, restore: Callable[[Record[Any]], None]) -> list[str]:
        """Restore one thing; says what is wrong with it and goes on."""
        record = self._records.get(name)
        if record is None:
            return [f"{name} is not served any more"]
        try:
            restore(record)
        except Exception as error:  # whatever a file holds, the others are restored
            return [f"{name}: {error}"]
        return []

    def _report(self, file: str, problems: list[str]) -> None:
        for problem in problems:
            log.warning("restoring: %s", problem)
        if not file:
            self._rebooted(FAILED if problems else 3, "; ".join(problems) or "nothing was saved before")
        else:
            words = f"from {file}" + (f"; but {'; '.join(problems)}" if problems else "")
            self._rebooted(WARNING if problems else OK, words)

    def _rebooted(self, status: int, words: str) -> None:
        self.reboot_status.set_ok(status)
        self.reboot_text.set_ok(words[:399])
        self.reboot_time.set_ok(time.strftime("%Y-%m-%d %H:%M:%S"))

    def _say_off(self) -> None:
        self.status.set_ok(OFF)
        self.status_text.set_ok("no state folder was given: nothing is saved")
        self._rebooted(3, "no state folder was given")
        self.heartbeat.set_ok(0)

    def _listen(self) -> None:
        self._memory.on_change = self.changed
        for name, record in self._records.items():
            if record.spec.saved:
                record.on_change = self.changed
                record.keep = self.kept
            record.on_field = partial(self._field_changed, name)
            record.keep_settings = self.kept

    # -- while it runs ------------------------------------------------------------------------

    def changed(self) -> None:
        """Something has to be written, soon."""
        self._changes += 1
        self._dirty.set()

    async def kept(self) -> None:
        """Wait until everything up to now is on the disk, at most PATIENCE_S: no put hangs on a disk."""
        wanted = self._changes
        self._awaited.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S), self._settled:
                await self._settled.wait_for(lambda: self._written >= wanted)

    async def run(self) -> None:
        """Write what there is, and from then on what changes, for ever."""
        self.changed()
        while self._file is not None:
            await self._dirty.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DELAY_S):
                    await self._awaited.wait()
            if not await self.save():
                await asyncio.sleep(RETRY_S)

    async def save(self) -> bool:
        """Write now. Whether it worked; if not, it is tried again."""
        if self._file is None:
            return True
        self._dirty.clear()
        self._awaited.clear()
        changes, content = self._changes, self._content()
        try:
            await asyncio.to_thread(self._write, content)
        except OSError as error:
            self._dirty.set()
            self._failed(f"{error.strerror or error}")
            return False
        self._written = changes
        self.heartbeat.set_ok(self.heartbeat.value + 1)
        if self.status.value != OK or not self.status.updated:
            self.status.set_ok(OK)
            self.status_text.set_ok(f"{self._file.path.name} is written")
        async with self._settled:
            self._settled.notify_all()
        return True

    def _failed(self, why: str) -> None:
        if self.status.value != FAILED or not self.status.updated:
            log.error("saving failed: %s", why)
        self.status.set_ok(FAILED)
        self.status_text.set_ok(why[:119])

    def _write(self, content: dict[str, Any]) -> None:
        assert self._file is not None
        if time.monotonic() - self._set_aside_at >= GENERATION_S:
            self._file.set_aside()
            self._set_aside_at = time.monotonic()
        self._file.write(content)

    def _content(self) -> dict[str, Any]:
        saved = {n: r for n, r in self._records.items() if r.spec.saved and r.updated}
        return {
            "values": {name: _plain(record.value) for name, record in saved.items()},
            "fields": self._fields,
            "memory": self._memory.snapshot(),
        }

    def _field_changed(self, name: str, field: str, old: Any, new: Any, user: str, host: str) -> None:
        if field in SETTINGS:
            self._fields.setdefault(name, {})[field] = _plain(new)
            self.changed()


def _restore_value(record: Record[Any], value: Any) -> None:
    if not record.spec.saved:
        raise ValueError("is not saved any more")
    restored = record.check(record.convert(_native(value)))
    record.set_ok(restored)


def _restore_field(record: Record[Any], field: str, value: Any) -> None:
    definition = record.fields[field]
    if field not in SETTINGS or definition.put is None:
        raise ValueError(f"{field} is no setting")
    definition.put(record, _native(value))


def _native(value: Any) -> Any:
    """What JSON held, as records take it."""
    if isinstance(value, list):
        return [_native(element) for element in value]
    return math.nan if value is None else value


def _plain(value: Any) -> Any:
    """As JSON holds it: arrays as lists, and NaN, which it does not know, as null."""
    if isinstance(value, tuple | np.ndarray):
        return [_plain(element) for element in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if isinstance(value, str | bool) else int(value) if isinstance(value, int) else float(value)
