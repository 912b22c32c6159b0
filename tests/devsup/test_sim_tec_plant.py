"""The simulated cold plate: heat balances, steady states, and an optimum that is one."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.sim.tec_plant import (
    Conditions,
    Design,
    Module,
    TecPlant,
    best,
    modules,
    reachable,
    sink_conductance,
    solve,
    steady,
    voltage_of,
)

DESIGN = Design()
CURRENTS = st.floats(0.0, 10.6)
CONDITIONS = st.builds(
    Conditions,
    ambient_c=st.floats(5.0, 40.0),
    load_w=st.floats(0.0, 30.0),
    dust=st.floats(0.0, 0.3),
    wear=st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 0.3)),
)


def settled(conditions: Conditions, currents: tuple[float, float], hours: float = 1.0) -> TecPlant:
    plant = TecPlant(conditions=conditions)
    plant.step(3600.0 * hours, currents)
    return plant


def test_it_begins_at_ambient_and_stays_there_without_current() -> None:
    plant = settled(Conditions(ambient_c=20.0, load_w=0.0), (0.0, 0.0))
    assert plant.temperatures.cold_c == pytest.approx(20.0)
    assert plant.temperatures.hot_c == pytest.approx(20.0)


def test_a_module_pumps_by_peltier_less_joule_less_conduction() -> None:
    module = Module(seebeck=0.05, resistance=1.0, conductance=0.5)
    assert module.absorbs(4.0, 260.0, 300.0) == pytest.approx(0.05 * 4 * 260 - 8.0 - 20.0)
    assert module.rejects(4.0, 260.0, 300.0) == pytest.approx(0.05 * 4 * 300 + 8.0 - 20.0)


@settings(max_examples=50, derandomize=True)
@given(CONDITIONS, CURRENTS, CURRENTS)
def test_in_a_steady_state_every_heat_balance_is_zero(
    conditions: Conditions, first: float, second: float
) -> None:
    at = steady(DESIGN, conditions, (first, second))
    plant = TecPlant(conditions=conditions)
    plant.temperatures = at
    plant.step(0.5, (first, second))
    moved = plant.temperatures
    assert moved.cold_c == pytest.approx(at.cold_c, abs=1e-6)
    assert moved.hot_c == pytest.approx(at.hot_c, abs=1e-6)
    assert moved.stages_c == pytest.approx(at.stages_c, abs=1e-6)


@settings(max_examples=50, derandomize=True)
@given(CONDITIONS, CURRENTS)
def test_electrical_power_leaves_through_the_sink(conditions: Conditions, current: float) -> None:
    at = steady(DESIGN, conditions, (current, current))
    power = 0.0
    for stack in (0, 1):
        upper, lower = modules(DESIGN, conditions, stack)
        volts = voltage_of(upper, lower, at, stack) + current * (upper.resistance + lower.resistance)
        power += volts * current
    rejected = sink_conductance(DESIGN, conditions) * (at.hot_c - conditions.ambient_c)
    into_plate = conditions.load_w + DESIGN.leak * (conditions.ambient_c - at.cold_c)
    assert rejected == pytest.approx(power + into_plate, abs=1e-6)


@pytest.mark.parametrize("currents", [(2.0, 2.0), (8.0, 8.0), (6.0, 0.0)])
def test_it_settles_where_the_exact_solution_says(currents: tuple[float, float]) -> None:
    conditions = Conditions(ambient_c=25.0, load_w=10.0)
    plant, at = settled(conditions, currents), steady(DESIGN, conditions, currents)
    assert plant.temperatures.cold_c == pytest.approx(at.cold_c, abs=0.01)
    assert plant.temperatures.hot_c == pytest.approx(at.hot_c, abs=0.01)


def test_the_optimum_is_inside_and_moves_with_ambient_and_load() -> None:
    cool, warm = best(DESIGN, Conditions(10.0, 0.0)), best(DESIGN, Conditions(34.0, 0.0))
    loaded = best(DESIGN, Conditions(10.0, 24.0))
    assert 7.0 < cool.current < warm.current < 8.5
    assert cool.current < loaded.current
    assert cool.cold_c < -45.0 < loaded.cold_c < 0.0
    for one, conditions in ((cool, Conditions(10.0, 0.0)), (warm, Conditions(34.0, 0.0))):
        for other in (one.current - 1.0, one.current + 1.0):
            assert steady(DESIGN, conditions, (other, other)).cold_c > one.cold_c + 0.5


def test_the_best_respects_the_hot_side_and_the_voltage() -> None:
    weak = replace(DESIGN, sink=8.0)
    free = best(weak, Conditions(40.0), hot_max_c=200.0)
    bound = best(weak, Conditions(40.0), hot_max_c=65.0)
    assert free.hot_c > 65.0 > bound.hot_c > 64.8
    assert bound.current < free.current and bound.cold_c > free.cold_c
    assert best(DESIGN, Conditions(), volts=8.0).current < 6.0
    assert reachable(weak, Conditions(40.0), free.current, hot_max_c=65.0, volts=16.0) is None


def test_a_fan_that_stops_is_a_runaway() -> None:
    plant = settled(Conditions(ambient_c=22.0), (7.5, 7.5))
    plant.conditions = replace(plant.conditions, fan=False)
    before = plant.temperatures.hot_c
    plant.step(15.0, (7.5, 7.5))
    assert 4.0 * (plant.temperatures.hot_c - before) > 6.0  # K/min


def test_wear_heats_and_dust_warms() -> None:
    new, worn = TecPlant(), TecPlant(conditions=Conditions(wear=(0.3, 0.0)))
    assert worn.load(0)[1] > new.load(0)[1] and worn.load(1) == new.load(1)
    fresh = best(DESIGN, Conditions())
    assert best(DESIGN, Conditions(wear=(0.3, 0.0))).cold_c > fresh.cold_c + 1.0
    assert best(DESIGN, Conditions(dust=0.5)).hot_c > fresh.hot_c + 5.0


def test_elimination_needs_its_pivots() -> None:
    assert solve([[0.0, 2.0], [3.0, 1.0]], [4.0, 5.0]) == pytest.approx([1.0, 2.0])
