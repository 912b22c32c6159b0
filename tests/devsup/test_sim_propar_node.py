"""Physics of the simulated instrument, moved on by step(dt) alone."""

import math

import pytest

from devsup.sim.propar_node import (
    ALARM_AT_POWER_UP,
    ALARM_LIMITS,
    ALARM_MAXIMUM,
    ALARM_MINIMUM,
    ALARM_POWER_UP,
    LOCKED,
    MODES,
    Fluid,
    NodeConfig,
    ProparNode,
    per_second,
)

FLUIDS = (Fluid("N2", 600.0, "mln/min"), Fluid("He", 30.0, "ls/h", 0.178))


def make(**changes: object) -> ProparNode:
    return ProparNode(NodeConfig(3, **{"fluids": FLUIDS, **changes}))  # type: ignore[arg-type]


def run(node: ProparNode, seconds: float, dt_s: float = 0.05) -> ProparNode:
    for _ in range(round(seconds / dt_s)):
        node.step(dt_s)
    return node


def at_flow(setpoint: float = 0.5, **changes: object) -> ProparNode:
    node = make(**changes)
    node.setpoint = setpoint
    return run(node, 5.0)


def test_flow_follows_the_setpoint_with_its_time_constant() -> None:
    node = make(tau_s=0.3)
    node.setpoint = 1.0
    node.step(0.3)
    assert node.reading == pytest.approx(1 - math.exp(-1), abs=0.03)
    run(node, 3.0)
    assert node.reading == pytest.approx(1.0, abs=1e-3)


def test_the_result_does_not_depend_on_the_size_of_the_step() -> None:
    fine, coarse = make(), make()
    for node, dt_s in ((fine, 0.01), (coarse, 0.4)):
        node.setpoint, node.slope_100ms = 1.0, 20
        run(node, 1.2, dt_s)
    assert fine.reading == pytest.approx(coarse.reading, abs=0.005)


@pytest.mark.parametrize("dt_s", [0.0, -1.0])
def test_time_never_runs_backwards(dt_s: float) -> None:
    node = at_flow()
    before = node.reading, node.counter
    node.step(dt_s)
    assert (node.reading, node.counter) == before


def test_a_long_step_is_stable() -> None:
    node = make()
    node.setpoint = 0.5
    node.step(86400.0)
    assert node.reading == pytest.approx(0.5)
    assert node.counter == pytest.approx(0.5 * 600.0 * 1440, rel=0.01)


def test_slope_is_the_time_for_full_scale_and_smaller_changes_take_their_share() -> None:
    node = make(tau_s=0.01)
    node.setpoint, node.slope_100ms = 0.5, 40  # 4 s for 100 %, so 2 s here
    run(node, 1.0)
    assert node.reading == pytest.approx(0.25, abs=0.02)
    run(node, 1.1)
    assert node.reading == pytest.approx(0.5, abs=0.001)
    assert node.setpoint == 0.5, "the setpoint itself does not ramp"


def test_valve_output_follows_the_demand() -> None:
    low, high = at_flow(0.2), at_flow(0.8)
    assert 0.25 < low.drive < high.drive < 1.0
    assert at_flow(0.0).drive == 0.0


@pytest.mark.parametrize(
    ("mode", "reading"), [(0, 0.5), (18, 0.5), (2, 0.5), (1, 0.2), (10, 0.2), (13, 0.2), (3, 0.0), (7, 1.0),
                          (12, 0.0), (22, 0.0)]
)  # fmt: skip
def test_each_control_mode_has_its_own_source(mode: int, reading: float) -> None:
    node = at_flow()
    node.analog_input = 0.2
    node.control_mode = mode
    assert run(node, 5.0).reading == pytest.approx(reading, abs=0.001)


def test_fully_open_passes_more_than_capacity_but_less_than_the_scale_ends() -> None:
    node = at_flow()
    node.control_mode = 8
    assert 1.0 < run(node, 5.0).reading < 1.3107 and node.drive == 1.0


@pytest.mark.parametrize("mode", [4, 5, 6, 9])
def test_idle_modes_hold_the_valve_whatever_the_setpoint_says(mode: int) -> None:
    node = at_flow(0.5)
    node.control_mode, node.setpoint = mode, 0.9
    assert run(node, 5.0).reading == pytest.approx(0.5, abs=0.001)


def test_every_documented_mode_runs() -> None:
    for mode in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 18, 20, 21, 22):
        node = make()
        node.control_mode = mode
        run(node, 0.2)
        assert MODES[mode].name and math.isfinite(node.reading)


def test_the_counter_integrates_per_time_of_the_unit() -> None:
    node = at_flow(1.0)
    before = node.counter
    run(node, 60.0)
    assert node.counter - before == pytest.approx(600.0, rel=1e-3)
    assert per_second("ls/h ") == pytest.approx(1 / 3600) and per_second("bar") == 0.0


