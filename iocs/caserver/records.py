"""The record types: Analog, Integer, Choice, Flag, Text and Waveform.

Each says what it can hold, when a change counts, and how a client's value is taken. Publishing,
alarms and the order of puts are the base class's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iocs.caserver import dbr, tables
from iocs.caserver.alarms import FINE, Alarm, AlarmSeverity, AlarmStatus, StateAlarms
from iocs.caserver.numeric import Numeric, number_from_client
from iocs.caserver.puts import Put
from iocs.caserver.record import Record
from iocs.caserver.served import Slice

N = dbr.Native
CHANGED = dbr.Mask.VALUE | dbr.Mask.LOG
MAX_STATE_LABEL = dbr.STATE_SIZE - 1
SHORT_TEXT = dbr.STRING_SIZE - 1


class Analog(Numeric[float]):
    """ai/ao: a double. Counters beyond 32 bit are Analog with precision 0 (exact up to 2**53)."""

    native = N.DOUBLE
    fields = tables.ANALOG
    record_types = ("ai", "ao")

    def __init__(self, name: str, value: float = 0.0, **options: Any) -> None:
        super().__init__(name, float(value), **options)

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"{self.name}: {value!r} is not a number")
        return float(value)

    def from_client(self, raw: dbr.Value | list[str]) -> float:
        number = number_from_client(raw)
        if not math.isfinite(number):
            raise ValueError(f"{number} is not a finite number")
        return float(number)


class Integer(Numeric[int]):
    """longin/longout: 32 bit, signed."""

    native = N.LONG
    fields = tables.INTEGER
    record_types = ("longin", "longout")

    def __init__(self, name: str, value: int = 0, **options: Any) -> None:
        super().__init__(name, int(value), **options)

    def convert(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"{self.name}: {value!r} is not a number")
        return self._whole(value)

    def from_client(self, raw: dbr.Value | list[str]) -> int:
        return self._whole(number_from_client(raw))

    def _whole(self, number: Any) -> int:
        if not math.isfinite(number):
            raise ValueError(f"{self.name}: {number} is not a finite number")
        whole = int(number)
        if not -(2**31) <= whole < 2**31:
            raise ValueError(f"{self.name}: {whole} does not fit into 32 bit")
        return whole


class Choice(Record[int]):
    """mbbi/mbbo: one of up to 16 named states; the value is the index."""

    native = N.ENUM
    fields = tables.CHOICE
    record_types = ("mbbi", "mbbo")

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
        if number != number or number != int(number):
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
        self.reconfigure(states=states)

    def state_severity(self, index: int) -> AlarmSeverity:
        """Severity of one state."""
        return self._alarms.severities[index]

    def set_state_severity(self, index: int, severity: AlarmSeverity) -> None:
        """Change it; the present value is judged anew."""
        self._alarms.severities[index] = severity
        self.touch(*self.fields, metadata=False)


class Flag(Choice):
    """bi/bo: two states. A momentary flag does its work on 1 and falls back to 0."""

    fields = tables.FLAG
    record_types = ("bi", "bo")

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


class Text(Record[str]):
    """stringin/stringout up to 39 bytes; lsi/lso beyond, whole under `NAME.VAL$` or `NAME.$`."""

    native = N.STRING

    def __init__(self, name: str, value: str = "", *, max_length: int = SHORT_TEXT, **options: Any) -> None:
        self.max_length = max_length
        long = max_length > SHORT_TEXT
        self.fields = tables.LONG_TEXT if long else tables.TEXT
        self.record_types = ("lsi", "lso") if long else ("stringin", "stringout")
        super().__init__(name, value, **options)
        self._posted = value

    @property
    def text_capacity(self) -> int:
        return self.max_length + 1

    def convert(self, value: Any) -> str:
        """Text from our own code is cut to fit, between characters."""
        if not isinstance(value, str):
            raise TypeError(f"{self.name}: {value!r} is not a text")
        return dbr.clip_text(value.replace("\0", ""), self.max_length)

    def from_client(self, raw: dbr.Value | list[str]) -> str:
        if isinstance(raw, list):
            raw = raw[0]
        text = dbr.decode_text(raw) if isinstance(raw, bytes) else str(raw)
        if len(dbr.encode_text(text)) > self.max_length:
            raise ValueError(f"{len(text)} characters sent, {self.max_length} fit")
        return text

    def change_mask(self, new: str) -> int:
        if new == self._posted:
            return 0
        self._posted = new
        return CHANGED

    def judge(self) -> Alarm:
        return FINE

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        if long and native == N.CHAR:
            size = self.text_capacity
            return dbr.encode_text(self.value).ljust(size, b"\0"), size
        if native == N.ENUM and self.max_length <= SHORT_TEXT:
            raise ValueError("a string is not one of several states")
        return dbr.text_body(self.value, native), 1


class Waveform(Record[NDArray[np.float64]]):
    """waveform of doubles, always `max_length` long: what is not used is NaN."""

    native = N.DOUBLE
    fields = tables.WAVEFORM
    record_types = ("waveform", "waveform")

    def __init__(
        self,
        name: str,
        max_length: int,
        *,
        units: str = "",
        precision: int = 3,
        display: tuple[float, float] = (0.0, 0.0),
        **options: Any,
    ) -> None:
        self.elements = max_length
        self.used = 0
        self.units = units
        self.precision = precision
        self.lopr, self.hopr = map(float, display)
        super().__init__(name, np.full(max_length, math.nan), **options)
        self._posted: NDArray[np.float64] | None = None

    def convert(self, value: Any) -> NDArray[np.float64]:
        array = np.asarray(value)
        if array.dtype.kind not in "iuf" and array.size:
            raise TypeError(f"{self.name}: {array.dtype} are not numbers")
        if array.ndim > 1 or array.size > self.elements:
            raise ValueError(f"{self.name}: shape {array.shape} does not fit into {self.elements} elements")
        padded = np.full(self.elements, math.nan)
        padded[: array.size] = array
        return padded

    def from_client(self, raw: dbr.Value | list[str]) -> NDArray[np.float64]:
        if isinstance(raw, bytes):
            raw = np.frombuffer(raw, np.uint8)
        if isinstance(raw, str | list):
            raw = np.array([dbr.parse_number(t) for t in ([raw] if isinstance(raw, str) else raw)])
        array = self.convert(raw)
        if not np.isfinite(array[: np.size(raw)]).all():
            raise ValueError("all elements must be finite")
        return array

    def change_mask(self, new: NDArray[np.float64]) -> int:
        self.used = self.elements - int(np.isnan(new)[::-1].cumprod().sum())
        if self._posted is not None and np.array_equal(new, self._posted, equal_nan=True):
            return 0
        self._posted = new
        self.touch_fields("NORD")
        return CHANGED

    def metadata(self) -> dbr.Metadata:
        nan = math.nan
        limits = (self.hopr, self.lopr, nan, nan, nan, nan, self.hopr, self.lopr)
        return dbr.Metadata(dbr.encode_text(self.units), self.precision, limits)

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        values = self.value if part is None else self.value[slice(*part)]
        return dbr.array_body(values, native, self.precision), len(values)

    def setting(self, key: str) -> float:
        """HOPR or LOPR."""
        value: float = getattr(self, key)
        return value

    def reconfigure(
        self,
        *,
        units: str | None = None,
        precision: int | None = None,
        hopr: float | None = None,
        lopr: float | None = None,
    ) -> None:
        """New units, precision or display range, published as properties."""
        self.units = self.units if units is None else units
        self.precision = self.precision if precision is None else precision
        self.hopr = self.hopr if hopr is None else hopr
        self.lopr = self.lopr if lopr is None else lopr
        self.touch("EGU", "PREC", "HOPR", "LOPR")


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


__all__ = ["Analog", "Choice", "Flag", "Integer", "Text", "Waveform"]
