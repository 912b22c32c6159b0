"""What a simulated Alicat unit tells about itself: data frame and tables, in the form of its firmware.

Independent of `devsup.alicat` on purpose. Texts without unit id and carriage return.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from devsup.sim.alicat_firmware import GASES, GENERATIONS, UNIT_CODES, Generation
from devsup.sim.alicat_unit import AlicatUnit

HEADER = "ID_ NAME______________________ TYPE_______ WIDTH NOTES___________________"
OLD_HEADER = "NAME_______ TYPE_____ MinVal_  MaxVal_  UNITS__"
TYPE_AND_WIDTH = 17  # columns
TOTAL_WIDTH, OLD_WIDTH = 10, 7


@dataclass(frozen=True, slots=True)
class Column:
    """One number of a frame: `width` counts sign and point."""

    stat: int
    name: str
    old_name: str
    unit: str
    decimals: int
    value: float
    signed: bool = True
    width: int = 7
    highest: float = 0.0

    @property
    def text(self) -> str:
        sign = "+" if self.signed else ""
        return f"{self.value + 0.0:{sign}0{self.width}.{self.decimals}f}"


def generation(unit: AlicatUnit) -> Generation:
    return GENERATIONS[unit.config.firmware]


def columns(unit: AlicatUnit) -> Iterator[Column]:
    """In their order on the wire."""
    made, config = generation(unit), unit.config
    pressure, flow = made.decimals
    flow = flow if config.decimals is None else config.decimals
    mass, volume = config.flow_unit, config.flow_unit.removeprefix("S")
    full = config.full_scale
    wide = 7 if pressure == 2 else 8
    yield Column(2, "Abs Press", "Pressure", "PSIA", pressure, unit.pressure_psia, width=wide, highest=160)
    yield Column(3, "Flow Temp", "Temperature", "`C", 2, unit.temperature_degc, highest=50)
    yield Column(4, "Volu Flow", "Volumetric", volume, flow, unit.volumetric_flow, highest=full)
    yield Column(5, "Mass Flow", "Mass", mass, flow, unit.mass_flow, highest=full)
    if not config.meter:
        signed = made.signed_setpoint
        yield Column(37, "Mass Flow Setpt", "SetPoint", mass, flow, unit.demand * full, signed,
                     6 + signed, highest=full)  # fmt: skip
    if config.totalizer:
        volume = mass.removesuffix("M")
        yield Column(9, "Mass Total", "Total", volume, 1, unit.total, width=TOTAL_WIDTH, highest=9999999)


def frame(unit: AlicatUnit) -> str:
    """Everything it measures, gas, and the status codes its firmware has, in their order."""
    made = generation(unit)
    numbers = " ".join(column.text for column in columns(unit))
    shown = [code for code in ("ADC", *made.codes) if code in unit.status]
    return f" {numbers} {gas_name(unit):>{made.gas_width}}" + "".join(f" {code}" for code in shown)


def gas_name(unit: AlicatUnit) -> str:
    return GASES[unit.gas][0]


# ---- tables ------------------------------------------------------------------------------


def frame_table(unit: AlicatUnit) -> list[str]:
    made = generation(unit)
    rows = list(_new_rows(unit) if made.modern_table else _old_rows(unit))
    gap = " " if made.modern_table else "  "
    return [f"{gap}D{number:02} {_padded(made, row)}" for number, row in enumerate(rows)]


def _new_rows(unit: AlicatUnit) -> Iterator[str]:
    made = generation(unit)
    yield HEADER
    yield _new_row(700, "Unit ID", "string", "1")
    for one in columns(unit):
        notes = f" {UNIT_CODES.get(one.unit, one.stat):03} 02 {one.unit}"
        kind = "s decimal" if one.signed else "decimal"
        yield _new_row(one.stat, one.name, kind, f"{one.width - (one.decimals == 3)}/{one.decimals}") + notes
    yield _new_row(703, "Gas", "string", str(made.gas_width))
    yield _new_row(701, "*Error", "string", "3") + " ADC"
    for code in made.codes:
        yield _new_row(702, "*Status", "string", "3") + f" {code}"


def _new_row(stat: int, name: str, kind: str, width: str) -> str:
    return f"{stat:03} {name:<27}{kind}{width:>{TYPE_AND_WIDTH - len(kind)}}"


def _old_rows(unit: AlicatUnit) -> Iterator[str]:
    yield OLD_HEADER
    yield _old_row("Unit ID", "char", "A", "Z", "na")
    for one in columns(unit):
        low = -10.0 if one.stat == 3 else 0.0
        form = f"+0{max(one.width, OLD_WIDTH)}.{one.decimals}f"
        unit_text = one.unit.removeprefix("`")
        yield _old_row(one.old_name, "signed", f"{low:{form}}", f"{one.highest:{form}}", unit_text)
    yield _old_row("Gas", "string", "Air", "D2", "na")
    yield _old_row("Error", "string", "na", "ADC", "na")
    for code in generation(unit).codes:
        yield _old_row("Status", "string", "na", code, "na")


def _old_row(name: str, kind: str, low: str, high: str, unit: str) -> str:
    return f"{name:<11} {kind:<9} {low:>{OLD_WIDTH}}  {high:>{OLD_WIDTH}}  {unit:>{OLD_WIDTH}}"


def maker_table(unit: AlicatUnit) -> list[str]:
    config, made = unit.config, generation(unit)
    kind = "M" if config.meter else "MC"
    model = f"{kind}-{config.full_scale:g}{config.flow_unit}-D"
    serial = config.serial or str(120000 + ord(config.unit))
    if made.gp:  # fewer rows, shorter words, and backspaces around them
        rows = ["ALICAT SCIENTIFIC", "www.alicat.com", "520-290-6060", "520-290-0109", f"Mdl {model}",
                f"S/N {serial}", "01/23/2012", "JL", f"Rev {made.text}"]  # fmt: skip
        return [f"  M{number} {_padded(made, row)}" for number, row in enumerate(rows)]
    rows = ["ALICAT SCIENTIFIC", "www.alicat.com", "Ph   520-290-6060", "info@alicat.com",
            f"Model Number {model}", f"Serial Number {serial}", "Date Manufactured 03/02/2025",
            "Date Calibrated   03/02/2025", "Calibrated By     BL",
            f"Software Revision {made.text}"]  # fmt: skip
    return [f"  M{number:02} {row}" for number, row in enumerate(rows)]


def gas_table() -> list[str]:
    return [f" G{number:02} {short:>8}" for number, (short, _) in enumerate(GASES)]


def _padded(made: Generation, text: str) -> str:
    return f"\x08\x08{text}\x08\x08" if made.gp else text
