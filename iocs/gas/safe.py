"""One controller as the guard makes it safe. Knows the instrument; knows no PV."""

from collections.abc import Callable
from dataclasses import dataclass

from devsup.alicat_mfc import Alicat
from devsup.health import Health


@dataclass
class SafeGas:
    """A controller as the guard makes it safe: zero, and the valve held closed where that is wanted.

    `stuck_open`: its valve is held where it is, so it ignores its setpoint. `in_use`: it is there at all.
    """

    device: Alicat
    close_valve: bool
    stuck_open: Callable[[], bool] = lambda: False
    in_use: Callable[[], bool] = lambda: True

    @property
    def name(self) -> str:
        return self.device.name

    @property
    def health(self) -> Health:
        return self.device.health

    async def safe(self) -> None:
        """Setpoint 0, verified; then the valve closed, if the configuration wants it or zero does not do."""
        if not self.in_use():
            return
        await self.device.safe()
        if self.close_valve or self.stuck_open():
            await self.device.close_valve()
