"""One coherent sample of CO2, temperature and humidity: from the kernel's buffer and from the chip."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devsup.errors import ChecksumError, FramingError, LineLost, NoReply
from devsup.sensors import Quantity, Sample, Sysfs
from devsup.sensors.i2c import I2cDevice
from devsup.sensors.iio_buffer import Element, element, places
from devsup.sensors.scd4x import Scd4xIio
from devsup.sensors.scd4x_i2c import Scd4xI2c, crc8
from devsup.sim.sensor_chips import SimScd4xChip, sensirion_crc
from devsup.sim.sensor_files import SimScd4xIio
from devsup.sim.sysfs import SensorFault, Tree
from tests.support.waiting import wait_until


def values(sample: Sample) -> list[float]:
    """ppm, degC, %RH."""
    return [sample.values[q] for q in (Quantity.CO2, Quantity.TEMPERATURE, Quantity.HUMIDITY)]


# -- records ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "data", "value"),
    [
        ("be:u16/16>>0", "5f16", 0x5F16),
        ("le:u16/16>>0", "165f", 0x5F16),
        ("le:s12/16>>4", "f0ff", -1),
        ("be:s16/16>>0", "8000", -32768),
        ("le:u8/32>>8", "00ab0000", 0xAB),
    ],
)
def test_scan_types(written: str, data: str, value: int) -> None:
    assert element("x", 0, written).decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize("wrong", ["", "u16", "xe:u16/16>>0", "be:u16/16"])
def test_what_is_no_scan_type(wrong: str) -> None:
    with pytest.raises(FramingError):
        element("x", 0, wrong)


def test_elements_are_aligned_to_their_size() -> None:
    sizes = {"a": 2, "time": 8, "b": 1}
    items = [
        Element(name, index, "le", False, 8, size, 0) for index, (name, size) in enumerate(sizes.items())
    ]
    assert places(items) == ({"a": slice(0, 2), "time": slice(8, 16), "b": slice(16, 17)}, 24)


# -- through the kernel ----------------------------------------------------------------------------


class Rig:
    """A simulated sensor that measures when it has been armed, and the driver that reads it."""

    def __init__(self, folder: Path) -> None:
        self.tree = Tree(folder)
        self.simulated = SimScd4xIio(self.tree, 0)
        self.sensor = Scd4xIio(Sysfs(folder), trigger="chamber", timeout_s=10.0)
        self.simulated.update(400.0, 20.0, 50.0)

    def read(self, *measurement: float) -> Sample:
        """Read while the sensor measures this, once it is listened to."""
        result: list[Sample | Exception] = []

        def work() -> None:
            try:
                result.append(self.sensor.read())
            except Exception as error:
                result.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        wait_until(lambda: result or self.armed)
        self.simulated.update(*measurement)
        thread.join(20)
        (outcome,) = result
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def armed(self) -> bool:
        enable = self.tree.root / "sys/bus/iio/devices/iio:device0/buffer/enable"
        return enable.exists() and enable.read_text() == "1"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.sensor.close()
    rig.simulated.close()


def test_three_quantities_of_one_measurement(rig: Rig) -> None:
    assert values(rig.read(1215.0, 21.3, 91.5)) == pytest.approx([1215.0, 21.3, 91.5], abs=0.01)
    assert values(rig.read(800.0, 19.0, 85.0)) == pytest.approx([800.0, 19.0, 85.0], abs=0.01)


def test_of_several_that_wait_the_newest_counts(rig: Rig) -> None:
    rig.read(400.0, 20.0, 50.0)
    for ppm in (500.0, 600.0, 700.0):
        rig.simulated.update(ppm, 20.0, 50.0)
    assert values(rig.sensor.read())[0] == pytest.approx(700.0)


def test_the_order_of_bytes_is_taken_from_a_direct_reading_not_from_the_drivers_word(rig: Rig) -> None:
    """The simulated driver, like the real one, says be and means the processor's order."""
    assert sys.byteorder == "little", "this test says nothing on such a machine"
    rig.read(400.0, 20.0, 50.0)
    rig.sensor.close()
    for name in ("in_temp", "in_humidityrelative", "in_concentration_co2"):  # a driver that is right
        rig.tree.write(f"sys/bus/iio/devices/iio:device0/scan_elements/{name}_type", "le:u16/16>>0\n")
    assert values(rig.read(1000.0, 24.0, 95.0)) == pytest.approx([1000.0, 24.0, 95.0], abs=0.01)


