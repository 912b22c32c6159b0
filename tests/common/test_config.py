"""Configuration: every mistake at once, with its place, and no surprises from YAML."""

import enum
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iocs.common.config import NAME, ConfigError, Document, load
from iocs.common.yamltree import MacroError, expand

Read = Callable[[Document], object]
Make = Callable[..., Document]


class Parity(enum.Enum):
    EVEN = "even"
    NONE = "none"


class Speed(enum.Enum):
    SLOW = 1
    FAST = 2


@pytest.fixture
def document(tmp_path: Path) -> Make:
    def make(text: str | bytes, **macros: str) -> Document:
        path = tmp_path / "lab.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path, macros)

    return make


def problems(document: Document) -> list[str]:
    """`line: key: message` of everything that finish() reports."""
    with pytest.raises(ConfigError) as caught:
        document.finish()
    return [str(problem).split("lab.yaml:")[1] for problem in caught.value.problems]


def test_a_right_file_is_read_without_complaint(document: Make) -> None:
    root = document(
        """
        title: Bench 1
        lines:
          bench1: {url: "/dev/ttyUSB0", baud: 38400, poll: 0.2, exclusive: yes, parity: none}
          bench2: {url: socket://moxa:4001}
        nodes: [3, 5, 0x10]
        points: [1.5, -2e-3]
        words: [a, "1"]
        steps:
          - {name: purge}
          - {name: "3:5"}
        """
    )
    assert root.text("title") == "Bench 1"
    (first, bench1), (second, bench2) = root.mapping("lines", at_least=1)
    assert (first, second) == ("bench1", "bench2")
    assert bench1.text("url") == "/dev/ttyUSB0"
    assert bench1.integer("baud", low=300, high=921600, unit="Bd") == 38400
    assert bench1.number("poll", low=0.05, high=60, unit="s") == 0.2
    assert bench1.flag("exclusive") is True
    assert bench1.choice("parity", Parity) is Parity.NONE
    assert bench2.text("url") == "socket://moxa:4001"
    assert bench2.integer("baud", default=38400) == 38400
    assert bench2.number("poll", default=None) is None
    assert bench2.flag("exclusive", default=False) is False
    assert bench2.choice("parity", Parity, default=Parity.EVEN) is Parity.EVEN
    assert root.integers("nodes", low=1) == [3, 5, 16]
    assert root.numbers("points") == [1.5, -0.002]
    assert root.texts("words") == ["a", "1"]
    assert root.texts("absent") == []
    assert [step.text("name") for step in root.sequence("steps")] == ["purge", "3:5"]
    root.finish()


def test_every_mistake_is_reported_at_once_with_place_value_and_range(document: Make) -> None:
    root = document(
        """lines:
  bench1:
    url: /dev/ttyUSB0
    baud: 12
    parity: evn
    pol: 0.2
  "2nd":
    url: [a]
"""
    )
    for _, line in root.mapping("lines"):
        line.text("url")
        line.integer("baud", low=300, high=921600, unit="Bd")
        line.choice("parity", Parity, default=Parity.NONE)
        line.number("poll", low=0.05, unit="s", default=0.2)
    assert problems(root) == [
        "4: lines.bench1.baud: '12' is not valid; expected a whole number from 300 to 921600 Bd",
        "5: lines.bench1.parity: 'evn' is not valid; expected one of even, none; did you mean even?",
        "6: lines.bench1.pol: unknown key; did you mean poll?",
        f"7: lines.2nd: '2nd' is not valid as a name; expected text that matches {NAME}",
        "7: lines.2nd.baud: is missing; expected a whole number from 300 to 921600 Bd",
        "8: lines.2nd.url: is a list or a section; expected text",
    ]


@pytest.mark.parametrize("word", ["on", "NO", "3:5", "010", "1e3", "2024-01-01", "0x10", "true", "1.50"])
def test_text_stays_as_written_whatever_yaml_would_make_of_it(document: Make, word: str) -> None:
    root = document(f"a: {word}\nb: '{word}'")
    assert root.text("a") == root.text("b") == word
    root.finish()


NUMBER = "is not valid; expected a number from 0 to 10 s"
WHOLE = "is not valid; expected a whole number"


