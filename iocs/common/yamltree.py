"""A YAML file as a tree of texts with their line numbers, macros expanded.

Knows YAML and EPICS macros. Gives no meaning to a scalar: whether `on`, `010` or `3:5` is text,
a flag or a number is decided by whoever asks for it (config.py). Constructs no objects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

MACRO = re.compile(r"\$[({]")
NAME = re.compile(r"[A-Za-z_][\w.\-]*")
CLOSES = {"(": ")", "{": "}"}


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands and what is wrong with it. `key` is the path, joined by dots."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key + ': ' if self.key else ''}{self.message}"


@dataclass(frozen=True)
class Scalar:
    """A value, its macros expanded. `plain` means without quotes; `written` is before expansion."""

    line: int
    text: str
    plain: bool
    written: str


@dataclass(frozen=True)
class Branch:
    """A mapping, and the line on which each of its keys stands."""

    line: int
    nodes: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Items:
    """A sequence."""

    line: int
    nodes: list[Node] = field(default_factory=list)


Node = Scalar | Branch | Items


class MacroError(ValueError):
    """A macro that is undefined, unclosed, malformed or refers to itself."""


def read_tree(path: Path, macros: Mapping[str, str], problems: list[Problem]) -> Node | None:
    """The tree in a file; None if it cannot be read. What is wrong is added to `problems`."""
    try:
        root = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
        return Branch(1) if root is None else _Growth(str(path), macros, problems).node(root, "")
    except OSError as error:
        problems.append(Problem(str(path), 1, "", f"cannot be read: {error.strerror or error}"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problems.append(Problem(str(path), line, "", f"not valid YAML: {error.problem or error.context}"))
    except yaml.YAMLError as error:
        problems.append(Problem(str(path), 1, "", f"not valid YAML: {' '.join(str(error).split())}"))
    except RecursionError:
        problems.append(Problem(str(path), 1, "", "nested too deeply"))
    return None


class _Growth:
    """Turns PyYAML's nodes into ours, each once however many aliases point to it."""

    def __init__(self, file: str, macros: Mapping[str, str], problems: list[Problem]) -> None:
        self.file = file
        self.macros = macros
        self.problems = problems
        self.grown: dict[int, Node] = {}

    def node(self, source: yaml.Node, key: str) -> Node:
        if id(source) not in self.grown:
            # Stands in while the node grows: an alias to itself ends here.
            self.grown[id(source)] = Branch(_line(source))
            self.grown[id(source)] = self.grow(source, key)
        return self.grown[id(source)]

    def grow(self, source: yaml.Node, key: str) -> Node:
        if isinstance(source, yaml.MappingNode):
            return self.branch(source, key)
        if isinstance(source, yaml.SequenceNode):
            return Items(_line(source), [self.node(n, f"{key}[{i}]") for i, n in enumerate(source.value)])
        assert isinstance(source, yaml.ScalarNode)
        return self.scalar(source, key)

    def branch(self, source: yaml.MappingNode, key: str) -> Branch:
        branch = Branch(_line(source))
        for name_node, value_node in source.value:
            name, line = str(name_node.value), _line(name_node)
            path = f"{key}.{name}" if key else name
            if not isinstance(name_node, yaml.ScalarNode):
                self.problem(line, key, "a list or mapping cannot be a key")
            elif name in branch.nodes:
                self.problem(line, path, f"given twice, first on line {branch.lines[name]}")
            else:
                branch.nodes[name] = self.node(value_node, path)
                branch.lines[name] = line
        return branch

    def scalar(self, source: yaml.ScalarNode, key: str) -> Scalar:
        line, written = _line(source), str(source.value)
        text = written
        try:
            text = expand(written, self.macros)
        except MacroError as error:
            self.problem(line, key, str(error))
        return Scalar(line, text, source.style is None, written)

    def problem(self, line: int, key: str, message: str) -> None:
        self.problems.append(Problem(self.file, line, key, message))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def expand(text: str, macros: Mapping[str, str]) -> str:
    """EPICS macros in a text: $(NAME), ${NAME}, $(NAME=default); values and defaults may hold macros.

    Raises MacroError for what cannot be expanded.
    """
    parts, rest = [], 0
    while found := MACRO.search(text, rest):
        end = _closing(text, found.end() - 1)
        parts += [text[rest : found.start()], _value(text[found.end() : end], macros)]
        rest = end + 1
    return "".join([*parts, text[rest:]])


def _value(body: str, macros: Mapping[str, str]) -> str:
    """What stands for a macro, given what is between its brackets."""
    name, has_default, default = body.partition("=")
    if not NAME.fullmatch(name):
        raise MacroError(f"malformed macro $({body})")
    if name in macros:
        return expand(macros[name], {other: value for other, value in macros.items() if other != name})
    if has_default:
        return expand(default, macros)
    raise MacroError(f"macro $({name}) is not defined; give it with --macro {name}=... or in the environment")


def _closing(text: str, opening: int) -> int:
    """The position of the bracket that closes the one at `opening`."""
    depth = 0
    closes = CLOSES[text[opening]]
    for position in range(opening, len(text)):
        depth += (text[position] == text[opening]) - (text[position] == closes)
        if depth == 0:
            return position
    raise MacroError(f"macro without its closing {closes!r}: {text[opening - 1 :]}")
