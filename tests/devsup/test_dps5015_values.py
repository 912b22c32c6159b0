"""What the registers of a supply mean: scales, states, models, limits."""

import math
from dataclasses import replace

import pytest

from devsup.dps5015 import ALONE, STOCK, Protect, SupplyLimits
from devsup.dps5015_values import MODELS, counts, decode_block, volts
from devsup.errors import DeviceError
from devsup.sim.dps5015 import RATINGS

BLOCK = (1200, 1000, 1199, 250, 2997, 2400, 0, 0, 0, 1, 4, 5015, 13)


def test_a_block_in_engineering_units() -> None:
    now = decode_block(BLOCK, 5.0, 6.0)
    assert (now.set_voltage, now.set_current, now.voltage, now.current) == (12.0, 10.0, 11.99, 2.5)
    assert now.power == pytest.approx(29.975)
    assert (now.raw_power, now.input_voltage) == (2997, 24.0)
    assert (now.output, now.constant_current, now.protect, now.locked) == (True, False, Protect.NONE, False)
    assert (now.model.name, now.firmware, now.at, now.stamp) == ("DPS5015", "1.3", 5.0, 6.0)


@pytest.mark.parametrize(
    ("place", "value", "attribute", "expected"),
    [
        (7, 1, "protect", Protect.OVER_VOLTAGE),
        (7, 2, "protect", Protect.OVER_CURRENT),
        (7, 3, "protect", Protect.OVER_POWER),
        (7, 9, "protect", Protect.OTHER),
        (8, 1, "constant_current", True),
        (9, 0, "output", False),
        (6, 1, "locked", True),
    ],
)
def test_states_of_a_block(place: int, value: int, attribute: str, expected: object) -> None:
    block = [*BLOCK[:place], value, *BLOCK[place + 1 :]]
    assert getattr(decode_block(block, 0.0, 0.0), attribute) == expected


def test_a_model_whose_scales_are_unknown_is_refused() -> None:
    with pytest.raises(DeviceError, match="model 6006 is none of DPS3005, DPS5005, DPS5015"):
        decode_block([*BLOCK[:11], 6006, 13], 0.0, 0.0)


def test_values_are_rounded_not_cut_off() -> None:
    """float 11.999 -> 11.99 was a fault of a sister system; 0.29 is 28.999… hundredths."""
    assert counts(11.999, 0.01) == 1200
    assert counts(0.29, 0.01) == 29
    assert all(counts(volts(count), 0.01) == count for count in range(0, 5001))
    assert all(counts(count * 0.001, 0.001) == count for count in range(0, 5101))


def test_the_models_are_those_of_the_simulator_too() -> None:
    assert {number: (model.volts, model.amps, model.amp) for number, model in MODELS.items()} == RATINGS


@pytest.mark.parametrize(
    "limits", [(0.0, 1.0, 2.0, 2.0), (2.0, 1.0, 2.0, 2.0), (1.0, 2.0, 2.0, 2.0), (math.nan, 1.0, 2.0, 2.0)]
)
def test_protections_lie_above_what_is_allowed(limits: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="below the protections"):
        SupplyLimits(*limits)


def test_manners_bear_the_rhythm_of_the_stock_firmware() -> None:
    assert STOCK.response_timeout_s >= 1.0
    assert STOCK.floor_s > 2 * 0.4
    assert ALONE == replace(STOCK, probe_max_s=ALONE.probe_max_s)
