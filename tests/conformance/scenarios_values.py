"""Scenarios about values: every type of every record, and what puts of all kinds come to."""

from math import inf, nan
from typing import Any

from tests.conformance import dbr
from tests.conformance.script import Script

RECORDS = (
    "Ai", "Band", "Ao", "Clip", "Free", "Bi", "Bo", "Mbbi", "Mbbo", "Longin", "Longout", "Stringin",
        "Stringout",
    "Lsi", "Lso", "Wave", "Chars", "Longs", "Texts",
)  # fmt: skip
VALUES = {
    "AiDrive": "85.125", "BandDrive": "-7.5", "Ao": 12.345, "Clip": 3.25, "Free": 1e6, "BiDrive": 0, "Bo": 1,
    "MbbiDrive": 0, "Mbbo": 1, "LonginDrive": -70000, "Longout": 300, "StringinDrive": "17.5",
        "Stringout": "words",
    "LsiDrive": "x" * 39, "Lso": "12", "Wave": [1.5, -2.25, 3e9, 0.0, 5.0, 6.0, 7.0, 8.0],
    "Chars": list(range(60, 110)), "Longs": [1, -2, 70000, 0, 5, 6], "Texts": ["1", "2.5", "-3", "0x10"],
}  # fmt: skip


def undefined(s: Script) -> None:
    """Before anything has a value."""
    for name in RECORDS:
        s.get(name)
        s.monitor(name, "VA")
        s.get(f"{name}.UDF", "LONG")
        s.get(f"{name}.STAT", "STRING")
        s.get(f"{name}.SEVR", "STRING")


def types(s: Script) -> None:
    """Every record as every DBR type, one element and as many as there are."""
    for name, value in VALUES.items():
        s.put(name, value)
    for name in RECORDS:
        s.info(name)
    s.gets([(name, kind, count) for name in RECORDS for kind in dbr.READABLE for count in (0, 1)])


def undefined_types(s: Script) -> None:
    """The same before anything has a value."""
    s.gets([(name, kind, 1) for name in RECORDS for kind in dbr.READABLE])


def analog_puts(s: Script) -> None:
    """Numbers, texts and nonsense to ao."""
    numbers = (12.0, -5.0, 95.0, 20.0, nan, inf, -inf, 100.0, -6.0)
    texts = ("12.5", " 7 ", "0x10", "1e1", "abc", "", "5 V", "nan", "inf", "1e400", "1,5", "+3", "1000")
    for value in (*numbers, *texts):
        s.try_put("Ao", value, start=50.0)
    for kind, value in (("SHORT", -3), ("FLOAT", 2.5), ("ENUM", 4), ("CHAR", 90), ("LONG", 33), ("CHAR",
        200)):
        s.try_put("Ao", value, kind, start=50.0)
    for value in (10.0, 11.0, -11.0, inf, 1e300, "12"):
        s.try_put("Clip", value, start=5.0)
    for value in (1e300, -1e-300, inf, nan, "1e400", "inf"):
        s.try_put("Free", value, start=5.0)
    for value in (6.0, "7", "abc"):
        s.try_put("Free", value, start=5.0, wait=False)
    s.try_put("Ao", 1000.0, start=50.0, wait=False)
    s.try_put("Free", [1.0, 2.0], start=5.0)
    s.try_put("Ai", 20.0)


def integer_puts(s: Script) -> None:
    """Numbers that fit and numbers that do not to longout."""
    texts = ("7", "-7", "0x1F", "1.9", "-1.9", "99999999999", "2147483648", "nan", "many", "", "1e3",
        "12 pcs", "010")
    for value in texts:
        s.try_put("Longout", value, start=1)
    for real in (2.9, -2.9, 1e12, -1e12, nan, inf, 2147483647.0, 2147483648.0):
        s.try_put("Longout", real, "DOUBLE", start=1)
    for kind, number in (("SHORT", -3), ("FLOAT", 2.5), ("ENUM", 65535), ("CHAR", 200), ("LONG", -(2**31))):
        s.try_put("Longout", number, kind, start=1)


def enum_puts(s: Script) -> None:
    """States by name, by index, by index in text, and none at all."""
    for name, good in (("Bo", "On"), ("Mbbo", "Manual")):
        texts = (good, "0", "1", "Nowhere", "", good.lower(), f" {good}", " 1", "01", "0x1", "1.0", "2",
            "3", "7", "99", "-1")
        for value in (0, 1, 2, 3, 5, 15, 16, 65535, *texts):
            s.try_put(name, value, start=0)
        for kind, number in (("SHORT", 1), ("SHORT", -1), ("LONG", 1), ("LONG", 70000), ("LONG", 65537),
            ("CHAR", 1)):
            s.try_put(name, number, kind, start=0)
        for real in (0.0, 1.0, 1.5, -1.0, 1e9, nan):
            s.try_put(name, real, "DOUBLE", start=0)
        s.try_put(name, 1.5, "FLOAT", start=0)