@pytest.mark.parametrize(
    ("written", "read", "message"),
    [
        ("10.5", lambda d: d.number("k", low=0, high=10, unit="s"), f"'10.5' {NUMBER}"),
        ("3:5", lambda d: d.number("k", low=0, high=10, unit="s"), f"'3:5' {NUMBER}"),
        (".nan", lambda d: d.number("k"), "'.nan' is not valid; expected a number"),
        ("nan", lambda d: d.number("k"), "'nan' is not valid; expected a number"),
        ("1e999", lambda d: d.number("k"), "'1e999' is not valid; expected a number"),
        ("5 s", lambda d: d.number("k", low=1), "'5 s' is not valid; expected a number of at least 1"),
        ("5", lambda d: d.number("k", high=1), "'5' is not valid; expected a number of at most 1"),
        ("x", lambda d: d.number("k", unit="s"), "'x' is not valid; expected a number in s"),
        ("'5'", lambda d: d.number("k"), "'5' is not valid; expected a number; quoted, it is text"),
        ("'5'", lambda d: d.integer("k"), f"'5' {WHOLE}; quoted, it is text"),
        ("5.0", lambda d: d.integer("k"), f"'5.0' {WHOLE}"),
        ("010", lambda d: d.integer("k"), f"'010' {WHOLE}; a leading zero could mean octal"),
        ("1_000", lambda d: d.integer("k"), f"'1_000' {WHOLE}"),
        ("maybe", lambda d: d.flag("k"), "'maybe' is not valid; expected true or false"),
        ("1", lambda d: d.flag("k"), "'1' is not valid; expected true or false"),
        ("'on'", lambda d: d.flag("k"), "'on' is not valid; expected true or false; quoted, it is text"),
        (
            "a b",
            lambda d: d.text("k", pattern="[a-z]+"),
            "'a b' is not valid; expected text that matches [a-z]+",
        ),
        ("mid", lambda d: d.choice("k", Speed), "'mid' is not valid; expected one of slow, fast"),
        ("", lambda d: d.number("k"), "is missing; expected a number"),
        ("null", lambda d: d.text("k"), "is missing; expected text"),
        ("{a: 1}", lambda d: d.number("k"), "is a list or a section; expected a number"),
        ("[1, x]", lambda d: d.integers("k"), None),
        ("3", lambda d: d.integers("k"), "is not a list; expected one"),
        ("3", lambda d: d.sequence("k"), "is not a list; expected one"),
        ("[]", lambda d: d.numbers("k", at_least=1), "holds 0; expected at least 1"),
        ("3", lambda d: d.section("k"), "is not a section; expected a section with keys of its own"),
        ("", lambda d: d.section("k"), "is missing; expected a section with keys of its own"),
        ("{}", lambda d: d.mapping("k", at_least=1), "holds 0; expected at least 1"),
    ],
)
def test_a_wrong_value_is_refused_in_words(
    document: Make, written: str, read: Read, message: str | None
) -> None:
    root = document(f"k: {written}")
    read(root)
    expected = f"1: k: {message}" if message else "1: k[1]: 'x' is not valid; expected a whole number"
    assert problems(root) == [expected]


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        (lambda d: d.text("k"), "text"),
        (lambda d: d.integer("k", low=1, high=247), "a whole number from 1 to 247"),
        (lambda d: d.choice("k", ["a", "b"]), "one of a, b"),
        (lambda d: d.texts("k", at_least=1), "a list"),
        (lambda d: d.mapping("k", at_least=1), "a section with keys of its own"),
    ],
)
def test_a_missing_key_is_reported_once(document: Make, read: Read, wanted: str) -> None:
    root = document("")
    read(root)
    assert problems(root) == [f"1: k: is missing; expected {wanted}"]


def test_stand_ins_keep_to_type_and_range(document: Make) -> None:
    root = document("number: x\ninteger: x\nchoice: x\nflag: x\ntext: []\n")
    assert root.number("number", low=2.5) == 2.5
    assert root.integer("integer", high=-3) == -3
    assert root.choice("choice", {"one": 1, "two": 2}) == 1
    assert root.flag("flag") is False
    assert root.text("text") == ""
    assert len(problems(root)) == 5


