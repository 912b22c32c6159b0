"""Where our server differs from EPICS base and should not: findings, by number, strictly expected to fail.

A finding that is mended turns its test red: remove it here. Patterns as in differences_intended.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where it shows."""

    title: str
    patterns: tuple[str, ...]


FINDINGS = {
    1: Finding(
        "A single CHAR put to NAME.VAL$ is stored as its code: `caput -S X.VAL$ ''` makes it '0'",
        ("text_puts: put *.VAL$ of 0 characters | *", "text_puts: put *.VAL$ of one letter | *",
         "text_puts: get Stringout | value", "text_puts: get Lso | value",
             "text_puts: get *.$ CHAR [20] | value"),
    ),
    3: Finding(
        "EGU takes more than 15 characters, and DBR_GR/CTRL send 8 of them without a NUL",
        ("metadata: put Ao.EGU STRING 'a unit that is too long' | *", "metadata: get Ao.EGU #3 | value",
         "metadata: get Ao CTRL_DOUBLE #* | units", "written_fields: put Ao.EGU STRING of 39 | then *"),
    ),
    4: Finding(
        "DISP lets every field but VAL be written; base keeps all of them but DISP",
        ("disabled: put Free.DESC STRING 'while disabled' | *", "disabled: put Free.PROC CHAR 1 | status"),
    ),
    5: Finding(
        'The dbnd filter in its documented form, {"dbnd":{"m":"rel","d":10}} or {"d":3}, never connects',
        ('filters: info Ai.{"dbnd":{"d":3}} | *', 'filters: info Ai.{"dbnd":{"m":* | *',
            'filters: *{"dbnd":{"d":3}} VLA',
         'filters: *{"dbnd":{"m":"*'),
    ),
    6: Finding(
        "A channel with an array filter announces the elements of the whole array",
        ("whole_arrays: info Wave.* | count",),
    ),
    7: Finding(
        "Settings that are no metadata (MDEL, ADEL, HYST) send DBE_PROPERTY events",
        ("deadbands: put Band.*DEL DOUBLE * | events Band *P", "moving_limits: put Ai.HYST DOUBLE 20.0 | *"),
    ),
    8: Finding(
        "STAT does not answer DBE_ALARM monitors; STAT, SEVR and ACKS answer DBE_LOG ones",
        ("limits_and_hysteresis: * | events Ai.STAT A", "limits_and_hysteresis: * | events Ai.STAT L",
         "limits_and_hysteresis: * | events Ai.SEVR L", "limits_and_hysteresis: * | events Ai.ACKS L"),
    ),
    9: Finding(
        "DBR_STRING of a number rounds a tie to even (85.125 -> 85.12); base rounds it up (85.13)",
        ("types: get Ai *STRING*", "types: get Clip *STRING*", "types: get Wave *_STRING* | value",
         "types: get Wave STRING* | value"),
    ),
    10: Finding(
        "Part of a long string has no NUL at its end",
        ("text_puts: get *.$ CHAR [20] #* | value", "long_names_of_fields: get *$ CHAR | value"),
    ),
    11: Finding(
        "An empty text is refused by numeric fields, while VAL takes it as 0",
        ("written_fields: put Ao.* STRING '' | *",),
    ),
    12: Finding(
        "PREC beyond 16 bit is stored, and told differently as number and as text",
        ("written_fields: put Ao.PREC STRING '40000' | *", "written_fields: put Ao.PREC LONG 40000 | *"),
    ),
    13: Finding(
        "A renamed state or unit is sent twice to monitors of the field; a renamed state is no event of VAL",
        ("state_names: put Mbbo.ONST STRING 'By hand' | *",
         "metadata: put Ao.EGU STRING 'g/h' | *"),
    ),
}  # fmt: skip
