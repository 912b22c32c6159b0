"""A cold plate on two thermoelectric stacks and one heat sink, as physics: no wire, no clock, no sensor.

Each supply drives one stack: two modules in thermal and electrical series (a cascade). Peltier, Joule and
conduction terms of every module, masses of plate, stages and sink; the sink loses to ambient, with or without
fan. What the best reachable cold plate is, is found by search over the exact steady states.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

ZERO_C = 273.15
STEP_S = 0.5  # the fastest mass (a stage) needs about 10 s: Euler steps of half a second are exact enough
STACKS = 2

Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Module:
    """One thermoelectric module: Seebeck coefficient V/K, resistance Ohm, thermal conductance W/K."""

    seebeck: float
    resistance: float
    conductance: float

    def worn(self, wear: float) -> "Module":
        """The same with `wear` (0 new … 1 dead) of its couples cracked: less pumping, more heat."""
        if not wear:
            return self
        return replace(self, seebeck=self.seebeck * (1 - wear), resistance=self.resistance * (1 + 2 * wear))

    def absorbs(self, current: float, cold_k: float, hot_k: float) -> float:
        """Heat taken from its cold side, W: Peltier less half the Joule heat less conduction."""
        peltier, joule = self.seebeck * current * cold_k, 0.5 * current**2 * self.resistance
        return peltier - joule - self.conductance * (hot_k - cold_k)

    def rejects(self, current: float, cold_k: float, hot_k: float) -> float:
        """Heat given to its hot side, W."""
        peltier, joule = self.seebeck * current * hot_k, 0.5 * current**2 * self.resistance
        return peltier + joule - self.conductance * (hot_k - cold_k)


@dataclass(frozen=True, slots=True)
class Design:
    """What the cloud chamber is built of. Masses J/K, conductances W/K.

    Module data are those of common 71 and 127 couple modules; the sink is that of two processor coolers.
    """

    upper: Module = Module(seebeck=0.027, resistance=0.50, conductance=0.55)
    lower: Module = Module(seebeck=0.050, resistance=0.85, conductance=0.75)
    plate_mass: float = 180.0
    stage_mass: float = 30.0
    sink_mass: float = 1600.0
    leak: float = 0.4
    sink: float = 16.0
    sink_still: float = 1.2


@dataclass(frozen=True, slots=True)
class Conditions:
    """What surrounds the chamber: ambient °C, heat load W on the plate, the fan, the part of the sink's
    conductance that dust takes, wear of each stack."""

    ambient_c: float = 22.0
    load_w: float = 8.0
    fan: bool = True
    dust: float = 0.0
    wear: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Temperatures:
    """Plate, the stage between the modules of each stack, and sink, °C."""

    cold_c: float
    stages_c: tuple[float, float]
    hot_c: float


@dataclass(frozen=True, slots=True)
class Best:
    """The coldest steady state: current of both stacks, and the temperatures that go with it."""

    current: float
    cold_c: float
    hot_c: float


@dataclass
class TecPlant:
    """The chamber. Change `conditions` at any time; begins at ambient temperature."""

    design: Design = field(default_factory=Design)
    conditions: Conditions = field(default_factory=Conditions)
    temperatures: Temperatures = field(init=False)

    def __post_init__(self) -> None:
        ambient = self.conditions.ambient_c
        self.temperatures = Temperatures(ambient, (ambient, ambient), ambient)

    def step(self, dt_s: float, currents: Sequence[float]) -> None:
        """Let `dt_s` seconds pass with these currents (A) in the stacks."""
        while dt_s > 1e-9:
            part_s = min(dt_s, STEP_S)
            self._euler(part_s, currents)
            dt_s -= part_s

    def load(self, stack: int) -> tuple[float, float]:
        """What a supply sees of a stack: thermoelectric voltage V and resistance Ohm. U = voltage + I R."""
        upper, lower = modules(self.design, self.conditions, stack)
        return voltage_of(upper, lower, self.temperatures, stack), upper.resistance + lower.resistance

    def _euler(self, dt_s: float, currents: Sequence[float]) -> None:
        design, conditions, now = self.design, self.conditions, self.temperatures
        cold_k, hot_k = now.cold_c + ZERO_C, now.hot_c + ZERO_C
        into_plate = conditions.load_w + design.leak * (conditions.ambient_c - now.cold_c)
        into_sink = sink_conductance(design, conditions) * (conditions.ambient_c - now.hot_c)
        stages = []
        for stack, current in enumerate(currents):
            upper, lower = modules(design, conditions, stack)
            stage_k = now.stages_c[stack] + ZERO_C
            into_plate -= upper.absorbs(current, cold_k, stage_k)
            into_sink += lower.rejects(current, stage_k, hot_k)
            gain = upper.rejects(current, cold_k, stage_k) - lower.absorbs(current, stage_k, hot_k)
            stages.append(now.stages_c[stack] + dt_s * gain / design.stage_mass)
        self.temperatures = Temperatures(
            now.cold_c + dt_s * into_plate / design.plate_mass,
            (stages[0], stages[1]),
            now.hot_c + dt_s * into_sink / design.sink_mass,
        )


def modules(design: Design, conditions: Conditions, stack: int) -> tuple[Module, Module]:
    """Upper and lower module of a stack as worn as they are."""
    wear = conditions.wear[stack]
    return design.upper.worn(wear), design.lower.worn(wear)


def sink_conductance(design: Design, conditions: Conditions) -> float:
    """From sink to ambient, W/K."""
    return (design.sink if conditions.fan else design.sink_still) * (1.0 - conditions.dust)


def voltage_of(upper: Module, lower: Module, at: Temperatures, stack: int) -> float:
    """Thermoelectric voltage of a stack."""
    stage_c = at.stages_c[stack]
    return upper.seebeck * (stage_c - at.cold_c) + lower.seebeck * (at.hot_c - stage_c)


# -- steady states --------------------------------------------------------------------------------


def steady(design: Design, conditions: Conditions, currents: Sequence[float]) -> Temperatures:
    """Where everything settles at constant currents: linear in the temperatures, so solved exactly.

    Unknowns in kelvin: plate, sink, the two stages. Without a heat balance (runaway) meaningless.
    """
    ambient_k = conditions.ambient_c + ZERO_C
    sink = sink_conductance(design, conditions)
    rows: Matrix = [[0.0] * (2 + STACKS) for _ in range(2 + STACKS)]
    right = [design.leak * ambient_k + conditions.load_w, sink * ambient_k, 0.0, 0.0]
    rows[0][0], rows[1][1] = design.leak, sink
    for stack, current in enumerate(currents):
        upper, lower = modules(design, conditions, stack)
        _couple(rows, right, upper, current, cold=0, hot=2 + stack)
        _couple(rows, right, lower, current, cold=2 + stack, hot=1)
    cold, hot, first, second = solve(rows, right)
    return Temperatures(cold - ZERO_C, (first - ZERO_C, second - ZERO_C), hot - ZERO_C)


def _couple(rows: Matrix, right: list[float], module: Module, current: float, *, cold: int, hot: int) -> None:
    """Add a module between two unknowns: what it absorbs leaves `cold`, what it rejects enters `hot`."""
    peltier, joule = module.seebeck * current, 0.5 * current**2 * module.resistance
    rows[cold][cold] += peltier + module.conductance
    rows[cold][hot] -= module.conductance
    rows[hot][hot] += module.conductance - peltier
    rows[hot][cold] -= module.conductance
    right[cold] += joule
    right[hot] += joule


def solve(rows: Matrix, right: list[float]) -> list[float]:
    """Gaussian elimination with pivots; the arguments are used up."""
    size = len(right)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        right[column], right[pivot] = right[pivot], right[column]
        for row in range(column + 1, size):
            factor = rows[row][column] / rows[column][column]
            right[row] -= factor * right[column]
            rows[row] = [mine - factor * its for mine, its in zip(rows[row], rows[column], strict=True)]
    answer = [0.0] * size
    for row in reversed(range(size)):
        known = sum(rows[row][column] * answer[column] for column in range(row + 1, size))
        answer[row] = (right[row] - known) / rows[row][row]
    return answer


def reachable(
    design: Design, conditions: Conditions, current: float, *, hot_max_c: float, volts: float
) -> Temperatures | None:
    """The steady state at one current for both stacks; None if the sink or the supplies do not allow it."""
    at = steady(design, conditions, (current, current))
    needed = max(
        voltage_of(upper, lower, at, stack) + current * (upper.resistance + lower.resistance)
        for stack in range(STACKS)
        for upper, lower in [modules(design, conditions, stack)]
    )
    return at if at.hot_c <= hot_max_c and needed <= volts else None


def best(
    design: Design,
    conditions: Conditions,
    *,
    max_current: float = 10.6,
    hot_max_c: float = 65.0,
    volts: float = 16.0,
    resolution: float = 0.01,
) -> Best:
    """The coldest plate that one current in both stacks can hold, by search over its steady states.

    Within `max_current`, with the sink at most at `hot_max_c`, and the supplies at most at `volts`.
    """
    found = []
    for number in range(round(max_current / resolution) + 1):
        at = reachable(design, conditions, number * resolution, hot_max_c=hot_max_c, volts=volts)
        if at is not None:
            found.append(Best(number * resolution, at.cold_c, at.hot_c))
    return min(found, key=lambda one: one.cold_c)
