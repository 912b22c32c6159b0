"""The PT100 converter through the kernel's files and through its own registers."""

import errno
import os
from pathlib import Path

import pytest

from devsup.errors import DeviceError, DeviceFault, Implausible, LineLost, NoReply
from devsup.sensors import Quantity, Sysfs
from devsup.sensors.max31865 import Max31865Iio, Max31865Spi
from devsup.sensors.spi import SpiDevice
from devsup.sim.sensor_chips import SimMax31865Chip
from devsup.sim.sensor_files import SimMax31865Iio
from devsup.sim.sysfs import SensorFault, Tree


def degrees(sensor: Max31865Iio | Max31865Spi) -> float:
    return sensor.read().values[Quantity.TEMPERATURE]


@pytest.mark.parametrize("reference", [400.0, 430.0])
def test_the_kernels_ratio_with_either_reference_resistor(tmp_path: Path, reference: float) -> None:
    simulated = SimMax31865Iio(Tree(tmp_path), 0, reference_ohm=reference)
    sensor = Max31865Iio(Sysfs(tmp_path), reference)
    for value in (-35.0, 0.0, 25.0, 60.0, 100.0):
        simulated.update(value)
        assert degrees(sensor) == pytest.approx(value, abs=0.03)  # one step of the ratio
    assert sensor.read().values[Quantity.RESISTANCE] == pytest.approx(138.5, abs=0.05)


def test_two_of_a_kind_are_told_apart_by_their_place(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    SimMax31865Iio(tree, 0, "spi0.0").update(20.0)
    SimMax31865Iio(tree, 1, "spi0.1").update(40.0)
    assert degrees(Max31865Iio(Sysfs(tmp_path), 430.0, where="spi0.1")) == pytest.approx(40.0, abs=0.03)
    with pytest.raises(LineLost, match="2 IIO devices max31865: say where"):
        Max31865Iio(Sysfs(tmp_path), 430.0).read()


def test_another_number_after_a_restart_is_found(tmp_path: Path) -> None:
    tree, sensor = Tree(tmp_path), Max31865Iio(Sysfs(tmp_path), 430.0)
    with pytest.raises(LineLost, match="no IIO device max31865"):
        sensor.read()
    SimMax31865Iio(tree, 3).update(20.0)
    assert degrees(sensor) == pytest.approx(20.0, abs=0.03)


FAULTS: dict[SensorFault, type[DeviceFault]] = {
    SensorFault.DEAD: LineLost,
    SensorFault.EMPTY: NoReply,
    SensorFault.OPEN: DeviceError,
    SensorFault.ZEROS: Implausible,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_through_the_kernel(tmp_path: Path, fault: SensorFault) -> None:
    simulated, sensor = SimMax31865Iio(Tree(tmp_path), 0), Max31865Iio(Sysfs(tmp_path), 430.0)
    simulated.fault = fault
    simulated.update(25.0)
    with pytest.raises(FAULTS[fault]):
        sensor.read()
    simulated.fault = SensorFault.OK
    simulated.update(25.0)
    assert degrees(sensor) == pytest.approx(25.0, abs=0.03)


@pytest.mark.parametrize("wires", [2, 3, 4])
@pytest.mark.parametrize("mains_hz", [50, 60])
def test_the_chip_by_its_registers(wires: int, mains_hz: int) -> None:
    chip = SimMax31865Chip(430.0)
    sensor = Max31865Spi(chip, 430.0, wires=wires, mains_hz=mains_hz)
    for chip.celsius in (-35.0, 25.0, 100.0):
        assert degrees(sensor) == pytest.approx(chip.celsius, abs=0.03)
    assert chip.conversions == 3
    assert not chip.transfer(b"\0\0")[1] & 0x80, "the bias has to be off between readings"


CHIP_FAULTS: dict[SensorFault, type[DeviceFault]] = {
    SensorFault.DEAD: LineLost,
    SensorFault.OPEN: DeviceError,
    SensorFault.ZEROS: Implausible,
}


@pytest.mark.parametrize("fault", CHIP_FAULTS)
def test_faults_of_the_chip_show_and_heal(fault: SensorFault) -> None:
    chip = SimMax31865Chip(430.0)
    sensor = Max31865Spi(chip, 430.0)
    chip.fault = fault
    with pytest.raises(CHIP_FAULTS[fault]):
        sensor.read()
    chip.fault = SensorFault.OK
    assert degrees(sensor) == pytest.approx(20.0, abs=0.03)


def test_the_fault_is_named() -> None:
    chip = SimMax31865Chip(430.0)
    chip.fault = SensorFault.OPEN
    with pytest.raises(DeviceError, match="above its high threshold; over- or undervoltage"):
        Max31865Spi(chip, 430.0).read()


def test_a_spi_device_that_is_not_there_or_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(LineLost, match="is not there"):
        Max31865Spi(str(tmp_path / "spidev0.0"), 430.0).read()
    plain = tmp_path / "file"
    plain.touch()
    device = SpiDevice(str(plain))
    with pytest.raises(NoReply, match=os.strerror(errno.ENOTTY)):
        device.transfer(b"\0\0")
    device.close()
