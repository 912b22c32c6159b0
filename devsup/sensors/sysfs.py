"""Attributes below /sys: read as text, found by what they belong to, every failure named.

`root` stands for / and may be any folder with the same tree in it, as tests and simulation have.
Knows files; knows no sensor.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devsup.errors import DeviceFault, FramingError, LineLost, NoReply

IIO = "sys/bus/iio/devices"


@dataclass(frozen=True, slots=True)
class Sysfs:
    """The tree. Paths are relative to `root`."""

    root: Path = Path("/")

    def path(self, *parts: str) -> Path:
        return self.root.joinpath(*parts)

    def text(self, path: Path) -> str:
        """What an attribute says, without its line end.

        Raises LineLost when it is not there or may not be read, NoReply when the driver failed
        behind it: an error, a time-out, or nothing at all (drivers answer so as well).
        """
        try:
            text = path.read_text(encoding="ascii", errors="replace").strip()
        except OSError as error:
            raise failure(path, error) from error
        if not text:
            raise NoReply(f"{path}: empty")
        return text

    def number(self, path: Path) -> float:
        """A number from an attribute. Raises as `text`, FramingError for what is no number."""
        text = self.text(path)
        try:
            return float(text)
        except ValueError:
            raise FramingError(f"{path}: {text[:40]!r} is no number") from None

    def write(self, path: Path, text: str) -> None:
        """Set an attribute. Raises as `text`."""
        try:
            path.write_text(text, encoding="ascii")
        except OSError as error:
            raise failure(path, error) from error

    def find_iio(self, names: Sequence[str], where: str = "") -> Path:
        """The folder of the IIO device of one of these names, whatever number it got this time.

        `where` tells two of a kind apart: a part of its path on the bus, such as `spi0.1` or `1-0062`.
        Raises LineLost when there is none, or more than one.
        """
        found = [item for item in self._devices() if self._is_called(item, names, where)]
        what = " or ".join(names) + (f" at {where}" if where else "")
        if not found:
            raise LineLost(f"no IIO device {what} below {self.path(IIO)}")
        if len(found) > 1:
            raise LineLost(f"{len(found)} IIO devices {what}: say where")
        return found[0]

    def _devices(self) -> list[Path]:
        return sorted(self.path(IIO).glob("iio:device*"))

    def _is_called(self, item: Path, names: Sequence[str], where: str) -> bool:
        try:
            name = self.text(item / "name")
        except DeviceFault:
            return False
        return name in names and (not where or where in Path(os.path.realpath(item)).parts)


def failure(path: Path, error: OSError) -> DeviceFault:
    """What an OSError of a device file means."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO):
        return LineLost(f"{path} is not there")
    if error.errno in (errno.EACCES, errno.EPERM):
        return LineLost(f"{path}: permission denied")
    return NoReply(f"{path}: {error.strerror or error}")
