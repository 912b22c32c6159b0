"""What one controller says of itself, on its PVs: status, gas, name plate, units.

Knows readings, plates and records; asks the instrument nothing and decides nothing.
"""

import math

from devsup.alicat import HELD, LOCKED, MEANINGS, Source
from devsup.alicat_values import Plate, Reading
from iocs.gas.pvs import GasPVs

GRAVE = frozenset({"ADC", "TMF", "OPL", "POV", "P2O", "TOV", "VOV", "MOV"})
"""Codes that cast doubt on the reading itself."""
SOURCES = {Source.UNKNOWN: 0, Source.ANALOG: 2}
RESOLUTION, ARCHIVED = 1e-4, 1e-3  # smallest change of flow worth an event, and worth archiving, in ranges
HOLD_OFF, HOLD_CLOSED = 0, 2


class GasDisplay(GasPVs):
    """The PVs of one controller, and how they follow what it says."""

    def show_status(self, reading: Reading, source: Source) -> None:
        """Status codes, what they mean, and what follows from them."""
        codes = reading.codes
        self.codes.set_ok(" ".join(codes)[:39])
        self.status.set_ok("; ".join(MEANINGS.get(code, code) for code in codes)[:159] or "OK")
        self.fault.set_ok(int(bool(GRAVE & set(codes))))
        self.held.set_ok(int(HELD in codes))
        if not self.valve_hold.updated or HELD not in codes:
            self.valve_hold.set_ok(1 if HELD in codes else HOLD_OFF)
        self.locked.set_ok(int(LOCKED in codes))
        self.lock.set_ok(int(LOCKED in codes))
        self.gas_rbv.set_ok(reading.gas)
        if not self.gas.updated:
            self.gas.set_ok(reading.gas)
        self.source.set_ok(SOURCES.get(source, 1))

    def show_plate(self, plate: Plate) -> None:
        """Who it is; units and ranges follow."""
        self.model.set_ok(plate.model[:39])
        self.serial.set_ok(plate.serial[:39])
        self.firmware.set_ok(str(plate.firmware)[:39])
        self.unit.set_ok(plate.flow_unit)
        if math.isfinite(plate.full_scale):
            self.full_scale.set_ok(plate.full_scale)
        full = 0.0 if math.isnan(plate.full_scale) else plate.full_scale
        for record in (self.flow, self.setpoint, self.setpoint_rbv, self.full_scale, self.max_flow):
            record.reconfigure(units=plate.flow_unit, display=(0.0, full))
        self.deviation.reconfigure(units=plate.flow_unit, display=(-full, full))
        self.flow.reconfigure(mdel=full * RESOLUTION, adel=full * ARCHIVED)
        self.volumetric.reconfigure(units=plate.volumetric_unit)
        self.pressure.reconfigure(units=plate.pressure_unit)
        self.temperature.reconfigure(units=plate.temperature_unit)
        self.total.reconfigure(units=plate.total_unit)
