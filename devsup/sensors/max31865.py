"""A PT100 on a MAX31865: temperature from the raw ratio of resistances, through the kernel or without it.

The kernel's `in_temp_scale` is a straight line 256 K too high, right for one reference resistor only,
and is not used. Raspberry Pi kernels lack the driver: there the chip is spoken to through spidev.
"""

import time

from devsup.errors import DeviceError, Implausible, LineLost
from devsup.sensors import pt100
from devsup.sensors.spi import Spi, SpiDevice
from devsup.sensors.sysfs import Sysfs
from devsup.sensors.values import Quantity, Sample

FULL = 32768  # the ratio has 15 bit
OPEN = 0x7FFF  # more than the reference resistor: a broken wire

# registers (data sheet 19-6478); 0x80 is added to write
CONFIG, RTD, FAULT_STATUS, WRITE = 0x00, 0x01, 0x07, 0x80
BIAS, ONE_SHOT, THREE_WIRE, CLEAR_FAULT, FILTER_50HZ = 0x80, 0x20, 0x10, 0x02, 0x01
LASTING = BIAS | THREE_WIRE | FILTER_50HZ  # bits that read back as they were written
BIAS_S = 0.011  # input filter of the usual boards: 10.5 time constants
CONVERSION_S = {50: 0.0655, 60: 0.055}  # data sheet: 62.5 and 52 ms typical, 5 % more at most

FAULTS = {
    0x80: "ratio above its high threshold",
    0x40: "ratio below its low threshold",
    0x20: "REFIN- above 0.85 bias: reference open",
    0x10: "REFIN- below 0.85 bias with FORCE- open: wire broken",
    0x08: "RTDIN- below 0.85 bias with FORCE- open: wire broken",
    0x04: "over- or undervoltage: wire shorted or broken",
}


def celsius(raw: int, reference_ohm: float, r0: float = 100.0) -> float:
    """degC of the 15-bit ratio. Raises Implausible for an open or shorted thermometer."""
    if raw >= OPEN:
        raise Implausible("the thermometer is open")
    ohm = raw / FULL * reference_ohm
    value = pt100.temperature(ohm, r0)
    if value != value:
        raise Implausible(f"{ohm:.1f} Ohm is no PT{r0:g}: shorted, open, or another reference resistor")
    return value


def _sample(raw: int, reference_ohm: float, r0: float) -> Sample:
    value = celsius(raw, reference_ohm, r0)
    ohm = raw / FULL * reference_ohm
    return Sample(time.monotonic(), {Quantity.TEMPERATURE: value, Quantity.RESISTANCE: ohm})


class Max31865Iio:
    """Through the kernel's driver. A reading takes 65 to 75 ms.

    `reference_ohm`: the board's reference resistor, 400 or 430. `where`: see Sysfs.find_iio.
    """

    quantities = (Quantity.TEMPERATURE, Quantity.RESISTANCE)

    def __init__(self, sysfs: Sysfs, reference_ohm: float, r0: float = 100.0, where: str = "") -> None:
        self._sysfs = sysfs
        self._reference_ohm = reference_ohm
        self._r0 = r0
        self._where = where

    def read(self) -> Sample:
        """A conversion. Raises as Sysfs.number, DeviceError for a reported fault, Implausible as celsius."""
        folder = self._sysfs.find_iio(("max31865",), self._where)
        raw = self._sysfs.number(folder / "in_temp_raw")
        if self._sysfs.number(folder / "fault_ovuv"):
            raise DeviceError(f"MAX31865: {FAULTS[0x04]}", 0x04)
        return _sample(int(raw), self._reference_ohm, self._r0)

    def close(self) -> None:
        """Nothing is held."""


class Max31865Spi:
    """Without a driver, on a spidev. A reading takes 70 to 80 ms.

    `wires`: 2, 3 or 4. `mains_hz`: 50 or 60, what the filter suppresses.
    """

    quantities = (Quantity.TEMPERATURE, Quantity.RESISTANCE)

    def __init__(
        self, device: str | Spi, reference_ohm: float, r0: float = 100.0, wires: int = 4, mains_hz: int = 50
    ) -> None:
        self._spi: Spi = SpiDevice(device) if isinstance(device, str) else device
        self._reference_ohm = reference_ohm
        self._r0 = r0
        self._base = (THREE_WIRE if wires == 3 else 0) | (FILTER_50HZ if mains_hz == 50 else 0)
        self._conversion_s = CONVERSION_S[mains_hz]

    def read(self) -> Sample:
        """A conversion. Raises LineLost without device or chip, DeviceError for a fault the chip found."""
        try:
            raw = self._convert()
        finally:
            self._write(self._base)  # without bias the thermometer does not warm itself
        return _sample(raw, self._reference_ohm, self._r0)

    def close(self) -> None:
        self._spi.close()

    def _convert(self) -> int:
        self._write(self._base | BIAS | CLEAR_FAULT)
        time.sleep(BIAS_S)
        self._write(self._base | BIAS | ONE_SHOT)
        time.sleep(self._conversion_s)
        config, high, low = self._read(CONFIG, 3)
        if config & LASTING != self._base | BIAS:
            raise LineLost(f"no MAX31865 answers: configuration reads {config:#04x}")
        if low & 1:
            status = self._read(FAULT_STATUS, 1)[0]
            raise DeviceError(f"MAX31865: {_fault_text(status)}", status)
        return (high << 8 | low) >> 1

    def _write(self, config: int) -> None:
        self._spi.transfer(bytes((CONFIG | WRITE, config)))

    def _read(self, register: int, count: int) -> bytes:
        return self._spi.transfer(bytes((register,)) + bytes(count))[1:]


def _fault_text(status: int) -> str:
    return "; ".join(text for bit, text in FAULTS.items() if status & bit) or f"fault {status:#04x}"
