"""One supply behind its PVs: read, shown, told what the controller orders, switched off ahead of everything.

Thin: what it is to do is decided in logic, done by the hand and by the guard.
"""

import logging

from devsup.dps5015 import Protect, Supply, SupplyReading
from devsup.port import Port
from iocs.caserver import Alarm, AlarmSeverity, AlarmStatus
from iocs.common.guard import Guard
from iocs.common.polled import Polled
from iocs.thermal.config import SupplyConfig
from iocs.thermal.hand import Hand
from iocs.thermal.logic import facts
from iocs.thermal.logic.facts import Setting
from iocs.thermal.pvs import SupplyPVs

NOT_AS_ORDERED = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR)
VISIBLE = 0.02  # A, V: a set point further from the order is shown as an alarm


class TecSupply(Polled, SupplyPVs):
    """Polls one supply; `seen` is what the controller gets to know of it."""

    def __init__(self, prefix: str, device: Supply, port: Port, config: SupplyConfig, guard: Guard) -> None:
        log = logging.getLogger(f"thermal.{config.name}")
        super().__init__(
            f"{prefix}{config.name}:", config.name, device.health, port, config.poll_period_s, log
        )
        self.device = device
        self.reading: SupplyReading | None = None
        self.hand = Hand(device, self.take, self.attempt)
        self._guard = guard
        guard.confirmed[device.name] = lambda _: self._cut_confirmed()

    # -- reading ------------------------------------------------------------------------------

    def is_needed(self) -> bool:
        return self.wanted or self._guard.must_act(self.device)

    async def poll(self) -> None:
        if not self.sees:
            await self._welcome()
        self.take(await self.device.poll())
        if self.reading and self._guard.must_act(self.device, at_rest=not self.reading.output):
            await self._guard.pay(self.device)
            self.take(await self.device.poll())

    async def _welcome(self) -> None:
        """It may answer, for the first time or again. What it owes comes first, then who it is."""
        await self.device.poll()
        if self._guard.must_act(self.device):
            await self._guard.pay(self.device)
        plate = await self.device.identify()
        self.model.set_ok(plate.model.name if plate.model else "")
        self.firmware.set_ok(plate.firmware)
        self.over_voltage.set_ok(plate.store.over_voltage)
        self.over_current.set_ok(plate.store.over_current)
        self.protected.set_ok(int(plate.protected))

    def take(self, reading: SupplyReading) -> None:
        """A reading, however it came."""
        self.reading, self.read_at = reading, reading.at
        stamp = reading.stamp
        for record, value in (
            (self.voltage, reading.voltage),
            (self.measured, reading.current),
            (self.power, reading.power),
            (self.input_voltage, reading.input_voltage),
        ):
            record.set_ok(value, timestamp=stamp)
        for record, value, ordered in (
            (self.set_voltage_rbv, reading.set_voltage, self.set_voltage.value),
            (self.set_current_rbv, reading.set_current, self.set_current.value),
        ):
            off = self.output.value and abs(value - ordered) > VISIBLE and not self.hand.pending
            record.set_ok(value, timestamp=stamp, alarm=NOT_AS_ORDERED if off else None)
        self.raw_power.set_ok(reading.raw_power, timestamp=stamp)
        self.output_rbv.set_ok(int(reading.output), timestamp=stamp)
        self.mode.set_ok(int(reading.constant_current), timestamp=stamp)
        self.protect.set_ok(int(reading.protect), timestamp=stamp)

    # -- for the controller -------------------------------------------------------------------

    def seen(self) -> facts.Supply:
        """How it was last read, and what it was left with."""
        hand = self.hand
        known = {"confirmed": hand.confirmed, "confirmed_at": hand.confirmed_at, "pending": hand.pending}
        if self.reading is None:
            return facts.Supply(**known)  # type: ignore[arg-type]
        now = self.reading
        return facts.Supply(
            at=now.at,
            held=Setting(now.set_voltage, now.set_current, now.output),
            current=now.current,
            power=now.power,
            tripped=f"{now.protect.text} protection" if now.protect is not Protect.NONE else "",
            **known,  # type: ignore[arg-type]
        )

    def order(self, setting: Setting, *, validate: bool) -> None:
        """What the controller wants of it."""
        self.show_order(setting)
        self.hand.order(setting, validate=validate)

    def show_order(self, setting: Setting) -> None:
        """What is commanded, on its PVs."""
        self.output.set_ok(int(setting.output))
        self.set_current.set_ok(setting.current)
        if setting.output:
            self.set_voltage.set_ok(setting.voltage)

    def _cut_confirmed(self) -> None:
        volts = self.reading.set_voltage if self.reading else 0.0
        self.show_order(Setting(volts, 0.0, False))
        self.hand.confirm(Setting(volts, 0.0, False))
        self.wanted = True
