"""What the relays have done: the last 24 hours in memory, and every action as a line of JSON in a file.

Knows actions and a file that only grows; knows no PV and no relay.
"""

import json
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

DAY_S = 86_400.0
LARGEST = 5_000_000  # bytes; then the file is set aside once, as NAME.1

log = logging.getLogger("environment.history")


@dataclass(frozen=True, slots=True)
class Action:
    """A contact changed. `time`: UNIX seconds; `code`: the number of the reason's code."""

    time: float
    relay: str
    on: bool
    code: int
    reason: str


class History:
    """The last 24 hours, newest first. Without a file it begins empty."""

    def __init__(self, most: int) -> None:
        self._actions: deque[Action] = deque(maxlen=most)
        self._file: Path | None = None
        self._failing = False

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions)

    def open(self, file: Path | None, now: float) -> None:
        """Take over what the file holds of the last 24 hours, and go on in it. Never raises."""
        self._file = file
        if file is not None:
            for action in _read(file, now - DAY_S):
                self._actions.appendleft(action)

    def add(self, action: Action) -> None:
        """Remember an action; what is older than 24 hours is forgotten here, not in the file."""
        self._actions.appendleft(action)
        while self._actions[-1].time < action.time - DAY_S:
            self._actions.pop()
        if self._file is not None:
            self._write(self._file, action)

    def _write(self, file: Path, action: Action) -> None:
        """A line; one that cannot be written is told of once."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.exists() and file.stat().st_size > LARGEST:
                file.replace(file.with_name(file.name + ".1"))
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(action)) + "\n")
        except OSError as error:
            if not self._failing:
                log.error("history is not written: %s", error)
            self._failing = True
        else:
            self._failing = False


def _read(file: Path, since: float) -> list[Action]:
    """The actions in a file, oldest first. A line that was cut off by a crash is passed over."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [action for action in map(_parse, lines) if action is not None and action.time >= since]


def _parse(line: str) -> Action | None:
    try:
        item = json.loads(line)
        return Action(
            float(item["time"]), str(item["relay"]), bool(item["on"]), int(item["code"]), str(item["reason"])
        )
    except (ValueError, TypeError, KeyError):
        return None
