"""DS18B20 on 1-Wire, through the kernel's `w1_slave`: the raw scratchpad, checked before it is believed.

Knows the scratchpad (data sheet 19-7487) and how the kernel's w1_therm writes it down.
"""

import re
import time

from devsup.errors import ChecksumError, FramingError, Implausible
from devsup.sensors.sysfs import Sysfs
from devsup.sensors.values import Quantity, Sample

W1 = "sys/bus/w1/devices"
ADDRESS = r"28-[0-9a-f]{12}"
LINE = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)")
RESOLUTIONS = {0x1F: 9, 0x3F: 10, 0x5F: 11, 0x7F: 12}  # configuration byte -> bits
POWER_ON, UNDERPOWERED = 0x0550, 0x07FF  # 85 and 127.94 degC
UNTOUCHED = 0x0C  # byte 6 as it is before the first conversion
NEAR_POWER_ON = 5.0  # K: from there, 85 degC is a temperature


class Ds18b20:
    """One thermometer by its address, such as 28-00000a1b2c3d. A reading takes up to 0.75 s."""

    quantities = (Quantity.TEMPERATURE,)

    def __init__(self, sysfs: Sysfs, address: str) -> None:
        self.address = address
        self._sysfs = sysfs
        self._path = sysfs.path(W1, address, "w1_slave")
        self._last: float | None = None

    def read(self) -> Sample:
        """A conversion. Raises LineLost when it is gone, NoReply for an empty file, else as `parse`."""
        text = self._sysfs.text(self._path)
        value = parse(text, self._last)
        self._last = value
        return Sample(time.monotonic(), {Quantity.TEMPERATURE: value})

    def close(self) -> None:
        """Nothing is held."""


def parse(text: str, last: float | None = None) -> float:
    """degC from the text of `w1_slave`; `last` is the reading before, if there was one.

    The `t=` of the second line is never used: after a checksum error it is made of the bad bytes.
    Raises ChecksumError, FramingError, or Implausible for what only looks like a temperature.
    """
    found = LINE.match(text)
    if not found:
        raise FramingError(f"no scratchpad: {text[:40]!r}")
    data = bytes.fromhex(found[1])
    if found[2] == "NO" or crc8(data):
        raise ChecksumError(f"checksum wrong: {data.hex(' ')}")
    if data[4] not in RESOLUTIONS:  # all zeros have a valid checksum
        raise Implausible(f"not a DS18B20's scratchpad: {data.hex(' ')}")
    raw = int.from_bytes(data[:2], "little", signed=True)
    if raw == UNDERPOWERED:
        raise Implausible("127.94 degC: the sensor has too little power")
    if raw == POWER_ON and data[6] == UNTOUCHED and not _was_near(last):
        raise Implausible("85 degC: the value after power-on, nothing was converted")
    unused_bits = 12 - RESOLUTIONS[data[4]]
    return (raw >> unused_bits << unused_bits) / 16.0


def _was_near(last: float | None) -> bool:
    return last is not None and abs(last - 85.0) <= NEAR_POWER_ON


def crc8(data: bytes) -> int:
    """Maxim's CRC-8 (polynomial 0x31 reflected, start 0); 0 over data and their own CRC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
