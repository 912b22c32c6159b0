"""A tree of files like /sys for simulated sensors, and the faults that they share.

Knows folders and links; must not know how a driver reads them.
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