def text_puts(s: Script) -> None:
    """Short and long texts, with and without `$`."""
    for name in ("Stringout", "Lso"):
        for value in ("words", "", "x" * 39, "caf\xe9", "two\nlines", "12.5"):
            s.try_put(name, value, start="start")
        for kind, number in (("DOUBLE", 2.5), ("LONG", 7), ("ENUM", 3), ("SHORT", -1), ("CHAR", 65)):
            s.try_put(name, number, kind, start="start")
        limit = 100 if name == "Lso" else 39
        for length in (0, 1, limit - 1, limit):
            label = f"put {name}.VAL$ of {length} characters"
            s.try_put(f"{name}.VAL$", b"y" * length + b"\0", "CHAR", start=b"start\0", label=label, count=0)
            s.get(name)
            s.get(f"{name}.$", "CHAR", count=20)
        s.try_put(f"{name}.VAL$", b"w", "CHAR", start=b"start\0", label=f"put {name}.VAL$ of one letter",
            count=0)
        label = f"put {name}.VAL$ of {limit + 1} characters without an end"
        s.try_put(f"{name}.VAL$", b"z" * (limit + 1), "CHAR", start=b"start\0", label=label, count=0)
        s.try_put(f"{name}.VAL$", "by text", "STRING", start=b"start\0", count=0)
    for name in ("Stringin", "Lsi"):
        s.put(f"{name}Drive", "twelve")
        s.get(f"{name}.VAL$", count=0)
        s.info(f"{name}.VAL$")


WHOLE = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
PARTS = ('{"arr":{"s":2,"e":4}}', "[1:6]", "[0:2:6]", "[-3:-1]", "[3]", '{"arr":{"i":3}}', "[6:20]")


def whole_arrays(s: Script) -> None:
    """As many elements as the waveform has, and parts of them by filter and by count."""
    s.monitor("Wave", "VL", count=0)
    for kind, values in (("DOUBLE", WHOLE), ("LONG", range(8)), ("SHORT", range(-4, 4)), ("FLOAT", [0.5] * 8),
                         ("CHAR", range(248, 256)), ("ENUM", range(8)), ("STRING",
                             [f"{i}.5" for i in range(8)])):  # fmt: skip
        s.put("Wave", list(values), kind)
        for count in (0, 1, 2, 8):
            s.get("Wave", count=count)
    s.get("Wave.NORD", "LONG")
    for part in PARTS:
        s.info(f"Wave.{part}")
        s.get(f"Wave.{part}", count=0)
        s.get(f"Wave.VAL{part}", count=0)


def short_arrays(s: Script) -> None:
    """Fewer elements than the waveform has, down to one, and parts of what is not there."""
    s.put("Wave", WHOLE)
    s.monitor("Wave", "VL", count=0)
    for kind, values in (("DOUBLE", [1.0, 2.0, 3.0]), ("DOUBLE", [5.0]), ("LONG", [1, 2, 3]), ("CHAR", [1,
        255]),
                         ("STRING", ["1.5", "2.5"]), ("STRING", ["7"])):  # fmt: skip
        s.put("Wave", values, kind)
        for count in (0, 1, 2, 8):
            s.get("Wave", count=count)
        s.get("Wave.NORD", "LONG")
    for part in PARTS:
        s.get(f"Wave.{part}", count=0)


ARRAYS = {"Chars": 50, "Longs": 6, "Texts": 4}
TYPES = ("DOUBLE", "LONG", "SHORT", "FLOAT", "CHAR", "ENUM", "STRING")


def _elements(kind: str, count: int) -> list[Any]:
    first = 65 + TYPES.index(kind)
    numbers = range(first, first + count)
    return [str(number) for number in numbers] if kind == "STRING" else list(numbers)


def whole_arrays_of_each_type(s: Script) -> None:
    """All elements of characters, whole numbers and texts: put as every type, and parts of them."""
    for name, size in ARRAYS.items():
        s.put(name, _elements("STRING" if name == "Texts" else "LONG", size))
        s.monitor(name, "VL", count=0)
        for kind in TYPES:
            s.put(name, _elements(kind, size), kind)
            for count in (0, 1, 2, size):
                s.get(name, count=count)
        s.get(f"{name}.NORD", "LONG")
        for part in PARTS:
            s.get(f"{name}.{part}", count=0)


def short_arrays_of_each_type(s: Script) -> None:
    """One and two elements of them."""
    for name in ARRAYS:
        for kind in TYPES:
            for count in (2,) if (name, kind) == ("Chars", "STRING") else (1, 2):
                s.put(name, _elements(kind, count), kind)
                s.get(name, count=0)
                s.get(name, count=2)
                s.get(f"{name}.NORD", "LONG")
    s.try_put("Longs", [1.5, -1.5], "DOUBLE", start=[7])
    s.try_put("Texts", ["words", "x" * 39, "caf\xe9"], start=["a"])
    for text in (b"some words\0", b"some words"):
        s.put("Chars", text, "CHAR")
        s.get("Chars", count=0)


def refused_arrays(s: Script) -> None:
    """What is no number, or not a finite one."""
    for kind, values in (("DOUBLE", [nan, 1.0]), ("DOUBLE", [inf, 2.0]), ("DOUBLE", [1.0, nan, 3.0]),
        ("DOUBLE", [nan] * 8),
                         ("STRING", ["1", "x"]), ("STRING", ["abc"]), ("STRING", [""])):  # fmt: skip
        s.try_put("Wave", values, kind, start=WHOLE, count=8, label=f"put Wave {kind} {values!r}")
    for numbers in ([nan, 1.0], [1e12, 1.0], [inf]):
        s.try_put("Longs", numbers, "DOUBLE", start=[7])
        s.try_put("Chars", numbers, "DOUBLE", start=[97])
    s.try_put("Longs", ["1", "x"], "STRING", start=[7])
    s.try_put("Chars", "words", "STRING", start=[97])


SCENARIOS = (
    undefined, undefined_types, types, analog_puts, integer_puts, enum_puts, text_puts, whole_arrays,
        short_arrays, whole_arrays_of_each_type, short_arrays_of_each_type, refused_arrays,
)  # fmt: skip
