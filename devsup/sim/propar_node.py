"""One Bronkhorst mass flow controller: fluid, valve, sensor, controller, alarms. Physics only.

Knows seconds only as `step(dt_s)`; must not know bytes, lines or clocks. Flows are fractions of
capacity unless a name says otherwise. Control modes, alarm bits and reset codes: manual 9.17.023.
"""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

LOCKED, UNLOCKED = 82, 64  # init reset
VALVE_FULL_SCALE = 0xFFFFFF
VALVE_OPENS_AT, VALVE_PER_FLOW = 0.25, 0.58  # drive at which gas begins to pass; more drive for 100 % flow
RAW_FULL_SCALE, RAW_MIN, RAW_MAX = 32000, -23593, 41942
SUBSTEP_S = 0.02
SUBSTEPS_AT_MOST = 200
TEMPERATURE_TAU_S = 30.0
PER_SECOND = {"s": 1.0, "min": 1 / 60, "h": 1 / 3600}

ALARM_ERROR, ALARM_WARNING, ALARM_MINIMUM, ALARM_MAXIMUM, ALARM_POWER_UP = 0x01, 0x02, 0x04, 0x08, 0x20
ALARM_OFF, ALARM_LIMITS, ALARM_RESPONSE, ALARM_AT_POWER_UP = 0, 1, 2, 3  # alarm mode


@dataclass(frozen=True, slots=True)
class Fluid:
    """One calibration of the instrument."""

    name: str
    capacity: float
    unit: str = "mln/min"
    density: float = 1.25  # kg/m3


