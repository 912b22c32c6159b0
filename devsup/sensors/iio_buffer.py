"""A triggered IIO buffer: all channels of a device in one record, measured at the same moment.

Knows scan elements, triggers and the character device (Documentation/ABI/testing/sysfs-bus-iio);
knows no sensor. Needs write access to the device's attributes and to /dev/iio:deviceN.
"""

import os
import re
import select
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from devsup.errors import DeviceFault, FramingError, LineLost, NoReply
from devsup.sensors.sysfs import IIO, Sysfs, failure

TYPE = re.compile(r"(le|be):([us])(\d+)/(\d+)>>(\d+)")
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Element:
    """One channel of a record: where it stands and how it is written. `bits` of `size` bytes count."""

    name: str
    index: int
    order: str
    signed: bool
    bits: int
    size: int
    shift: int

    def decode(self, data: bytes) -> int:
        """The raw value in the bytes of this element."""
        value = (
            int.from_bytes(data, "big" if self.order == "be" else "little") >> self.shift
            & (1 << self.bits) - 1
        )
        return value - (1 << self.bits) if self.signed and value >> self.bits - 1 else value

    def reversed(self) -> "Element":
        """The same with its bytes in the other order."""
        return replace(self, order="le" if self.order == "be" else "be")


def element(name: str, index: int, written: str) -> Element:
    """An element from its `_index` and `_type` attributes, such as be:u16/16>>0. Raises FramingError."""
    found = TYPE.fullmatch(written)
    if not found:
        raise FramingError(f"{name}: {written!r} is no scan type")
    order, sign, bits, storage, shift = found.groups()
    return Element(name, index, order, sign == "s", int(bits), int(storage) // 8, int(shift))


def places(elements: Sequence[Element]) -> tuple[dict[str, slice], int]:
    """Where each element lies in a record, and how long a record is: each is aligned to its own size."""
    where, end = {}, 0
    for item in sorted(elements, key=lambda e: e.index):
        start = -(-end // item.size) * item.size
        end = start + item.size
        where[item.name] = slice(start, end)
    widest = max(item.size for item in elements)
    return where, -(-end // widest) * widest


class IioBuffer:
    """The buffer of one device, armed by `open`. `trigger`: the name of an hrtimer or sysfs trigger."""

    def __init__(self, sysfs: Sysfs, folder: Path, channels: Sequence[str], trigger: str) -> None:
        self._sysfs = sysfs
        self._folder = folder
        self._channels = channels
        self._trigger = trigger
        self._fire: Path | None = None
        self._fd: int | None = None
        self.elements: dict[str, Element] = {}
        self._places: dict[str, slice] = {}
        self._size = 0

    def open(self) -> None:
        """Arm it. Raises LineLost where something is not there or not permitted, NoReply where it is busy."""
        self._fire = self._find_trigger()
        self._set("buffer/enable", "0")
        self.elements = {name: self._element(name) for name in self._channels}
        self._places, self._size = places(list(self.elements.values()))
        for name in self._channels:
            self._set(f"scan_elements/{name}_en", "1")
        self._set("trigger/current_trigger", self._trigger)
        self._set("buffer/enable", "1")
        device = self._sysfs.path("dev", self._folder.name)
        try:
            self._fd = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise failure(device, error) from error

    def close(self) -> None:
        """Disarm it. Never raises."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
            with suppress(DeviceFault):
                self._set("buffer/enable", "0")

    def read(self, timeout_s: float) -> dict[str, bytes]:
        """The newest record, its bytes by channel. Raises NoReply when none comes, LineLost if it is gone."""
        if self._fd is None:
            raise LineLost(f"{self._folder.name}: buffer is not open")
        if self._fire is not None:
            self._sysfs.write(self._fire, "1")
        data = self._collect(self._fd, time.monotonic() + timeout_s)
        record = data[len(data) // self._size * self._size - self._size :]
        return {name: record[place] for name, place in self._places.items()}

    def _collect(self, fd: int, deadline: float) -> bytes:
        """All whole records there are, at least one."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        data = b""
        while len(data) < self._size or len(data) % self._size or poll.poll(0):
            wait_s = max(0.0, deadline - time.monotonic())
            if not poll.poll(1000.0 * wait_s):
                raise NoReply(f"{self._folder.name}: no sample")
            try:
                chunk = os.read(fd, CHUNK)
            except OSError as error:
                raise failure(self._folder, error) from error
            if not chunk:
                raise LineLost(f"{self._folder.name}: buffer ended")
            data += chunk
        return data

    def _element(self, name: str) -> Element:
        folder = self._folder / "scan_elements"
        index = int(self._sysfs.number(folder / f"{name}_index"))
        return element(name, index, self._sysfs.text(folder / f"{name}_type"))

    def _set(self, attribute: str, text: str) -> None:
        self._sysfs.write(self._folder / attribute, text)

    def _find_trigger(self) -> Path | None:
        """The attribute that fires a sysfs trigger; None for one that fires by itself."""
        for item in sorted(self._sysfs.path(IIO).glob("trigger*")):
            with suppress(DeviceFault):
                if self._sysfs.text(item / "name") == self._trigger:
                    fire = item / "trigger_now"
                    return fire if fire.exists() else None
        raise LineLost(f"no IIO trigger {self._trigger} below {self._sysfs.path(IIO)}")
