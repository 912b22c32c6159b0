"""Access security files of EPICS: groups of users, of hosts, and the rules of each access group.

Text in, frozen data out; every mistake with its line. Grammar as in EPICS base's asLib. Pure: opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from iocs.common.access.calc import INPUTS, Calc, parse
from iocs.common.yamltree import MacroError, Problem, expand

DEFAULT = "DEFAULT"
TOKEN = re.compile(
    r'(?P<space>\s+|#[^\n]*)|"(?P<quoted>(?:[^"\\\n]|\\.)*)"|(?P<word>[A-Za-z0-9_\-+:./\\\[\]<>;]+)|(?P<sign>[(){},])'
)


class Rights(IntEnum):
    """What a client may do; each includes those before."""

    NONE = 0
    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """Gives rights to fields of `level` and below. Empty groups: everybody, from everywhere. `trap`: puts
    that it grants are to be logged."""

    level: int
    rights: Rights
    trap: bool = False
    users: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    calc: Calc | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """An access group (ASG): PVs by input (0 for A), and its rules in order."""

    inputs: Mapping[int, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Acf:
    """A whole file. A PV whose group is not in it belongs to DEFAULT."""

    users: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hosts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()

    def group(self, name: str) -> Group:
        return self.groups.get(name) or self.groups.get(DEFAULT) or Group()


class AcfError(ValueError):
    """A file that cannot be used; `problems` has every mistake that was found, with its line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read(text: str, file: str, macros: Mapping[str, str]) -> Acf:
    """The rules in a text. Raises AcfError with everything that is wrong with it."""
    return _Reader(text, file, macros).read()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int
    quoted: bool = False


@dataclass(slots=True)
class _Asked:
    """What a rule asks of a client."""

    users: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    calc: Calc | None = None
    unknown: str = ""


class _Broken(Exception):
    """The text makes no sense from here on to the next definition."""


