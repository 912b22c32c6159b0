"""Lists for the tools of a facility, written from the definitions of the PVs: archiver, alarm server,
save-and-restore, ChannelFinder, and a database that EPICS base can read.

Knows records and their Specs, and the formats; knows no subsystem and no server.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from iocs.caserver import Record
from iocs.caserver.tables import STATE_NAMES
from iocs.common.group import Group, merge
from iocs.common.spec import Kind, Spec

Records = Mapping[str, Record[Any]]
ScreenOf = Callable[[str], str]
"""The URL of the screen of a group of PVs, by the prefix of their names."""
NOT_SAVED = (Kind.COMMAND, Kind.WAVEFORM, Kind.INTEGERS, Kind.TEXTS, Kind.CHARACTERS)
"""Kinds whose value is no setting: save-and-restore must not put it back."""


def archiver(groups: Sequence[Group]) -> str:
    """JSON for the Archiver Appliance's `archivePV`. Periods are texts there."""
    rows = [
        {
            "pv": name,
            "samplingmethod": record.spec.archive.method,
            "samplingperiod": f"{record.spec.archive.period_s:g}",
        }
        for name, record in _sorted(groups)
        if record.spec.archive
    ]
    return json.dumps(rows, indent=1) + "\n"


def archiver_plain(groups: Sequence[Group]) -> str:
    """One PV a line: name, period in seconds, monitor or scan."""
    archived = ((name, record.spec.archive) for name, record in _sorted(groups) if record.spec.archive)
    return "".join(f"{name} {how.period_s:g} {how.method.lower()}\n" for name, how in archived)


def alarms(iocs: Mapping[str, Sequence[Group]], screens: Mapping[str, ScreenOf] | None = None) -> str:
    """An alarm tree for Phoebus' alarm server, of IOCs by title: only what somebody has to act on, each
    with guidance, and with its screen where `screens` has the IOC.

    Of one IOC its component, to be included in a site's own tree by XInclude; of several a whole tree.
    """
    trees = [_alarms_of(title, groups, (screens or {}).get(title)) for title, groups in iocs.items()]
    root = trees[0]
    if len(trees) > 1:
        root = ElementTree.Element("config", name="Lab")
        root.extend(trees)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _alarms_of(title: str, groups: Sequence[Group], screen: ScreenOf | None) -> ElementTree.Element:
    root = ElementTree.Element("component", name=title)
    for group in groups:
        actionable = [(name, record) for name, record in group.pvdb.items() if record.spec.alarm]
        if actionable:
            name = group.prefix.strip(":") or title
            found = next((branch for branch in root if branch.get("name") == name), None)
            branch = ElementTree.SubElement(root, "component", name=name) if found is None else found
            for pv, record in actionable:
                element = _alarm(branch, pv, record)
                if screen:
                    _titled(element, "display", "Screen", screen(group.prefix))
    return root


def _alarm(branch: ElementTree.Element, name: str, record: Record[Any]) -> ElementTree.Element:
    policy = record.spec.alarm
    pv = ElementTree.SubElement(branch, "pv", name=name)
    for tag, text in (
        ("description", (policy.description or record.desc)[:80]),
        ("enabled", "true"),
        ("latching", str(policy.latching).lower()),
        ("annunciating", str(policy.annunciating).lower()),
        ("delay", f"{policy.delay_s:.0f}"),
        ("filter", policy.filter),
    ):
        if text:
            ElementTree.SubElement(pv, tag).text = text
    _titled(pv, "guidance", "What to do", policy.guidance)
    return pv


def _titled(pv: ElementTree.Element, tag: str, title: str, details: str) -> None:
    element = ElementTree.SubElement(pv, tag)
    ElementTree.SubElement(element, "title").text = title
    ElementTree.SubElement(element, "details").text = details


def save_and_restore(groups: Sequence[Group]) -> str:
    """CSV for Phoebus' save-and-restore: settings and their readbacks. Commands and outputs of the
    emergency stop are none."""
    records = merge(groups)
    rows = [
        (name, f"{name}_RBV" if f"{name}_RBV" in records else "", "0")
        for name, record in sorted(records.items())
        if record.writable and record.spec.kind not in NOT_SAVED and record.spec.access != "SAFETY"
    ]
    return _csv([("PV", "READBACK", "READ_ONLY"), *rows])


def channelfinder(groups: Sequence[Group], ioc: str, *, heading: bool = True) -> str:
    """CSV of every PV with the properties that ChannelFinder keeps."""
    columns = ("name", "iocName", "recordType", "recordDesc", "archive", "alarm", "asg")
    rows = (
        (
            name,
            ioc,
            record.record_type,
            record.desc,
            archive_tag(record.spec),
            alarm_tag(record.spec),
            record.asg,
        )
        for name, record in _sorted(groups)
    )
    return _csv([columns, *rows] if heading else rows)


