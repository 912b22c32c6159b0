"""The checks find what they are there for: screens with one mistake each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iocs.common.spec import Kind
from tests.opi import pvs_of_screens, rules
from tests.opi.displays import Display, Shown, Undefined, Walk, expand, follow, read
from tests.opi.served import Served

BOX = "<x>10</x><y>20</y><width>100</width><height>20</height>"
PVS = {
    "X:Flow": Served(Kind.READBACK, False, "DEFAULT", "ai"),
    "X:Setpoint": Served(Kind.SETPOINT, True, "OPERATE", "ao"),
    "X:Limit": Served(Kind.SETPOINT, True, "CONFIGURE", "ao"),
    "X:Mode": Served(Kind.CHOICE, True, "OPERATE", "mbbo"),
    "X:Start": Served(Kind.COMMAND, True, "OPERATE", "bo"),
    "X:EStop": Served(Kind.COMMAND, True, "SAFETY", "bo"),
    "X:Reason": Served(Kind.TEXT, False, "DEFAULT", "lsi"),
    "X:History": Served(Kind.WAVEFORM, False, "DEFAULT", "waveform"),
}
WRITE = '<actions><action type="write_pv"><pv_name>{}</pv_name><value>1</value></action></actions>'


def widget(kind: str, inner: str, version: str = "2.0.0", box: str = BOX) -> str:
    return f'<widget type="{kind}" version="{version}"><name>One</name>{box}{inner}</widget>'


def shows(kind: str, pv: str, more: str = "", version: str = "2.0.0") -> str:
    return widget(kind, f"<pv_name>{pv}</pv_name>{more}", version)


def button(pv: str, more: str = "") -> str:
    return widget("action_button", WRITE.format(pv) + more, "3.0.0")


@pytest.fixture
def screen(tmp_path: Path) -> Callable[..., Display]:
    """Makes a screen of 400 x 300 of some widgets."""

    def make(*widgets: str, name: str = "Bad", file: str = "bad.bob") -> Display:
        head = f'<display version="2.0.0"><name>{name}</name><width>400</width><height>300</height>'
        (tmp_path / file).write_text(f"{head}{''.join(widgets)}</display>", encoding="utf-8")
        return read(tmp_path / file)

    return make


def looked_at(display: Display) -> list[str]:
    known = {"Panel": (232, 232, 232)}
    found = [problem for rule in rules.LOOKS for problem in rule(display)]
    return found + list(rules.colours_and_fonts(display, known))


def used(display: Display) -> list[str]:
    shown = Shown(display.file, {"P": "X:"})
    return list(_all_of(shown))


def _all_of(shown: Shown) -> Iterator[str]:
    yield from pvs_of_screens.pv_problems(shown, PVS)
    yield from pvs_of_screens.question_problems(shown, PVS)
    yield from pvs_of_screens.border_problems(shown)


GOOD = (
    shows("textupdate", "$(P)Flow"),
    shows("textupdate", "$(P)Reason.VAL$", "<format>6</format>"),
    shows("textentry", "$(P)Limit", version="3.0.0"),
    shows("textentry", 'loc://$(P)Setpoint:Staged("")', version="3.0.0"),
    button("$(P)Start", "<show_confirm_dialog>true</show_confirm_dialog>"),
    button("$(P)EStop"),
    shows("combo", "$(P)Mode", "<show_confirm_dialog>true</show_confirm_dialog>"),
    shows("progressbar", "$(P)Flow"),
)


@pytest.mark.parametrize("one", GOOD)
def test_a_good_screen_has_no_problems(screen: Callable[..., Display], one: str) -> None:
    display = screen(one)
    assert looked_at(display) + used(display) == []


BAD_LOOKS = [
    (widget("lable", ""), "no such widget"),
    (shows("textentry", "X:Limit"), "version 2.0.0 is not current"),
    (widget("textupdate", "<pvname>X:Flow</pvname>"), "no property pvname"),
    (widget("textupdate", "<format>12</format>"), "format cannot be '12'"),
    (widget("label", "<transparent>yes</transparent>"), "transparent cannot be 'yes'"),
    (widget("textupdate", "<precision>two</precision>"), "precision cannot be 'two'"),
    (widget("bool_button", "<show_confirm_dialog>true</show_confirm_dialog>"), "show_confirm_dialog cannot"),
    (widget("combo", "<show_confirm_dialog>1</show_confirm_dialog>"), "show_confirm_dialog cannot"),
    (widget("label", "<text>a</text><text>b</text>"), "text stands twice"),
    (
        widget("stripchart", "<traces><trace><pv_name>X:Flow</pv_name></trace></traces>", "2.1.0"),
        "has no pv_name",
    ),
    (widget("action_button", '<actions><action type="opn"/></actions>', "3.0.0"), "no action opn"),
    (
        widget(
            "action_button",
            '<actions><action type="open_display"><target>over</target></action></actions>',
            "3.0.0",
        ),
        "no target over",
    ),
    (
        widget(
            "label",
            '<rules><rule name="r" prop_id="colour" out_exp="false"><exp bool_exp="1"/></rule></rules>',
        ),
        "a rule changes colour",
    ),
    (
        widget(
            "label",
            '<rules><rule name="r" prop_id="foreground_color" out_exp="false">'
            '<exp bool_exp="pvSev0 == 2"/></rule></rules>',
        ),
        "an alarm is drawn by a rule",
    ),
    (
        widget(
            "label", '<foreground_color><color red="255" green="0" blue="0"/></foreground_color>'
        ),
        "is not a named one",
    ),
    (
        widget(
            "label",
            '<foreground_color><color name="Panel" red="255" green="0" blue="0"/></foreground_color>',
        ),
        "in color.def (232, 232, 232)",
    ),
    (widget("label", '<font><font family="Comic" style="BOLD" size="30.0"/></font>'), "font without a name"),
    (widget("label", "", box="<x>13</x><y>20</y><width>100</width><height>20</height>"), "x off the grid"),
    (widget("label", "", box="<x>310</x><y>20</y><width>100</width><height>20</height>"), "reaches 410"),
    (
        widget(
            "group",
            widget("label", "", box="<x>0</x><y>20</y><width>90</width><height>20</height>"),
            "3.0.0",
            "<width>100</width><height>30</height>",
        ),
        "reaches 90, 40",
    ),
    (shows("textupdate", "X:Flow") + shows("textupdate", "X:Reason"), "lies on"),
    (
        widget(
            "textupdate",
            "<pv_name>X:Flow</pv_name>",
            box="<x>10</x><y>0</y><width>100</width><height>20</height>",
        ),
        "its border has no room",
    ),
    (
        shows("textentry", 'loc://X:Flow:Staged("")', version="3.0.0")
        + widget(
            "textupdate",
            "<pv_name>X:Flow_RBV</pv_name>",
            box="<x>150</x><y>50</y><width>100</width><height>20</height>",
        ),
        "not in line with its setpoint",
    ),
    ('<widget type="label" version="2.0.0"/>', "a widget without a name"),
]  # fmt: skip


@pytest.mark.parametrize(("inner", "problem"), BAD_LOOKS, ids=[problem for _, problem in BAD_LOOKS])
def test_a_mistake_in_the_file_is_found(screen: Callable[..., Display], inner: str, problem: str) -> None:
    assert problem in "\n".join(looked_at(screen(inner)))


BAD_USES = [
    (shows("textupdate", "$(P)Flwo"), "X:Flwo is not served"),
    (shows("textupdate", "$(Q)Flow"), "macro Q has no value"),
    (widget("label", "<text>$(R)</text>"), "macro R has no value"),
    (shows("textentry", "$(P)Flow", version="3.0.0"), "cannot be written"),
    (button("$(P)Flow"), "cannot be written"),
    (shows("progressbar", "$(P)Mode"), "not a number"),
    (shows("led", "$(P)Flow"), "it has no states"),
    (shows("combo", "$(P)Limit"), "a list of its states is empty"),
    (shows("byte_monitor", "$(P)Flow"), "it has no bits"),
    (shows("textupdate", "$(P)Reason"), "cut to 39 characters"),
    (shows("textupdate", "$(P)Reason.VAL$"), "show it with format 6"),
    (
        widget("stripchart", "<traces><trace><y_pv>$(P)Mode</y_pv></trace></traces>", "2.1.0"),
        "cannot be plotted",
    ),
    (
        widget("xyplot", "<traces><trace><y_pv>$(P)Flow</y_pv></trace></traces>", "3.0.0"),
        "cannot be plotted",
    ),
    (
        widget(
            "label",
            '<rules><rule name="r" prop_id="visible" out_exp="false"><exp bool_exp="pv0"/>'
            "<pv_name>$(P)Gone</pv_name></rule></rules>",
        ),
        "X:Gone is not served",
    ),
    (button("$(P)Start"), "is written without a question"),
    (button("$(P)EStop", "<show_confirm_dialog>true</show_confirm_dialog>"), "must not ask"),
    (shows("combo", "$(P)Mode"), "is written without a question"),
    (shows("textentry", "$(P)Setpoint", version="3.0.0"), "a number that can hurt"),
    (
        shows("textupdate", "$(P)Flow", "<border_alarm_sensitive>false</border_alarm_sensitive>"),
        "does not show the alarm",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("inner", "problem"), BAD_USES, ids=[problem for _, problem in BAD_USES])
def test_a_mistake_with_a_pv_is_found(screen: Callable[..., Display], inner: str, problem: str) -> None:
    assert problem in "\n".join(used(screen(inner)))


def test_a_screen_without_a_title_is_found(screen: Callable[..., Display]) -> None:
    assert "has no title" in looked_at(screen(name="Display"))


def test_a_part_that_is_larger_than_its_place_is_found(screen: Callable[..., Display]) -> None:
    screen(file="part.bob")
    whole = screen(widget("embedded", "<file>part.bob</file>"))
    assert "is too small for part.bob" in "\n".join(looked_at(whole))


OPEN = '<actions><action type="open_display"><file>{}</file><macros><R>{}</R></macros></action></actions>'


def test_links_are_followed_with_their_macros(screen: Callable[..., Display]) -> None:
    there = screen(shows("textupdate", "$(P)$(R)"), file="there.bob").file
    start = screen(
        widget("action_button", OPEN.format("$(TO).bob", "Flow$(E=)"), "3.0.0")
        + widget("action_button", OPEN.format("gone.bob", ""), "3.0.0")
        + widget("embedded", "<file>$(NOWHERE).bob</file>")
    ).file
    walk = follow(Walk([Shown(start, {"P": "X:", "TO": "there"})]))
    assert [(shown.file.name, shown.macros.get("R")) for shown in walk.shown] == [
        ("bad.bob", None),
        ("there.bob", "Flow"),
    ]
    assert walk.opened == {start: 0, there: 1}
    assert [problem.split(": ")[-1] for problem in walk.problems] == [
        "there is no gone.bob",
        "macro NOWHERE has no value",
    ]


@pytest.mark.parametrize(
    ("words", "expanded"),
    [
        ("$(P)${R}Flow", "X:Ar:Flow"),
        ("$(Q=LAB:)Flow", "LAB:Flow"),
        ("$(P=LAB:)Flow", "X:Flow"),
        ("$(Q=$(P))Flow", "X:Flow"),
        ("$(tooltip)", "$(tooltip)"),
    ],
)
def test_macros_are_expanded_as_phoebus_does(words: str, expanded: str) -> None:
    assert expand(words, {"P": "X:", "R": "Ar:"}) == expanded


def test_a_macro_without_a_value_is_named() -> None:
    with pytest.raises(Undefined, match="A, B"):
        expand("$(B)$(A)", {})