class _Reader:
    """One definition after the other; a broken one is reported and skipped."""

    def __init__(self, text: str, file: str, macros: Mapping[str, str]) -> None:
        self._file = file
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._references: list[tuple[int, str, str]] = []
        self._tokens = self._scan(self._expanded(text, macros))
        self._users: dict[str, frozenset[str]] = {}
        self._hosts: dict[str, frozenset[str]] = {}
        self._groups: dict[str, Group] = {}

    def read(self) -> Acf:
        if not self._tokens:
            self._problem("there is no definition in it")
        while self._tokens:
            try:
                self._definition()
            except _Broken as error:
                self._problem(str(error))
                self._skip()
        self._check_references()
        if self._problems:
            raise AcfError(sorted(self._problems, key=lambda problem: problem.line))
        return Acf(self._users, self._hosts, self._groups, tuple(self._warnings))

    # -- definitions --------------------------------------------------------------------------

    def _definition(self) -> None:
        kind = self._next()
        if kind.text not in ("UAG", "HAG", "ASG"):
            raise _Broken(f"{kind.text!r} is none of UAG, HAG and ASG")
        (name,) = self._names()
        if kind.text == "ASG":
            self._groups[name] = self._group(name)
            return
        members = frozenset(self._list("{", "}")) if self._peek("{") else frozenset()
        if kind.text == "UAG":
            self._users[name] = self._users.get(name, frozenset()) | members
        else:  # names of hosts have no case
            lower = frozenset(member.lower() for member in members)
            self._hosts[name] = self._hosts.get(name, frozenset()) | lower

    def _group(self, name: str) -> Group:
        if name in self._groups:
            self._problem(f"ASG({name}) is given twice")
        inputs: dict[int, str] = {}
        rules: list[Rule] = []
        if self._peek("{"):
            self._expect("{")
            while not self._peek("}"):
                word = self._next().text
                if word == "RULE":
                    rules += self._rule()
                elif re.fullmatch(rf"INP[{INPUTS}]", word):
                    (inputs[INPUTS.index(word[3])],) = self._names()
                else:
                    raise _Broken(f"{word!r} is none of RULE and INPA to INPU")
            self._expect("}")
        self._check_inputs(name, inputs, rules)
        return Group(inputs, tuple(rules))

    def _rule(self) -> list[Rule]:
        """The rule; none if it asks for something unknown, which as in base can never be met."""
        level, rights, *trap = self._list("(", ")") + [""]
        if not level.isdecimal() or rights not in Rights.__members__ or trap[0] not in TRAPS:
            raise _Broken("expected RULE(0 or 1, NONE or READ or WRITE[, TRAPWRITE])")
        asked = self._asked() if self._peek("{") else _Asked()
        if asked.unknown:
            self._warnings.append(Problem(self._file, self._line, "", f"rule ignored: {asked.unknown}(…)"))
            return []
        known = tuple(asked.users), tuple(asked.hosts), asked.calc
        return [Rule(int(level), Rights[rights], TRAPS[trap[0]], *known)]

    def _asked(self) -> _Asked:
        asked = _Asked()
        self._expect("{")
        while not self._peek("}"):
            word = self._next().text
            if word == "CALC":
                asked.calc = self._calc()
            elif word == "UAG":
                asked.users += self._referred(word)
            elif word == "HAG":
                asked.hosts += self._referred(word)
            else:
                asked.unknown = word
                self._list("(", ")")
        self._expect("}")
        return asked

    def _calc(self) -> Calc:
        (text,) = self._names()
        try:
            return parse(text)
        except ValueError as error:
            raise _Broken(f"CALC: {error}") from None

    def _check_inputs(self, name: str, inputs: Mapping[int, str], rules: list[Rule]) -> None:
        for rule in rules:
            for index in sorted((rule.calc.inputs if rule.calc else frozenset()) - inputs.keys()):
                self._problem(f"ASG({name}): CALC uses {INPUTS[index]}, but there is no INP{INPUTS[index]}")

    def _check_references(self) -> None:
        for line, kind, name in self._references:
            if name not in (self._users if kind == "UAG" else self._hosts):
                self._problems.append(Problem(self._file, line, "", f"there is no {kind}({name})"))

    def _referred(self, kind: str) -> list[str]:
        names = self._list("(", ")")
        self._references += [(self._line, kind, name) for name in names]
        return names

    # -- words --------------------------------------------------------------------------------

    def _expanded(self, text: str, macros: Mapping[str, str]) -> str:
        lines = []
        for self._line, line in enumerate(text.splitlines(), start=1):
            try:
                lines.append(line if line.lstrip().startswith("#") else expand(line, macros))
            except MacroError as error:
                self._problem(str(error))
        return "\n".join(lines)

    def _scan(self, text: str) -> list[_Token]:
        found, at, self._line = [], 0, 1
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                self._problem(f"{text[at]!r} is not understood")
                at += 1
                continue
            if match["space"] is None:
                quoted = match["quoted"]
                found.append(
                    _Token(match.group() if quoted is None else quoted, self._line, quoted is not None)
                )
            self._line += match.group().count("\n")
            at = match.end()
        return found

    def _next(self) -> _Token:
        if not self._tokens:
            raise _Broken("the file ends within a definition")
        token = self._tokens.pop(0)
        self._line = token.line
        return token

    def _peek(self, sign: str) -> bool:
        if not self._tokens:
            if sign == "{":  # what stands before is complete without
                return False
            raise _Broken("the file ends within a definition")
        return self._tokens[0].text == sign and not self._tokens[0].quoted

    def _expect(self, sign: str) -> None:
        token = self._next()
        if token.text != sign or token.quoted:
            raise _Broken(f"{sign!r} is expected, not {token.text!r}")

    def _names(self) -> list[str]:
        """One name in brackets, as a list of one."""
        names = self._list("(", ")")
        if len(names) != 1:
            raise _Broken(f"one name is expected, not {', '.join(names) or 'none'}")
        return names

    def _list(self, opening: str, closing: str) -> list[str]:
        """Names between brackets, separated by commas."""
        self._expect(opening)
        names: list[str] = []
        while not self._peek(closing):
            if names:
                self._expect(",")
            token = self._next()
            if not token.quoted and token.text in "(){},":
                raise _Broken(f"a name is expected, not {token.text!r}")
            names.append(token.text)
        self._expect(closing)
        return names

    def _skip(self) -> None:
        """On to the next definition."""
        while self._tokens and not (self._tokens[0].text in ("UAG", "HAG", "ASG") and self._starts()):
            self._tokens.pop(0)

    def _starts(self) -> bool:
        """ASG begins a definition; UAG and HAG do where a list follows, not within a rule."""
        texts = [token.text for token in self._tokens[:5]]
        return texts[0] == "ASG" or texts[4:5] == ["{"]

    def _problem(self, message: str) -> None:
        self._problems.append(Problem(self._file, self._line, "", message))


TRAPS = {"": False, "NOTRAPWRITE": False, "TRAPWRITE": True}
