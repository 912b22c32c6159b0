"""What is measured, and what may be at worst while a gas is not read."""

import math

import pytest

from iocs.gas.logic.approval import Gas
from iocs.gas.logic.measured import Seen, largest_flow, most_flow, most_oxygen, oxygen_share, total_flow

NAN = math.nan


def gas(name: str, flow: float, highest: float = 100.0, oxygen: float = 0.0) -> Seen:
    return Seen(Gas(name, 0.0, highest, 200.0, 200.0, oxygen), flow, 5.0)


AR, O2 = gas("Ar", 80.0), gas("O2", 20.0, oxygen=1.0)


def test_sums_of_what_is_read() -> None:
    assert total_flow([AR, O2]).value == 100.0
    assert largest_flow([AR, O2]).value == 80.0
    assert oxygen_share([AR, O2], 0.5).value == 20.0
    assert most_flow([AR, O2]).value == 100.0
    assert most_oxygen([AR, O2], 0.5).value == 20.0


def test_a_gas_that_is_not_read_makes_the_sum_unknown_and_the_worst_case_worse() -> None:
    lost = gas("N2", NAN, highest=50.0)
    assert total_flow([AR, O2, lost]).problem == "total flow is not known: N2 not read"
    assert most_flow([AR, O2, lost]).value == 150.0
    assert most_oxygen([AR, O2, lost], 0.5).value == 20.0


@pytest.mark.parametrize(
    ("seen", "percent"),
    [
        ([gas("Ar", NAN, 80.0), O2], 100.0),
        ([AR, gas("O2", NAN, 40.0, oxygen=1.0)], 100.0 * 40 / 120),
        ([AR, gas("O2", NAN, 0.0, oxygen=1.0)], 0.0),
        ([AR, gas("O2", 0.3, oxygen=1.0)], 0.0),
        ([gas("Ar", -0.2), gas("O2", 0.0, oxygen=1.0)], 0.0),
    ],
)
def test_the_worst_share_of_oxygen(seen: list[Seen], percent: float) -> None:
    assert most_oxygen(seen, 0.5).value == pytest.approx(percent)


def test_nothing_can_flow_of_a_gas_that_is_zero_and_lost() -> None:
    assert total_flow([AR, gas("N2", NAN, highest=0.0)]).value == 80.0
