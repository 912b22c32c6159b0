"""Where our server means to differ from EPICS base, and why: the one table. Anything else is a bug.

A pattern says where: "scenario: step | what",
    with * for anything. A row may also say how ours relates to base's
answer. Every pattern must match a real difference, or the test of its row fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from typing import Any

Compare = Callable[[Any, Any], bool]


@dataclass(frozen=True)
class Intended:
    """One row: why, where, and optionally how."""

    reason: str
    patterns: tuple[str, ...]
    how: Compare = lambda base, ours: True


def padded(base: Any, ours: Any) -> bool:
    """Ours is base's value, filled up with NaN, 0, NUL or nothing; events and counts accordingly."""
    if isinstance(ours, str):
        base = chr(base) if isinstance(base, int) else base  # one character; NUL is no text
        return ours == "nothing" or ours.rstrip("\0") == str(base).rstrip("\0")
    if isinstance(ours, int):
        return base == "nothing" or ours > base
    if isinstance(ours, list) and ours and isinstance(ours[0], dict):
        return len(base) == len(ours) and all(padded(b["value"], o["value"]) for b, o in zip(base, ours,
            strict=True))
    wide, short = (one if isinstance(one, list) else [] if one == "nothing" else [one] for one in (ours,
        base))
    return all(_filled(o, short[i : i + 1]) for i, o in enumerate(wide))


def _filled(ours: Any, base: list[Any]) -> bool:
    filler = ours in ("", 0) or ours != ours
    return ours in base or (filler and base in ([], [0.0]))


def nan_for_zero(base: Any, ours: Any) -> bool:
    """Base has 0, or nothing, where ours has NaN."""
    if isinstance(ours, list):
        pairs = zip(base, ours, strict=True)
        return all(nan_for_zero(b["value"], o["value"]) if isinstance(b, dict) else b == 0 for b, o in pairs)
    return (base in (0.0, "0", "0.000", "")) and (ours == "nan" or isnan(ours))


def silent(base: Any, ours: Any) -> bool:
    """Only base says something."""
    return bool(ours == "nothing")


INPUTS = ("Ai", "Band", "Bi", "Mbbi", "Longin", "Stringin", "Lsi")


def refused(scenario: str, *puts: str) -> tuple[str, ...]:
    """The lines of a put that ours refuses: its status, and the value that stays."""
    return tuple(f"{scenario}: {put} | *" for put in puts)


