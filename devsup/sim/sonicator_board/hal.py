"""The pins of the board's ATmega32A: the functions its firmware calls, and what the world puts on them.

Pin assignments: design document, Hardware Interface Mapping (sonicator 4), and the board's hardware
configuration (1 to 3). Knows levels and numbers; knows no firmware and no physics.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ADC_REFERENCE_V = 5.0
ADC_FULL_SCALE = 1023  # 10 bit
DUTY_FULL_SCALE = 255  # 8 bit


@dataclass(frozen=True, slots=True)
class Pins:
    """What belongs to one sonicator."""

    start: str
    reset: str
    overload: str
    freq_lock: str
    freq_div10: str
    power_sense: str


PINS: Mapping[int, Pins] = MappingProxyType({
    1: Pins(start="PC6", reset="PC7", overload="PD6", freq_lock="PB7", freq_div10="PB3", power_sense="PA4"),
    2: Pins(start="PC4", reset="PC5", overload="PD5", freq_lock="PB6", freq_div10="PB2", power_sense="PA5"),
    3: Pins(start="PC2", reset="PC3", overload="PD4", freq_lock="PB5", freq_div10="PB1", power_sense="PA6"),
    4: Pins(start="PC0", reset="PC1", overload="PD3", freq_lock="PB4", freq_div10="PB0", power_sense="PA7"),
})  # fmt: skip
AMPLITUDE_ALL = "PD7"  # one PWM for all four sonicators
STATUS_LED = "PD2"


class HalError(Exception):
    """A function of the hardware layer failed."""


class Hal:
    """Levels of all pins. Firmware uses the functions named as in the design document; the world `drive`s
    inputs and looks at outputs. A pin in `broken` makes every function that touches it fail."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self._levels: dict[str, bool] = {}
        self._volts: dict[str, float] = {}
        self._hertz: dict[str, float] = {}
        self._duty: dict[str, int] = {}

    # ---- for the firmware -----------------------------------------------------------------

    def gpio_write_pin(self, pin: str, level: bool) -> None:
        self._check(pin)
        self._levels[pin] = level

    def gpio_read_pin(self, pin: str) -> bool:
        self._check(pin)
        return self._levels.get(pin, False)

    def adc_read_channel(self, pin: str) -> int:
        """0..1023 for 0..5 V; what is beyond reads as the end of the scale."""
        self._check(pin)
        counts = round(self._volts.get(pin, 0.0) / ADC_REFERENCE_V * ADC_FULL_SCALE)
        return min(max(counts, 0), ADC_FULL_SCALE)

    def timer_measure_frequency(self, pin: str) -> int:
        """Pulses per second."""
        self._check(pin)
        return round(self._hertz.get(pin, 0.0))

    def pwm_set_duty_cycle(self, pin: str, duty: int) -> None:
        """0..255."""
        self._check(pin)
        if not 0 <= duty <= DUTY_FULL_SCALE:
            raise HalError(f"{pin}: duty {duty}")
        self._duty[pin] = duty

    # ---- for the world --------------------------------------------------------------------

    def level(self, pin: str) -> bool:
        """What stands on a pin."""
        return self._levels.get(pin, False)

    def duty(self, pin: str) -> int:
        return self._duty.get(pin, 0)

    def drive(self, pin: str, level: bool) -> None:
        """Put a level on an input."""
        self._levels[pin] = level

    def apply(self, pin: str, volts: float) -> None:
        """Put a voltage on an analog input."""
        self._volts[pin] = volts

    def pulse(self, pin: str, hertz: float) -> None:
        """Put pulses on a counter input."""
        self._hertz[pin] = hertz

    def power_off(self) -> None:
        """Every output falls; what the world drives stays."""
        for pins in PINS.values():
            self._levels[pins.start] = self._levels[pins.reset] = False
        self._levels[STATUS_LED] = False
        self._duty[AMPLITUDE_ALL] = 0

    def _check(self, pin: str) -> None:
        if pin in self.broken:
            raise HalError(f"{pin} does not work")
