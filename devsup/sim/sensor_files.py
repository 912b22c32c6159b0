"""Sensors as Linux shows them: the files of w1_therm and of IIO drivers, written by a simulation.

Knows those files and their quirks; must not know how a driver reads them.
"""

import contextlib
import os
import sys

from devsup.sim.sensor_chips import rtd_code, word
from devsup.sim.sysfs import SensorFault, Tree


class SimDs18b20:
    """A thermometer on 1-Wire."""

    def __init__(self, tree: Tree, address: str) -> None:
        self.fault = SensorFault.OK
        self._tree = tree
        self._folder = f"sys/bus/w1/devices/{address}"
        self._pad = bytearray(bytes.fromhex("50054b467fff0c10"))

    def update(self, celsius: float) -> None:
        """Show a temperature in degC."""
        if self.fault in (SensorFault.DEAD, SensorFault.OPEN):
            self._tree.remove(self._folder)
            return
        if self.fault is not SensorFault.FROZEN:
            raw = round(celsius * 16.0)
            self._pad[:2] = raw.to_bytes(2, "little", signed=True)
            self._pad[6] = 0x10 - (raw & 0x0F)
        self._tree.write(f"{self._folder}/name", self._folder.rpartition("/")[2] + "\n")
        self._tree.write(f"{self._folder}/w1_slave", self._text())

    def _text(self) -> str:
        pad = bytes(self._pad)
        if self.fault is SensorFault.EMPTY:
            return ""
        if self.fault is SensorFault.POWER_ON:
            pad = bytes.fromhex("50054b467fff0c10")
        if self.fault is SensorFault.UNDERPOWERED:
            pad = bytes.fromhex("ff074b467fff0c10")
        if self.fault is SensorFault.ZEROS:
            pad = bytes(8)
        crc = maxim_crc(pad)
        if self.fault is SensorFault.BAD_CRC:
            pad = bytes((pad[0] ^ 0x40,)) + pad[1:]
        return self._lines(pad + bytes((crc,)), good=maxim_crc(pad) == crc)

    @staticmethod
    def _lines(pad: bytes, *, good: bool) -> str:
        dump = pad.hex(" ")
        milli = int.from_bytes(pad[:2], "little", signed=True) * 1000 // 16
        verdict = "YES" if good else "NO"
        return f"{dump} : crc={maxim_crc(pad[:8]):02x} {verdict}\n{dump} t={milli}\n"


def maxim_crc(data: bytes) -> int:
    """CRC-8 of 1-Wire, the textbook way: bits as they come over the wire into x^8 + x^5 + x^4 + 1."""
    register = 0
    for bit in (byte >> n & 1 for byte in data for n in range(8)):
        top = register >> 7
        register = register << 1 & 0xFF
        if top ^ bit:
            register ^= 0x31
    return int(f"{register:08b}"[::-1], 2)


class SimMax31865Iio:
    """A PT100 on a MAX31865, as the kernel's driver shows it. `reference_ohm`: the board's resistor."""

    def __init__(self, tree: Tree, index: int, where: str = "spi0.0", reference_ohm: float = 430.0) -> None:
        self.fault = SensorFault.OK
        self._tree = tree
        self._index = index
        self._where = where
        self._reference_ohm = reference_ohm
        self._celsius = 0.0

    def update(self, celsius: float) -> None:
        """Show a temperature in degC."""
        if self.fault is SensorFault.DEAD:
            self._tree.remove(f"sys/bus/iio/devices/iio:device{self._index}")
            return
        folder = self._tree.iio(self._index, self._where)
        self._celsius = self._celsius if self.fault is SensorFault.FROZEN else celsius
        raw = str(rtd_code(self._celsius, self._reference_ohm, self.fault))
        works = self.fault in (SensorFault.OK, SensorFault.FROZEN, SensorFault.ZEROS, SensorFault.OPEN)
        self._tree.write(f"{folder}/name", "max31865\n")
        self._tree.write(f"{folder}/in_temp_scale", "31.250000\n")
        self._tree.write(f"{folder}/fault_ovuv", f"{int(self.fault is SensorFault.OPEN)}\n")
        self._tree.write(f"{folder}/in_temp_raw", f"{raw}\n" if works else "")


