"""Scenarios about monitors: which events each mask sees while values, alarms, limits and settings move."""

from tests.conformance.script import ABSENT_S, Script

ALL = ("V", "L", "A", "P", "VL", "VA", "LA", "VLA", "AP", "VLAP")
LEVELS = (50, 79, 80, 90, 89, 88, 87.9, 78.5, 78, 77.9, 50, 10, 11, 12, 12.1, 5, 6.9, 7.1, 12.5, 50)


def limits_and_hysteresis(s: Script) -> None:
    """An input through all its limits, in steps around the hysteresis."""
    s.put("AiDrive", "50")
    s.monitor("Ai", *ALL)
    for value in LEVELS:
        s.put("AiDrive", str(value))
    for name in ("Ai.SEVR", "Ai.STAT", "Ai.ACKS"):
        s.monitor(name, "V", "L", "A", "VLA")
    for value in (85, 95, 95, 85, 50, 3, -5, 50):
        s.put("AiDrive", str(value))
        s.get("Ai.SEVR", "STRING")


def limits_of_outputs(s: Script) -> None:
    """The same by puts of a client, for ao and longout, and longin by its drive."""
    s.put("Ao", 50.0)
    s.monitor("Ao", *ALL)
    for value in LEVELS:
        s.put("Ao", float(value))
    s.put("Longout", 1)
    s.monitor("Longout", *ALL)
    for value in (499, 500, 501, 499, 1, 1):
        s.put("Longout", value)
    s.put("LonginDrive", 0)
    s.monitor("Longin", *ALL)
    for value in (490, 500, 491, 490, 489, 900, 890, 889, 0, -500, -490, -489, -900, -2147483648,
        2147483647, 0):
        s.put("LonginDrive", value)


def deadbands(s: Script) -> None:
    """MDEL and ADEL, as given and as changed by a client."""
    s.put("BandDrive", "0")
    s.monitor("Band", *ALL)
    for value in (0, 1, 2, 2.1, 3, 4.1, 4.2, 5.1, 5.3, 20, 17.9, 15, 14.9, 14.9, -1e9):
        s.put("BandDrive", str(value))
    s.put("BandDrive", "0")
    for settings in ((("MDEL", 0.0), ("ADEL", 0.0)), (("MDEL", -1.0), ("ADEL", 10.0)), (("ADEL", -1.0),)):
        for field, value in settings:
            s.put(f"Band.{field}", value)
        for value in (1, 1, 2, 2, 14):
            s.put("BandDrive", str(value))


def special_values(s: Script) -> None:
    """A device that reports NaN and infinities."""
    s.put("BandDrive", "1")
    s.put("AiDrive", "50")
    s.monitor("Band", "V", "L", "A")
    s.monitor("Ai", "V", "L", "A")
    for value in ("nan", "nan", "1", "inf", "inf", "-inf", "1", "nan", "2"):
        s.put("BandDrive", value)
        s.put("AiDrive", value)
        s.get("Ai.UDF", "LONG")
        s.get("Ai.SEVR", "STRING")


def moving_limits(s: Script) -> None:
    """Limits and severities changed by a client while in alarm and while not."""
    s.put("AiDrive", "50")
    s.monitor("Ai", *ALL)
    s.monitor("Ai.HIGH", "V", "L", "A", "P", "VLAP")
    s.monitor("Ai.HSV", "VLA")
    steps = (
        ("HIGH", 40.0), ("HIGH", 50.0), ("HIGH", 51.0), ("HIGH", 80.0), ("HIHI", 45.0), ("HHSV", "MINOR"),
        ("HHSV", "INVALID"), ("HHSV", "NO_ALARM"), ("HHSV", "MAJOR"), ("HIHI", 90.0), ("LOW", 60.0),
            ("LOLO", 55.0),
        ("LLSV", 1), ("LLSV", "MAJOR"), ("LOLO", 5.0), ("LSV", "MAJOR"), ("LOW", 10.0), ("HYST", 20.0),
    )  # fmt: skip
    for field, value in steps:
        s.put(f"Ai.{field}", value)
        s.get("Ai")
        s.get("Ai", "CTRL_DOUBLE")
    for value in (85, 65, 60, 59, 50):
        s.put("AiDrive", str(value))
    for field, value in (("HSV", "WRONG"), ("HSV", 7), ("HIGH", "abc"), ("HIGH", "1 V")):
        s.put(f"Ai.{field}", value)
        s.get(f"Ai.{field}")


