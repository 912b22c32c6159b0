"""Scenarios about fields: what each record type has in common use, its type, rights, values and events."""

from tests.conformance.script import ABSENT_S, Script

COMMON = ("NAME", "RTYP", "DESC", "ASG", "SCAN", "PROC", "DISP", "UDF", "STAT", "SEVR", "ACKS", "ACKT", "VAL")
LIMITS = ("HIHI", "HIGH", "LOW", "LOLO", "HHSV", "HSV", "LSV", "LLSV", "HYST", "MDEL", "ADEL")
NUMERIC = ("EGU", "HOPR", "LOPR", *LIMITS)
ORDINALS = ("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF")
CHOICES = (*(f"{n}ST" for n in ORDINALS), *(f"{n}SV" for n in ORDINALS), "UNSV", "COSV")
FLAGS = ("ZNAM", "ONAM", "ZSV", "OSV", "COSV")
LONG_TEXTS = ("SIZV", "LEN")
ARRAYS = ("EGU", "PREC", "HOPR", "LOPR", "NORD", "NELM", "FTVL")
FIELDS = {
    "Ai": (*COMMON, *NUMERIC, "PREC"), "Band": ("HIHI", "HIGH", "LOW", "LOLO", "HHSV", "MDEL", "ADEL",
        "HOPR"),
    "Ao": (*COMMON, *NUMERIC, "PREC", "DRVH", "DRVL"), "Free": ("DRVH", "DRVL", "HOPR", "PREC", "EGU",
        "SCAN"),
    "Bi": (*COMMON, *FLAGS), "Bo": (*COMMON, *FLAGS), "Mbbi": (*COMMON, *CHOICES), "Mbbo": (*COMMON,
        *CHOICES),
    "Longin": (*COMMON, *NUMERIC), "Longout": (*COMMON, *NUMERIC, "DRVH", "DRVL"),
    "Stringin": COMMON, "Stringout": COMMON, "Lsi": (*COMMON, *LONG_TEXTS), "Lso": (*COMMON, *LONG_TEXTS),
    **dict.fromkeys(("Wave", "Chars", "Longs", "Texts"), (*COMMON, *ARRAYS)),
}  # fmt: skip
DATABASE = ("PINI", "FLNK", "PHAS", "TSE", "TSEL", "DTYP", "PACT", "AMSG", "NSEV", "LALM", "TIME", "DISA",
    "SDIS")
"""Fields that say how a database processes, or what a client seldom asks."""
ANY_PUT = {"STRING": ("3", "x"), "DOUBLE": (3.0,), "LONG": (3,), "SHORT": (3,), "ENUM": (1, 99),
    "CHAR": (1,), "FLOAT": (3.0,)}


def _names(record: str) -> list[str]:
    return [f"{record}.{field}" for field in FIELDS[record]]


def _fields_of(*records: str):
    def fields(s: Script) -> None:
        for drive, value in (("AiDrive", "85.5"), ("BiDrive", 0), ("MbbiDrive", 0), ("LonginDrive", 7)):
            s.put(drive, value)
        for record, value in {"Ao": 7.0, "Bo": 1, "Mbbo": 1, "Longout": 5, "Stringout": "w",
            "Lso": "long"}.items():
            s.put(record, value)
        for record in records:
            names = s.infos(_names(record))
            s.gets([(name, None, 1) for name in names])
            s.gets([(name, kind, 1) for name in names for kind in ("STRING", "DOUBLE", "CLASS_NAME")])
            for name in names:
                s.monitor(name, "VLA")
                s.unmonitor(name)

    return fields


def fields_of_ai(s: Script) -> None:
    """Type, count, rights, value as several types and first event of each field."""
    _fields_of("Ai", "Band")(s)


def fields_of_ao(s: Script) -> None:
    """The same."""
    _fields_of("Ao", "Free")(s)


def fields_of_flags(s: Script) -> None:
    """The same."""
    _fields_of("Bi", "Bo")(s)


