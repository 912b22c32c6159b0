"""The simulated supply: what it puts out, its panel, its protections, its firmware, its registers."""

from dataclasses import replace

import pytest

from devsup.sim.dps5015 import DpsSupply, Resistor, SwitchingNoise
from devsup.sim.modbus_talk import Refused, converse

ON = bytes.fromhex("06 0009 0001")
OFF = bytes.fromhex("06 0009 0000")


def supply(ohms: float = 2.0, volts: float = 12.0, amps: float = 10.0, on: bool = True) -> DpsSupply:
    it = DpsSupply(Resistor(ohms))
    it.write_registers(0, [round(100 * volts), round(100 * amps)])
    it.write_registers(9, [int(on)])
    it.step(0.1)
    return it


def block(it: DpsSupply) -> list[int]:
    return list(it.read_holding(0, 13))


def test_the_block_of_a_fresh_unit() -> None:
    assert block(DpsSupply()) == [500, 100, 0, 0, 0, 2400, 0, 0, 0, 0, 5, 5015, 13]


def test_voltage_or_current_is_limited_by_the_load() -> None:
    assert block(supply(ohms=2.0))[:10] == [1200, 1000, 1200, 600, 7200, 2400, 0, 0, 0, 1]
    assert block(supply(ohms=0.5))[:10] == [1200, 1000, 500, 1000, 5000, 2400, 0, 0, 1, 1]
    assert block(supply(on=False))[2:5] == [0, 0, 0]


def test_it_cannot_give_more_than_it_gets() -> None:
    assert block(supply(ohms=10.0, volts=30.0))[2] == round(100 * 24.0 / 1.1)


def test_the_register_of_power_runs_over() -> None:
    it = supply(ohms=3.0, volts=50.0, amps=15.0)
    it.input_volts = 60.0
    it.step(0.1)
    assert block(it)[2:5] == [4500, 1500, round(45.0 * 15.0 * 100) & 0xFFFF]


def test_what_it_feeds_is_anybodys_business() -> None:
    asked = []

    def plant(volts: float, amps: float, dt_s: float) -> tuple[float, float]:
        asked.append((volts, amps, dt_s))
        return 7.0, 3.0

    it = DpsSupply(plant)
    it.write_registers(
        0,
        [
            1600,
            300,
        ],
    )
    it.step(0.5)
    it.write_registers(9, [1])
    it.step(0.25)
    assert asked == [(0.0, 0.0, 0.5), (16.0, 3.0, 0.25)]
    assert block(it)[2:4] == [700, 300]


# -- protections --------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "threshold", "code"), [(0x52, 1150, 1), (0x53, 550, 2), (0x54, 700, 3)])
def test_a_protection_switches_off_and_says_which(place: int, threshold: int, code: int) -> None:
    it = supply()
    it.write_registers(place, [threshold])
    it.step(0.1)
    assert block(it)[2:4] == [0, 0]
    assert (it.output, it.protect) == (False, code)
    converse(it, ON)
    assert (it.output, it.protect) == (True, 0)
    it.step(0.1)
    assert (it.output, it.protect) == (False, code), "the cause persists"


# -- the panel ----------------------------------------------------------------------------------


def test_the_knob_changes_what_a_master_set_unless_it_is_locked() -> None:
    it = supply()
    assert it.turn_knob(volts=5.0, amps=1.5)
    assert (it.set_volts, it.set_amps) == (5.0, 1.5)
    it.write_registers(6, [1])
    assert not it.turn_knob(volts=6.0)
    assert not it.press_output()
    assert (it.set_volts, it.output) == (5.0, True)
    it.write_registers(6, [0])
    assert it.press_output()
    assert not it.output


def test_power_cut_and_back() -> None:
    it = supply()
    it.cut_power()
    assert not it.hears(0.0)
    assert not it.output
    assert not it.turn_knob(volts=1.0)
    it.step(0.1)
    it.restore_power()
    assert it.hears(1.0)
    assert not it.output, "as S-INI says"
    assert (it.set_volts, it.set_amps) == (12.0, 10.0)
    it.write_registers(0x57, [1])
    it.cut_power()
    it.restore_power()
    assert it.output


# -- firmware -----------------------------------------------------------------------------------


def test_the_stock_firmware_answers_in_its_own_rhythm() -> None:
    it = DpsSupply(rhythm_s=0.4)
    assert it.hears(10.1)
    assert it.delay_s(10.1) == pytest.approx(0.3)
    assert not it.hears(10.2), "it has not looked yet"
    assert it.hears(10.5)
    assert DpsSupply().delay_s(10.1) == 0.0


def test_noise_comes_in_bursts_while_current_flows() -> None:
    it = supply()
    it.noise = SwitchingNoise(period_s=20.0, burst_s=2.0, probability=1.0, amps=1.0)
    assert [it.disturbs(at) for at in (20.5, 21.9, 22.1, 39.9, 40.0)] == [True, True, False, False, True]
    converse(it, OFF)
    assert not it.disturbs(20.5)
    it.noise = replace(it.noise, probability=0.5)
    converse(it, ON)
    struck = [it.disturbs(20.5) for _ in range(100)]
    assert 20 < struck.count(True) < 80


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("04 0000 0001", "84 01"),
        ("01 0000 0001", "81 01"),
        ("03 0000 0020", "83 02"),
        ("03 0000 0021", "83 03"),  # more than 32 registers
        ("03 0050 0008", "03 10 01F4 0064 1450 05F0 FFFF 0005 0000 0000"),
        ("03 0058 0001", "83 02"),
        ("03 00E0 0001", "03 02 01F4"),
        ("03 00F0 0001", "83 02"),
        ("06 0002 0001", "86 02"),  # read only
        ("06 000B 0001", "86 02"),
        ("06 0000 1389", "86 03"),  # 50.01 V
        ("06 0001 05DD", "86 03"),  # 15.01 A
        ("06 0009 0002", "86 03"),
        ("06 000A 0006", "86 03"),
        ("06 0023 000A", "86 03"),
    ],
)
def test_registers_are_those_of_the_protocol(request_: str, answer: str) -> None:
    assert converse(DpsSupply(), bytes.fromhex(request_)) == bytes.fromhex(answer)


def test_half_a_refused_write_is_no_write() -> None:
    it = supply()
    with pytest.raises(Refused):
        it.write_registers(0, [100, 9999])
    assert (it.set_volts, it.set_amps) == (12.0, 10.0)


def test_set_points_are_those_of_group_0() -> None:
    it = supply()
    it.write_registers(0x50, [700, 200])
    assert block(it)[:2] == [700, 200]


def test_a_group_is_recalled_with_the_output_off_or_as_it_was() -> None:
    it = supply()
    it.write_registers(0x60, [700, 200])
    it.write_registers(0x23, [1])
    assert (it.set_volts, it.set_amps, it.output) == (7.0, 2.0, False)
    it.write_registers(9, [1])
    it.write_registers(0x76, [1])
    it.write_registers(0x23, [2])
    assert (it.set_volts, it.output) == (5.0, True)
    assert it.read_holding(0x23, 1) == [2]


def test_a_model_with_finer_currents() -> None:
    it = DpsSupply(Resistor(10.0), model=5005)
    it.write_registers(0, [1000, 500])
    it.write_registers(9, [1])
    it.step(0.1)
    assert block(it)[1:4] == [500, 500, 500]
    assert block(it)[11] == 5005
