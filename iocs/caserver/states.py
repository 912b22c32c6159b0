"""Records of named states: Choice and Flag. They know indices, labels and the severity of each state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from iocs.caserver import dbr, tables
from iocs.caserver.alarms import Alarm, AlarmSeverity, AlarmStatus, StateAlarms
from iocs.caserver.numeric import number_from_client
from iocs.caserver.published import CHANGED
from iocs.caserver.puts import Put
from iocs.caserver.record import Record
from iocs.caserver.served import Slice

N = dbr.Native
MAX_STATE_LABEL = dbr.STATE_SIZE - 1


class Choice(Record[int]):
    """mbbi/mbbo: one of up to 16 named states; the value is the index."""

    native = N.ENUM
    fields = tables.CHOICE
    record_types = ("mbbi", "mbbo")
    name_fields = tuple(f"{n}ST" for n in tables.STATE_NAMES)
    severity_fields = tuple(f"{n}SV" for n in tables.STATE_NAMES)
    renaming_is_news = True
    """Whether the present state's new name is an event of the value, as for base's mbbi but not its bi."""

    def __init__(
        self,
        name: str,
        states: Sequence[str],
        value: int = 0,
        *,
        severities: Sequence[AlarmSeverity] = (),
        unsv: AlarmSeverity = AlarmSeverity.NO_ALARM,
        cosv: AlarmSeverity = AlarmSeverity.NO_ALARM,
        **options: Any,
    ) -> None:
        self._states = check_states(name, states)
        self._alarms = StateAlarms([AlarmSeverity.NO_ALARM] * dbr.MAX_STATES, unsv, cosv)
        self._alarms.severities[: len(severities)] = severities
        super().__init__(name, value, **options)
        self._posted = value

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states, in order of their index."""
        return self._states

    @property
    def label(self) -> str:
        """Name of the present state."""
        return self._states[self.value] if self.value < len(self._states) else ""

    def set_ok(
        self,
        value: int | str,
        *,
        timestamp: float | None = None,
        alarm: tuple[AlarmStatus, AlarmSeverity] | None = None,
    ) -> None:
        """As every record; takes the index or the name of a state."""
        super().set_ok(self.convert(value), timestamp=timestamp, alarm=alarm)

    def convert(self, value: Any) -> int:
        if isinstance(value, str):
            return self._index_of(value)
        if not isinstance(value, int | np.integer):
            raise TypeError(f"{self.name}: {value!r} is neither an index nor a state")
        return self._in_range(int(value))

    def from_client(self, raw: dbr.Value | list[str]) -> int:
        if isinstance(raw, list):
            raw = raw[0]
        if isinstance(raw, str) and (raw in self._states or not raw.strip().isdigit()):
            return self._index_of(raw)
        number = number_from_client(raw)
        if not math.isfinite(number) or number != int(number):
            raise ValueError(f"{number} is not a state")
        return self._in_range(int(number))

    def _index_of(self, label: str) -> int:
        if label not in self._states or not label:
            raise ValueError(f"{label!r} is none of {', '.join(s for s in self._states if s)}")
        return self._states.index(label)

    def _in_range(self, index: int) -> int:
        if not 0 <= index < len(self._states):
            raise ValueError(f"{self.name}: {index} is not a state, 0 to {len(self._states) - 1} are")
        return index

    def change_mask(self, new: int) -> int:
        if new == self._posted:
            return 0
        self._posted = new
        return CHANGED

    def judge(self) -> Alarm:
        return self._alarms.judge(self.value)

    def metadata(self) -> dbr.Metadata:
        return dbr.Metadata(states=dbr.state_bytes(self._states))

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        if native == N.STRING:
            return dbr.string_field(self.label), 1
        return dbr.number_body(self.value, native, 0), 1

    # -- settings --------------------------------------------------------------------------------

    def reconfigure(
        self,
        *,
        states: Sequence[str] | None = None,
        severities: Sequence[AlarmSeverity] | None = None,
        unsv: AlarmSeverity | None = None,
        cosv: AlarmSeverity | None = None,
    ) -> None:
        """New state names or severities, published as properties. Raises ValueError."""
        if states is not None:
            self._states = check_states(self.name, states)
        if severities is not None:
            self._alarms.severities[: len(severities)] = severities
        if unsv is not None:
            self._alarms.unsv = unsv
        if cosv is not None:
            self._alarms.cosv = cosv
        self.touch(*self.fields, metadata=states is not None)

    def setting(self, key: str) -> AlarmSeverity:
        """UNSV or COSV."""
        severity: AlarmSeverity = getattr(self._alarms, key)
        return severity

    def state_name(self, index: int) -> str:
        """Name of one state; empty where there is none."""
        return self._states[index] if index < len(self._states) else ""

    def rename_state(self, index: int, label: str) -> None:
        """Rename one of the present states."""
        self._in_range(index)
        states = [*self._states]
        states[index] = label
        self._states = check_states(self.name, states)
        news = index == self.value and self.renaming_is_news
        self.touch(self.name_fields[index], value=CHANGED if news else 0)

    def state_severity(self, index: int) -> AlarmSeverity:
        """Severity of one state."""
        return self._alarms.severities[index]

    def set_state_severity(self, index: int, severity: AlarmSeverity) -> None:
        """Change it; the present value is judged anew."""
        self._alarms.severities[index] = severity
        self.touch(self.severity_fields[index], metadata=False)


class Flag(Choice):
    """bi/bo: two states. A momentary flag does its work on 1 and falls back to 0."""

    fields = tables.FLAG
    record_types = ("bi", "bo")
    name_fields = ("ZNAM", "ONAM")
    severity_fields = ("ZSV", "OSV")
    renaming_is_news = False

    def __init__(
        self, name: str, states: Sequence[str] = ("Off", "On"), value: int = 0, **options: Any
    ) -> None:
        self.momentary: bool = options.pop("momentary", False)
        super().__init__(name, states, value, **options)
        if len(self.states) != 2:
            raise ValueError(f"{name}: a flag has two states, not {len(self.states)}")

    async def _carry_out(self, put: Put, value: int) -> None:
        if not self.momentary:
            await super()._carry_out(put, value)
        elif value:
            await super()._carry_out(put, value)
            self._take(0)


def check_states(name: str, states: Sequence[str]) -> tuple[str, ...]:
    """State names as a tuple. Raises ValueError: 1 to 16, at most 25 bytes each, no two alike."""
    if not 1 <= len(states) <= dbr.MAX_STATES:
        raise ValueError(f"{name}: {len(states)} states, 1 to {dbr.MAX_STATES} are possible")
    for state in states:
        if not state or len(dbr.encode_text(state)) > MAX_STATE_LABEL:
            raise ValueError(f"{name}: state {state!r} is empty or longer than {MAX_STATE_LABEL} characters")
    if len(set(states)) != len(states):
        raise ValueError(f"{name}: two states have the same name")
    return tuple(states)
