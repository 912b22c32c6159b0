"""Who may do what: the rules of an access file applied to a user, a host and the inputs of the moment.

Pure. As EPICS base's asLib decides: the first rules that fit decide no more than they give; an input that
is missing makes every rule that uses it not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from iocs.common.access.acf import Acf, Rights, Rule
from iocs.common.access.calc import INPUTS

VALUE_LEVEL, FIELD_LEVEL = 0, 1
"""The security level of VAL, and of every other field, in the records of EPICS base."""


class Grant(NamedTuple):
    """What somebody may do, and whether puts are to be logged."""

    rights: Rights
    trap: bool


def grant(acf: Acf, group: str, level: int, user: str, host: str, inputs: Mapping[str, float]) -> Grant:
    """Rights to a field of `level` in an access group. `inputs`: the good values, by PV name."""
    found = acf.group(group)
    numbers = {index: inputs[name] for index, name in found.inputs.items() if name in inputs}
    best = Grant(Rights.NONE, False)
    for rule in found.rules:
        if best.rights is Rights.WRITE:
            break
        if rule.rights > best.rights and level <= rule.level and _fits(acf, rule, user, host, numbers):
            best = Grant(rule.rights, rule.trap)
    return best


def _fits(acf: Acf, rule: Rule, user: str, host: str, numbers: Mapping[int, float]) -> bool:
    if rule.users and not any(user in acf.users[name] for name in rule.users):
        return False
    if rule.hosts and not any(host.lower() in acf.hosts[name] for name in rule.hosts):
        return False
    if rule.calc is None:
        return True
    if not rule.calc.inputs or not rule.calc.inputs <= numbers.keys():
        return False  # base never looks at a CALC without inputs
    return rule.calc.holds([numbers.get(index, 0.0) for index in range(len(INPUTS))])
