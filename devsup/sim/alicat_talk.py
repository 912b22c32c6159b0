"""What a simulated Alicat unit answers to a command, in the manner of its firmware.

Knows commands (serial primer, manuals); must not know lines, time or faults. Texts in, texts out: an answer
is a list of lines without unit id; None is silence.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from devsup.sim import alicat_frame
from devsup.sim.alicat_firmware import GASES, UNIT_CODES, Generation
from devsup.sim.alicat_frame import generation
from devsup.sim.alicat_unit import AlicatUnit, Hold

PREFIX = "$$"
READS = ("", "??D*", "??M*", "??G*", "R46")  # GP: all it is asked without the prefix
NUMBER = r"\s*([+-]?\d+\.?\d*|\.\d+)"
SCALE, LOOP_VARIABLE = 64000, 122


class Rejected(Exception):
    """`?`"""


Answer = list[str] | None
Act = Callable[[AlicatUnit, re.Match[str]], Answer]


@dataclass(frozen=True, slots=True)
class Word:
    """One command: its form, whether a firmware has it, what it does."""

    form: re.Pattern[str]
    known: Callable[[Generation], bool]
    act: Act


def answer(unit: AlicatUnit, text: str) -> Answer:
    """Lines that answer `text`, which came behind the unit id. Raises Rejected."""
    made, text = generation(unit), text.upper()
    if made.gp:
        if text not in READS and not text.startswith(PREFIX):
            return None  # modern words, and orders without the prefix
        if text.removeprefix(PREFIX) in READS and text.startswith(PREFIX):
            return None
    text = text.removeprefix(PREFIX)
    if made.locks_on_l and text.startswith("L"):
        unit.locked = True
        return shown(unit)
    for word in WORDS:
        if (match := word.form.fullmatch(text)) and word.known(made):
            return word.act(unit, match)
    if text[:2] in ("LS", "LV") and not made.gp:
        return ["   1 ---"] if unit.config.meter else shown(unit)  # not known, and not said so
    if text.startswith("ZC") and not made.since(10, 5):
        return ["   Feature Not Enabled"]
    raise Rejected


def shown(unit: AlicatUnit, match: re.Match[str] | None = None) -> list[str]:
    """The data frame."""
    return [alicat_frame.frame(unit)]


# ---- orders ------------------------------------------------------------------------------


def set_flow(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    if not unit.order(float(match[1]) / unit.config.full_scale):
        raise Rejected
    return shown(unit)


def set_raw(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    if not unit.order(int(match[1]) / SCALE):
        raise Rejected
    return shown(unit)


def set_and_tell(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    if unit.config.meter:
        return ["   1 ---"]
    if match[1] is not None and not unit.order(float(match[1]) / unit.config.full_scale):
        raise Rejected
    full, flow_unit = unit.config.full_scale, unit.config.flow_unit
    asked = unit.analog_input if unit.source == "A" else unit.setpoint
    code = UNIT_CODES.get(flow_unit, 1)
    return [f" {unit.demand * full:+07.2f} {asked * full:+07.2f} {code} {flow_unit}"]


def source(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    if unit.config.meter:
        return ["   1 ---"]
    unit.source = match[1] or unit.source
    return [f" {unit.source}"]


def hold(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    if unit.config.meter:
        raise Rejected
    unit.hold = Hold.CLOSED if match[0] == "HC" else Hold.PRESENT
    return shown(unit)


def cancel(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    if unit.config.meter:
        raise Rejected
    unit.hold = Hold.NONE
    return shown(unit)


def lock(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    unit.locked = match[0] == "L"
    return shown(unit)


def tare_flow(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    unit.tare_flow()
    return shown(unit)


def tare_pressure(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    unit.tare_pressure()
    return shown(unit)


def bare_t(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    """The word that changed its meaning."""
    if generation(unit).since(8, 0) and match[1] is None:
        unit.tare_flow()
    else:
        unit.reset_total()
    return shown(unit)


def select_gas(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    choose(unit, int(match[1]))
    return shown(unit)


def select_gas_and_tell(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    if match[1] is not None:
        choose(unit, int(match[1]))
    short, name = GASES[unit.gas]
    return [f" {unit.gas} {short} {name}"]


def gas_register(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    """Bits above the ninth are flags."""
    if match[1] is not None:
        choose(unit, int(match[1]) & 0x1FF)
    return [f"   046 = {unit.gas | 0x200}"]


def register(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    number = int(match[1])
    if number not in unit.registers:
        raise Rejected
    if match[2] is not None:
        unit.registers[number] = int(match[2]) & 0xFFFF
    return [f"   {number:03} = {unit.registers[number]}"]


def loop_variable(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    """Statistic that is controlled."""
    return [f" {unit.registers[LOOP_VARIABLE]}"]


def choose(unit: AlicatUnit, number: int) -> None:
    if number >= len(GASES):
        raise Rejected
    unit.gas = number


# ---- questions ---------------------------------------------------------------------------


def frame_table(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    return alicat_frame.frame_table(unit)


def maker_table(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    rows = alicat_frame.maker_table(unit)
    return rows if match[1] == "*" else rows[int(match[1]) : int(match[1]) + 1]


def gas_table(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    return alicat_frame.gas_table()


def version(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    made = generation(unit)
    return [f"   {made.text} Jan  9 2025,15:04:07"] if made.tells_version else None


def full_scale(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    for column in alicat_frame.columns(unit):
        if column.stat == int(match[1]):
            return [f" {column.highest:+07.2f} {UNIT_CODES.get(column.unit, column.stat)} {column.unit}"]
    if generation(unit).rejects_twice:
        raise Rejected
    return [" +0 1 ---"]


def values(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    """`DV`: the only answer that carries no unit id; the line knows."""
    known = {column.stat: column.text for column in alicat_frame.columns(unit)}
    return [" ".join(known.get(int(stat), "--") for stat in match[2].split())]


def valve_drive(unit: AlicatUnit, match: re.Match[str]) -> Answer:
    return [f" {unit.drive_percent:06.2f} 000.00 000.00 000.00"]


def _word(form: str, act: Act, since: tuple[int, int] | None = None) -> Word:
    """Without `since`: every firmware, GP included."""
    known: Callable[[Generation], bool] = (lambda made: True) if since is None else _since(*since)
    return Word(re.compile(form), known, act)


def _since(major: int, minor: int) -> Callable[[Generation], bool]:
    return lambda made: made.since(major, minor)


WORDS = (
    _word("", shown),
    _word(r"\?\?D\*", frame_table),
    _word(r"\?\?M(\*|\d)", maker_table),
    _word(r"\?\?G\*", gas_table),
    _word("VE", version, (1, 0)),
    _word(f"S{NUMBER}", set_flow),
    _word(r"(\d{1,5})", set_raw),
    _word(f"LS(?:{NUMBER})?", set_and_tell, (9, 0)),
    _word(r"LSS(?:\s+([SUA]))?", source, (10, 5)),
    _word("HP|HC", hold, (5, 7)),
    _word("H", hold),
    _word("C", cancel),
    _word("L|U", lock),
    _word("V", tare_flow),
    _word("P", tare_pressure),
    _word(r"T( 1)?", bare_t, (1, 0)),
    _word("TP", tare_pressure, (8, 0)),
    _word(r"G\s*(\d+)", select_gas),
    _word(r"GS(?:\s+(\d+))?", select_gas_and_tell, (10, 5)),
    _word(r"[RW]46(?:=(\d+))?", gas_register),
    _word(r"[RW](\d{1,3})(?:=(\d+))?", register, (1, 0)),
    _word("LV", loop_variable, (9, 0)),
    _word(r"FPF (\d+)", full_scale, (6, 0)),
    _word(r"DV ([1-9]\d*)((?: \d+)+)", values, (6, 0)),
    _word("VD", valve_drive, (8, 18)),
)
