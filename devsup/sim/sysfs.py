"""Sensors as Linux shows them: a tree of files like /sys, written from the values of a simulated process.

Knows the files of w1_therm and of IIO drivers; must not know how a driver reads them.
"""

import enum
import os
import shutil
from pathlib import Path


class Tree:
    """The folder that stands for /. Files appear whole: nobody reads half of one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_text(text, encoding="ascii")
        fresh.replace(target)

    def remove(self, path: str) -> None:
        """Take away a file, a link or a folder, if it is there."""
        target = self.root / path
        if target.is_symlink() or target.is_file():
            target.unlink()
        else:
            shutil.rmtree(target, ignore_errors=True)

    def iio(self, index: int, where: str) -> str:
        """A new IIO device on the bus address `where`; returns its folder."""
        home = f"sys/devices/platform/{where}/iio:device{index}"
        link = self.root / f"sys/bus/iio/devices/iio:device{index}"
        (self.root / home).mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(self.root / home, link.parent))
        return home


class SensorFault(enum.Enum):
    """What can be wrong with a simulated sensor. The order is that of the states of a fault PV."""

    OK = "reads as it should"
    DEAD = "not there: its files are gone"
    FROZEN = "the value stays as it is"
    EMPTY = "its files are empty: the driver failed"
    BAD_CRC = "damaged on its bus (1-Wire); elsewhere as EMPTY"
    POWER_ON = "85 degC, never converted (1-Wire); elsewhere as EMPTY"
    UNDERPOWERED = "127.94 degC (1-Wire); elsewhere as EMPTY"
    ZEROS = "nothing but zeros, with a valid checksum"
    OPEN = "a broken wire"


FAULT_NAMES = tuple(fault.name for fault in SensorFault)


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


def rtd_code(celsius: float, reference_ohm: float, fault: SensorFault = SensorFault.OK) -> int:
    """The 15-bit ratio that a MAX31865 measures on a PT100."""
    if fault is SensorFault.OPEN:
        return 0x7FFF
    if fault is SensorFault.ZEROS:
        return 0
    cold = -4.183e-12 * (celsius - 100.0) * celsius**3 if celsius < 0 else 0.0
    ohm = 100.0 * (1.0 + 3.9083e-3 * celsius - 5.775e-7 * celsius**2 + cold)
    return min(0x7FFF, max(0, round(ohm / reference_ohm * 32768.0)))


class SimMax31865Chip:
    """The chip itself, register by register, for a master that speaks SPI to it."""

    def __init__(self, reference_ohm: float = 430.0) -> None:
        self.fault = SensorFault.OK
        self.celsius = 20.0
        self.conversions = 0
        self._reference_ohm = reference_ohm
        self._registers = bytearray(bytes.fromhex("00 00 00 ff ff 00 00 00"))

    def transfer(self, data: bytes) -> bytes:
        """One selection of the chip: the first byte is an address, bit 7 says write."""
        if self.fault is SensorFault.DEAD:
            return b"\xff" * len(data)
        address = data[0] & 0x7F
        if data[0] & 0x80:
            for offset, byte in enumerate(data[1:]):
                self._write(address + offset, byte)
            return bytes(len(data))
        return b"\0" + bytes(self._registers[(address + n) % 8] for n in range(len(data) - 1))

    def close(self) -> None:
        """Nothing to give back."""

    def _write(self, address: int, byte: int) -> None:
        if address == 0:
            if byte & 0x02:
                self._registers[7] = 0
            self._registers[0] = byte & 0xD1  # one-shot, fault cycle and clear fall back by themselves
            if byte & 0xA0 == 0xA0:
                self._convert()
        elif 3 <= address <= 6:
            self._registers[address] = byte

    def _convert(self) -> None:
        self.conversions += 1
        code = rtd_code(self.celsius, self._reference_ohm, self.fault) << 1
        if self.fault is SensorFault.OPEN:
            self._registers[7] = 0x84
            code |= 1
        self._registers[1:3] = code.to_bytes(2, "big")