def archive_tag(spec: Spec) -> str:
    """The `archive` info tag: `monitor@1`, empty where nothing is archived."""
    return f"{spec.archive.method.lower()}@{spec.archive.period_s:g}" if spec.archive else ""


def alarm_tag(spec: Spec) -> str:
    return "actionable" if spec.alarm else ""


def types(groups: Sequence[Group]) -> str:
    """CSV of what an archiver must find unchanged: record type, native DBR type and elements of every PV."""
    rows = (
        (name, record.record_type, record.native.name, record.elements) for name, record in _sorted(groups)
    )
    return _csv([("PV", "record", "DBR", "elements"), *rows])


# -- a database of EPICS --------------------------------------------------------------------------


def database(groups: Sequence[Group]) -> str:
    """The records as EPICS base's parser reads them, with their info tags. For reading, not for serving."""
    return "".join(_db_record(name, record) for name, record in _sorted(groups))


def _db_record(name: str, record: Record[Any]) -> str:
    lines = [f"field({field}, {_quoted(text)})" for field, text in _db_fields(record) if text]
    tags = {"archive": archive_tag(record.spec), "alarm": alarm_tag(record.spec)}
    if record.spec.saved:
        tags["autosaveFields"] = "VAL"
    lines += [f"info({tag}, {_quoted(text)})" for tag, text in tags.items() if text]
    body = "".join(f"    {line}\n" for line in lines)
    return f"record({record.record_type}, {_quoted(name)}) {{\n{body}}}\n"


def _db_fields(record: Record[Any]) -> Iterator[tuple[str, str]]:
    spec: Spec = record.spec
    yield "DESC", record.desc
    yield "ASG", "" if record.asg == "DEFAULT" else record.asg
    if spec.states:
        yield from _db_states(spec)
    elif spec.kind in (Kind.READBACK, Kind.SETPOINT, Kind.COUNTER, Kind.INTEGER):
        yield from _db_number(spec)
    elif record.record_type in ("lsi", "lso"):
        yield "SIZV", str(spec.max_length + 1)
    elif record.record_type == "waveform":
        yield "NELM", str(spec.max_length)
        yield "FTVL", _FTVL[spec.kind]


_FTVL = {
    Kind.WAVEFORM: "DOUBLE",
    Kind.INTEGERS: "LONG",
    Kind.TEXTS: "STRING",
    Kind.CHARACTERS: "CHAR",
}


def _db_number(spec: Spec) -> Iterator[tuple[str, str]]:
    yield "EGU", spec.unit
    if spec.kind is not Kind.INTEGER:
        yield "PREC", str(spec.precision)
    low, high = spec.display or spec.drive
    yield from (("LOPR", _db_value(low)), ("HOPR", _db_value(high)))
    if spec.kind in (Kind.SETPOINT, Kind.INTEGER) and not math.isnan(spec.drive[0]):
        yield from (("DRVL", _db_value(spec.drive[0])), ("DRVH", _db_value(spec.drive[1])))
    severities = (*(severity.name for severity in spec.severities), *[""] * 4)[:4]
    rows = (
        ("HIHI", "HHSV", "MAJOR"),
        ("HIGH", "HSV", "MINOR"),
        ("LOW", "LSV", "MINOR"),
        ("LOLO", "LLSV", "MAJOR"),
    )
    for (field, severity_field, usual), given in zip(rows, severities, strict=True):
        if limit := _db_value(getattr(spec, field.lower())):
            yield from ((field, limit), (severity_field, given or usual))
    yield "HYST", f"{spec.hyst:g}" if spec.hyst else ""
    yield "MDEL", f"{spec.deadband:g}" if spec.deadband else ""
    yield "ADEL", f"{spec.archive.deadband:g}" if spec.archive and spec.archive.deadband else ""


def _db_states(spec: Spec) -> Iterator[tuple[str, str]]:
    if spec.kind is Kind.CHOICE:
        names = [(f"{n}ST", f"{n}SV") for n in STATE_NAMES]
    else:
        names = [("ZNAM", "ZSV"), ("ONAM", "OSV")]
    for (name, severity), state, graded in zip(names, spec.states, spec.severities, strict=False):
        yield name, state
        yield severity, graded.name if graded else ""


def _db_value(number: float) -> str:
    return f"{number:g}" if math.isfinite(number) else ""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sorted(groups: Sequence[Group]) -> list[tuple[str, Record[Any]]]:
    return sorted(merge(groups).items())


def _csv(rows: Iterable[Sequence[object]]) -> str:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows(rows)
    return sink.getvalue()
