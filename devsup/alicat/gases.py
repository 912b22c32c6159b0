"""Gas numbers and short names, as the instruments number them (gas list of the serial primer)."""

from collections.abc import Mapping
from types import MappingProxyType

_PURE = (
    "Air Ar CH4 CO CO2 C2H6 H2 He N2 N2O Ne O2 C3H8 nC4H10 C2H2 C2H4 iC4H10 Kr Xe SF6 "
    "C-25 C-10 C-8 C-2 C-75 He-25 He-75 A1025 Star29 P-5 NO"
).split()
GASES: Mapping[int, str] = MappingProxyType(dict(enumerate(_PURE)))
"""Those that every instrument with Gas Select has; the device's own list goes further."""
MIXTURES = range(236, 256)  # the user's own
HIGHEST = 255
SELECTED_BITS = 0x1FF  # of register 46; what is above are flags


def number_of(gas: int | str, gases: Mapping[int, str]) -> int:
    """Number of a gas given by number or by name. ValueError if `gases` do not name it."""
    if isinstance(gas, int):
        if 0 <= gas <= HIGHEST:
            return gas
        raise ValueError(f"gas number {gas}: expected 0..{HIGHEST}")
    wanted = gas.strip().casefold()
    for number, name in gases.items():
        if name.casefold() == wanted:
            return number
    raise ValueError(f"gas {gas!r} is not in the instrument's list")
