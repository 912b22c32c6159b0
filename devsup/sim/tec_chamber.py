"""A cloud chamber that lives: plant, two supplies and the sensors' files, in real time or faster.

Knows the physics and who looks at it; must not know a frame or a driver. Supplies see the stacks as their
load, the sensors' files are rewritten as the temperatures change.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from devsup.sim.dps5015 import DpsSupply
from devsup.sim.tec_plant import STACKS, Best, Conditions, TecPlant, best

TICK_S = 0.05
SHOW_S = 0.2  # between two looks at a thermometer, in the time of the plant
LAG_S = 3.0  # of a thermometer in its bore
Show = Callable[[float], None]
"""Writes a temperature (°C) where a driver finds it."""


class Thermometer:
    """One simulated sensor: lags behind, makes noise, writes its files."""

    def __init__(self, name: str, show: Show, lag_s: float, noise_k: float, seed: int = 0) -> None:
        self.name = name
        self.noise_k = noise_k
        self._show = show
        self._lag_s = lag_s
        self._random = random.Random(seed)
        self._value: float | None = None

    def update(self, celsius: float, dt_s: float) -> None:
        """`dt_s` seconds later it is so warm."""
        if self._value is None or self._lag_s <= 0.0:
            self._value = celsius
        self._value += (celsius - self._value) * min(1.0, dt_s / self._lag_s if self._lag_s else 1.0)
        self._show(self._value + self._random.gauss(0.0, self.noise_k))


class TecChamber:
    """The plant and everything that hangs on it. `speed`: seconds of the plant per second. All methods may be
    called from any thread."""

    def __init__(self, plant: TecPlant, speed: float = 1.0, **supply: Any) -> None:
        self.speed = speed
        self.supplies = [DpsSupply(self._load(stack), seed=stack, **supply) for stack in range(STACKS)]
        self.cold: list[Thermometer] = []
        self.hot: list[Thermometer] = []
        self.ambient: list[Thermometer] = []
        self._plant = plant
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    # ---- for whoever runs it ------------------------------------------------------------

    def start(self) -> None:
        """Let time pass."""
        if self._thread is None:
            self._stopping.clear()
            self._show(0.0)
            self._thread = threading.Thread(target=self._run, name="tec-chamber", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Time stops; returns when the thread has ended."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    # ---- what can be seen and changed ---------------------------------------------------

    @property
    def cold_c(self) -> float:
        return self._plant.temperatures.cold_c

    @property
    def hot_c(self) -> float:
        return self._plant.temperatures.hot_c

    @property
    def conditions(self) -> Conditions:
        return self._plant.conditions

    def change(self, **conditions: Any) -> None:
        """Other conditions, by their names."""
        with self._lock:
            self._plant.conditions = replace(self._plant.conditions, **conditions)

    def settle(self, cold_c: float, hot_c: float) -> None:
        """Let it be as it would be after a long time (°C), the stages half way."""
        middle = (cold_c + hot_c) / 2.0
        with self._lock:
            old = self._plant.temperatures
            self._plant.temperatures = replace(old, cold_c=cold_c, stages_c=(middle, middle), hot_c=hot_c)

    def best(self, **limits: float) -> Best:
        """The coldest steady state under the present conditions."""
        return best(self._plant.design, self._plant.conditions, resolution=0.05, **limits)

    # ---- physics ------------------------------------------------------------------------

    def _load(self, stack: int) -> Callable[[float, float, float], tuple[float, float]]:
        """What a supply sees of its stack."""

        def load(volts: float, amps: float, dt_s: float) -> tuple[float, float]:
            with self._lock:
                emf, ohm = self._plant.load(stack)
            current = max(0.0, min(amps, (volts - emf) / ohm))
            return (emf + current * ohm if amps > 0.0 else emf), current

        return load

    def _currents(self) -> list[float]:
        """What flows now, whether or not anybody asks the supplies."""
        flows = []
        for stack, supply in enumerate(self.supplies):
            emf, ohm = self._plant.load(stack)
            amps = supply.set_amps if supply.output else 0.0
            flows.append(max(0.0, min(amps, (supply.set_volts - emf) / ohm)))
        return flows

    def _run(self) -> None:
        before, unseen_s = time.monotonic(), 0.0
        while not self._stopping.wait(TICK_S):
            now = time.monotonic()
            dt_s, before = (now - before) * self.speed, now
            with self._lock:
                self._plant.step(dt_s, self._currents())
            unseen_s += dt_s
            if unseen_s >= SHOW_S:
                self._show(unseen_s)
                unseen_s = 0.0

    def _show(self, dt_s: float) -> None:
        at = self._plant.temperatures
        groups: Sequence[tuple[list[Thermometer], float]] = (
            (self.cold, at.cold_c), (self.hot, at.hot_c), (self.ambient, self._plant.conditions.ambient_c),
        )  # fmt: skip
        for thermometers, celsius in groups:
            for one in thermometers:
                one.update(celsius, dt_s)
