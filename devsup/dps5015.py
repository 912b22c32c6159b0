"""A RuiDeng DPS5015 supply (or a relative of it): what it puts out, what it can be told, how it is made safe.

Knows registers and their order; leaves frames to modbus_rtu, the wire to the port, and every decision
about when and why to its callers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from devsup import dps5015_talk
from devsup.dps5015_values import Model, Protect, SupplyLimits, SupplyPlate, SupplyReading
from devsup.health import Health, Manners
from devsup.modbus_bus import ModbusBus
from devsup.modbus_unit import ModbusTalk, ModbusUnit
from devsup.port import Priority

__all__ = [
    "ALONE",
    "STOCK",
    "Model",
    "Protect",
    "Supply",
    "SupplyLimits",
    "SupplyPlate",
    "SupplyReading",
]

# The stock firmware looks at its UART about every 0.4 s, at any baud rate.
STOCK = Manners(
    response_timeout_s=1.0,
    command_timeout_s=1.0,
    retry_delays_s=(0.1, 0.2),
    floor_s=1.0,
    silent_share=0.05,
    probe_max_s=30.0,
)
ALONE = replace(STOCK, probe_max_s=2.0)  # on a line of its own: nobody minds when it is asked often


@dataclass(frozen=True, slots=True, eq=False)
class _Voltage:
    """A voltage that was ordered. A newer order of the current alone may take that order's place."""

    volts: float


class Supply:
    """One DPS supply. Coroutines raise devsup.errors; none blocks the event loop.

    A write counts only when the block that is read behind it shows it. Orders that wait are superseded by
    newer ones of their kind, and return what those confirmed.
    """

    def __init__(
        self,
        bus: ModbusBus,
        unit: int,
        name: str,
        manners: Manners | None = None,
        limits: SupplyLimits | None = None,
    ) -> None:
        self.name = name
        self.limits = limits
        self.plate = SupplyPlate()
        self.cut_orders = 0  # times safe() was asked for
        self.cuts = 0  # … and confirmed the output off
        self._unit = ModbusUnit(bus, unit, name, manners or STOCK)
        self._model: Model | None = None
        self._due: _Voltage | None = None  # of an order that is not finished yet

    @property
    def health(self) -> Health:
        return self._unit.health

    # -- reading ------------------------------------------------------------------------------

    async def identify(self) -> SupplyPlate:
        """Who it is; unlocks its panel and sets its protections to the limits, where they differ.

        Nothing moves: protections that the running output exceeds stay as they are, and `plate.protected`
        is False. Raises DeviceError for a model that is not in the table.
        """
        now = await self.poll()
        if now.locked:
            now = await self._order(dps5015_talk.unlock, "lock")
        store = await self._unit.run(lambda talk: dps5015_talk.read_store(talk, now.model))
        limits = self.limits
        if limits is not None and not store.protects_as(limits) and not now.exceeds(limits):
            wanted = limits
            store = await self._unit.run(
                lambda talk: dps5015_talk.protect(talk, now.model, wanted), Priority.COMMAND, key="protect"
            )
        self.plate = SupplyPlate(
            model=now.model,
            firmware=now.firmware,
            store=store,
            protected=limits is None or store.protects_as(limits),
        )
        return self.plate

    async def poll(self) -> SupplyReading:
        """Everything that changes, in one exchange."""
        return self._seen(await self._unit.run(dps5015_talk.read_block))

    # -- orders -------------------------------------------------------------------------------

    async def set(self, voltage: float, current: float) -> SupplyReading:
        """Set points (V, A), both in one write; returns the reading that confirms them, or those of a newer
        order. Raises DeviceError when the supply kept others, ValueError for what the limits exclude."""
        self._check(voltage, current)
        due = self._due = _Voltage(voltage)
        try:
            return await self._order_set_points(voltage, current)
        finally:
            if self._due is due:
                self._due = None

    async def set_current(self, amps: float) -> SupplyReading:
        """The current alone (A), as `set`; the voltage stays as it is, or as an order that waits wants it."""
        self._check(0.0, amps)
        return await self._order_set_points(self._due.volts if self._due else None, amps)

    async def output(self, on: bool) -> SupplyReading:
        """Switch the output; returns the reading that confirms it. DeviceError when it stays as it was."""
        return await self._order(lambda talk: dps5015_talk.switch(talk, on), "output")

    async def safe(self) -> None:
        """Output off, verified, ahead of everything else; harmless to repeat.

        A supply that does not obey is set to 0 V, 0 A as well. Raises when off could not be confirmed.
        """
        self.cut_orders += 1
        await self._unit.safely(dps5015_talk.make_safe)
        self.cuts += 1

    # -- in steps -----------------------------------------------------------------------------

    async def _order_set_points(self, voltage: float | None, current: float) -> SupplyReading:
        model = None if self.health.lost else self._model
        return await self._order(lambda talk: dps5015_talk.order(talk, model, voltage, current), "set")

    async def _order(self, work: Callable[[ModbusTalk], SupplyReading], key: str) -> SupplyReading:
        return self._seen(await self._unit.run(work, Priority.COMMAND, key=key))

    def _seen(self, now: SupplyReading) -> SupplyReading:
        self._model = now.model
        return now

    def _check(self, voltage: float, current: float) -> None:
        """ValueError for set points that are none, or beyond the limits."""
        most_volts, most_amps = (
            (self.limits.volts, self.limits.amps) if self.limits is not None else (math.inf, math.inf)
        )
        for value, most, unit in ((voltage, most_volts, "V"), (current, most_amps, "A")):
            if not (math.isfinite(value) and 0.0 <= value <= most):
                raise ValueError(f"{self.name}: {value:g} {unit}, expected 0..{most:g}")
