"""The emergency stop of the flow IOC, as clients use it."""

import pytest

from devsup.bronkhorst_values import Mode
from tests.flow.bench import MAJOR, NO_ALARM, Bench
from tests.support.ca import Refused


@pytest.fixture
def flowing(bench: Bench) -> Bench:
    for name, value in (("N2", 5), ("Air", 3), ("He", 100)):
        bench.put(f"{name}:Setpoint", value)
    return bench


def test_it_zeroes_every_instrument_and_refuses_until_reset(flowing: Bench) -> None:
    flowing.put("EStop", 1)
    assert flowing.setpoints() == [0.0, 0.0, 0.0]
    assert flowing.get("EStop:Active") == 1
    assert flowing.alarm("EStop:Active")[1] == MAJOR
    assert flowing.get("EStop") == 0
    assert flowing.text("Reason") == "Emergency stop: every setpoint is zero, confirmed"
    for name in ("N2", "Air", "He"):
        flowing.wait_value(f"{name}:Setpoint", 0.0)
        assert "emergency stop is active: EStop:Reset first" in flowing.refused(f"{name}:Setpoint", 1)
    assert "only modes that stop the flow" in flowing.refused("N2:ControlMode", "Valve fully open")
    flowing.put("N2:Setpoint", 0)
    flowing.put("N2:ControlMode", "Valve closed")
    flowing.put("EStop:Reset", 1)
    assert flowing.get("EStop:Active") == 0
    assert flowing.alarm("EStop:Active")[1] == NO_ALARM
    assert flowing.text("Reason") == "Emergency stop reset"
    flowing.put("Air:Setpoint", 3)
    assert flowing.setpoints() == [0.0, 3.0, 0.0]


def test_a_put_of_zero_to_the_button_does_nothing(flowing: Bench) -> None:
    flowing.put("EStop", 0)
    flowing.put("ZeroAll", 0)
    assert (flowing.get("EStop:Active"), flowing.setpoints()) == (0, [5.0, 3.0, 100.0])


def test_puts_that_race_with_it_do_not_survive_it(flowing: Bench) -> None:
    racing = [
        flowing.ca.start_put(flowing.pv(f"{name}:Setpoint"), 1.0) for _ in range(10) for name in ("N2", "Air")
    ]
    flowing.put("EStop", 1)
    for each in racing:
        assert each.exception(10) is None or isinstance(each.exception(), Refused)
    assert flowing.setpoints() == [0.0, 0.0, 0.0]
    flowing.wait_value("N2:Setpoint", 0.0)


def test_it_closes_the_valve_of_one_that_ignores_its_setpoint(flowing: Bench) -> None:
    flowing.node("He").control_mode = Mode.FULL_SCALE
    flowing.put("EStop", 1)
    assert flowing.node("He").control_mode == Mode.VALVE_CLOSED


@pytest.mark.parametrize("reset", [False, True], ids=["still latched", "after the reset"])
def test_one_that_was_dead_is_zeroed_when_it_returns(flowing: Bench, reset: bool) -> None:
    with flowing.dead("N2"):
        with pytest.raises(Refused):
            flowing.put("EStop", 1)
        reason = flowing.text("Reason")
        assert reason.startswith("EStop: stopped and latched, but: N2 not confirmed zero")
        assert flowing.get("EStop:Active") == 1
        assert flowing.setpoints() == [5.0, 0.0, 0.0]
        if reset:
            flowing.put("EStop:Reset", 1)
            assert flowing.text("Reason") == "Emergency stop reset; zero still owed by N2"
            flowing.put("Air:Setpoint", 2)
    flowing.wait(lambda: flowing.node("N2").setpoint == 0.0, "late zero")
    flowing.wait_severity("N2:Flow", NO_ALARM)
    flowing.wait(lambda: flowing.text("Reason") == "Emergency stop: N2 is zero now, confirmed", "said")
    assert (flowing.get("N2:Setpoint"), flowing.get("N2:Setpoint_RBV")) == (0.0, 0.0)
    assert flowing.setpoints()[1] == (2.0 if reset else 0.0)
    if reset:
        flowing.put("N2:Setpoint", 4)
        assert flowing.setpoints()[0] == 4.0


def test_one_that_is_told_to_flow_by_somebody_else_is_zeroed_again(flowing: Bench) -> None:
    flowing.put("EStop", 1)
    flowing.node("Air").setpoint = 0.5
    flowing.wait(lambda: flowing.node("Air").setpoint == 0.0, "zeroed again")


def test_zero_all_zeroes_without_a_latch(flowing: Bench) -> None:
    flowing.put("ZeroAll", 1)
    assert flowing.setpoints() == [0.0, 0.0, 0.0]
    assert flowing.text("Reason") == "Zero all: every setpoint is zero, confirmed"
    flowing.put("N2:Setpoint", 5)
    assert flowing.setpoints()[0] == 5.0


def test_zero_all_names_who_did_not_confirm_and_forgets_them(flowing: Bench) -> None:
    with flowing.dead("N2"):
        with pytest.raises(Refused, match="ZeroAll: N2 not confirmed zero: "):
            flowing.put("ZeroAll", 1)
        assert flowing.setpoints() == [5.0, 0.0, 0.0]
    flowing.wait_severity("N2:Flow", NO_ALARM)
    assert flowing.setpoints() == [5.0, 0.0, 0.0]
    assert flowing.get("N2:Setpoint") == 5.0


def test_zero_zeroes_one(flowing: Bench) -> None:
    flowing.put("Air:Zero", 1)
    assert flowing.setpoints() == [5.0, 0.0, 100.0]
    assert (flowing.get("Air:Setpoint"), flowing.text("Reason")) == (0.0, "Air: setpoint is zero, confirmed")


def test_a_stop_while_the_line_is_unplugged_is_carried_out_when_it_returns(own_bench: Bench) -> None:
    bench = own_bench
    bench.put("N2:Setpoint", 5)
    bench.put("He:Setpoint", 100)
    bench.line.hang_up()
    bench.wait_value("He:Comm", 2)
    with pytest.raises(Refused):
        bench.put("EStop", 1)
    assert bench.setpoints() == [5.0, 0.0, 100.0]
    bench.line.come_back()
    bench.wait(lambda: bench.setpoints() == [0.0, 0.0, 0.0], "late zeros")
    bench.wait_readings()
    assert (bench.get("N2:Setpoint"), bench.get("He:Setpoint")) == (0.0, 0.0)
