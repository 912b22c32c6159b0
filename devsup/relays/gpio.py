"""Relays on the lines of a Linux gpiochip, through libgpiod 2.

Level and direction are set by one request, so an active-low relay does not blip at the start; all lines
change in one operation. The lines are ours alone while the request lives. What happens to them when the
process dies is the kernel's affair: Raspberry Pi's keeps the level (iocs/environment/README.md).
"""

import errno
import fnmatch
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from devsup.errors import LineLost, PortInUse
from devsup.relays.bank import CannotClaim, Contacts, LocalBank, follow

T = TypeVar("T")
Line = int | str
"""Offset or name of a line."""


class GpioRelays(LocalBank):
    """`lines`: by relay. `chip`: a path, or a pattern for its label such as pinctrl-*.

    `feedback`: inputs that show what the contacts do (auxiliary contact closed: active); without them
    the level of the line itself is read back. `gpiod`: the module; None imports it.
    Ioctls on a processor's own lines take microseconds, so they are made in the event loop.
    """

    def __init__(
        self,
        name: str,
        chip: str,
        lines: Mapping[str, Line],
        *,
        active_low: bool = True,
        feedback: Mapping[str, Line] | None = None,
        feedback_active_low: bool = False,
        gpiod: Any = None,
    ) -> None:
        super().__init__(name, tuple(lines))
        self._chip = chip
        self._lines = dict(lines)
        self._active_low = active_low
        self._feedback = dict(feedback or {})
        self._feedback_active_low = feedback_active_low
        self._gpiod = gpiod
        self._request: Any = None
        self._ours = False

    async def open(self) -> None:
        self._gpiod = self._gpiod or _module()
        self.booked(self._claim)
        self._ours = True

    async def set(self, wanted: Contacts) -> Contacts:
        return self.booked(lambda: self._set(wanted))

    async def read(self) -> Contacts:
        return self.booked(self._contacts)

    async def safe(self) -> None:
        off = dict.fromkeys(self.relays, False)
        self.booked(lambda: self._set(off))

    async def close(self) -> None:
        self._ours = False
        self._release()

    # -- the lines ----------------------------------------------------------------------------

    def _set(self, wanted: Contacts) -> Contacts:
        value = self._gpiod.line.Value
        levels = {self._lines[r]: value.ACTIVE if on else value.INACTIVE for r, on in wanted.items()}
        self._with_lines(lambda request: request.set_values(levels))
        follow(wanted, self._values(self._lines), self.name)
        return self._contacts()

    def _contacts(self) -> Contacts:
        """By the feedback where there is one; it follows its line some milliseconds later."""
        return self._values({**self._lines, **self._feedback})

    def _values(self, lines: Mapping[str, Line]) -> Contacts:
        values = self._with_lines(lambda request: request.get_values(list(lines.values())))
        active = self._gpiod.line.Value.ACTIVE
        return {relay: value == active for relay, value in zip(lines, values, strict=True)}

    def _with_lines(self, work: Callable[[Any], T]) -> T:
        """Do it with the lines; claim them anew if they were lost (a USB expander that came back)."""
        try:
            if not self._ours:
                raise LineLost(f"{self.name}: given back")
            if self._request is None:
                self._claim()
            return work(self._request)
        except (CannotClaim, PortInUse) as error:
            raise LineLost(str(error)) from error
        except OSError as error:
            self._release()
            raise LineLost(f"{self.name}: {error.strerror or error}") from error

    def _claim(self) -> None:
        """All relays off from the moment on in which they are outputs."""
        path = find_chip(self._gpiod, self._chip)
        try:
            self._request = self._gpiod.request_lines(path, config=self._config(), consumer=self.name)
        except OSError as error:
            raise _explained(error, path) from error
        except ValueError as error:  # a line of that name or number is not there
            raise CannotClaim(f"{path}: {error}") from error

    def _config(self) -> dict[Any, Any]:
        line, settings = self._gpiod.line, self._gpiod.LineSettings
        outputs = settings(
            direction=line.Direction.OUTPUT, active_low=self._active_low, output_value=line.Value.INACTIVE
        )
        inputs = settings(direction=line.Direction.INPUT, active_low=self._feedback_active_low)
        config: dict[Any, Any] = dict.fromkeys(self._lines.values(), outputs)
        return config | dict.fromkeys(self._feedback.values(), inputs)

    def _release(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            with suppress(OSError):
                request.release()


def find_chip(gpiod: Any, wanted: str, devices: Path = Path("/dev")) -> str:
    """The path of a gpiochip by its path or a pattern for its label. Raises CannotClaim, PortInUse."""
    if "/" in wanted:
        return wanted
    labels = []
    for path in gpiochips(devices):
        try:
            with gpiod.Chip(path) as chip:
                label = chip.get_info().label
        except OSError as error:
            raise _explained(error, path) from error
        if fnmatch.fnmatch(label, wanted):
            return path
        labels.append(f"{path} ({label})")
    raise CannotClaim(f"no gpiochip is labelled {wanted}; there is {', '.join(labels) or 'none'}")


def gpiochips(devices: Path) -> list[str]:
    """Every gpiochip there is."""
    return sorted(str(path) for path in devices.glob("gpiochip*"))


def _explained(error: OSError, path: str) -> Exception:
    """What an operator can do about it."""
    if error.errno == errno.EBUSY:
        return PortInUse(errno.EBUSY, f"{path}: a line is in use by another program (see gpioinfo)")
    if error.errno in (errno.EACCES, errno.EPERM):
        return CannotClaim(f"{path}: permission denied; add the user to the group that owns it (gpio)")
    return CannotClaim(f"{path}: {error.strerror or error}")


def _module() -> types.ModuleType:
    try:
        import gpiod
    except ImportError as error:
        raise CannotClaim("the Python module gpiod is not installed: install the extra [gpio]") from error
    module: types.ModuleType = gpiod
    return module
