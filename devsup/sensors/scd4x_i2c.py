"""SCD40 and SCD41 without a kernel driver: their own commands over I2C (data sheet, version 1.7)."""

import struct
import time
from contextlib import suppress

from devsup.errors import ChecksumError, DeviceFault, LineLost, NoReply
from devsup.sensors.i2c import I2c, I2cDevice
from devsup.sensors.values import Quantity, Sample

ADDRESS = 0x62
START, READ, READY = 0x21B1, 0xEC05, 0xE4B8
COMMAND_S = 0.001  # execution time of READ and READY
LOOK_S = 0.25  # between two looks at whether a measurement is ready
SAMPLE_S = 8.0  # a measurement every 5 s
READY_BITS = 0x07FF


class Scd4xI2c:
    """One sensor on a bus such as /dev/i2c-1. A reading waits for the next measurement, up to 5 s."""

    quantities = (Quantity.CO2, Quantity.TEMPERATURE, Quantity.HUMIDITY)

    def __init__(self, bus: str | I2c, timeout_s: float = SAMPLE_S, look_s: float = LOOK_S) -> None:
        self._i2c: I2c = I2cDevice(bus, ADDRESS) if isinstance(bus, str) else bus
        self._timeout_s = timeout_s
        self._look_s = look_s
        self._started = False

    def read(self) -> Sample:
        """The next measurement. Raises LineLost without bus or sensor, NoReply when none comes in time,
        ChecksumError for damaged words."""
        try:
            if not self._started:
                self._start()
            self._wait()
            co2, temperature, humidity = self._ask(READ, 3)
        except DeviceFault:
            self._started = False  # it may have lost power, and then measures nothing
            raise
        values = {
            Quantity.CO2: float(co2),
            Quantity.TEMPERATURE: -45.0 + 175.0 * temperature / 65535.0,
            Quantity.HUMIDITY: 100.0 * humidity / 65535.0,
        }
        return Sample(time.monotonic(), values)

    def close(self) -> None:
        """Give the bus back; the sensor goes on measuring."""
        self._i2c.close()
        self._started = False

    def _start(self) -> None:
        with suppress(LineLost):  # one that measures already does not acknowledge
            self._i2c.write(struct.pack(">H", START))
        self._started = True

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not self._ask(READY, 1)[0] & READY_BITS:
            if time.monotonic() > deadline:
                raise NoReply("SCD4x: no measurement")
            time.sleep(self._look_s)

    def _ask(self, command: int, words: int) -> tuple[int, ...]:
        self._i2c.write(struct.pack(">H", command))
        time.sleep(COMMAND_S)
        data = self._i2c.read(3 * words)
        if len(data) < 3 * words:
            raise NoReply("SCD4x: answer is too short")
        return tuple(_word(data[at : at + 3]) for at in range(0, 3 * words, 3))


def _word(data: bytes) -> int:
    if crc8(data[:2]) != data[2]:
        raise ChecksumError(f"SCD4x: checksum wrong: {data.hex(' ')}")
    return data[0] << 8 | data[1]


def crc8(data: bytes) -> int:
    """Sensirion's CRC-8: polynomial 0x31, start 0xFF."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 & 0xFF ^ (0x31 if crc & 0x80 else 0)
    return crc
