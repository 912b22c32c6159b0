"""From a Spec to the record that serves it. Knows both and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from iocs.caserver import (
    Analog,
    Characters,
    Choice,
    Flag,
    Integer,
    Integers,
    Record,
    Text,
    Texts,
    Waveform,
)
from iocs.caserver.arrays import Array
from iocs.common.spec import Kind, Spec


def build(spec: Spec, full_name: str, *, writable: bool) -> Record[Any]:
    """The record of a Spec under its full name, with its initial value if it has one."""
    options = {"desc": spec.desc, "writable": writable, "heartbeat_s": spec.heartbeat_s}
    record = _MAKERS[spec.kind](spec, full_name, options)
    record.spec = spec
    record.asg = spec.access
    if spec.initial is not None:
        record.set_ok(spec.initial)
    return record


def _numeric(spec: Spec) -> dict[str, Any]:
    severities = dict(zip(("hhsv", "hsv", "lsv", "llsv"), spec.severities, strict=False))
    return {
        "units": spec.unit,
        "precision": spec.precision,
        "display": spec.display,
        "drive": spec.drive,
        "clip": spec.clip,
        "hihi": spec.hihi,
        "high": spec.high,
        "low": spec.low,
        "lolo": spec.lolo,
        "hyst": spec.hyst,
        "mdel": spec.deadband,
        "adel": spec.archive.deadband if spec.archive else spec.deadband,
        **severities,
    }


def _analog(spec: Spec, name: str, options: dict[str, Any]) -> Analog:
    return Analog(name, **_numeric(spec), **options)


def _integer(spec: Spec, name: str, options: dict[str, Any]) -> Integer:
    return Integer(name, **_numeric(spec), **options)


def _choice(spec: Spec, name: str, options: dict[str, Any]) -> Choice:
    return Choice(name, spec.states, severities=spec.severities, cosv=spec.cosv, **options)


def _flag(spec: Spec, name: str, options: dict[str, Any]) -> Flag:
    momentary = spec.kind is Kind.COMMAND
    return Flag(name, spec.states, severities=spec.severities, cosv=spec.cosv, momentary=momentary, **options)


def _text(spec: Spec, name: str, options: dict[str, Any]) -> Text:
    return Text(name, max_length=spec.max_length, **options)


def _array(kind: type[Array[Any]]) -> Callable[[Spec, str, dict[str, Any]], Array[Any]]:
    def make(spec: Spec, name: str, options: dict[str, Any]) -> Array[Any]:
        display = spec.display or (0.0, 0.0)
        return kind(
            name, spec.max_length, units=spec.unit, precision=spec.precision, display=display, **options
        )

    return make


_MAKERS: dict[Kind, Callable[[Spec, str, dict[str, Any]], Record[Any]]] = {
    Kind.READBACK: _analog,
    Kind.SETPOINT: _analog,
    Kind.COUNTER: _analog,
    Kind.INTEGER: _integer,
    Kind.CHOICE: _choice,
    Kind.FLAG: _flag,
    Kind.COMMAND: _flag,
    Kind.TEXT: _text,
    Kind.WAVEFORM: _array(Waveform),
    Kind.INTEGERS: _array(Integers),
    Kind.TEXTS: _array(Texts),
    Kind.CHARACTERS: _array(Characters),
}


def limit(value: float | None) -> float:
    """A limit as a number: None is off."""
    return math.nan if value is None else float(value)
