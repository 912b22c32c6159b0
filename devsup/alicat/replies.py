"""What an Alicat instrument answers other than a data frame: tables, single values, complaints.

Pure: text to values. Every answer but a complaint begins with the unit id.
"""

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devsup.alicat.firmware import UNKNOWN, Firmware, firmware_in
from devsup.alicat.gases import SELECTED_BITS
from devsup.alicat.units import egu
from devsup.errors import DeviceError, FramingError, IdentityError

PADDING = "\x08"  # backspaces, in texts of GP firmware
LONGEST = 4096


class NotUnderstood(DeviceError):
    """`?`: the instrument, or one on its line, could make nothing of it. It carries no unit id."""


class FeatureMissing(DeviceError):
    """The instrument knows the command but has not what it is about."""


class Source(enum.Enum):
    """Where an instrument takes its setpoint from (`LSS`)."""

    SAVED = "serial, saved"
    UNSAVED = "serial, not saved"
    ANALOG = "analog"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Maker:
    """The name plate. Empty where the instrument does not tell."""

    model: str = ""
    serial: str = ""
    firmware: Firmware = UNKNOWN


@dataclass(frozen=True, slots=True)
class Setpoints:
    """Under a ramp, `current` is on its way to `requested`."""

    current: float
    requested: float
    unit: str


class LineDecoder:
    """Bytes to lines of text, ended by carriage returns. Backspaces and line feeds are dropped."""

    def __init__(self) -> None:
        self.pending = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        text = data.decode("latin-1").replace(PADDING, "").replace("\n", "")
        *lines, self.pending = (self.pending + text).split("\r")
        self.pending = self.pending[-LONGEST:]
        return lines


def own(text: str, unit: str) -> str:
    """`text` if it is an answer of `unit`. Raises what it is otherwise."""
    if not (text.isascii() and text.isprintable()):
        raise FramingError(f"unit {unit}: noise in {text!r}")
    if text.strip() == "?":
        raise NotUnderstood(f"unit {unit}: not understood (?)")
    first, _, rest = text.partition(" ")
    if len(first) != 1 or first not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        raise IdentityError(f"unit {unit}: answer without unit id {text!r}")
    if first != unit:
        raise IdentityError(f"unit {unit}: answer from unit {first}")
    if "not enabled" in rest.casefold():
        raise FeatureMissing(f"unit {unit}: {rest.strip()}")
    return text


# -- tables ----------------------------------------------------------------------------------------

_MAKER_ROW = re.compile(r"\w\s+M(\d{1,2})\s*(.*)")
_MODEL = re.compile(r"\b[A-Z]{1,6}-[\d.]+[A-Z]*[A-Z]\w*(?:-[\w/]+)*")
_SERIAL = re.compile(r"(?:serial|ser|s/?n)\b.*?(\w*\d\w*)\s*$", re.IGNORECASE)
_GAS_ROW = re.compile(r"\bG(\d{1,3})\s+(\S+)")
_LAST_MAKER_ROW = 9  # numbered firmware has ten


def maker_from(rows: Sequence[str]) -> Maker:
    """Model, serial number and firmware, wherever they stand: the numbering differs. FramingError if it is
    no such table."""
    texts = [found[2] for row in rows if (found := _MAKER_ROW.fullmatch(row.strip()))]
    if not texts or len(texts) < len(rows):
        raise FramingError(f"name plate: {rows[:1]}")
    model = next((found[0] for text in texts if (found := _MODEL.search(text))), "")
    serial = next((found[1] for text in texts if (found := _SERIAL.search(text))), "")
    firmware = next(filter(None, map(firmware_in, texts)), UNKNOWN)
    return Maker(model, serial, firmware)


def maker_complete(rows: Sequence[str]) -> bool:
    """Was that the last row of the name plate? Only known of numbered firmware."""
    found = _MAKER_ROW.fullmatch(rows[-1].strip())
    return found is not None and int(found[1]) == _LAST_MAKER_ROW


def gases_from(rows: Iterable[str]) -> dict[int, str]:
    """Numbers and names; GP tells them all in one line. FramingError if there are none."""
    gases = {int(number): name for row in rows for number, name in _GAS_ROW.findall(row)}
    if not gases:
        raise FramingError("gas list: no gas in it")
    return gases


# -- single values ---------------------------------------------------------------------------------

_RANGE = re.compile(r"-([\d.]+)([A-Z]+)\b")


def full_scale_in(model: str) -> tuple[float, str] | None:
    """Full scale and unit that a model number names, as in "MC-500SCCM-D"."""
    found = _RANGE.search(model)
    return (float(found[1]), egu(found[2])) if found else None


_FLOAT = r"[+-]?\d+(?:\.\d+)?"
_SETPOINTS = re.compile(rf"\w\s+({_FLOAT})\s+({_FLOAT})\s+\d+\s+(\S+)")
_FULL_SCALE = re.compile(rf"\w\s+({_FLOAT})\s+\d+\s+(\S+)")
_SOURCE = re.compile(r"\w\s+([SUA])")
_REGISTER = re.compile(r"\w\s+0*46\s*=\s*(\d+)")
_GAS = re.compile(r"\w\s+(\d+)\s+(\w[\w+-]*)(?:\s.*)?")


def setpoints_from(text: str) -> Setpoints:
    """Answer to `LS`."""
    found = _match(_SETPOINTS, text)
    return Setpoints(float(found[1]), float(found[2]), egu(found[3]))


def full_scale_from(text: str) -> tuple[float, str]:
    """Answer to `FPF`: full scale and unit. FeatureMissing if there is no such statistic."""
    found = _match(_FULL_SCALE, text)
    if not (unit := egu(found[2])):
        raise FeatureMissing(f"no full scale: {text!r}")
    return float(found[1]), unit


def source_from(text: str) -> Source:
    """Answer to `LSS`."""
    return {"S": Source.SAVED, "U": Source.UNSAVED, "A": Source.ANALOG}[_match(_SOURCE, text)[1]]


def gas_register_from(text: str) -> int:
    """Number of the gas in register 46."""
    return int(_match(_REGISTER, text)[1]) & SELECTED_BITS


def selected_gas_from(text: str) -> tuple[int, str]:
    """Answer to `GS`: number and short name."""
    found = _match(_GAS, text)
    return int(found[1]), found[2]


def version_from(text: str) -> Firmware:
    """Answer to `VE`."""
    if (found := firmware_in(text)) is None:
        raise FramingError(f"no firmware in {text!r}")
    return found


def _match(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    if (found := pattern.fullmatch(text.strip())) is None:
        raise FramingError(f"not what was asked for: {text!r}")
    return found