AIR_RANGES = (Fluid("Air", 1000.0, "mln/min", 1.293), Fluid("N2", 1000.0, "mln/min", 1.250))


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What leaves the factory. `noise` is the standard deviation of the reading, as fraction of capacity."""

    address: int
    fluids: tuple[Fluid, ...] = AIR_RANGES
    serial: str = ""
    model: str = "F-201CV-1K0-AAD-22-V"
    device_type: str = "DMFC"
    firmware: str = "V1.23"
    identification: int = 7
    user_tag: str = "USERTAG"
    tau_s: float = 0.3
    fluid_change_s: float = 1.0
    response_alarm_s: float = 5.0
    response_limit: float = 0.1
    power_up_alarm: bool = False
    alarm_mode: int = ALARM_RESPONSE
    ambient_degc: float = 23.5
    inlet_bar: float = 3.0
    noise: float = 0.0
    seed: int = 0


class ProparNode:
    """An instrument in motion. Attributes are its state; `step` moves it on."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.serial = config.serial or f"M{22200000 + config.address}A"
        self.user_tag = config.user_tag
        self.next_address = 0
        self.fluid_index = 0
        self.counter = 0.0
        self.slope_100ms = 0
        self.analog_input = 0.0
        self.alarm_mode = config.alarm_mode
        self.alarm_minimum, self.alarm_maximum = 0.0, 1.0
        self.controller_speed = 1.0
        self.valve_safe_state = 0
        self.stuck_valve = False
        self.drift_per_s = 0.0
        self.temperature_degc = config.ambient_degc
        self._random = random.Random(config.seed)
        self.power_up()

    def power_up(self) -> None:
        """As after switching on: no flow, no setpoint, secured parameters locked."""
        self.init_reset = LOCKED
        self.control_mode = 0
        self.setpoint = 0.0
        self.demand = 0.0
        self.flow = 0.0
        self.drive = 0.0  # what the controller tells the valve, 0..1
        self.opening = 0.0  # where the valve is, 0..1
        self.zero_offset = 0.0
        self.reading = 0.0
        self.reset_code = 0
        self.wink_s = 0.0
        self.power_alarm = self.config.power_up_alarm or self.alarm_mode == ALARM_AT_POWER_UP
        self._off_target_s = 0.0
        self._limit_alarm = 0
        self._coming_fluid: tuple[int, float] | None = None

    # ---- what can be seen ---------------------------------------------------------------

    @property
    def fluid(self) -> Fluid:
        return self.config.fluids[self.fluid_index]

    @property
    def raw_measure(self) -> int:
        """The reading as 32000 = 100 %, within what 16 bits of the instrument express."""
        return min(max(round(self.reading * RAW_FULL_SCALE), RAW_MIN), RAW_MAX)

    @property
    def alarm_info(self) -> int:
        if self._off_target_s >= self.config.response_alarm_s and self.alarm_mode == ALARM_RESPONSE:
            return ALARM_POWER_UP | (ALARM_MINIMUM if self.reading < self.demand else ALARM_MAXIMUM)
        return self._limit_alarm or (ALARM_POWER_UP if self.power_alarm else 0)

    @property
    def changing_fluid(self) -> bool:
        return self._coming_fluid is not None

    # ---- what can be done to it ---------------------------------------------------------

    def select_fluid(self, index: int) -> None:
        """Begin the change of fluid; everything that belongs to the fluid follows when it is complete."""
        self._coming_fluid = (index, self.config.fluid_change_s)

    def reset(self, code: int) -> None:
        """Manual: write 0 first, then 1 or 4 = counter, 2 = alarm, 5 = soft reset."""
        before, self.reset_code = self.reset_code, code
        if before or not code:
            return
        if code in (1, 4):
            self.counter = 0.0
        elif code == 2:
            self.power_alarm = False
            self._off_target_s, self._limit_alarm = 0.0, 0
        elif code == 5:
            self.power_up()

    # ---- time ---------------------------------------------------------------------------

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s` seconds; any length is stable, long ones are coarser."""
        if dt_s <= 0.0:
            return
        count = min(math.ceil(dt_s / SUBSTEP_S), SUBSTEPS_AT_MOST)
        for _ in range(count):
            self._substep(dt_s / count)
        noise = self._random.gauss(0.0, self.config.noise) if self.config.noise else 0.0
        self.reading = self.flow + self.zero_offset + noise

    def _substep(self, dt_s: float) -> None:
        self._change_fluid(dt_s)
        self._control(dt_s)
        self._move_gas(dt_s)
        self._watch(dt_s)
        self.wink_s = max(0.0, self.wink_s - dt_s)

    def _change_fluid(self, dt_s: float) -> None:
        if self._coming_fluid is None:
            return
        index, left_s = self._coming_fluid
        self._coming_fluid = (index, left_s - dt_s) if left_s > dt_s else None
        if self._coming_fluid is None:
            self.fluid_index = index

    def _control(self, dt_s: float) -> None:
        mode = MODES[self.control_mode]
        if mode.valve is not None:
            self.drive = mode.valve(self)
            self.demand = self.flow
        elif mode.demand is not None:
            self._ramp(mode.demand(self), dt_s)
            self._regulate(dt_s)

    def _ramp(self, target: float, dt_s: float) -> None:
        """The slope is the time for 100 %; a smaller change takes its share of it."""
        change = target - self.demand
        if self.slope_100ms:
            limit = dt_s / (self.slope_100ms * 0.1)
            change = min(max(change, -limit), limit)
        self.demand += change

    def _regulate(self, dt_s: float) -> None:
        if self.stuck_valve:  # it drives on against a valve that does not follow
            self.drive += (self.demand - self.flow - self.zero_offset) * dt_s
        else:
            wanted = self.demand - self.zero_offset
            self.drive = (
                VALVE_OPENS_AT + VALVE_PER_FLOW * wanted if wanted > 0.0 and self.demand > 0.0 else 0.0
            )
        self.drive = min(max(self.drive, 0.0), 1.0)

    def _move_gas(self, dt_s: float) -> None:
        if not self.stuck_valve:
            self.opening = self.drive
        target = max(0.0, (self.opening - VALVE_OPENS_AT) / VALVE_PER_FLOW)
        self.flow = approach(self.flow, target, dt_s, self.config.tau_s)
        self.zero_offset = self.zero_offset + self.drift_per_s * dt_s if self.drift_per_s else 0.0
        self.counter += self.flow * self.fluid.capacity * per_second(self.fluid.unit) * dt_s
        warm = self.config.ambient_degc - 0.5 * self.flow
        self.temperature_degc = approach(self.temperature_degc, warm, dt_s, TEMPERATURE_TAU_S)

    def _watch(self, dt_s: float) -> None:
        seen = self.flow + self.zero_offset
        off = abs(self.demand - seen) > self.config.response_limit
        self._off_target_s = self._off_target_s + dt_s if off else 0.0
        self._limit_alarm = 0
        if self.alarm_mode == ALARM_LIMITS:
            self._limit_alarm |= ALARM_MINIMUM if seen < self.alarm_minimum else 0
            self._limit_alarm |= ALARM_MAXIMUM if seen > self.alarm_maximum else 0


def approach(value: float, target: float, dt_s: float, tau_s: float) -> float:
    """First-order response, exact for any step."""
    return target + (value - target) * math.exp(-dt_s / tau_s) if tau_s > 0.0 else target


def per_second(unit: str) -> float:
    """Seconds' share of the time in a unit of flow: 1/60 for `mln/min`."""
    return PER_SECOND.get(unit.rsplit("/", 1)[-1].strip(), 0.0)


# ---- control modes -----------------------------------------------------------------------

Rule = Callable[[ProparNode], float]


@dataclass(frozen=True, slots=True)
class Mode:
    """Where the demand comes from, or what holds the valve."""

    name: str
    demand: Rule | None = None
    valve: Rule | None = None


def bus(node: ProparNode) -> float:
    return node.setpoint


def analog(node: ProparNode) -> float:
    return node.analog_input


def held(node: ProparNode) -> float:
    return node.drive


MODES: Mapping[int, Mode] = MappingProxyType({
    0: Mode("bus or RS232", demand=bus),
    1: Mode("analog input", demand=analog),
    2: Mode("FLOW-BUS slave", demand=bus),
    3: Mode("valve close", valve=lambda node: 0.0),
    4: Mode("controller idle", valve=held),
    5: Mode("testing", valve=held),
    6: Mode("tuning", valve=held),
    7: Mode("setpoint 100 %", demand=lambda node: 1.0),
    8: Mode("valve fully open", valve=lambda node: 1.0),
    9: Mode("calibration", valve=held),
    10: Mode("analog slave", demand=analog),
    12: Mode("setpoint 0 %", demand=lambda node: 0.0),
    13: Mode("bus-analog slave", demand=analog),
    18: Mode("RS232", demand=bus),
    20: Mode("valve steering", valve=bus),
    21: Mode("analog valve steering", valve=analog),
    22: Mode("valve safe state", valve=lambda node: float(node.valve_safe_state != 0)),
})  # fmt: skip