INTENDED = (
    Intended(
        "Inputs belong to their device: no client writes them. Nor RTYP, ASG and UDF, "
        "nor a SCAN that nothing heeds.",
        (
            *(f"*: info {name} | rights" for name in INPUTS), "*: info *.VAL | rights",
                "*: info *.VAL$ | rights",
            "filters: info Ai.* | rights", "*: info *.RTYP* | rights", "*: info *.ASG | rights",
            "*: info *.SCAN | rights", "*: info *.UDF | rights", "analog_puts: put Ai DOUBLE 20.0 | *",
            "written_fields: put Ao.RTYP STRING 1 | status", "written_fields: put Ao.UDF CHAR 1 | *",
            "written_fields: put Ao.ASG STRING '' | status",
        ),
    ),  # fmt: skip
    Intended(
        "ASG names the group whose rules hold; base leaves it empty for DEFAULT.",
        ("*: get *.ASG | *", "*: get *.ASG STRING | *", "*: get *.ASG DOUBLE | *", "*: monitor *.ASG | *"),
    ),
    Intended(
        "An input that its device feeds says I/O Intr; the reference is fed by a link.",
        ("*: get *.SCAN | value", "*: get *.SCAN STRING | value", "*: get *.SCAN DOUBLE | value",
            "*: monitor *.SCAN | *"),
    ),
    Intended(
        "A limit that is off is NaN; base has 0 and leaves it to the severity.",
        (
            "fields_of_ai: get Band.HIHI*", "fields_of_ai: get Band.HIGH*", "fields_of_ai: get Band.LO*",
            "fields_of_ai: monitor Band.*", "fields_of_ao: get Free.DRV*", "fields_of_ao: monitor Free.DRV*",
            "limits_switched_on: get Band CTRL_DOUBLE #3 | lower_warning",
        ),
        nan_for_zero,
    ),  # fmt: skip
    Intended(
        "A limit that a client gives to a record without one gets its usual severity; base waits for HSV.",
        ("limits_switched_on: put Band.HIGH*", "limits_switched_on: put Band.HSV STRING 'MINOR' | *",
         "limits_switched_on: get Band | s*", "limits_switched_on: get Band CTRL_DOUBLE | *"),
    ),  # fmt: skip
    Intended(
        "A value that is not finite is refused; base takes NaN, goes UDF, and clips infinities.",
        refused("analog_puts", "put Ao DOUBLE nan", "put Ao DOUBLE inf", "put Ao DOUBLE -inf",
            "put Ao STRING 'nan'",
                "put Ao STRING 'inf'", "put Clip DOUBLE inf", "put Free DOUBLE inf", "put Free DOUBLE nan",
                "put Free STRING 'inf'")
        + refused("refused_arrays", "put Wave DOUBLE *"),
    ),  # fmt: skip
    Intended(
        "A setpoint refuses what is outside of its drive limits, "
        "so that the client hears of it; base clips in silence.",
        refused("analog_puts", "put Ao DOUBLE 100.0", "put Ao DOUBLE -6.0", "put Ao STRING '1000'",
            "put Ao CHAR 200",
                "plain put Ao DOUBLE 1000.0"),
    ),  # fmt: skip
    Intended(
        "A number with words behind it is refused: 1,5 is not 1. Base takes what it can read.",
        refused("analog_puts", "put Ao STRING '5 V'", "put Ao STRING '1,5'")
        + refused("integer_puts", "put Longout STRING '12 pcs'")
        + ("moving_limits: put Ai.HIGH STRING '1 V' | *", "moving_limits: get Ai.HIGH #2 | *"),
    ),
    Intended(
        "An integer in text is read as any number is: 1e3 is 1000 and 010 is ten; base reads 1 and eight.",
        refused("integer_puts", "put Longout STRING '1e3'", "put Longout STRING '010'"),
    ),
    Intended(
        "An integer that does not fit is refused; base stores what the processor makes of it.",
        ("written_fields: put Ao.PREC LONG 40000 | *",)
        + refused("integer_puts", "put Longout DOUBLE 1000000000000.0", "put Longout DOUBLE -1000000000000.0",
                "put Longout DOUBLE nan", "put Longout DOUBLE inf", "put Longout DOUBLE 2147483648.0")
        + refused("refused_arrays", "put Longs DOUBLE *", "put Chars DOUBLE *"),
    ),  # fmt: skip
    Intended(
        "An index without a state, or between two, "
        "is refused; base stores it as an illegal value or cuts it.",
        refused("enum_puts", "put Bo ENUM *", "put Bo SHORT -1", "put Bo LONG *", "put Bo DOUBLE *",
            "put Bo FLOAT 1.5",
                "put Bo STRING '0x1'", "put Mbbo ENUM *", "put Mbbo SHORT -1", "put Mbbo LONG *",
                    "put Mbbo DOUBLE *",
                "put Mbbo FLOAT 1.5", "put Mbbo STRING *"),
    ),  # fmt: skip
    Intended(
        "What a menu does not have is refused; base stores it.",
        refused("written_fields", "put Ao.HHSV ENUM 4", "put Ao.HHSV ENUM 65535", "put Ao.LSV ENUM 4",
            "put Ao.LSV ENUM 65535")
        + ("moving_limits: put Ai.HSV ENUM 7 | *", "moving_limits: get Ai.HSV #2 | value"),
    ),
    Intended(
        "State names stay unique, whole and there: a client renames states, it adds and removes none.",
        refused("written_fields", "put Mbbo.ONST STRING of 39", "put Bo.ZNAM STRING 'On'")
        + ("state_names: put Mbbo.THST *", "state_names: get Mbbo.THST *",
            "state_names: get Mbbo CTRL_ENUM* | states",
           "state_names: put Mbbo.TWST *", "state_names: get Mbbo.TWST *"),
    ),  # fmt: skip
    Intended(
        "A value that does not fit the type a client asks for saturates; base sends its lowest bits.",
        ("types: get Band *ENUM*", "types: get Free *", "types: get Longin *", "types: get Longout *CHAR*",
            "types: get Wave *SHORT*",
         "types: get Wave *ENUM*", "types: get Wave *CHAR*", "types: get Wave *LONG*",
             "undefined_types: get Longin *_CHAR | *",
         "undefined_types: get Longout *_CHAR | *", "types: get Texts *ENUM [0] | value"),
    ),  # fmt: skip
    Intended(
        "A flag has no range; base claims 65535 as its upper limit.",
        ("types: get Bo CTRL_* | upper_ctrl", "undefined_types: get Bo CTRL_* | upper_ctrl"),
    ),
    Intended(
        "Fields show the range of their record, or none; base shows that of their type.",
        ("fields_as_ctrl: get Ao.*_disp", "fields_as_ctrl: get Ao.*_ctrl",
            "fields_as_ctrl: get Longout.HOPR *",
         "fields_as_ctrl: get Wave.NORD *", "fields_as_ctrl: get Wave.HOPR *"),
    ),  # fmt: skip
    Intended(
        "Arrays and long strings are sent whole, filled up with NaN, 0 or NUL: CAJ (Phoebus, "
        "archiver) loses shorter ones.",
        ("text_puts: put *.VAL$ of * characters | then value",
         "text_puts: put *.VAL$ of * characters | then count",
         "text_puts: put Lso.VAL$ of one letter | then value",
         "text_puts: put Lso.VAL$ of one letter | then count",
         "text_puts: get *.VAL$ [0] | *", "long_names_of_fields: get *$ [0] | *", "short_arrays: * | value",
         "short_arrays: * | count", "short_arrays: * | events Wave VL", "whole_arrays: monitor Wave | *",
         "filters: monitor Wave.*", "short_arrays_of_each_type: get *[0]* | value",
         "short_arrays_of_each_type: get *[0]* | count"),
        padded,
    ),  # fmt: skip
    Intended(
        "A part of an array that is named from its end is named from the end of all its elements.",
        ("short_arrays: get Wave.[-3:-1] [0] | *", "short_arrays: get Wave.[3] [0] | count"),
    ),
    Intended(
        "An array that has no value yet is NaN.",
        ("undefined: get Wave | value", "undefined: monitor Wave | *", "undefined_types: get Wave *",
         "fields_of_texts_and_arrays: get Wave.VAL*", "fields_of_texts_and_arrays: monitor Wave.VAL *"),
        nan_for_zero,
    ),  # fmt: skip
    Intended(
        "What fills up an array of whole numbers is 0 as text, too; base has an empty text.",
        ("undefined_types: get Longs *STRING | value",
         "fields_of_texts_and_arrays: get Longs.VAL STRING | value"),
        lambda base, ours: (base, ours) == ("", "0"),
    ),
    Intended(
        "An array with an element that is no number is refused as a whole; base takes what comes before it.",
        ("refused_arrays: put Longs STRING ['1', 'x'] | then *",),
    ),
    Intended(
        "STSACK_STRING and CLASS_NAME have one element, whatever was asked.",
        ("types: get * STSACK_STRING [0] | count", "types: get * CLASS_NAME [0] | count"),
    ),
    Intended(
        "An array that did not change is no event, as for all values.",
        ("unchanged_values: put Wave DOUBLE of 8 #* | events *",),
        silent,
    ),
    Intended(
        "A long string, and characters, are read and written as text by DBR_STRING too; "
        "base takes them for small numbers.",
        ("text_puts: put *.VAL$ of * | then text", "text_puts: put *.VAL$ STRING 'by text' | *",
         "types: get Chars *STRING* | *", "refused_arrays: put Chars STRING 'words' | *"),
    ),
    Intended(
        "One letter put to a long string is all of it; base leaves the rest of a stringout as it was.",
        ("text_puts: put Stringout.VAL$ of one letter | *",),
    ),
    Intended(
        "A text that is too long is refused; base cuts it.",
        refused("text_puts", "put *.VAL$ of * characters without an end"),
    ),
    Intended(
        "A negative PREC shows no digits; base shows 17.",
        ("metadata: get Ao STRING #6 | value",),
    ),
    Intended(
        "A number put into a text has no more digits than it needs.",
        ("text_puts: put * DOUBLE 2.5 | then *",),
    ),
    Intended(
        "The first value of an input is no change of state; base compares it with 0.",
        ("state_alarms: get Bi | s*",),
    ),
    Intended(
        "A change of state is over when the next value is the same; a choice of base remembers more.",
        ("state_alarms: put MbbiDrive LONG 0 #5 | *",),
    ),
    Intended(
        "PROC of an input does not make it defined; only its device does.",
        ("processing: get Ai | *",),
    ),
    Intended(
        "Base tells of an acknowledgement twice, and of both fields.",
        ("acknowledgement: put Ao PUT_ACK* | events Ao.ACK* VLA",),
        lambda base, ours: ours == "nothing" or ours == base[:1],
    ),
    Intended(
        "Fields that say how a database processes its records have nothing behind them here.",
        ("fields_of_a_database: info Ao.* | *",),
    ),
    Intended(
        "The filters dec and utag are not served: nobody here asks for them.",
        ('filters: info Ai.{"dec":* | *', 'filters: get Ai.{"dec":* | *', 'filters: info Ai.{"utag":* | *',
            'filters: get Ai.{"utag":* | *'),
    ),
)  # fmt: skip
