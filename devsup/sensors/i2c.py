"""One chip on an I2C bus, through Linux' i2c-dev. Bytes out, bytes in; knows no chip."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Protocol

from devsup.errors import LineLost
from devsup.sensors.sysfs import failure

_I2C_SLAVE = 0x0703  # linux/i2c-dev.h


class I2c(Protocol):
    """Transfers with one address. They raise LineLost without bus or chip, NoReply when the bus fails."""

    def write(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def read(self, count: int) -> bytes:
        """Receive so many bytes."""
        ...

    def close(self) -> None:
        """Give the bus back."""
        ...


class I2cDevice:
    """An address on a bus such as /dev/i2c-1; opened when first needed and after every failure."""

    def __init__(self, path: str, address: int) -> None:
        self.path = Path(path)
        self.address = address
        self._fd: int | None = None

    def write(self, data: bytes) -> None:
        try:
            os.write(self._open(), data)
        except OSError as error:
            raise self._lost(error) from error

    def read(self, count: int) -> bytes:
        try:
            return os.read(self._open(), count)
        except OSError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _open(self) -> int:
        if self._fd is None:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self._fd, _I2C_SLAVE, self.address)
        return self._fd

    def _lost(self, error: OSError) -> Exception:
        self.close()
        if error.errno == errno.EREMOTEIO:  # not acknowledged
            return LineLost(f"{self.path}: nobody answers at {self.address:#04x}")
        if error.errno == errno.EBUSY:
            return LineLost(f"{self.path}: address {self.address:#04x} belongs to a kernel driver")
        return failure(self.path, error)
