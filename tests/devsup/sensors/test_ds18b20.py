"""Texts of the kernel's w1_slave, good and bad, and the sensor on a simulated tree."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.errors import ChecksumError, DeviceFault, FramingError, Implausible, LineLost, NoReply
from devsup.sensors import Quantity, Sysfs
from devsup.sensors.ds18b20 import Ds18b20, crc8, parse
from devsup.sim.sensor_files import SimDs18b20, maxim_crc
from devsup.sim.sysfs import SensorFault, Tree

ADDRESS = "28-00000a1b2c3d"
GOOD = "91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n91 01 4b 46 7f ff 0c 10 70 t=25062\n"
POWER_ON = "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n"
ZEROS = "00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n"


def text(pad: str) -> str:
    """A scratchpad of eight bytes as the kernel writes it."""
    data = bytes.fromhex(pad)
    dump = (data + bytes((maxim_crc(data),))).hex(" ")
    return f"{dump} : crc={maxim_crc(data):02x} YES\n{dump} t=12345\n"


def test_a_captured_reading() -> None:
    assert parse(GOOD) == 25.0625


@pytest.mark.parametrize(
    ("pad", "degrees"),
    [
        ("d007 4b46 7fff 0010", 125.0),
        ("90fc 4b46 7fff 1010", -55.0),
        ("f8ff 4b46 7fff 0810", -0.5),
        ("0000 4b46 7fff 1010", 0.0),  # a real zero has a configuration
        ("9701 4b46 1fff 0910", 25.0),  # 9 bit: the three lowest bits mean nothing
        ("9701 4b46 5fff 0910", 25.375),  # 11 bit: the lowest does not
    ],
)
def test_values_of_the_data_sheet(pad: str, degrees: float) -> None:
    assert parse(text(pad)) == degrees


def test_the_second_line_is_not_used() -> None:
    assert parse(GOOD.replace("t=25062", "t=99999")) == 25.0625


def test_a_bad_checksum_is_refused_whatever_the_kernel_says_of_it() -> None:
    bad = "d1 01 4b 46 7f ff 0c 10 70 : crc=70 {}\n91 01 4b 46 7f ff 0c 10 70 t=29062\n"
    for verdict in ("NO", "YES"):
        with pytest.raises(ChecksumError):
            parse(bad.format(verdict))
    with pytest.raises(ChecksumError):
        parse(GOOD.replace("YES", "NO"))


def test_zeros_have_a_valid_checksum_and_are_refused_all_the_same() -> None:
    assert crc8(bytes(9)) == 0
    with pytest.raises(Implausible, match="scratchpad"):
        parse(ZEROS)


def test_85_degrees_after_power_on_are_no_temperature() -> None:
    for last in (None, 20.0, 79.9, 90.1):
        with pytest.raises(Implausible, match="power-on"):
            parse(POWER_ON, last)


def test_85_degrees_are_a_temperature_where_it_was_about_that_warm_or_a_conversion_shows() -> None:
    assert parse(POWER_ON, 84.5) == 85.0
    assert parse(text("5005 4b46 7fff 1010")) == 85.0


def test_127_degrees_mean_too_little_power() -> None:
    with pytest.raises(Implausible, match="power"):
        parse(text("ff07 4b46 7fff 0c10"), 120.0)


NO_SCRATCHPADS = ["", "\n", "t=25062", GOOD[:20], GOOD[1:], "91 01 4b 46 7f ff 0c 10 : crc=70 YES"]


@pytest.mark.parametrize("wrong", NO_SCRATCHPADS)
def test_what_is_no_scratchpad(wrong: str) -> None:
    with pytest.raises(FramingError):
        parse(wrong)


@settings(derandomize=True, max_examples=300)
@given(st.integers(-880, 2000), st.integers(0, 71))
def test_a_single_wrong_bit_is_always_noticed(sixteenths: int, bit: int) -> None:
    pad = sixteenths.to_bytes(2, "little", signed=True) + bytes.fromhex("4b467fff0010")
    data = bytearray(pad + bytes((maxim_crc(pad),)))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ChecksumError):
        parse(f"{data.hex(' ')} : crc={data[8]:02x} YES\n{data.hex(' ')} t=0\n")


def sensor(folder: Path) -> tuple[SimDs18b20, Ds18b20]:
    return SimDs18b20(Tree(folder), ADDRESS), Ds18b20(Sysfs(folder), ADDRESS)


def test_a_simulated_sensor_is_read(tmp_path: Path) -> None:
    simulated, real = sensor(tmp_path)
    for degrees in (-12.5, 0.0, 21.3125, 84.9375, 85.0):
        simulated.update(degrees)
        assert real.read().values == {Quantity.TEMPERATURE: degrees}


FAULTS = {
    SensorFault.DEAD: LineLost,
    SensorFault.EMPTY: NoReply,
    SensorFault.BAD_CRC: ChecksumError,
    SensorFault.POWER_ON: Implausible,
    SensorFault.UNDERPOWERED: Implausible,
    SensorFault.ZEROS: Implausible,
    SensorFault.OPEN: LineLost,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_the_simulator_is_recognised_and_heals(tmp_path: Path, fault: SensorFault) -> None:
    simulated, real = sensor(tmp_path)
    simulated.fault = fault
    simulated.update(22.0)
    with pytest.raises(FAULTS[fault]):
        real.read()
    simulated.fault = SensorFault.OK
    simulated.update(22.0)
    assert real.read().values == {Quantity.TEMPERATURE: 22.0}


def test_a_frozen_sensor_reads_well(tmp_path: Path) -> None:
    """Nothing in the protocol shows it: stale is age, never an unchanged value."""
    simulated, real = sensor(tmp_path)
    simulated.update(22.0)
    simulated.fault = SensorFault.FROZEN
    simulated.update(30.0)
    assert real.read().values == {Quantity.TEMPERATURE: 22.0}


def test_permission_is_told_from_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, real = sensor(tmp_path)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(DeviceFault, match="permission denied"):
        real.read()
