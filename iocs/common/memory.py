"""What an IOC remembers over a restart besides its saved PVs: hours run, duty history, and the like.

Knows names and JSON values; where they are kept is autosave's business.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Memory:
    """A small dictionary that outlives the process. Empty until the IOC's state has been restored."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        self.on_change: Callable[[], None] | None = None
        self.beside: Path | None = None
        """The IOC's state file, without its suffix; None: nothing is kept. For files of its own beside it."""

    def get(self, key: str, default: Any = None) -> Any:
        """What was last set under this key, in this run or an earlier one."""
        return self._kept.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Remember a JSON value. Raises TypeError or ValueError for anything else (NaN is no JSON).

        On the disk within a second: what changes all the time is best set now and then.
        """
        plain = json.loads(json.dumps(value, allow_nan=False))
        if self._kept.get(key) != plain:
            self._kept[key] = plain
            if self.on_change is not None:
                self.on_change()

    def snapshot(self) -> dict[str, Any]:
        return dict(self._kept)

    def restore(self, kept: dict[str, Any]) -> None:
        """Take over what an earlier run has left."""
        self._kept.update(kept)
