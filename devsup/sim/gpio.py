"""A gpiochip within this process, with that part of the Python module gpiod 2 that relays need.

Levels on the lines drive simulated relays; input lines show their contacts. It notes every level that a
line has ever had, so that a blip at the start cannot be overlooked.
"""

import enum
import errno
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any

from devsup.sim.relays import SimRelays


class Direction(enum.Enum):
    """As gpiod.line.Direction."""

    AS_IS = 1
    INPUT = 2
    OUTPUT = 3


class Value(enum.Enum):
    """As gpiod.line.Value: logical, so ACTIVE is a low level of an active-low line."""

    INACTIVE = 0
    ACTIVE = 1


@dataclass
class LineSettings:
    """As gpiod.LineSettings, as far as relays go."""

    direction: Direction = Direction.AS_IS
    active_low: bool = False
    output_value: Value = Value.INACTIVE


class SimGpio:
    """Stands in for the module `gpiod`. `relays`: line -> relay; `contacts`: input line -> relay.

    `wired_low`: the relays' board switches on at low level. `problem`: an errno that claiming fails with.
    """

    def __init__(
        self,
        relays: SimRelays,
        lines: Mapping[int | str, str],
        contacts: Mapping[int | str, str] | None = None,
        *,
        wired_low: bool = True,
        label: str = "pinctrl-sim",
    ) -> None:
        self.relays = relays
        self.label = label
        self.wired_low = wired_low
        self.problem: int | None = None
        self.levels: list[tuple[int | str, bool]] = []  # every output level as it was set, oldest first
        self.line = SimpleNamespace(Direction=Direction, Value=Value)
        self.LineSettings = LineSettings
        self._lines = dict(lines)
        self._contacts = dict(contacts or {})
        self._claimed: set[int | str] = set()

    def Chip(self, path: str) -> "SimChip":  # noqa: N802 - the name of gpiod
        """Open a chip."""
        self._check()
        return SimChip(self.label)

    def request_lines(
        self, path: str, config: Mapping[Any, LineSettings | None], consumer: str | None = None
    ) -> "SimRequest":
        """Claim lines; outputs get level and direction at once."""
        self._check()
        settings = {offset: each or LineSettings() for offset, each in config.items()}
        unknown = settings.keys() - self._lines.keys() - self._contacts.keys()
        if unknown:
            raise ValueError(f"unknown line {sorted(unknown, key=str)[0]}")
        if self._claimed & settings.keys():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self._claimed |= settings.keys()
        request = SimRequest(self, settings)
        outputs = {o: s.output_value for o, s in settings.items() if s.direction is Direction.OUTPUT}
        request.set_values(outputs)
        return request

    def release(self, offsets: Iterable[int | str]) -> None:
        """Nobody holds these lines any more; they keep their level, as Raspberry Pi's kernel does."""
        self._claimed -= set(offsets)

    def put(self, offset: int | str, high: bool) -> None:
        """A level on an output line."""
        self._check()
        self.levels.append((offset, high))
        self.relays.drive(self._lines[offset], high is not self.wired_low)

    def get(self, offset: int | str) -> bool:
        """Whether a line is high: of an input, while its contact is closed."""
        self._check()
        if offset in self._contacts:
            return self.relays.contact(self._contacts[offset])
        return self.relays.coil(self._lines[offset]) is not self.wired_low

    def _check(self) -> None:
        if self.problem is not None:
            raise OSError(self.problem, os.strerror(self.problem))


class SimChip:
    """As gpiod.Chip, as far as its label goes."""

    def __init__(self, label: str) -> None:
        self._label = label

    def get_info(self) -> SimpleNamespace:
        return SimpleNamespace(label=self._label)

    def __enter__(self) -> "SimChip":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


class SimRequest:
    """As gpiod.LineRequest."""

    def __init__(self, chip: SimGpio, settings: Mapping[int | str, LineSettings]) -> None:
        self._chip = chip
        self._settings = dict(settings)

    def set_values(self, values: Mapping[int | str, Value]) -> None:
        for offset, value in values.items():
            if self._settings[offset].direction is not Direction.OUTPUT:
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            self._chip.put(offset, (value is Value.ACTIVE) is not self._settings[offset].active_low)

    def get_values(self, lines: Iterable[int | str] | None = None) -> list[Value]:
        offsets = list(self._settings if lines is None else lines)
        return [Value(int(self._chip.get(o) is not self._settings[o].active_low)) for o in offsets]

    def release(self) -> None:
        self._chip.release(self._settings)