def limits_switched_on(s: Script) -> None:
    """A record without limits gets some from a client."""
    s.put("BandDrive", "10")
    s.monitor("Band", "V", "A", "P", "VLAP")
    for field, value in (("HIGH", 5.0), ("HSV", "MINOR"), ("LSV", "MINOR"), ("LOW", 20.0), ("HSV", 0),
        ("LSV", 0)):
        s.put(f"Band.{field}", value)
        s.get("Band")
        s.get("Band", "CTRL_DOUBLE")
        s.get(f"Band.{field}", "STRING")
    s.put("BandDrive", "30")


def metadata(s: Script) -> None:
    """Units, precision, ranges and descriptions changed by a client."""
    s.put("Ao", 12.3456)
    s.monitor("Ao", "V", "L", "A", "P", "VLAP")
    s.monitor("Ao", "P", kind="CTRL_DOUBLE")
    for field in ("EGU", "PREC", "HOPR", "DRVH", "DESC"):
        s.monitor(f"Ao.{field}", "V", "L", "A", "P", "VLAP")
    steps = (
        ("EGU", "g/h"), ("EGU", "g/h"), ("PREC", 3), ("PREC", 0), ("PREC", 12), ("PREC", -1), ("PREC", 2),
        ("HOPR", 60.0), ("LOPR", 10.0), ("DRVH", 50.0), ("DRVL", 1.0), ("DESC", "Something else"),
        ("EGU", "a unit that is too long"), ("DESC", "x" * 39),
    )  # fmt: skip
    for field, value in steps:
        s.put(f"Ao.{field}", value)
        s.get(f"Ao.{field}")
        s.get("Ao", "CTRL_DOUBLE")
        s.get("Ao", "STRING")


def unchanged_values(s: Script) -> None:
    """The same value again, on every record."""
    values = {"Ao": 20.0, "Bo": 1, "Mbbo": 1, "Longout": 4, "Stringout": "same", "Lso": "same",
        "Wave": [1.0] * 8}
    drives = {"AiDrive": "20", "BiDrive": 0, "MbbiDrive": 0, "LonginDrive": 5, "StringinDrive": "a",
        "LsiDrive": "b"}
    for name, value in {**values, **drives}.items():
        s.put(name, value)
        target = name.removesuffix("Drive")
        s.monitor(target, "V", "L", "A", "VLA")
        for _ in range(3):
            s.put(name, value)
        s.get(target)
        s.unmonitor(target)


def state_alarms(s: Script) -> None:
    """Severities of states and of changes of state, as given and as changed by a client."""
    s.put("BiDrive", 1, label="first value of Bi")
    s.get("Bi")
    s.put("BiDrive", 1)
    s.monitor("Bi", "V", "L", "A", "P", "VLAP")
    for value in (0, 1, 1, 0, 0, 1):
        s.put("BiDrive", value)
    for field, severity in (("OSV", "MAJOR"), ("OSV", "NO_ALARM"), ("COSV", "MAJOR"), ("COSV", "NO_ALARM")):
        s.put(f"Bi.{field}", severity)
        s.get("Bi")
        s.put("BiDrive", 0)
        s.put("BiDrive", 1)
    s.put("MbbiDrive", 0)
    s.put("MbbiDrive", 0)
    s.monitor("Mbbi", "V", "L", "A", "P", "VLAP")
    for value in (0, 1, 2, 2, 0, 0):
        s.put("MbbiDrive", value)
    for name, field, severity in (("Mbbo", "ZRSV", "MINOR"), ("Mbbo", "UNSV", "MAJOR"), ("Bo", "ZSV",
        "MAJOR")):
        s.put(name, 1)
        s.monitor(name, "V", "A", "VLAP")
        s.put(f"{name}.{field}", severity)
        for value in (0, 1, 0):
            s.put(name, value)
        s.put(f"{name}.{field}", "NO_ALARM")
        s.get(name)
        s.unmonitor(name)


def state_names(s: Script) -> None:
    """States renamed by a client."""
    s.put("Mbbo", 1)
    s.put("Bo", 1)
    s.monitor("Mbbo", "V", "A", "P", "VLAP")
    s.monitor("Mbbo.ONST", "VLAP")
    s.monitor("Bo", "P", "VLAP")
    for name, field, label in (("Mbbo", "ONST", "By hand"), ("Mbbo", "THST", "Fourth"), ("Bo", "ONAM",
        "Bright"),
                               ("Mbbo", "TWST", "")):  # fmt: skip
        s.put(f"{name}.{field}", label)
        s.get(f"{name}.{field}")
        s.get(name, "CTRL_ENUM")
        s.get(name, "STRING")
    s.try_put("Mbbo", "By hand", start=0)
    s.try_put("Mbbo", "Manual", start=0)
    s.get("Mbbo.FFST")
    s.get("Mbbo", "CTRL_ENUM")