def fields_of_choices(s: Script) -> None:
    """The same."""
    _fields_of("Mbbi", "Mbbo")(s)


def fields_of_integers(s: Script) -> None:
    """The same."""
    _fields_of("Longin", "Longout")(s)


def fields_of_texts_and_arrays(s: Script) -> None:
    """The same."""
    _fields_of("Stringin", "Stringout", "Lsi", "Lso", "Wave", "Chars", "Longs", "Texts")(s)


def fields_as_ctrl(s: Script) -> None:
    """What GR and CTRL say of fields, for those that clients ask."""
    s.put("Ao", 7.0)
    names = [f"Ao.{f}" for f in ("HIHI", "HYST", "DRVH", "HOPR", "MDEL", "HHSV", "PREC", "SCAN", "STAT",
        "DISP", "EGU")]
    names += ["Longout.HIGH", "Longout.HOPR", "Mbbo.ONSV", "Bo.OSV", "Wave.NORD", "Wave.FTVL", "Wave.HOPR",
        "Lso.LEN"]
    for name in names:
        native = s.client.ask("info", channel=s.channel(name))["type"]
        s.gets([(name, f"GR_{native}", 1), (name, f"CTRL_{native}", 1), (name, f"STS_{native}", 1)])


def long_names_of_fields(s: Script) -> None:
    """Strings of fields with `$`."""
    for name in ("Ao.NAME$", "Ao.DESC$", "Ao.EGU$", "Ao.RTYP$", "Mbbo.ZRST$", "Bo.ONAM$"):
        if s.infos([name], ABSENT_S):
            s.get(name, count=0)
            s.get(name, "CHAR", count=1)


def written_fields(s: Script) -> None:
    """A good and a strange value to each setting: status, and what it then is."""
    for name in ("Ao", "Longout", "Mbbo", "Bo"):
        s.put(name, 0)
    s.put("Ao", 20.0)
    for field in ("HIHI", "HYST", "MDEL", "HOPR"):
        for value in (70.5, "71.5", "abc", ""):
            s.try_put(f"Ao.{field}", value, start=60.0)
        s.put(f"Ao.{field}", 90.0 if field == "HIHI" else 1.0)
    for field in ("HHSV", "LSV"):
        for value in (1, "MAJOR", "NONSENSE", 4, 65535, "2", "9"):
            s.try_put(f"Ao.{field}", value, start=0)
        s.put(f"Ao.{field}", "MINOR")
    for value in (3, "4", "40000", "x"):
        s.try_put("Ao.PREC", value, start=1)
    s.try_put("Ao.PREC", 40000, "LONG", start=1)
    for value in ("words", "", "x" * 39):
        s.try_put("Ao.DESC", value, start="start")
        s.try_put("Ao.EGU", value, start="V")
    for name, value in (("Longout.HIGH", 12), ("Longout.HIGH", "13"), ("Longout.HIGH", "x"), ("Wave.EGU",
        "A"),
                        ("Wave.PREC", 2), ("Mbbo.ONST", "y" * 39), ("Bo.ZNAM", "Dark"), ("Bo.ZNAM",
                            "On")):  # fmt: skip
        s.try_put(name, value)
    for name in ("Ao.NAME", "Ao.RTYP", "Ao.STAT", "Ao.SEVR", "Ao.UDF", "Wave.NELM", "Wave.NORD",
        "Wave.FTVL", "Lso.LEN",
                 "Lso.SIZV"):  # fmt: skip
        s.try_put(name, 1)
    s.put("Ao.ASG", "")
    s.get("Ao.ASG")


def fields_of_a_database(s: Script) -> None:
    """Fields that ours leaves out."""
    s.infos([f"Ao.{field}" for field in DATABASE], ABSENT_S)


SCENARIOS = (
    fields_of_ai, fields_of_ao, fields_of_flags, fields_of_choices, fields_of_integers,
        fields_of_texts_and_arrays,
    fields_as_ctrl, long_names_of_fields, written_fields, fields_of_a_database,
)  # fmt: skip
