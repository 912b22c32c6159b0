"""What screens do with PVs: each is served, its type suits the widget, and what starts something asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iocs.common.spec import Kind
from tests.opi.displays import Element, Placed, Shown, Undefined, expand, read, widgets
from tests.opi.rules import name_of
from tests.opi.served import ARRAYS, Served

LOCAL = "loc://"
WRITERS = frozenset(
    "textentry bool_button combo choice radio checkbox slide_button spinner scaledslider".split()
)
WITH_QUESTION = WRITERS - {"textentry", "spinner", "scaledslider"}
OF_NUMBERS = frozenset("tank meter progressbar thermometer scaledslider spinner".split())
OF_STATES = frozenset("bool_button checkbox slide_button choice radio".split())

MAKES_SAFE = re.compile(r"(^|:)(EStop|Zero|ZeroAll|Abort|Stop|StopAll|Pause)$")
"""Never asks: what makes things safe must not wait for a second click."""
HARMLESS = re.compile(
    r"(:Bypass:(Why|Minutes)"  # the bypass itself asks
    r"|Recipe:Select"  # Start asks
    r"|:Wink)$"
)
"""Changes nothing in the plant."""


@dataclass(frozen=True)
class Use:
    """A widget that shows or writes a PV."""

    placed: Placed
    pv: str
    role: str

    @property
    def record(self) -> str:
        """The record, without a field."""
        return self.pv.partition(".")[0]


def uses(shown: Shown) -> Iterator[Use]:
    """Every PV a screen names, macros expanded. Raises Undefined."""
    for placed in widgets(read(shown.file).root, shown.macros):
        for role, element in _named(placed.element):
            if text := element.text or "":
                yield Use(placed, expand(text, placed.macros), role)


def _named(widget: Element) -> Iterator[tuple[str, Element]]:
    yield from (("value", element) for element in widget.findall("pv_name"))
    yield from (("rule", element) for element in widget.findall("rules/rule/pv_name"))
    yield from (("rule", element) for element in widget.findall("scripts/script/pv_name"))
    yield from (("written", element) for element in widget.findall("actions/action/pv_name"))
    for tag in ("y_pv", "x_pv", "err_pv"):
        yield from (("trace", element) for element in widget.findall(f"traces/trace/{tag}"))
    yield from (("selection", element) for element in widget.findall("selection_pv"))


def pv_problems(shown: Shown, pvs: Mapping[str, Served]) -> Iterator[str]:
    """Macros without a value, PVs that nobody serves or that are of the wrong type for what shows them."""
    try:
        for use in uses(shown):
            if not use.pv.startswith(LOCAL):
                yield from (
                    f"{name_of(use.placed.element)}: {use.pv} {problem}" for problem in _wrong(use, pvs)
                )
        for placed in widgets(read(shown.file).root, shown.macros):
            for tag in ("text", "label", "on_label", "off_label"):
                expand(placed.own(tag), placed.macros)
        expand(read(shown.file).root.findtext("name") or "", shown.macros)
    except Undefined as error:
        yield f"macro {error} has no value"


def _wrong(use: Use, pvs: Mapping[str, Served]) -> Iterator[str]:
    pv, kind = pvs.get(use.record), use.placed.kind
    if pv is None:
        yield "is not served"
    elif use.role == "written" and not pv.writable:
        yield "cannot be written"
    elif use.role == "trace":
        wanted = ARRAYS if kind == "xyplot" else None
        if not (pv.kind in wanted if wanted else pv.is_number):
            yield f"is a {pv.kind.value}, which cannot be plotted here"
    elif use.role == "value":
        yield from _wrong_value(use, pv, kind)


def _wrong_value(use: Use, pv: Served, kind: str) -> Iterator[str]:
    field = use.pv.partition(".")[2]
    if kind in WRITERS and not pv.writable:
        yield "cannot be written"
    if kind in OF_NUMBERS and not pv.is_number:
        yield f"is a {pv.kind.value}, not a number"
    if kind in OF_STATES | {"led", "multi_state_led"} and not (pv.has_states or pv.kind is Kind.INTEGER):
        yield f"is a {pv.kind.value}, it has no states"
    if kind == "combo" and use.placed.own("items_from_pv", "true") == "true" and not pv.has_states:
        yield f"is a {pv.kind.value}: a list of its states is empty"
    if kind == "byte_monitor" and pv.kind is not Kind.INTEGER:
        yield f"is a {pv.kind.value}, it has no bits"
    if kind in ("textupdate", "textentry") and pv.is_long_text and field in ("", "VAL"):
        yield "is cut to 39 characters: name its field VAL$ and show it with format 6"
    if field.endswith("$") and use.placed.own("format") != "6":
        yield "is an array of bytes: show it with format 6"


# -- who asks, and who must not -------------------------------------------------------------------


def question_problems(shown: Shown, pvs: Mapping[str, Served]) -> Iterator[str]:
    """What starts something asks, what stops does not, a number that can hurt is not written as typed."""
    try:
        found = list(uses(shown))
    except Undefined:  # pv_problems tells
        return
    for use in found:
        pv = pvs.get(use.record)
        if pv is not None and (use.role == "written" or (use.role == "value" and use.placed.kind in WRITERS)):
            if problem := _question(use, pv):
                yield f"{name_of(use.placed.element)}: {use.pv} {problem}"


def _question(use: Use, pv: Served) -> str:
    asks = use.placed.own("show_confirm_dialog") not in ("", "false", "0")
    if MAKES_SAFE.search(use.record):
        return "makes things safe and must not ask" if asks else ""
    if HARMLESS.search(use.record) or (ends_a_bypass(use)):
        return ""
    if use.role == "written" or use.placed.kind in WITH_QUESTION:
        return "" if asks else "is written without a question"
    dangerous = pv.access in ("OPERATE", "SAFETY") and pv.is_number
    return "is a number that can hurt: stage it" if dangerous else ""


def ends_a_bypass(use: Use) -> bool:
    written = [a.findtext("value") for a in use.placed.element.findall("actions/action[@type='write_pv']")]
    return use.record.endswith(":Bypass") and use.role == "written" and written == ["0"]


def border_problems(shown: Shown) -> Iterator[str]:
    """Alarms show on whatever has a PV of an IOC."""
    for placed in widgets(read(shown.file).root, shown.macros):
        local = placed.own("pv_name").startswith(LOCAL)
        if placed.own("border_alarm_sensitive") == "false" and not local:
            yield f"{name_of(placed.element)}: does not show the alarm of its PV"
