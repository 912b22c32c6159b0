"""Twenty rooms and heat loads: where the controller ends, against the best that the plant can hold."""

from dataclasses import dataclass

from devsup.sim.tec_plant import Best, Conditions, Design, best
from iocs.thermal.logic.facts import Request, State
from tests.thermal.closed_loop import Loop

AMBIENTS_C = (10.0, 18.0, 26.0, 34.0, 40.0)
LOADS_W = (0.0, 8.0, 16.0, 24.0)
SCENARIOS = tuple(Conditions(ambient, load) for ambient in AMBIENTS_C for load in LOADS_W)
DUSTY = tuple(Conditions(ambient, 8.0, dust=0.5) for ambient in (22.0, 30.0, 40.0))
"""The sink at half its conductance: what can be reached is decided by the hot side."""
HOURS = 3.0
LAST_S = 1800.0  # of the run: the mean of this time is where it ended


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run from Start. Temperatures °C, times s; `gap` K above the best."""

    conditions: Conditions
    best: Best
    current: float
    cold_c: float
    hottest_c: float
    ninety_s: float
    state: State

    @property
    def gap(self) -> float:
        return self.cold_c - self.best.cold_c

    @property
    def overshoot(self) -> float:
        """Of the hot side, over where it is at the best."""
        return self.hottest_c - self.best.hot_c


def play(conditions: Conditions, design: Design | None = None, hours: float = HOURS) -> Outcome:
    """Run one scenario from ambient temperature."""
    design = design or Design()
    loop = Loop(design=design, conditions=conditions)
    goal = best(design, conditions)
    start_c = loop.plant.temperatures.cold_c
    ninety_c = start_c + 0.9 * (goal.cold_c - start_c)
    loop.run(3).ask(Request.START)
    began, ninety_s, hottest = loop.now, float("nan"), loop.plant.temperatures.hot_c
    colds, currents = [], []
    while (passed_s := loop.now - began) < 3600.0 * hours:
        loop.tick()
        at = loop.plant.temperatures
        hottest = max(hottest, at.hot_c)
        if ninety_s != ninety_s and at.cold_c <= ninety_c:
            ninety_s = passed_s
        if passed_s >= 3600.0 * hours - LAST_S:
            colds.append(at.cold_c)
            currents.append(loop.c.current)
    mean_cold, mean_current = sum(colds) / len(colds), sum(currents) / len(currents)
    return Outcome(conditions, goal, mean_current, mean_cold, hottest, ninety_s, loop.c.state)
