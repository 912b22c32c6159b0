"""Access files: the same text must give the same rights here and in EPICS base's own library."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iocs.common.access.acf import AcfError, read
from iocs.common.access.calc import parse
from iocs.common.access.rules import grant

MACROS = {"P": "X:"}
USERS, HOSTS = ("ann", "bob", "Eve", "root"), ("console1", "OfficePC", "10.0.0.7")
GROUPS, GATES = ("DEFAULT", "OPERATE", "SAFETY"), ("X:Gate", "X:Mode")


class Base:
    """EPICS base in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.aslib"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, **question: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    base = Base()
    yield base
    base.close()


def ours(acf: str, inputs: dict[str, float | None], clients: list[Any]) -> Any:
    try:
        rules = read(acf, "test.acf", MACROS)
    except AcfError:
        return None
    good = {name: value for name, value in inputs.items() if value is not None}
    return [[*map(int, grant(rules, group, level, user, host, good))] for group, level, user, host in clients]


CLIENTS = [[g, level, u, h] for g in (*GROUPS, "OTHER") for level in (0, 1) for u in USERS for h in HOSTS]


def compare(base: Base, acf: str, inputs: dict[str, float | None]) -> Any:
    answer = ours(acf, inputs, CLIENTS)
    assert answer == base.ask(acf=acf, macros="P=X:", inputs=inputs, clients=CLIENTS), acf
    return answer


NAMES = st.sampled_from
RIGHTS = st.sampled_from(["NONE", "READ", "WRITE", "WRITE, TRAPWRITE", "READ, NOTRAPWRITE"])
CONDITIONS = st.sampled_from(["A=1", "B#0", "A>0&&B<3", "A?B:!B", "1", "A AND 1"])


@st.composite
def rules(draw: st.DrawFn) -> str:
    asks = []
    if draw(st.booleans()):
        asks.append(f"UAG({draw(NAMES(['crew', 'chiefs', 'crew, chiefs']))})")
    if draw(st.booleans()):
        asks.append(f"HAG({draw(NAMES(['room', 'nowhere', 'room, nowhere']))})")
    if draw(st.booleans()):
        asks.append(f'CALC("{draw(CONDITIONS)}")')
    if not draw(st.integers(0, 9)):
        asks.append('METHOD("ca")')
    body = f" {{ {' '.join(asks)} }}" if asks else ""
    return f"RULE({draw(st.integers(0, 1))}, {draw(RIGHTS)}){body}"


@st.composite
def files(draw: st.DrawFn) -> str:
    crew = draw(st.lists(NAMES(USERS), min_size=1, unique=True))
    room = draw(st.lists(NAMES(HOSTS), min_size=1, unique=True))
    parts = [
        f"UAG(crew) {{ {', '.join(crew)} }}",
        'UAG(chiefs) { "ann" }',
        f"HAG(room) {{ {', '.join(room)} }}  # the control room",
        "HAG(nowhere)",
    ]
    for name in draw(st.lists(NAMES(GROUPS), unique=True)):
        inputs = 'INPA("$(P)Gate") INPB("$(P)Mode")'
        parts.append(f"ASG({name}) {{ {inputs}\n {' '.join(draw(st.lists(rules(), max_size=4)))} }}")
    return "\n".join(draw(st.permutations(parts[:4])) + parts[4:])


@given(files(), st.fixed_dictionaries(dict.fromkeys(GATES, st.sampled_from([0, 1, 2, None]))))
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_file_gives_the_rights_that_base_gives(
    base: Base, acf: str, inputs: dict[str, float | None]
) -> None:
    compare(base, acf, inputs)


