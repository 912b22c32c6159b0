"""The register image of the board: what a read gives, what a write does (design document, Callbacks).

Knows the controls behind the registers; knows no frames, no time but the board's, and no driver.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devsup.sim.sonicator_board.control import AMPLITUDE_MAX, AMPLITUDE_MIN, Cause, SonicatorControl, State
from devsup.sim.sonicator_board.hal import ADC_FULL_SCALE, ADC_REFERENCE_V, Hal, HalError
from devsup.sim.sonicator_board.layouts import (
    CONTROL_WORDS,
    LAST_GLOBAL,
    LAST_UNIT,
    UNIT_BASE,
    UNIT_STRIDE,
    Layout,
    Reg,
)
from devsup.sim.sonicator_board.system import RESET_MAGIC, System
from devsup.sim.sonicator_board.transducer import MV_PER_W

ILLEGAL_ADDRESS, ILLEGAL_VALUE, FAILURE = 2, 3, 4  # Modbus exception codes
RUNNING, OVERLOAD, FREQ_LOCK, COMM_FAULT = 0x01, 0x02, 0x04, 0x08
FAULT, FAULT_BESIDE_OVERTEMP = 0x10, 0x20


class Refusal(Exception):
    """The board answers with a Modbus exception."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """A register and the sonicator it belongs to; `unit` 0 is the board, `reg` None is reserved."""

    reg: Reg | None
    unit: int


class Registers:
    """Read and write by address. Every method raises Refusal for what the firmware refuses."""

    def __init__(
        self, layout: Layout, hal: Hal, system: System, units: Mapping[int, SonicatorControl]
    ) -> None:
        self.layout = layout
        self._hal = hal
        self._system = system
        self._units = units
        self._pending_reset: dict[int, int] = dict.fromkeys(units, 0)  # where nothing clears it
        self._writes: Mapping[Reg | None, Callable[[int, int, int], None]] = {
            Reg.START_STOP: self._write_start_stop,
            Reg.AMPLITUDE_SP: self._write_amplitude,
            Reg.GLOBAL_AMPLITUDE: self._write_amplitude,
            Reg.OVERLOAD_RESET: self._write_reset,
            Reg.GLOBAL_ENABLE: self._write_enable,
            Reg.EMERGENCY_STOP: self._write_stop,
            Reg.SYSTEM_RESET: self._write_system_reset,
            Reg.START_INHIBIT: self._write_inhibit,
            Reg.AMPLITUDE_OR_STOP: self._write_amplitude_or_stop,
        }

    def read(self, address: int, count: int) -> list[int]:
        if not 1 <= count <= self.layout.longest_read:
            raise Refusal(ILLEGAL_VALUE, f"{count} registers")
        return [self._read(self._place(address + index)) for index in range(count)]

    def write(self, address: int, value: int, now_ms: int) -> None:
        place = self._place(address)
        if address < 0x10 or (address >= UNIT_BASE and (address - UNIT_BASE) % UNIT_STRIDE >= CONTROL_WORDS):
            raise Refusal(ILLEGAL_ADDRESS, f"{address:04X} is read only")
        if place.unit and place.unit not in self._units:
            raise Refusal(FAILURE, f"there is no sonicator {place.unit}")
        if place.reg in self._writes:
            self._writes[place.reg](place.unit, value, now_ms)

    def _place(self, address: int) -> Place:
        if 0 <= address <= LAST_GLOBAL:
            return Place(self.layout.board.get(address), 0)
        if UNIT_BASE <= address <= LAST_UNIT:
            block, offset = divmod(address - UNIT_BASE, UNIT_STRIDE)
            return Place(self.layout.unit.get(offset), block + 1)
        raise Refusal(ILLEGAL_ADDRESS, f"{address:04X} does not exist")

    # ---- reading ----------------------------------------------------------------------------

    def _read(self, place: Place) -> int:
        if place.reg is None:
            return 0
        if place.unit == 0:
            return self._read_board(place.reg) & 0xFFFF
        control = self._units.get(place.unit)
        return self._read_unit(place.reg, place.unit, control) & 0xFFFF if control else 0

    def _read_board(self, reg: Reg) -> int:
        system = self._system
        match reg:
            case Reg.SYSTEM_STATUS:
                return system.status
            case Reg.ACTIVE_COUNT:
                return system.active_mask.bit_count()
            case Reg.ACTIVE_MASK:
                return system.active_mask
            case Reg.WATCHDOG:
                return int(system.watchdog_ok)
            case Reg.COMM_ERRORS:
                return system.comm_errors
            case Reg.PREV_ACTIVE_MASK:
                return system.prev_active_mask
            case Reg.LAST_SHUTDOWN_REASON:
                return int(system.last_shutdown)
            case Reg.START_INHIBIT:
                return system.inhibit_mask
            case Reg.GLOBAL_AMPLITUDE | Reg.AMPLITUDE_OR_STOP:
                return system.amplitude.percent
            case _:
                return int(
                    {Reg.GLOBAL_ENABLE: system.enabled, Reg.EMERGENCY_STOP: system.stopped}.get(reg, 0)
                )

    def _read_unit(self, reg: Reg, unit: int, control: SonicatorControl) -> int:
        match reg:
            case Reg.START_STOP:
                return int(control.active)
            case Reg.AMPLITUDE_SP | Reg.PERSISTED_AMPLITUDE:
                return control.amplitude.percent
            case Reg.OVERLOAD_RESET:
                return self._pending_reset[unit]
            case Reg.POWER:
                return self._power(control)
            case Reg.FREQUENCY:
                return self._frequency(control)
            case Reg.STATUS_FLAGS:
                return self._flags(control)
            case Reg.AMPLITUDE_ACT:
                return round(control.amplitude.actual) if control.active else 0
            case _:
                return _history(reg, control)

    def _power(self, control: SonicatorControl) -> int:
        try:
            counts = self._hal.adc_read_channel(control.pins.power_sense)
        except HalError:
            return 0
        watts = counts * ADC_REFERENCE_V / ADC_FULL_SCALE / (MV_PER_W / 1000.0)
        return counts if self.layout.raw else round(watts)

    def _frequency(self, control: SonicatorControl) -> int:
        try:
            hertz = self._hal.timer_measure_frequency(control.pins.freq_div10)
        except HalError:
            return 0
        return hertz if self.layout.raw else hertz * 10

    def _flags(self, control: SonicatorControl) -> int:
        fault = FAULT_BESIDE_OVERTEMP if self.layout.overtemp_bit else FAULT
        return (
            (RUNNING if control.running else 0)
            | (OVERLOAD if control.overload.level else 0)
            | (FREQ_LOCK if control.locked.level else 0)
            | (COMM_FAULT if Cause.COMM_TIMEOUT in control.causes else 0)
            | (fault if control.state is State.FAULT else 0)
        )

    # ---- writing ----------------------------------------------------------------------------

    def _write_start_stop(self, unit: int, value: int, now_ms: int) -> None:
        if value > 1:
            raise Refusal(ILLEGAL_VALUE, f"START_STOP = {value}")
        control = self._units[unit]
        if value and not self._system.may_start(unit):
            raise Refusal(FAILURE, f"sonicator {unit} may not start")
        if not (control.start(now_ms) if value else control.stop(now_ms)):
            raise Refusal(FAILURE, f"sonicator {unit} does not obey")

    def _write_amplitude(self, unit: int, value: int, now_ms: int) -> None:
        if not AMPLITUDE_MIN <= value <= AMPLITUDE_MAX:
            raise Refusal(ILLEGAL_VALUE, f"amplitude {value}")
        self._system.set_amplitude(value, now_ms)

    def _write_reset(self, unit: int, value: int, now_ms: int) -> None:
        if self.layout.raw:  # the deployed firmware leaves it standing: the pulse begins on the edge
            before, self._pending_reset[unit] = self._pending_reset[unit], value
            value = int(value and not before)
        if value and not self._units[unit].reset_overload(now_ms):
            raise Refusal(FAILURE, f"sonicator {unit} cannot be reset")

    def _write_enable(self, unit: int, value: int, now_ms: int) -> None:
        self._system.enable(value == 1, now_ms)

    def _write_stop(self, unit: int, value: int, now_ms: int) -> None:
        self._system.emergency_stop(now_ms) if value else self._system.release()

    def _write_system_reset(self, unit: int, value: int, now_ms: int) -> None:
        if value == RESET_MAGIC:
            self._system.reset_wanted = True

    def _write_inhibit(self, unit: int, value: int, now_ms: int) -> None:
        if value > 0x0F:
            raise Refusal(ILLEGAL_VALUE, f"START_INHIBIT = {value:#x}")
        self._system.inhibit_mask = value

    def _write_amplitude_or_stop(self, unit: int, value: int, now_ms: int) -> None:
        """The deployed firmware's mix-up: the value becomes the amplitude, unchecked, and what is not zero
        raises the bit of an emergency stop that stops nobody."""
        self._system.set_amplitude(value, now_ms)
        if value:
            self._system.mark_stop()


def _history(reg: Reg, control: SonicatorControl) -> int:
    """What a sonicator was before: state, last cause, low word of the time."""
    fault_code = 4 if Cause.OVERLOAD in control.last_cause else 5
    state_code = fault_code if control.previous is State.FAULT else int(control.previous)
    return {
        Reg.PREV_STATE: state_code,
        Reg.LAST_FAULT: int(control.last_cause),
        Reg.TIMESTAMP_LO: control.changed_ms,
    }.get(reg, 0)
