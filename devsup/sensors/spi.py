"""One device on an SPI bus, through Linux' spidev. Bytes out, as many bytes in; knows no chip."""

import ctypes
import fcntl
import os
import struct
from pathlib import Path
from typing import Protocol

from devsup.sensors.sysfs import failure

# linux/spi/spidev.h
_WR_MODE, _WR_BITS, _WR_SPEED = 0x40016B01, 0x40016B03, 0x40046B04
_MESSAGE_1 = 0x40206B00
_TRANSFER = struct.Struct("=QQIIHBBBBBx")  # struct spi_ioc_transfer, 32 bytes


class Spi(Protocol):
    """Full-duplex transfers to one chip."""

    def transfer(self, data: bytes) -> bytes:
        """Send and receive at once. Raises LineLost without the device, NoReply when the bus fails."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


class SpiDevice:
    """A device such as /dev/spidev0.0; opened when first needed and after every failure."""

    def __init__(self, path: str, mode: int = 1, speed_hz: int = 500_000) -> None:
        self.path = Path(path)
        self._mode = mode
        self._speed_hz = speed_hz
        self._fd: int | None = None

    def transfer(self, data: bytes) -> bytes:
        try:
            return self._transfer(self._open(), data)
        except OSError as error:
            self.close()
            raise failure(self.path, error) from error

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _open(self) -> int:
        if self._fd is None:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self._fd, _WR_MODE, struct.pack("=B", self._mode))
            fcntl.ioctl(self._fd, _WR_BITS, struct.pack("=B", 8))
            fcntl.ioctl(self._fd, _WR_SPEED, struct.pack("=I", self._speed_hz))
        return self._fd

    def _transfer(self, fd: int, data: bytes) -> bytes:
        out = ctypes.create_string_buffer(data, len(data))
        back = ctypes.create_string_buffer(len(data))
        request = _TRANSFER.pack(
            ctypes.addressof(out), ctypes.addressof(back), len(data), self._speed_hz, 0, 8, 0, 0, 0, 0
        )
        fcntl.ioctl(fd, _MESSAGE_1, request)
        return back.raw
