"""Generations of Alicat firmware, as far as a line can tell them apart: columns, codes, manners.

Facts only, from the serial primer and the manuals; knows no state and no bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_OLD = tuple("LCK OVR POV TOV VOV MOV".split())
_V6 = tuple("OPL POV TOV VOV MOV TMF OVR HLD EXH LCK".split())
_V8 = tuple("OPL POV P2O TOV VOV MOV TMF OVR HLD EXH LCK".split())
_V10 = tuple("OPL POV P2O TOV VOV MOV TMF OVR COM HLD EXH GTA LCK".split())
_V10_METER = tuple("OPL POV P2O TOV VOV MOV TMF OVR COM HLD EXH LCK".split())


@dataclass(frozen=True, slots=True)
class Generation:
    """`decimals` of pressure and of flows; `gas_width` the column the gas is right-justified in."""

    text: str
    version: tuple[int, int]
    codes: tuple[str, ...]
    modern_table: bool = True
    signed_setpoint: bool = True
    decimals: tuple[int, int] = (2, 2)
    gas_width: int = 6
    gp: bool = False
    tells_version: bool = True
    rejects_twice: bool = False  # an empty line before the "?"

    def since(self, major: int, minor: int) -> bool:
        return not self.gp and self.version >= (major, minor)

    @property
    def locks_on_l(self) -> bool:
        """Takes whatever begins with L for the lock of its panel."""
        return not self.gp and self.version < (8, 0)


GENERATIONS: Mapping[str, Generation] = MappingProxyType({
    "GP": Generation("GP07R100", (0, 0), _OLD, modern_table=False, signed_setpoint=False,
                     decimals=(2, 1), gas_width=7, gp=True, tells_version=False),
    "5v12": Generation("5v12.0-R22", (5, 12), _OLD, modern_table=False, signed_setpoint=False,
                       decimals=(2, 1), gas_width=7),
    "6v21": Generation("6v21.0-R22", (6, 21), _V6, signed_setpoint=False, gas_width=7, rejects_twice=True),
    "7v09": Generation("7v09.0-R22", (7, 9), _V6, signed_setpoint=False, gas_width=7),
    "8v17": Generation("8v17.0-R23", (8, 17), _V8, tells_version=False),
    "8v30": Generation("8v30.0-R23", (8, 30), _V8),
    "9v05": Generation("9v05.0-R23", (9, 5), _V8),
    "10v04": Generation("10v04.0-R24", (10, 4), _V10_METER, decimals=(3, 3)),
    "10v20": Generation("10v20.0-R24", (10, 20), _V10),
})  # fmt: skip
GASES = (
    ("Air", "Air"), ("Ar", "Argon"), ("CH4", "Methane"), ("CO", "Carbon Monoxide"),
    ("CO2", "Carbon Dioxide"), ("C2H6", "Ethane"), ("H2", "Hydrogen"), ("He", "Helium"),
    ("N2", "Nitrogen"), ("N2O", "Nitrous Oxide"), ("Ne", "Neon"), ("O2", "Oxygen"),
    ("C3H8", "Propane"), ("nC4H10", "normal Butane"), ("C2H2", "Acetylene"), ("C2H4", "Ethylene"),
    ("iC4H10", "iso Butane"), ("Kr", "Krypton"), ("Xe", "Xenon"), ("SF6", "Sulfur Hexafluoride"),
    ("C-25", "25% CO2, 75% Ar"), ("C-10", "10% CO2, 90% Ar"), ("C-8", "8% CO2, 92% Ar"),
    ("C-2", "2% CO2, 98% Ar"), ("C-75", "75% CO2, 25% Ar"), ("He-25", "25% He, 75% Ar"),
    ("He-75", "75% He, 25% Ar"), ("A1025", "90% He, 7.5% Ar, 2.5% CO2"),
    ("Star29", "Stargon CS"), ("P-5", "5% CH4, 95% Ar"),
)  # fmt: skip
UNIT_CODES: Mapping[str, int] = MappingProxyType(
    {"SCCM": 12, "CCM": 12, "SLPM": 7, "LPM": 7, "PSIA": 10, "`C": 2}
)