class SimScd4xIio:
    """A SCD41 as the kernel's driver shows it: attributes, and a buffer that gets a record per update.

    Like that driver, it says that its records are big-endian and writes them in the processor's order.
    """

    def __init__(self, tree: Tree, index: int, where: str = "1-0062", trigger: str = "chamber") -> None:
        self.fault = SensorFault.OK
        self._tree = tree
        self._index = index
        self._where = where
        self._trigger = trigger
        self._device = tree.root / f"dev/iio:device{index}"
        self._fd: int | None = None
        self._raw = (0, 0, 0)

    def update(self, ppm: float, celsius: float, humidity: float) -> None:
        """A measurement: CO2, degC, %RH."""
        if self.fault in (SensorFault.DEAD, SensorFault.OPEN):
            self._unplug()
            return
        if self._fd is None:
            self._plug_in()
        if self.fault is not SensorFault.FROZEN:
            self._raw = (
                word(ppm),
                word((celsius + 45.0) / 175.0 * 65536.0),
                word(humidity / 100.0 * 65536.0),
            )
        folder = self._tree.iio(self._index, self._where)
        raw = (0, 0, 0) if self.fault is SensorFault.ZEROS else self._raw
        works = self.fault in (SensorFault.OK, SensorFault.FROZEN, SensorFault.ZEROS)
        self._tree.write(f"{folder}/in_temp_raw", f"{raw[1]}\n" if works else "")
        if not self._armed(folder):
            self._drain()
        elif works:
            self._push(b"".join(word.to_bytes(2, sys.byteorder) for word in raw))

    def close(self) -> None:
        """Take the character device away."""
        self._unplug()

    def _plug_in(self) -> None:
        folder = self._tree.iio(self._index, self._where)
        for name, text in SCD4X_FILES.items():
            self._tree.write(f"{folder}/{name}", text + "\n")
        self._tree.write("sys/bus/iio/devices/trigger0/name", self._trigger + "\n")
        self._device.parent.mkdir(parents=True, exist_ok=True)
        self._device.unlink(missing_ok=True)
        os.mkfifo(self._device)
        self._fd = os.open(self._device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def _unplug(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            self._device.unlink(missing_ok=True)
            os.close(fd)
            self._tree.remove(f"sys/bus/iio/devices/iio:device{self._index}")

    def _armed(self, folder: str) -> bool:
        enabled = (self._tree.root / folder / "buffer/enable").read_text().strip() == "1"
        trigger = (self._tree.root / folder / "trigger/current_trigger").read_text().strip()
        return enabled and trigger == self._trigger

    def _drain(self) -> None:
        """Arming begins with an empty buffer."""
        assert self._fd is not None
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 65536)

    def _push(self, record: bytes) -> None:
        assert self._fd is not None
        with contextlib.suppress(BlockingIOError):  # nobody reads: a buffer that is full drops
            os.write(self._fd, record)


SCD4X_FILES = {
    "name": "scd41",
    "in_concentration_co2_scale": "0.000100",
    "in_temp_scale": "2.670288",
    "in_temp_offset": "-16852.114286",
    "in_humidityrelative_scale": "1.525879",
    "scan_elements/in_concentration_co2_index": "0",
    "scan_elements/in_temp_index": "1",
    "scan_elements/in_humidityrelative_index": "2",
    "scan_elements/in_concentration_co2_type": "be:u16/16>>0",
    "scan_elements/in_temp_type": "be:u16/16>>0",
    "scan_elements/in_humidityrelative_type": "be:u16/16>>0",
    "buffer/enable": "0",
    "trigger/current_trigger": "",
}


class SimAds1115:
    """A photoresistor on a channel of an ADS1115, as the kernel's driver shows it."""

    def __init__(
        self, tree: Tree, index: int, where: str = "1-0048", channel: int = 0, scale: str = "0.125"
    ) -> None:
        self.fault = SensorFault.OK
        self.grounded = False
        self._channel = f"in_voltage{channel}"
        self.supply_mv, self.fixed_ohm, self.r10_ohm, self.gamma = 3300.0, 10_000.0, 10_000.0, 0.7
        self._tree = tree
        self._index = index
        self._where = where
        self._scale = scale
        self._raw = 0

    def update(self, lux: float) -> None:
        """Shine on it."""
        if self.fault is SensorFault.DEAD:
            self._tree.remove(f"sys/bus/iio/devices/iio:device{self._index}")
            return
        folder = self._tree.iio(self._index, self._where)
        if self.fault is not SensorFault.FROZEN:
            dark = self.fault in (SensorFault.OPEN, SensorFault.ZEROS) or lux <= 0.0
            ohm = 1e12 if dark else self.r10_ohm * (lux / 10.0) ** -self.gamma
            own = ohm if self.grounded else self.fixed_ohm
            self._raw = round(self.supply_mv * own / (self.fixed_ohm + ohm) / float(self._scale))
        works = self.fault in (SensorFault.OK, SensorFault.FROZEN, SensorFault.ZEROS, SensorFault.OPEN)
        self._tree.write(f"{folder}/name", "ads1015\n")
        self._tree.write(f"{folder}/{self._channel}_scale", self._scale + "\n")
        self._tree.write(f"{folder}/{self._channel}_raw", f"{self._raw}\n" if works else "")
