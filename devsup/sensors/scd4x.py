"""SCD40 and SCD41: CO2, temperature and humidity of one measurement, through the kernel's driver.

Read through the triggered buffer: three attributes read one by one would be three samples and take
up to 15 s. Attributes that stop the measurement (calibbias, calibration_auto_enable) are never touched.
"""

import time
from pathlib import Path

from devsup.errors import DeviceFault
from devsup.sensors.iio_buffer import IioBuffer
from devsup.sensors.sysfs import Sysfs
from devsup.sensors.values import Quantity, Sample

NAMES = ("scd40", "scd41")
CO2, TEMPERATURE, HUMIDITY = "in_concentration_co2", "in_temp", "in_humidityrelative"
SAMPLE_S = 8.0  # one every 5 s; the driver itself waits for 6 s


class Scd4xIio:
    """One sensor. `trigger`: an hrtimer or sysfs trigger made for it; `where`: see Sysfs.find_iio."""

    quantities = (Quantity.CO2, Quantity.TEMPERATURE, Quantity.HUMIDITY)

    def __init__(self, sysfs: Sysfs, trigger: str, where: str = "", timeout_s: float = SAMPLE_S) -> None:
        self._sysfs = sysfs
        self._trigger = trigger
        self._where = where
        self._timeout_s = timeout_s
        self._buffer: IioBuffer | None = None
        self._scales: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
        self._direct = 0
        self._swapped: bool | None = None

    def read(self) -> Sample:
        """The next measurement. Raises LineLost without the device, NoReply when no measurement comes."""
        try:
            buffer = self._buffer or self._open()
            record = buffer.read(self._timeout_s)
        except DeviceFault:
            self.close()  # its number, or its kind, may be another when it comes back
            raise
        return self._sample(self._raw(buffer, record))

    def close(self) -> None:
        buffer, self._buffer = self._buffer, None
        if buffer is not None:
            buffer.close()

    def _open(self) -> IioBuffer:
        folder = self._sysfs.find_iio(NAMES, self._where)
        self._scales = self._read_scales(folder)
        self._buffer = IioBuffer(self._sysfs, folder, (CO2, TEMPERATURE, HUMIDITY), self._trigger)
        self._sysfs.write(folder / "buffer/enable", "0")  # left on by another, it denies direct reading
        self._direct = int(self._sysfs.number(folder / f"{TEMPERATURE}_raw"))
        self._swapped = None
        self._buffer.open()
        return self._buffer

    def _read_scales(self, folder: Path) -> tuple[float, float, float, float]:
        number = self._sysfs.number
        return (
            number(folder / f"{CO2}_scale"),
            number(folder / f"{TEMPERATURE}_scale"),
            number(folder / f"{TEMPERATURE}_offset"),
            number(folder / f"{HUMIDITY}_scale"),
        )

    def _raw(self, buffer: IioBuffer, record: dict[str, bytes]) -> tuple[int, int, int]:
        """The raw values. The driver says big-endian but pushes words in the order of the processor
        (drivers/iio/chemical/scd4x.c, at least up to 6.12), so the order is taken from a direct reading."""
        if self._swapped is None:
            item = buffer.elements[TEMPERATURE]
            said, other = item.decode(record[TEMPERATURE]), item.reversed().decode(record[TEMPERATURE])
            self._swapped = abs(other - self._direct) < abs(said - self._direct)
        elements = [buffer.elements[name] for name in (CO2, TEMPERATURE, HUMIDITY)]
        if self._swapped:
            elements = [item.reversed() for item in elements]
        co2, temperature, humidity = (item.decode(record[item.name]) for item in elements)
        return co2, temperature, humidity

    def _sample(self, raw: tuple[int, int, int]) -> Sample:
        """ppm from %, degC from m degC, %RH from m%RH: the units of the IIO ABI."""
        co2, temperature, humidity = raw
        co2_scale, t_scale, t_offset, rh_scale = self._scales
        values = {
            Quantity.CO2: co2 * co2_scale * 1e4,
            Quantity.TEMPERATURE: (temperature + t_offset) * t_scale / 1e3,
            Quantity.HUMIDITY: humidity * rh_scale / 1e3,
        }
        return Sample(time.monotonic(), values)