def test_a_sysfs_trigger_is_fired_for_each_reading(rig: Rig) -> None:
    rig.tree.write("sys/bus/iio/devices/trigger0/trigger_now", "")
    rig.read(400.0, 20.0, 50.0)
    assert (rig.tree.root / "sys/bus/iio/devices/trigger0/trigger_now").read_text() == "1"


def test_closing_disarms(rig: Rig) -> None:
    rig.read(400.0, 20.0, 50.0)
    rig.sensor.close()
    assert not rig.armed


def test_a_sensor_that_measures_nothing_gives_no_value_and_heals(rig: Rig) -> None:
    working, rig.sensor = rig.sensor, Scd4xIio(Sysfs(rig.tree.root), trigger="chamber", timeout_s=0.05)
    with pytest.raises(NoReply):
        rig.sensor.read()
    rig.simulated.fault = SensorFault.EMPTY
    with pytest.raises(NoReply):
        rig.read(400.0, 20.0, 50.0)
    rig.sensor = working
    rig.simulated.fault = SensorFault.OK
    rig.simulated.update(400.0, 20.0, 50.0)
    assert values(rig.read(500.0, 20.0, 50.0))[0] == pytest.approx(500.0)


def test_a_sensor_that_is_unplugged_and_comes_back(rig: Rig) -> None:
    rig.read(400.0, 20.0, 50.0)
    rig.simulated.fault = SensorFault.DEAD
    rig.simulated.update(400.0, 20.0, 50.0)
    with pytest.raises(LineLost, match="buffer ended"):
        rig.sensor.read()
    with pytest.raises(LineLost, match="no IIO device scd40 or scd41"):
        rig.sensor.read()
    rig.simulated.fault = SensorFault.OK
    rig.simulated.update(400.0, 20.0, 50.0)
    assert values(rig.read(500.0, 20.0, 50.0))[0] == pytest.approx(500.0)


def test_a_trigger_that_is_missing_is_named(rig: Rig) -> None:
    with pytest.raises(LineLost, match="no IIO trigger other"):
        Scd4xIio(Sysfs(rig.tree.root), trigger="other").read()


# -- the chip itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "crc"), [("beef", 0x92), ("0000", 0x81), ("01f4", 0x33)])
def test_checksums_of_the_data_sheet(data: str, crc: int) -> None:
    assert crc8(bytes.fromhex(data)) == sensirion_crc(bytes.fromhex(data)) == crc


class Measuring(SimScd4xChip):
    """A chip with a measurement ready whenever it is asked the second time."""

    looks = 0
    measurement = (500.0, 25.0, 37.0)

    def write(self, data: bytes) -> None:
        super().write(data)
        if data == b"\xe4\xb8":
            self.looks += 1
            if self.looks % 2 == 0:
                self.update(*self.measurement)
                super().write(data)


def chip_sensor(chip: SimScd4xChip) -> Scd4xI2c:
    return Scd4xI2c(chip, timeout_s=0.05, look_s=0.001)


def test_the_chip_is_started_and_read() -> None:
    chip = Measuring()
    sensor = chip_sensor(chip)
    assert values(sensor.read()) == pytest.approx([500.0, 25.0, 37.0], abs=0.01)
    chip.measurement = (1000.0, 18.0, 99.0)
    assert values(sensor.read()) == pytest.approx([1000.0, 18.0, 99.0], abs=0.01)


def test_a_chip_that_measures_already_is_not_upset() -> None:
    chip = Measuring()
    chip.measuring = True
    assert values(chip_sensor(chip).read())[0] == 500.0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (SensorFault.DEAD, LineLost),
        (SensorFault.EMPTY, NoReply),
        (SensorFault.BAD_CRC, ChecksumError),
    ],
)
def test_faults_of_the_chip(fault: SensorFault, error: type[Exception]) -> None:
    chip = Measuring()
    sensor = chip_sensor(chip)
    sensor.read()
    chip.fault = fault
    with pytest.raises(error):
        sensor.read()
    chip.fault = SensorFault.OK
    chip.measuring = False  # it lost its power meanwhile
    assert values(sensor.read())[0] == 500.0


def test_a_bus_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LineLost, match="i2c-9 is not there"):
        Scd4xI2c(str(tmp_path / "i2c-9"), timeout_s=0.0).read()
    plain = tmp_path / "file"
    plain.touch()
    device = I2cDevice(str(plain), 0x62)
    with pytest.raises(NoReply, match=os.strerror(25)):
        device.read(1)
    device.close()
