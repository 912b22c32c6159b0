"""One Alicat mass flow controller or meter: gas, valve, controller, totalizer, status. Physics only.

Knows seconds only as `step(dt_s)`; must not know bytes, lines or clocks. Flows are parts of full scale
unless a name says otherwise.
"""

import enum
import math
import random
from dataclasses import dataclass

SUBSTEP_S, SUBSTEPS_AT_MOST = 0.02, 200
HIGHEST_SETPOINT = 65535 / 64000
SHOWS_AT_MOST = 1.28  # parts of full scale: what the sensor can express
EMPTYING_S, SURGE, HOT_DEGC = 3.0, 1.4, 65.0
TEMPERATURE_TAU_S = 30.0
NORMAL_PSIA, NORMAL_K, ZERO_DEGC_K = 14.696, 298.15, 273.15
OVER_PRESSURE_PSIA, OVER_TEMPERATURE_DEGC = 160.0, 50.0
ROLLOVER = 9_999_999.0
REGISTERS = {21: 250, 22: 5000, 23: 500, 85: 1, 91: 50, 122: 37}  # P, D, I, loop, stream interval, controlled


class Hold(enum.Enum):
    """What keeps the valve from following its controller."""

    NONE = enum.auto()
    PRESENT = enum.auto()
    CLOSED = enum.auto()


class Condition(enum.Enum):
    """What can be the matter with a unit though it speaks well. The order is that of a PV's states."""

    OK = "as it should be"
    BOTTLE_EMPTY = "no gas comes"
    SURGE = "the supply pushes more through it than its range"
    HOT = "the gas is hotter than its range"
    SENSOR_ERROR = "it cannot read its own sensor"
    ANALOG_SOURCE = "the setpoint comes from the analog input; serial ones are ignored"
    HELD = "the valve is held where it is, from the panel"
    PANEL_LOCKED = "the front panel is locked"
    STREAMING = "it talks without being asked, and without its unit id"


CONDITION_NAMES = tuple(condition.name for condition in Condition)


@dataclass(frozen=True, slots=True)
class UnitConfig:
    """What leaves the factory. `flow_unit` as on the wire; ramp and noise in parts of full scale."""

    unit: str
    full_scale: float = 200.0
    flow_unit: str = "SCCM"
    firmware: str = "10v20"
    gas: int = 8
    meter: bool = False
    totalizer: bool = False
    decimals: int | None = None  # of the flow columns; None: as usual for the firmware
    serial: str = ""
    tau_s: float = 0.08
    ramp_per_s: float = 0.0
    supply_psia: float = 34.7
    ambient_degc: float = 22.0
    noise: float = 0.0
    seed: int = 0