def test_rules_can_differ_by_level_user_host_and_condition(base: Base) -> None:
    """The comparison above would pass if both always answered the same."""
    acf = """
    UAG(crew) { ann, bob } HAG(room) { CONSOLE1 }
    ASG(DEFAULT) { RULE(1, READ) }
    ASG(OPERATE) { INPA("$(P)Gate")
        RULE(1, READ) RULE(0, WRITE, TRAPWRITE) { UAG(crew) HAG(room) CALC("A=1") } }
    """
    open_ = dict(zip(map(tuple, CLIENTS), compare(base, acf, {"X:Gate": 1.0}), strict=True))
    shut = dict(zip(map(tuple, CLIENTS), compare(base, acf, {"X:Gate": None}), strict=True))
    assert open_["OPERATE", 0, "ann", "console1"] == [2, 1]
    assert open_["OPERATE", 1, "ann", "console1"] == [1, 0]
    assert open_["OPERATE", 0, "Eve", "console1"] == [1, 0]
    assert open_["OPERATE", 0, "ann", "OfficePC"] == [1, 0]
    assert open_["OTHER", 1, "Eve", "OfficePC"] == [1, 0]
    assert shut["OPERATE", 0, "ann", "console1"] == [1, 0]


@pytest.mark.parametrize(
    "acf",
    [
        "ASG(",
        "ASG(DEFAULT) { RULE(1, READ) ",
        "ASG(DEFAULT) { RULE(1, READ) { UAG(nobody) } }",
        "ASG(DEFAULT) { RULE(1, READ) { HAG(nowhere) } }",
        'ASG(DEFAULT) { RULE(1, READ) { CALC("A+") } }',
        "UAG(crew) { ann bob }",
        "ASG(DEFAULT) } {",
        "RULE(1, READ)",
    ],
)
def test_what_base_rejects_is_rejected(base: Base, acf: str) -> None:
    assert compare(base, acf, {}) is None


def test_an_empty_file_is_no_file(base: Base) -> None:
    assert compare(base, "\n# nothing\n", {}) is None


def test_without_rules_nobody_has_rights(base: Base) -> None:
    assert {tuple(answer) for answer in compare(base, "UAG(crew) { ann }", {})} == {(0, 0)}


def test_a_right_that_does_not_exist_is_a_mistake_here_and_ignored_by_base(base: Base) -> None:
    acf = "ASG(DEFAULT) { RULE(1, DELETE) }"
    assert ours(acf, {}, CLIENTS) is None
    assert base.ask(acf=acf, macros="", inputs={}, clients=CLIENTS) == [[0, 0]] * len(CLIENTS)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "A+B*2",
            "-C**2",
            "A?1:2",
            "A=1||B=2",
            "NOT C",
            "A#B",
            "5%0",
            "7%C",
            "1/0",
            "-1/0",
            "0/0",
            "MAX(A,B,3)",
        ),
        *(
            "ISNAN(A,0/0)",
            "C AND 3",
            "NINT(2.5)",
            "NINT(-2.5)",
            "~1",
            "2^3^2",
            "A&&B>1",
            "1 OR 2 XOR 3",
            "3>2>1",
        ),
        *(
            "A>=1?B:C=2",
            "FINITE(A,B)",
            "a+b",
            "2*-3",
            "SQR(4)",
            "1.5e2",
            "0?2:3?4:5",
            "2.",
            ".5",
            "CEIL(-1.5)",
        ),
        *(
            "!!3",
            "--2",
            "2**-1",
            "PI*R2D",
            "MIN(C,B)",
            "ABS(-C)",
            "FLOOR(1.7)",
            "A B",
            "(A",
            "XOR",
            "",
            "B>",
            "$",
        ),
        *("(1,2)", "MAX()", "A:B", "C!=2", "B==1&&C==2", "T+U"),
    ],
)
def test_an_expression_has_the_value_it_has_in_base(base: Base, text: str) -> None:
    numbers = [float(number) for number in range(21)]
    try:
        value: float | None = parse(text).value(numbers)
    except ValueError:
        value = None
    theirs = base.ask(calc=text, numbers=numbers)
    if isinstance(theirs, str):
        theirs = float(theirs)
    same = value == theirs or (value is not None and math.isnan(value) and math.isnan(theirs))
    assert same, f"{value}, base {theirs}"
