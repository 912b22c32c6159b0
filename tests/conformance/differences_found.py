"""Where our server differs from EPICS base and should not: findings, by number, strictly expected to fail.

A finding that is mended turns its test red: remove it here. Patterns as in differences_intended.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where it shows."""

    title: str
    patterns: tuple[str, ...]


FINDINGS: dict[int, Finding] = {}