def acknowledgement(s: Script) -> None:
    """Transient alarms acknowledged and not."""
    s.put("Ao", 50.0)
    s.monitor("Ao", "A", kind="STSACK_STRING")
    s.monitor("Ao.ACKS", "VLA")
    s.monitor("Ao.ACKT", "VLA")
    steps = (
        ("Ao", 85.0, None), ("Ao", 50.0, None), ("Ao", 1, "PUT_ACKS"), ("Ao", 92.0, None), ("Ao", 85.0, None),
        ("Ao", 1, "PUT_ACKS"), ("Ao", 2, "PUT_ACKS"), ("Ao", 50.0, None), ("Ao", 0, "PUT_ACKT"), ("Ao",
            92.0, None),
        ("Ao", 85.0, None), ("Ao", 50.0, None), ("Ao", 92.0, None), ("Ao", 1, "PUT_ACKT"), ("Ao", 50.0, None),
        ("Ao", 3, "PUT_ACKS"), ("Ao", 85.0, None), ("Ao", 0, "PUT_ACKT"), ("Ao", 1, "PUT_ACKT"), ("Ao.ACKT",
            0, None),
        ("Ao.ACKS", 2, None), ("Ao", 0, "PUT_ACKS"), ("Ao", 50.0, None),
    )  # fmt: skip
    for name, value, kind in steps:
        s.put(name, value, kind)
        s.get("Ao", "STSACK_STRING")


def disabled(s: Script) -> None:
    """DISP keeps clients out."""
    s.try_put("Free", 1.0)
    s.monitor("Free.DISP", "VLA")
    s.put("Free.DISP", 1)
    s.try_put("Free", 2.0)
    s.try_put("Free", 2.0, wait=False)
    s.try_put("Free.DESC", "while disabled")
    s.put("Free.PROC", 1)
    s.put("Free.DISP", 0)
    s.try_put("Free", 3.0)
    s.put("Free.DISP", "1")
    s.get("Free.DISP")
    s.put("Free.DISP", "0")


def processing(s: Script) -> None:
    """PROC of outputs and inputs."""
    for name in ("Free", "Bo", "Stringout"):
        s.put(name, 1)
        s.monitor(name, "VLA")
        s.put(f"{name}.PROC", 1)
        s.put(f"{name}.PROC", 0)
        s.get(name)
    s.get("Free.PROC")
    s.put("Ai.PROC", 1)
    s.get("Ai")


def filters(s: Script) -> None:
    """ts, dbnd, arr and combinations on monitors."""
    names = ('Ai.{"dbnd":{"abs":3}}', 'Ai.{"dbnd":{"rel":10}}', 'Ai.VAL{"dbnd":{"abs":0}}',
             'Ai.{"dbnd":{"d":3}}', 'Ai.{"dbnd":{"m":"abs","d":3}}',
                 'Ai.{"dbnd":{"m":"rel","d":10}}')  # fmt: skip
    more = ('Ai.{"ts":{}}', 'Ai.{"sync":{"m":"while","s":"none"}}', 'Ai.{"dec":{"n":2}}', "Ai.{}", "Ai.{bad",
            'Ai.{"nonsense":{}}', 'Ai.{"utag":{"M":1,"V":1}}', "Ai.NOFIELD", "Nothing", "Ai.HIHI$", "Ai$",
            "Ai.")  # fmt: skip
    s.put("AiDrive", "50")
    there = s.infos((*names, *more), ABSENT_S)
    for name in [name for name in names if name in there]:
        s.monitor(name, "VLA")  # one each: in base, monitors of one channel share the state of its filter
    for value in (51, 53, 53.5, 54, 58, 60, 65, 85, 86, 50):
        s.put("AiDrive", str(value))
    for name in ('Wave.{"arr":{"s":1,"e":2}}', "Wave.[0:1]"):
        s.monitor(name, "V", count=0)
    s.put("Wave", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    s.put("Wave", [1.0, 9.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    s.gets([(name, None, 1) for name in there if name in more])


SCENARIOS = (
    limits_and_hysteresis, limits_of_outputs, deadbands, special_values, moving_limits, limits_switched_on,
        metadata,
    unchanged_values, state_alarms, state_names, acknowledgement, disabled, processing, filters,
)  # fmt: skip