def test_temperature_moves_slowly_with_flow() -> None:
    node = at_flow(1.0)
    assert 23.0 < run(node, 5.0).temperature_degc < 23.5
    assert run(node, 300.0).temperature_degc == pytest.approx(23.0, abs=0.01)


def test_a_change_of_fluid_takes_its_time_and_then_changes_everything_at_once() -> None:
    node = make(fluid_change_s=2.0)
    node.select_fluid(1)
    run(node, 1.9)
    assert node.changing_fluid and node.fluid.name == "N2"
    run(node, 0.2)
    assert not node.changing_fluid and node.fluid == FLUIDS[1]


def test_raw_measure_keeps_to_the_limits_of_the_manual() -> None:
    node = at_flow(0.5)
    assert node.raw_measure == 16000
    node.reading = 3.0
    assert node.raw_measure == 41942
    node.reading = -3.0
    assert node.raw_measure == -23593


def test_noise_is_seeded() -> None:
    first, second, other = (at_flow(noise=0.01, seed=seed) for seed in (1, 1, 2))
    assert first.reading == second.reading != other.reading
    assert first.reading == pytest.approx(0.5, abs=0.06)


# ---- alarms and reset --------------------------------------------------------------------


def reset(node: ProparNode, code: int) -> None:
    node.reset(0)
    node.reset(code)


def test_power_up_alarm_stands_alone_until_it_is_reset() -> None:
    node = make(power_up_alarm=True)
    assert node.alarm_info == ALARM_POWER_UP
    reset(node, 2)
    assert node.alarm_info == 0
    node.power_up()
    assert node.alarm_info == ALARM_POWER_UP
    assert make(alarm_mode=ALARM_AT_POWER_UP).alarm_info == ALARM_POWER_UP


def test_reset_needs_a_zero_before_every_code() -> None:
    node = make(power_up_alarm=True)
    node.reset(1)
    node.reset(2)
    assert node.alarm_info == ALARM_POWER_UP
    reset(node, 2)
    assert node.alarm_info == 0


@pytest.mark.parametrize("code", [1, 4])
def test_reset_of_the_counter(code: int) -> None:
    node = at_flow()
    reset(node, code)
    assert node.counter == 0.0


def test_soft_reset_is_a_power_cycle() -> None:
    node = at_flow()
    node.init_reset, node.control_mode = 64, 18
    reset(node, 5)
    assert (node.setpoint, node.reading, node.control_mode, node.init_reset) == (0.0, 0.0, 0, LOCKED)


def test_a_stuck_valve_keeps_its_flow_winds_up_the_controller_and_raises_the_response_alarm() -> None:
    node = at_flow(0.5, response_alarm_s=2.0)
    node.stuck_valve, node.setpoint = True, 0.9
    run(node, 1.9)
    assert node.alarm_info == 0
    run(node, 8.0)
    assert node.reading == pytest.approx(0.5, abs=0.001)
    assert node.drive == 1.0
    assert node.alarm_info == ALARM_POWER_UP | ALARM_MINIMUM
    node.setpoint = 0.0
    run(node, 5.0)
    assert node.reading == pytest.approx(0.5, abs=0.001), "it cannot be closed"
    assert node.alarm_info == ALARM_POWER_UP | ALARM_MAXIMUM
    node.stuck_valve = False
    assert run(node, 5.0).reading == pytest.approx(0.0, abs=0.001)
    assert node.alarm_info == 0


def test_a_stuck_valve_cannot_be_closed_by_mode_either() -> None:
    node = at_flow(0.5)
    node.stuck_valve, node.control_mode = True, 3
    assert run(node, 3.0).reading == pytest.approx(0.5, abs=0.001) and node.drive == 0.0


def test_a_drifting_zero_shows_with_the_valve_closed_and_hides_under_control() -> None:
    idle, busy = make(), at_flow(0.5)
    for node in (idle, busy):
        node.drift_per_s = 0.01
        run(node, 10.0)
    assert idle.reading == pytest.approx(0.1, abs=0.002)
    assert busy.reading == pytest.approx(0.5, abs=0.01) and busy.flow == pytest.approx(0.4, abs=0.01)
    idle.drift_per_s = 0.0
    assert run(idle, 0.1).reading == pytest.approx(0.0)


def test_limit_alarms() -> None:
    node = at_flow(0.5, alarm_mode=ALARM_LIMITS)
    node.alarm_minimum, node.alarm_maximum = 0.2, 0.8
    run(node, 0.1)
    assert node.alarm_info == 0
    for setpoint, expected in ((0.1, ALARM_MINIMUM), (0.9, ALARM_MAXIMUM)):
        node.setpoint = setpoint
        assert run(node, 3.0).alarm_info == expected


def test_winking_ends() -> None:
    node = make()
    node.wink_s = 1.0
    assert run(node, 0.5).wink_s == pytest.approx(0.5)
    assert run(node, 1.0).wink_s == 0.0