def test_keys_given_twice_are_reported(document: Make) -> None:
    root = document("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    root.integer("a")
    root.section("b").integer("c")
    assert problems(root) == ["4: b.c: given twice, first on line 3", "5: a: given twice, first on line 1"]


def test_an_unknown_key_lists_the_known_ones_if_none_is_near(document: Make) -> None:
    root = document("zzz: 1")
    root.flag("verbose", default=False)
    root.text("title", default="")
    assert problems(root) == ["1: zzz: unknown key; known here: title, verbose"]


def test_sections_nobody_asked_for_are_one_unknown_key(document: Make) -> None:
    assert problems(document("a: {b: {c: 1}}")) == ["1: a: unknown key; known here: nothing"]


def test_a_section_read_in_two_places_knows_both_their_keys(document: Make) -> None:
    root = document("a: {b: 1, c: 2}")
    assert root.section("a").integer("b") + root.section("a").integer("c") == 3
    root.finish()


def test_an_optional_section_has_its_defaults(document: Make) -> None:
    root = document("")
    assert root.section("a", optional=True).section("b", optional=True).integer("c", default=7) == 7
    root.finish()


def test_cross_checks_name_their_line(document: Make) -> None:
    root = document("low: 5\nhigh: 3\n")
    assert root.where("high").endswith("lab.yaml:2")
    if root.number("low") > root.number("high"):
        root.error("high", "is below low")
    assert problems(root) == ["2: high: is below low"]


def test_aliases_share_a_section_and_loops_end(document: Make) -> None:
    root = document("a: &a {n: 1}\nb: *a\nc: &c {d: *c}\n")
    assert root.section("a").integer("n") == root.section("b").integer("n") == 1
    assert root.section("c").section("d").names() == []
    root.finish()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: [1", "1: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        (b"a: 1\n b: 2", "2: not valid YAML: mapping values are not allowed here"),
        (b"a: 1\n---\nb: 2", "2: not valid YAML: but found another document"),
        (b"a: \xff", "1: not valid YAML: "),
        (b"[" * 4000, "1: nested too deeply"),
    ],
)
def test_what_is_not_yaml_is_named_with_its_line(document: Make, text: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        document(text)
    assert message in str(caught.value)


def test_a_file_that_is_a_list_is_refused(document: Make) -> None:
    assert problems(document("- a")) == ["1: is not a section; expected a section with keys of its own"]


def test_a_list_as_key_is_refused(document: Make) -> None:
    assert problems(document("[a]: 1")) == ["1: a list or mapping cannot be a key"]


def test_a_missing_file_is_reported_as_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml:1: cannot be read: No such file"):
        load(tmp_path / "none.yaml", {})


@given(st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"$()=#\n \t0", max_size=40).map(str.encode))
def test_any_file_is_read_or_refused_and_never_breaks_the_reader(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.yaml")
        path.write_bytes(text)
        try:
            root = load(path, {"a": "$(b)"})
            root.number("a", default=0)
            root.mapping("b")
            root.finish()
        except ConfigError as error:
            assert error.problems


# Macros


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(P)Flow", "LAB:Flow"),
        ("${P}Flow", "LAB:Flow"),
        ("$(P=X:)$(Q=Y:)", "LAB:Y:"),
        ("$(Q=)", ""),
        ("$(Q=$(P)$(R=1))", "LAB:1"),
        ("$(Q=a(b)c)", "a(b)c"),
        ("$(TWICE)", "LAB:LAB:"),
        ("price $5 (P)", "price $5 (P)"),
    ],
)
def test_macros_follow_epics(text: str, expanded: str) -> None:
    assert expand(text, {"P": "LAB:", "TWICE": "$(P)$(P)"}) == expanded


@pytest.mark.parametrize(
    ("text", "macros", "message"),
    [
        ("$(PORT)", {}, r"macro \$\(PORT\) is not defined; give it with --macro PORT="),
        ("$(A=$(B))", {}, r"\$\(B\) is not defined"),
        ("$(A)", {"A": "$(A)"}, r"\$\(A\) is not defined"),
        ("x$(A", {"A": "1"}, r"without its closing '\)': \$\(A"),
        ("$(A B)", {}, r"malformed macro"),
    ],
)
def test_macros_that_cannot_be_expanded_say_why(text: str, macros: Mapping[str, str], message: str) -> None:
    with pytest.raises(MacroError, match=message):
        expand(text, macros)


def test_macros_make_numbers_and_their_mistakes_name_the_macro(document: Make) -> None:
    root = document("a: $(BAUD=9600)\nb: $(B)\nc: $(C)\n", B="fast")
    assert root.integer("a") == 9600
    root.integer("b")
    root.text("c")
    assert problems(root) == [
        "2: b: 'fast' (from $(B)) is not valid; expected a whole number",
        "3: c: macro $(C) is not defined; give it with --macro C=... or in the environment",
    ]
