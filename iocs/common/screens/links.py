"""Which screen belongs to a PV, for whoever is to act on its alarm: the detail of what it is a part of.

Knows the groups that every IOC has; a subsystem adds its own in `details(config)` of its screens.py.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iocs.common.screens.export import declared

SHARED = {"PORT:": "common/line.bob", "Interlock:": "common/interlock.bob", "IOC:": "common/ioc.bob"}
"""By how what follows the prefix begins."""


@dataclass(frozen=True)
class Links:
    """The screens of a subsystem. `root`: URL of opi; `details`: files by what follows `prefix`."""

    root: str
    name: str
    prefix: str
    details: Mapping[str, str]

    def of(self, group: str) -> str:
        """The screen of a group of PVs, by the prefix of their names: an URL that Phoebus opens."""
        rest = group.removeprefix(self.prefix)
        shared = next((file for start, file in SHARED.items() if rest.startswith(start)), "")
        file = self.details.get(rest) or shared or f"{self.name}/{self.name}.bob"
        device = f"&R={rest}" if rest in self.details or shared else ""
        return f"{self.root}/{file}?P={self.prefix}{device}"


def links(root: str, name: str, prefix: str, config: Any) -> Links | None:
    """None for a subsystem without screens."""
    if declared(name) is None:
        return None
    details: Mapping[str, str] = importlib.import_module(f"iocs.{name}.screens").details(config)
    return Links(root.rstrip("/"), name, prefix, details)
