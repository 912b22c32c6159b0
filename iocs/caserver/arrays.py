"""Arrays: Waveform, always sent in full length."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iocs.caserver import dbr, tables
from iocs.caserver.record import CHANGED, Record
from iocs.caserver.served import Slice

N = dbr.Native


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
