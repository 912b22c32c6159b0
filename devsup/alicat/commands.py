"""What can be said to an Alicat instrument, as bytes, in the words of its firmware.

Pure. A command whose meaning is not certain for a firmware is refused here, before a byte is sent.
"""

import math
from dataclasses import dataclass

from devsup.alicat.firmware import UNKNOWN, Firmware
from devsup.errors import DeviceError

UNIT_IDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MASS_FLOW = 5  # statistic number
END = b"\r"


class NotSupported(DeviceError):
    """This firmware does not know the command, or means something else by it."""


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of one unit. Those that need a certain firmware raise NotSupported."""

    unit: str
    firmware: Firmware = UNKNOWN

    def __post_init__(self) -> None:
        if len(self.unit) != 1 or self.unit not in UNIT_IDS:
            raise ValueError(f"unit id {self.unit!r}: expected one letter A..Z")

    # -- questions ----------------------------------------------------------------------------

    def poll(self) -> bytes:
        return self._ask("")

    def frame_table(self) -> bytes:
        return self._ask("??D*")

    def maker_table(self) -> bytes:
        return self._ask("??M*")

    def gas_table(self) -> bytes:
        return self._ask("??G*")

    def version(self) -> bytes:
        return self._ask("VE")

    def full_scale(self, statistic: int = MASS_FLOW) -> bytes:
        """Since 6v00; 5v12 rejects it."""
        self._need(6, 0, "FPF")
        return self._ask(f"FPF {statistic}")

    def setpoints(self) -> bytes:
        """Current and requested setpoint. Since 9v00: what is older than 8v00 locks its panel."""
        self._need(9, 0, "LS")
        return self._ask("LS")

    def setpoint_source(self) -> bytes:
        """Since 10v05; what is older than 8v00 locks its panel."""
        self._need(10, 5, "LSS")
        return self._ask("LSS")

    def selected_gas(self) -> bytes:
        """Register 46."""
        return self._ask("R46") if self.firmware.gp else self._ask("$$R46")

    # -- orders -------------------------------------------------------------------------------

    def setpoint(self, value: float, decimals: int) -> bytes:
        """In the instrument's own units, with the decimals it shows. ValueError for what is no number."""
        if not math.isfinite(value):
            raise ValueError(f"setpoint {value}")
        return self._order(f"S{round(value, decimals) + 0.0:.{decimals}f}")

    def select_gas(self, number: int) -> bytes:
        """Since 10v05 the answer names the gas; before, it is a data frame."""
        return self._order(f"GS {number}" if self.firmware.since(10, 5) else f"G {number}")

    def hold(self, closed: bool) -> bytes:
        """Hold the valve where it is, or closed. Since 5v07."""
        if not closed and self.firmware.gp:
            return self._order("H")
        self._need(5, 7, "HC" if closed else "HP")
        return self._order("HC" if closed else "HP")

    def cancel_hold(self) -> bytes:
        return self._order("C")

    def lock(self) -> bytes:
        return self._order("L")

    def unlock(self) -> bytes:
        return self._order("U")

    def tare_flow(self) -> bytes:
        """`V`, which means this everywhere; a bare `T` resets the totalizer of older firmware."""
        return self._order("V")

    def tare_flow_new(self) -> bytes:
        """`T`, for what has no `V` any more."""
        self._need(10, 5, "T")
        return self._order("T")

    def tare_pressure(self) -> bytes:
        return self._order("P")

    def tare_pressure_new(self) -> bytes:
        self._need(10, 5, "TP")
        return self._order("TP")

    def reset_total(self) -> bytes:
        """`T 1`. Only from 10v00 on is it certain that this is the totalizer and not a tare."""
        self._need(10, 0, "T 1 (reset of the totalizer)")
        return self._order("T 1")

    def stop_streaming(self) -> bytes:
        """To whoever streams on this line: be called `unit`, and speak when asked."""
        return f"@@ {self.unit}".encode() + END

    # -- forms --------------------------------------------------------------------------------

    def _ask(self, text: str) -> bytes:
        return f"{self.unit}{text}".encode() + END

    def _order(self, text: str) -> bytes:
        return self._ask(f"$${text}" if self.firmware.writes_with_dollars else text)

    def _need(self, major: int, minor: int, what: str) -> None:
        if not self.firmware.since(major, minor):
            has = self.firmware.text or "not known"
            raise NotSupported(f"{what} needs firmware {major}v{minor:02} or newer, this is {has}")
