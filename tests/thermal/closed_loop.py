"""The controller and the plant in a closed loop, without wires, in simulated time: as fast as it goes."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from devsup.sim.tec_plant import Conditions, Design, TecPlant
from iocs.thermal.logic.controller import Controller
from iocs.thermal.logic.facts import Inputs, Latch, Orders, Request, Sensed, Setting, Supply
from iocs.thermal.logic.parameters import Parameters
from iocs.thermal.logic.step import begin, step

HOT_LAG_S = 3.0  # a DS18B20 in its bore
LSB_HOT, LSB_COLD = 0.0625, 0.03


@dataclass
class SimpleSupply:
    """A supply that does what it is told at once: constant current, up to its voltage."""

    held: Setting = Setting(5.0, 1.0, False)
    confirmed: Setting | None = None
    confirmed_at: float = float("-inf")
    read_at: float = float("-inf")
    answers: bool = True
    powered: bool = True
    tripped: str = ""
    seen: Supply = field(default_factory=Supply)

    def flows(self, emf: float, ohm: float) -> float:
        """Current into a stack, A."""
        if not (self.powered and self.held.output):
            return 0.0
        return max(0.0, min(self.held.current, (self.held.voltage - emf) / ohm))

    def read(self, now: float, emf: float, ohm: float) -> Supply:
        """A reading, or the last one if it does not answer."""
        if self.answers and self.powered:
            current = round(self.flows(emf, ohm), 2)
            volts = emf + current * ohm if self.held.output else 0.0
            self.seen = Supply(
                at=now,
                held=self.held,
                current=current,
                power=round(volts * current, 2),
                tripped=self.tripped,
            )
        return replace(self.seen, confirmed=self.confirmed, confirmed_at=self.confirmed_at)

    def obey(self, setting: Setting | None, now: float) -> None:
        """Carry out an order and confirm it, if it can be heard."""
        if setting is None or not (self.answers and self.powered):
            return
        self.held = setting if setting.output else replace(self.held, output=False)
        self.confirmed, self.confirmed_at = setting, now


@dataclass
class Loop:
    """Controller, supplies, sensors and plant, and their common time."""

    p: Parameters = field(default_factory=Parameters)
    design: Design = field(default_factory=Design)
    conditions: Conditions = field(default_factory=Conditions)
    period_s: float = 1.0
    noise: bool = True
    seed: int = 1
    latch: Latch = Latch.NONE

    def __post_init__(self) -> None:
        self.now = 1000.0
        self.random = random.Random(self.seed)
        self.plant = TecPlant(self.design, self.conditions)
        self.supplies = (SimpleSupply(), SimpleSupply())
        self.c: Controller = begin(self.latch, "", self.now)
        self.orders = Orders()
        self.request: Request | None = None
        self.stopped = ""
        self.cold = self.hot = self.ambient = True  # whether the sensors answer
        self.sensed = {"cold": Sensed(), "hot": Sensed(), "ambient": Sensed()}
        self.bore_c = self.plant.temperatures.hot_c

    def run(self, seconds: float, until: Callable[["Loop"], object] | None = None) -> "Loop":
        """Let time pass, until a condition holds if one is given."""
        for _ in range(round(seconds / self.period_s)):
            self.tick()
            if until is not None and until(self):
                break
        return self

    def ask(self, request: Request) -> "Loop":
        """An operator asks; takes one tick."""
        self.request = request
        self.tick()
        return self

    def tick(self) -> None:
        """The plant, the sensors, the controller, the supplies."""
        self.now += self.period_s
        loads = [self.plant.load(stack) for stack in (0, 1)]
        currents = [supply.flows(*load) for supply, load in zip(self.supplies, loads, strict=True)]
        self.plant.step(self.period_s, currents)
        self._sense()
        seen = Inputs(
            cold=self.sensed["cold"],
            hot=self.sensed["hot"],
            ambient=self.sensed["ambient"],
            supplies=(self.supplies[0].read(self.now, *loads[0]), self.supplies[1].read(self.now, *loads[1])),
            request=self.request,
            stopped=self.stopped,
        )
        self.request = None
        self.c, self.orders = self.decide(seen)
        for supply, setting in zip(self.supplies, self.orders.settings, strict=True):
            supply.obey(setting, self.now)

    def decide(self, seen: Inputs) -> tuple[Controller, Orders]:
        return step(self.c, seen, self.p, self.now)

    def _sense(self) -> None:
        at = self.plant.temperatures
        self.bore_c += (at.hot_c - self.bore_c) * min(1.0, self.period_s / HOT_LAG_S)
        truth = {"cold": at.cold_c, "hot": self.bore_c, "ambient": self.plant.conditions.ambient_c}
        for name, value in truth.items():
            if getattr(self, name):
                self.sensed[name] = Sensed(self._noisy(value, name), self.now)

    def _noisy(self, value: float, name: str) -> float:
        if not self.noise:
            return value
        lsb, sigma = (LSB_COLD, 0.02) if name == "cold" else (LSB_HOT, 0.03)
        return round((value + self.random.gauss(0.0, sigma)) / lsb) * lsb
