"""Where our server means to differ from EPICS base, and why. Anything else is a bug.

Keys are (record, what); a set of DBR types, a field or a step says where the difference shows.
"""

AS_CHAR = {25, 32}
AS_CONTROL = {29, 30, 32, 33, 34}
ALL_TYPES = set(range(39))

PAYLOADS: list[tuple[str, set[int], str]] = [
    ("Long", AS_CHAR, "a limit that does not fit into 8 bit saturates; base sends its lowest byte"),
    ("Bo", AS_CONTROL, "base claims 65535 as upper limit of a flag; nobody can use it"),
    ("Long:Text", ALL_TYPES, "an empty long text is one empty element; base sends none, which CAJ mistakes"),
    ("Ao.PREC", set(range(22, 35)), "base tells the range of a short as limits of a short field"),
    ("Ao.RTYP", {4, 11, 18, 25, 32}, "base tells the record type as a byte, 0; ours fails, as for any text"),
    ("Wave", ALL_TYPES, "arrays are padded to their full length with NaN: CAJ loses shorter ones"),
]
"""Answers to reads: record, DBR types, reason."""

STEPS: dict[tuple[str, str], str] = {
    ("Ao", "nan"): "a value that is not finite is refused; base takes it and goes UDF",
    ("Ao", "inf"): "a value that is not finite is refused; base clips it to DRVH",
    ("Mbbo", "7"): "an index without a state is refused; base stores an illegal value",
    ("Bo", "5"): "an index without a state is refused; base stores an illegal value",
    ("Long", "1e12"): "a number that does not fit is refused; base stores what the processor makes of it",
}
"""Puts: record, value, reason."""

FIELDS: dict[str, str] = {
    "Ai.SCAN": "an input that its device feeds says I/O Intr; the reference is driven by a link",
    "Long.HIHI": "a limit that is off is NaN, as an integer field 0 stands for it; base has 0 in both",
    "Ai.HIGH": "a limit that is off is NaN; base has 0 and a severity of NO_ALARM",
    "Ai.LOW": "a limit that is off is NaN; base has 0 and a severity of NO_ALARM",
    "Ai.LOLO": "a limit that is off is NaN; base has 0 and a severity of NO_ALARM",
    "AiDrive.DRVH": "a drive limit that is off is NaN; base has 0 in both",
    "AiDrive.DRVL": "a drive limit that is off is NaN; base has 0 in both",
}
"""Fields: name, reason."""
