"""SPI and I2C devices of Linux: what is asked of the kernel, bit for bit, through a kernel that is none."""

import ctypes
import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from devsup.errors import LineLost, NoReply
from devsup.sensors.i2c import I2cDevice
from devsup.sensors.spi import SpiDevice

TRANSFER = struct.Struct("=QQIIHBBBBBB")  # linux/spi/spidev.h, struct spi_ioc_transfer


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "device"
    path.touch()
    return path


def test_a_transfer_goes_out_and_comes_back_at_once(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bytes]] = []

    def ioctl(fd: int, request: int, argument: bytes) -> int:
        asked.append((request, argument))
        if request == 0x40206B00:  # SPI_IOC_MESSAGE(1)
            out, back, length, *_ = TRANSFER.unpack(argument)
            sent = ctypes.string_at(out, length)
            ctypes.memmove(back, bytes(byte ^ 0xFF for byte in sent), length)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    spi = SpiDevice(str(device), mode=3, speed_hz=1_000_000)
    assert spi.transfer(b"\x01\x00\x00") == b"\xfe\xff\xff"
    spi.transfer(b"\x80")
    assert asked[:3] == [
        (0x40016B01, b"\3"),
        (0x40016B03, b"\x08"),
        (0x40046B04, struct.pack("=I", 1_000_000)),
    ]
    assert [request for request, _ in asked[3:]] == [0x40206B00] * 2, "set up once"
    assert TRANSFER.unpack(asked[3][1])[2:] == (3, 1_000_000, 0, 8, 0, 0, 0, 0, 0)
    spi.close()


def test_an_i2c_chip_is_addressed_once(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, Any]] = []
    monkeypatch.setattr(fcntl, "ioctl", lambda fd, request, argument: asked.append((request, argument)))
    chip = I2cDevice(str(device), 0x62)
    chip.write(b"\x21\xb1")
    chip.write(b"\xec\x05")
    assert asked == [(0x0703, 0x62)]
    assert device.read_bytes() == b"\x21\xb1\xec\x05"
    chip.close()


@pytest.mark.parametrize(
    ("problem", "error", "words"),
    [
        (errno.EREMOTEIO, LineLost, "nobody answers at 0x62"),
        (errno.EBUSY, LineLost, "belongs to a kernel driver"),
        (errno.EACCES, LineLost, "permission denied"),
        (errno.ETIMEDOUT, NoReply, os.strerror(errno.ETIMEDOUT)),
    ],
)
def test_what_goes_wrong_on_a_bus(
    device: Path, monkeypatch: pytest.MonkeyPatch, problem: int, error: type[Exception], words: str
) -> None:
    def fails(*_: object) -> int:
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(fcntl, "ioctl", fails)
    with pytest.raises(error, match=words):
        I2cDevice(str(device), 0x62).write(b"\0\0")