class AlicatUnit:
    """An instrument in motion. Attributes are its state; `step` moves it on."""

    def __init__(self, config: UnitConfig) -> None:
        self.config = config
        self.gas = config.gas
        self.source = "S"  # saved serial, U unsaved, A analog
        self.analog_input = 0.0
        self.setpoint = 0.0  # what was asked for last
        self.demand = 0.0  # … where the ramp is
        self.hold = Hold.NONE
        self.locked = False
        self.streaming = False
        self.stuck_valve = False
        self.drift_per_s = 0.0
        self.registers = dict(REGISTERS)
        self.condition = Condition.OK
        self.opening = 0.0  # of the valve, as the flow it passes at full supply
        self.flow = 0.0
        self.reading = 0.0  # what it shows
        self.tare_offset = 0.0
        self.zero_offset = 0.0
        self.supply = 1.0  # part of the usual pressure
        self.total = 0.0  # in flow units times minutes
        self.rolled_over = self.missed_flow = False
        self.pressure_tare_psia = 0.0
        self.temperature_degc = config.ambient_degc
        self._random = random.Random(config.seed)

    # ---- what can be seen ---------------------------------------------------------------

    @property
    def mass_flow(self) -> float:
        return self.reading * self.config.full_scale

    @property
    def pressure_psia(self) -> float:
        return self.config.supply_psia * self.supply - self.pressure_tare_psia

    @property
    def volumetric_flow(self) -> float:
        """The same gas at its own pressure and temperature."""
        pressure = max(self.config.supply_psia * self.supply, 0.5)
        kelvin = self.temperature_degc + ZERO_DEGC_K
        return self.mass_flow * NORMAL_PSIA / pressure * kelvin / NORMAL_K

    @property
    def drive_percent(self) -> float:
        """A controller that gets no gas opens its valve all the way."""
        if self.config.meter or self.hold is Hold.CLOSED:
            return 0.0
        starved = self.demand > 0.01 and self.supply < 0.9 and not self.stuck_valve
        return 100.0 if starved else min(100.0, 80.0 * self.opening)

    @property
    def status(self) -> frozenset[str]:
        """The status codes that hold now; how many of them it can show is a matter of firmware."""
        over_volume = self.volumetric_flow > SHOWS_AT_MOST * self.config.full_scale
        holds = {
            "ADC": self.condition is Condition.SENSOR_ERROR,
            "POV": self.pressure_psia > OVER_PRESSURE_PSIA,
            "TOV": self.temperature_degc > OVER_TEMPERATURE_DEGC,
            "VOV": over_volume,
            "MOV": self.reading >= SHOWS_AT_MOST,
            "TMF": self.config.totalizer and self.missed_flow,
            "OVR": self.config.totalizer and self.rolled_over,
            "HLD": self.hold is not Hold.NONE,
            "LCK": self.locked,
        }
        return frozenset(code for code, on in holds.items() if on)

    # ---- what can be done to it ---------------------------------------------------------

    def order(self, setpoint: float) -> bool:
        """A setpoint from the line, in parts of full scale. False if it is none; ignored while analog."""
        if self.config.meter or not 0.0 <= setpoint <= HIGHEST_SETPOINT:
            return False
        if self.source != "A":
            self.setpoint = setpoint
            if not self.config.ramp_per_s:
                self.demand = setpoint
        return True

    def tare_flow(self) -> None:
        self.tare_offset = self.flow + self.zero_offset

    def tare_pressure(self) -> None:
        self.pressure_tare_psia = self.config.supply_psia * self.supply - NORMAL_PSIA

    def reset_total(self) -> None:
        self.total = 0.0
        self.rolled_over = self.missed_flow = False

    def befall(self, condition: Condition) -> None:
        """Change what is the matter with it; what was the matter before is mended."""
        if self.condition is Condition.HELD:
            self.hold = Hold.NONE
        elif self.condition is Condition.PANEL_LOCKED:
            self.locked = False
        elif self.condition is Condition.ANALOG_SOURCE:
            self.source = "S"
        self.condition = condition
        self.streaming = condition is Condition.STREAMING
        if condition is Condition.HELD:
            self.hold = Hold.PRESENT
        elif condition is Condition.PANEL_LOCKED:
            self.locked = True
        elif condition is Condition.ANALOG_SOURCE:
            self.source = "A"

    # ---- time ---------------------------------------------------------------------------

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s` seconds; any length is stable, long ones are coarser."""
        if dt_s <= 0.0:
            return
        count = min(math.ceil(dt_s / SUBSTEP_S), SUBSTEPS_AT_MOST)
        for _ in range(count):
            self._substep(dt_s / count)
        self._measure()

    def _substep(self, dt_s: float) -> None:
        self._supply(dt_s)
        self._ramp(dt_s)
        if not self.stuck_valve and self.hold is not Hold.PRESENT:
            self.opening = 0.0 if self.hold is Hold.CLOSED else self.demand
        through = self._pushed() if self.config.meter else self.opening * self.supply
        if self.condition is Condition.SURGE and self.opening > 0.0:
            through = SURGE
        self.flow = approach(self.flow, through, dt_s, self.config.tau_s)
        self.zero_offset += self.drift_per_s * dt_s
        self._totalize(dt_s)

    def _pushed(self) -> float:
        """A meter passes whatever comes; half its range here."""
        return 0.5 * self.supply

    def _supply(self, dt_s: float) -> None:
        empty = self.condition is Condition.BOTTLE_EMPTY
        self.supply = approach(self.supply, 0.0 if empty else 1.0, dt_s, EMPTYING_S if empty else 0.3)
        warm = HOT_DEGC if self.condition is Condition.HOT else self.config.ambient_degc
        tau_s = 1.0 if self.condition is Condition.HOT else TEMPERATURE_TAU_S
        self.temperature_degc = approach(self.temperature_degc, warm + 0.5 * self.flow, dt_s, tau_s)

    def _ramp(self, dt_s: float) -> None:
        """Setpoints of both kinds go along the ramp."""
        target = self.analog_input if self.source == "A" else self.setpoint
        change = target - self.demand
        if self.config.ramp_per_s:
            limit = self.config.ramp_per_s * dt_s
            change = min(max(change, -limit), limit)
        self.demand += change

    def _totalize(self, dt_s: float) -> None:
        self.missed_flow |= self.flow >= SHOWS_AT_MOST
        self.total += min(self.flow, SHOWS_AT_MOST) * self.config.full_scale * dt_s / 60.0
        if self.total > ROLLOVER:
            self.total -= ROLLOVER
            self.rolled_over = True

    def _measure(self) -> None:
        noise = self._random.gauss(0.0, self.config.noise) if self.config.noise else 0.0
        seen = self.flow + self.zero_offset - self.tare_offset + noise
        self.reading = min(max(seen, -SHOWS_AT_MOST), SHOWS_AT_MOST)


def approach(value: float, target: float, dt_s: float, tau_s: float) -> float:
    """First-order response, exact for any step."""
    return target + (value - target) * math.exp(-dt_s / tau_s) if tau_s > 0.0 else target
