"""Sensors without a kernel driver: the chips themselves, for a master that speaks SPI or I2C to them."""

from devsup.errors import LineLost
from devsup.sim.sysfs import SensorFault


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


def rtd_code(celsius: float, reference_ohm: float, fault: SensorFault = SensorFault.OK) -> int:
    """The 15-bit ratio that a MAX31865 measures on a PT100."""
    if fault is SensorFault.OPEN:
        return 0x7FFF
    if fault is SensorFault.ZEROS:
        return 0
    cold = -4.183e-12 * (celsius - 100.0) * celsius**3 if celsius < 0 else 0.0
    ohm = 100.0 * (1.0 + 3.9083e-3 * celsius - 5.775e-7 * celsius**2 + cold)
    return min(0x7FFF, max(0, round(ohm / reference_ohm * 32768.0)))


class SimScd4xChip:
    """The chip itself, command by command, for a master that speaks I2C to it (data sheet, 1.7)."""

    def __init__(self) -> None:
        self.fault = SensorFault.OK
        self.measuring = False
        self._ready = False
        self._words = (0, 0, 0)
        self._answer = b""

    def update(self, ppm: float, celsius: float, humidity: float) -> None:
        """A measurement is complete: CO2, degC, %RH. Nothing happens while it is not measuring."""
        if self.measuring and self.fault is not SensorFault.FROZEN:
            self._words = (
                word(ppm), word((celsius + 45) / 175 * 65535), word(humidity / 100 * 65535)
            )  # fmt: skip
        self._ready = self.measuring and self.fault is not SensorFault.EMPTY

    def write(self, data: bytes) -> None:
        command = int.from_bytes(data, "big")
        if self.fault is SensorFault.DEAD or (command == 0x21B1 and self.measuring):
            raise LineLost("nobody answers at 0x62")
        if command == 0x21B1:
            self.measuring = True
        elif command == 0xE4B8:
            self._answer = self._framed(0x8006 if self._ready else 0x8000)
        elif command == 0xEC05:
            self._answer = self._framed(*self._words) if self._ready else b""
            self._ready = False

    def read(self, count: int) -> bytes:
        if self.fault is SensorFault.DEAD:
            raise LineLost("nobody answers at 0x62")
        answer, self._answer = self._answer[:count], b""
        return answer

    def close(self) -> None:
        """Nothing to give back."""

    def _framed(self, *words: int) -> bytes:
        framed = b""
        for word in words:
            data = word.to_bytes(2, "big")
            check = sensirion_crc(data) ^ (self.fault is SensorFault.BAD_CRC)
            framed += data + bytes((check,))
        return framed


def sensirion_crc(data: bytes) -> int:
    """The remainder of a polynomial division, done as such; a start of FF complements the first byte."""
    dividend = int.from_bytes(bytes((data[0] ^ 0xFF,)) + data[1:], "big") << 8
    for bit in range(8 * len(data) + 7, 7, -1):
        if dividend >> bit & 1:
            dividend ^= 0x131 << bit - 8
    return dividend


def word(value: float) -> int:
    """The nearest 16-bit number."""
    return min(0xFFFF, max(0, round(value)))
