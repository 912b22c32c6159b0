"""What one instrument says, on its PVs: readings and name plate.

Knows readings and records; asks the instrument nothing and tells it nothing.
"""

import logging
import math

from devsup.bronkhorst_values import Mode, Plate, Reading
from devsup.health import Health
from devsup.port import Port
from iocs.caserver import Alarm, AlarmSeverity, AlarmStatus
from iocs.common.polled import Polled
from iocs.flow import logic
from iocs.flow.config import InstrumentConfig
from iocs.flow.pvs import MODES, InstrumentPVs

RESOLUTION = 1e-4  # smallest change of flow worth an event, in ranges
ARCHIVED = 1e-3  # … and worth archiving


class InstrumentDisplay(Polled, InstrumentPVs):
    """The PVs of one instrument, and how they follow what it says."""

    def __init__(self, prefix: str, config: InstrumentConfig, health: Health, port: Port) -> None:
        log = logging.getLogger(f"flow.{config.name}")
        super().__init__(f"{prefix}{config.name}:", config.name, health, port, config.poll_period_s, log)
        self.describe(config.description)
        self.config = config
        self.reading: Reading | None = None  # the last one shown
        self._watch = logic.Watch()
        self._verdict = logic.Verdict(0.0)
        self._adopt = True

    # -- demands ------------------------------------------------------------------------------

    def adopt_setpoint(self) -> None:
        """Take the setpoint over from the instrument at the next reading, as after a start."""
        self._adopt = True

    def renew_demands(self) -> None:
        """The instrument is back: the demands hold again, and have time to be met."""
        self._watch = logic.Watch()
        if self.setpoint.updated:
            self.setpoint.set_ok(self.setpoint.value)
        if self.control_mode.updated:
            self.control_mode.set_ok(self.control_mode.value)

    # -- readings -----------------------------------------------------------------------------

    def show(self, reading: Reading) -> None:
        """A good reading."""
        stamp = reading.stamp
        self._take_over(reading)
        self._judge(reading)
        self.flow.set_ok(reading.flow, timestamp=stamp)
        self.setpoint_rbv.set_ok(reading.setpoint, timestamp=stamp, alarm=_state(self._verdict.readback))
        self.deviation.set_ok(self._verdict.deviation, timestamp=stamp, alarm=_state(self._verdict.flow))
        if reading.temperature is not None:
            self.temperature.set_ok(reading.temperature, timestamp=stamp)
        if reading.valve is not None:
            self.valve.set_ok(reading.valve, timestamp=stamp)
        if reading.mode is not None:
            self._show_mode(mode_index(reading.mode), stamp)
        if reading.alarm is not None:
            self._show_alarm(reading.alarm, stamp)
        self.reading, self.read_at = reading, reading.at

    def _take_over(self, reading: Reading) -> None:
        """At first the demands are what the instrument does; later only orders change them."""
        if self._adopt:
            self.setpoint.set_ok(reading.setpoint, timestamp=reading.stamp)
        if reading.mode is not None and not self.control_mode.updated:
            self.control_mode.set_ok(mode_index(reading.mode), timestamp=reading.stamp)
        self._adopt = False

    def _judge(self, reading: Reading) -> None:
        before = self._verdict
        self._watch, self._verdict = logic.watch(
            self._watch, reading, self.setpoint.value, self.capacity.value, self.config.band, reading.at
        )
        for old, new in ((before.flow, self._verdict.flow), (before.readback, self._verdict.readback)):
            if new and not old:
                self.log.warning("%s: %s", self.config.name, new)

    def _show_mode(self, index: int, stamp: float) -> None:
        other = index != self.control_mode.value
        self.control_mode_rbv.set_ok(index, timestamp=stamp, alarm=_state("not as demanded" if other else ""))

    def _show_alarm(self, info: int, stamp: float) -> None:
        self.alarm_info.set_ok(info, timestamp=stamp)
        for name, on in logic.alarm_flags(info).items():
            self.pvdb[f"{self.prefix}AlarmInfo:{name}"].set_ok(int(on), timestamp=stamp)

    # -- name plate ---------------------------------------------------------------------------

    def show_plate(self, plate: Plate) -> None:
        """Who it is, and the range of its fluid."""
        unit = plate.unit or self.config.unit
        if (plate.capacity, unit) != (self.capacity.value, self.unit.value):
            self._rescale(plate.capacity, unit)
        self.capacity.set_ok(plate.capacity)
        self.unit.set_ok(unit)
        self.fluid.set_ok(plate.fluid_name)
        if 1 <= plate.fluid <= 8:
            self.fluid_index.set_ok(plate.fluid - 1)
        self.model.set_ok(plate.model)
        self.serial.set_ok(plate.serial)
        self.firmware.set_ok(plate.firmware)
        self.user_tag.set_ok(plate.user_tag)

    def _rescale(self, capacity: float, unit: str) -> None:
        """Ranges and units follow the fluid; the operator's own ceiling stays."""
        limits = [x for x in (capacity, self.config.max_flow) if x is not None and not math.isnan(x)]
        full = 0.0 if math.isnan(capacity) else capacity
        for record in (self.flow, self.setpoint, self.setpoint_rbv, self.capacity):
            record.reconfigure(units=unit, display=(0.0, full))
        self.deviation.reconfigure(units=unit, display=(-full, full))
        self.setpoint.reconfigure(drive=(0.0, min(limits, default=math.nan)))
        for record in (self.flow, self.deviation):
            record.reconfigure(mdel=full * RESOLUTION, adel=full * ARCHIVED)


def mode_index(mode: int) -> int:
    """The state of ControlMode that stands for a mode; Other for what has no state of its own."""
    known = list(MODES.values())
    return known.index(Mode(mode)) if mode in known else len(known) - 1


def _state(reason: str) -> Alarm | None:
    return Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR) if reason else None
