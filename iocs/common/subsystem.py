"""What a subsystem offers to the command line, and how the subsystems are found.

Each package of `iocs` with an `ioc.py` is one; that module holds a SUBSYSTEM. Knows no subsystem by name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import iocs

if TYPE_CHECKING:
    from iocs.common.config import Section
    from iocs.common.group import Group

C = TypeVar("C")


class Ioc(Protocol):
    """Everything that one process owns."""

    @property
    def groups(self) -> Sequence[Group]: ...

    async def start(self) -> None:
        """Claims the lines and begins to poll."""

    async def stop(self) -> None:
        """Does what the configuration wants at shutdown and gives the lines back."""


@dataclass(frozen=True)
class Subsystem(Generic[C]):
    """A kind of IOC: `read` gives its configuration, `build(config, prefix, simulate)` opens nothing."""

    name: str
    title: str
    prefix: str
    read: Callable[[Section], C]
    build: Callable[[C, str, bool], Ioc]
    examples: tuple[str, ...] = ()
    """Commands that a newcomer may try in the demo, with {P} for the prefix: `caget {P}N2:Flow`."""

    @property
    def package(self) -> Path:
        """The folder of the subsystem."""
        return Path(str(sys.modules[self.build.__module__].__file__)).parent

    @property
    def database(self) -> Path:
        """The file read unless another is named: db/<name>.yaml beside `iocs`, as seen from here."""
        file = self.package.parent.parent / "db" / f"{self.name}.yaml"
        return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file

    def load(self, database: Path, macros: Mapping[str, str]) -> C:
        """The configuration in a file. Raises ConfigError with everything that is wrong with it."""
        from iocs.common.config import load

        document = load(database, macros)
        config = self.read(document)
        document.finish()
        return config


def known() -> list[str]:
    """The names of all subsystems, in alphabetical order. Imports none of them."""
    return sorted({found.parent.name for folder in iocs.__path__ for found in Path(folder).glob("*/ioc.py")})


def find(name: str) -> Subsystem[Any]:
    """The subsystem of a name out of known()."""
    subsystem: Subsystem[Any] = importlib.import_module(f"iocs.{name}.ioc").SUBSYSTEM
    return subsystem
