"""A YAML file read key by key into typed values; every mistake in it is reported at once.

    document = load(Path("db/flow.yaml"), macros)
    for name, line in document.mapping("lines", at_least=1):
        baud = line.integer("baud", low=300, high=921_600, unit="Bd", default=38_400)
    document.finish()                  # raises ConfigError with all problems, unknown keys among them

After a mistake a reader returns a stand-in of the right type, so that reading goes on; no value may be used
before finish(). Knows no subsystem and opens no device.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar, overload

from iocs.common.scalars import Choice, Flag, Integer, Kind, Number, Text, suggestion, words_of
from iocs.common.yamltree import Branch, Items, Node, Problem, Scalar, read_tree

__all__ = ["NAME", "ConfigError", "Document", "Problem", "Section", "load"]

T = TypeVar("T")
D = TypeVar("D")

NAME = r"[A-Za-z][A-Za-z0-9_]*"
"""What may stand between the colons of a PV name."""
NOTHING = {"", "~", "null", "Null", "NULL"}
BRANCH = "a section with keys of its own"


class _Required:
    """Says that a key has no default."""


REQUIRED: Final = _Required()


class ConfigError(Exception):
    """The configuration is wrong. `problems` holds every mistake found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda found: (found.file, found.line, found.key)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class _Report:
    """What all sections of a file share: its name, the mistakes so far, and the sections that were read."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    sections: dict[str, Section] = field(default_factory=dict)


class Section:
    """A mapping of the file. Each reader takes one key, checks it, and so makes it a known key.

    A key without a default is required. A key without a value (`key:` or `key: null`) counts as not given.
    """

    def __init__(self, report: _Report, path: str, branch: Branch) -> None:
        self._report = report
        self._path = path
        self._branch = branch
        self._known: set[str] = set()

    @overload
    def text(self, key: str, *, pattern: str = ...) -> str: ...
    @overload
    def text(self, key: str, *, pattern: str = ..., default: D) -> str | D: ...
    def text(self, key: str, *, pattern: str = r".*", default: object = REQUIRED) -> object:
        """Text; `pattern` is a regular expression for all of it."""
        return self._read(key, Text(pattern), default)

    @overload
    def number(self, key: str, *, low: float = ..., high: float = ..., unit: str = ...) -> float: ...
    @overload
    def number(
        self, key: str, *, low: float = ..., high: float = ..., unit: str = ..., default: D
    ) -> float | D: ...
    def number(
        self, key: str, *, low: float = -math.inf, high: float = math.inf, unit: str = "",
        default: object = REQUIRED,
    ) -> object:  # fmt: skip
        """A finite number from `low` to `high`, in `unit`."""
        return self._read(key, Number(low, high, unit), default)

    @overload
    def integer(self, key: str, *, low: float = ..., high: float = ..., unit: str = ...) -> int: ...
    @overload
    def integer(
        self, key: str, *, low: float = ..., high: float = ..., unit: str = ..., default: D
    ) -> int | D: ...
    def integer(
        self, key: str, *, low: float = -math.inf, high: float = math.inf, unit: str = "",
        default: object = REQUIRED,
    ) -> object:  # fmt: skip
        """A whole number from `low` to `high`, in `unit`; decimal or 0x…"""
        return self._read(key, Integer(low, high, unit), default)

    @overload
    def flag(self, key: str) -> bool: ...
    @overload
    def flag(self, key: str, *, default: D) -> bool | D: ...
    def flag(self, key: str, *, default: object = REQUIRED) -> object:
        """true or false; yes, no, on and off do as well."""
        return self._read(key, Flag(), default)

    @overload
    def choice(self, key: str, options: Iterable[T] | Mapping[str, T]) -> T: ...
    @overload
    def choice(self, key: str, options: Iterable[T] | Mapping[str, T], *, default: D) -> T | D: ...
    def choice(
        self, key: str, options: Iterable[T] | Mapping[str, T], *, default: object = REQUIRED
    ) -> object:
        """One of the options: an enum class, texts, or words with their meanings."""
        return self._read(key, Choice(words_of(options)), default)

    def texts(self, key: str, *, pattern: str = r".*", at_least: int = 0) -> list[str]:
        """A list of texts."""
        return self._read_list(key, Text(pattern), at_least)

    def numbers(
        self, key: str, *, low: float = -math.inf, high: float = math.inf, unit: str = "", at_least: int = 0
    ) -> list[float]:
        """A list of finite numbers from `low` to `high`, in `unit`."""
        return self._read_list(key, Number(low, high, unit), at_least)

    def integers(
        self, key: str, *, low: float = -math.inf, high: float = math.inf, unit: str = "", at_least: int = 0
    ) -> list[int]:
        """A list of whole numbers from `low` to `high`, in `unit`."""
        return self._read_list(key, Integer(low, high, unit), at_least)

    def section(self, key: str, *, optional: bool = False) -> Section:
        """The section below a key. An optional one that is not there is empty: its defaults hold."""
        node = self._node(key)
        if node is None and not optional:
            self.error(key, f"is missing; expected {BRANCH}")
        return self._section(key, node)

    def mapping(self, key: str, *, names: str = NAME, at_least: int = 0) -> list[tuple[str, Section]]:
        """The named sections below a key; `names` is a regular expression for what they may be called."""
        parent = self.section(key, optional=at_least == 0)
        self._count(key, parent.names(), at_least)
        for name in parent.names():
            if not re.fullmatch(names, name):
                parent.error(name, f"{name!r} is not valid as a name; expected text that matches {names}")
        return [(name, parent.section(name, optional=True)) for name in parent.names()]

    def sequence(self, key: str, *, at_least: int = 0) -> list[Section]:
        """A list of sections."""
        return [self._section(name, item) for name, item in self._items(key, at_least)]

    def names(self) -> list[str]:
        """The keys of this section, in the order of the file."""
        return list(self._branch.nodes)

    def has(self, key: str) -> bool:
        """Whether the key is given a value."""
        return self._node(key) is not None

    def where(self, key: str = "") -> str:
        """`file:line` of a key, or of this section."""
        return f"{self._report.file}:{self._line(key)}"

    def error(self, key: str, message: str) -> None:
        """Reports a mistake that only the reader can see, such as two keys that contradict each other."""
        self._problem(self._line(key), key, message)

    def report_unknown_keys(self) -> None:
        """Reports every key that no reader asked for. Document.finish() does this for all sections."""
        for name in self._branch.nodes.keys() - self._known:
            near = suggestion(name, self._known)
            known = "known here: " + (", ".join(sorted(self._known)) or "nothing")
            self.error(name, f"unknown key; {near or known}")

    def _read(self, key: str, kind: Kind[T], default: object) -> object:
        node = self._node(key)
        if node is not None:
            return self._value(key, node, kind)
        if isinstance(default, _Required):
            self.error(key, f"is missing; expected {kind.wanted}")
            return kind.stand_in
        return default

    def _read_list(self, key: str, kind: Kind[T], at_least: int) -> list[T]:
        return [self._value(name, item, kind) for name, item in self._items(key, at_least)]

    def _value(self, key: str, node: Node, kind: Kind[T]) -> T:
        if not isinstance(node, Scalar):
            self._problem(node.line, key, f"is a list or a section; expected {kind.wanted}")
            return kind.stand_in
        try:
            return kind.read(node)
        except ValueError as error:
            origin = f" (from {node.written})" if node.written != node.text else ""
            hint = f"; {error}" if str(error) else ""
            self._problem(node.line, key, f"{node.text!r}{origin} is not valid; expected {kind.wanted}{hint}")
            return kind.stand_in

    def _node(self, key: str) -> Node | None:
        self._known.add(key)
        node = self._branch.nodes.get(key)
        nothing = isinstance(node, Scalar) and node.plain and node.text in NOTHING
        return None if nothing else node

    def _items(self, key: str, at_least: int) -> list[tuple[str, Node]]:
        node = self._node(key)
        if node is None and at_least:
            self.error(key, "is missing; expected a list")
        if node is not None and not isinstance(node, Items):
            self.error(key, "is not a list; expected one")
        if not isinstance(node, Items):
            return []
        self._count(key, node.nodes, at_least)
        return [(f"{key}[{index}]", item) for index, item in enumerate(node.nodes)]

    def _count(self, key: str, items: Sized, at_least: int) -> None:
        if len(items) < at_least and self.has(key):
            self.error(key, f"holds {len(items)}; expected at least {at_least}")

    def _section(self, key: str, node: Node | None) -> Section:
        """The section at a key, the same one each time; empty if there is none."""
        path = self._join(key)
        if node is not None and not isinstance(node, Branch):
            self._problem(node.line, key, f"is not a section; expected {BRANCH}")
        line = self._branch.lines.get(key, node.line if node else self._branch.line)
        branch = replace(node, line=line) if isinstance(node, Branch) else Branch(line)
        return self._report.sections.setdefault(path, Section(self._report, path, branch))

    def _line(self, key: str) -> int:
        return self._branch.lines.get(key, self._branch.line)

    def _join(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path and key else self._path or key

    def _problem(self, line: int, key: str, message: str) -> None:
        self._report.problems.append(Problem(self._report.file, line, self._join(key), message))


class Document(Section):
    """A whole file: its top-level section. finish() must be called before any value is used."""

    def __init__(self, report: _Report, root: Node) -> None:
        super().__init__(report, "", root if isinstance(root, Branch) else Branch(1))
        report.sections[""] = self
        if not isinstance(root, Branch):
            self.error("", f"is not a section; expected {BRANCH}")

    def finish(self) -> None:
        """Raises ConfigError if anything is wrong with the file, with everything that is."""
        for section in self._report.sections.values():
            section.report_unknown_keys()
        if self._report.problems:
            raise ConfigError(self._report.problems)


def load(path: Path, macros: Mapping[str, str]) -> Document:
    """Reads a file and expands its macros. Raises ConfigError if it cannot be read or is not YAML."""
    report = _Report(str(path))
    root = read_tree(path, macros, report.problems)
    if root is None:
        raise ConfigError(report.problems)
    return Document(report, root)
