"""One small file that survives crashes: written whole or not at all, with dated generations behind it.

Knows JSON, digests and renames; knows no PV. Nothing here raises for what it finds on the disk when reading.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
GENERATIONS = 10
"""Dated copies kept besides the newest file."""
STAMP = "%Y%m%dT%H%M%S"
MARK = "sha256:"


@dataclass(frozen=True)
class State:
    """What was read: the content, from which file, and what was wrong with the files before it."""

    content: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    complaints: tuple[str, ...] = ()


class StateFile:
    """`<folder>/<name>.json` of one owner. Blocking: for a thread, or for start and stop."""

    def __init__(self, folder: Path, name: str, owner: str) -> None:
        self.path = folder / f"{name}.json"
        self._owner = owner

    def write(self, content: dict[str, Any]) -> None:
        """Replace the file. When this returns the new content is on the disk; OSError if it is not."""
        body = {"format": FORMAT, "owner": self._owner, "saved": _iso(time.time()), **content}
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1)
        draft = self.path.with_suffix(".draft")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(f"{text}\n{MARK}{_digest(text)}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        _sync_folder(self.path.parent)

    def read(self) -> State:
        """The newest content that is whole and ours: the file itself, else the dated copies, newest first."""
        complaints: list[str] = []
        for path in [self.path, *self.generations()]:
            try:
                return State(self._read(path), path.name, tuple(complaints))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                complaints.append(f"{path.name}: {error}")
        return State(complaints=tuple(complaints))

    def set_aside(self) -> None:
        """Keep a dated copy of the file as it is, and no more than GENERATIONS of them. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            text = self.path.read_bytes()
            copy = self.path.with_name(f"{self.path.stem}_{time.strftime(STAMP)}.json")
            draft = copy.with_suffix(".draft")
            draft.write_bytes(text)
            draft.replace(copy)
        for old in self.generations()[GENERATIONS:]:
            old.unlink(missing_ok=True)

    def generations(self) -> list[Path]:
        """Dated copies, newest first."""
        return sorted(self.path.parent.glob(f"{self.path.stem}_*.json"), reverse=True)

    def _read(self, path: Path) -> dict[str, Any]:
        """Its content. Raises ValueError with words for what is wrong with it."""
        text, found, digest = path.read_text(encoding="utf-8").rpartition(MARK)
        if not found or digest.strip() != _digest(text.removesuffix("\n")):
            raise ValueError("is cut short or was changed by hand")
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError("is of another version")
        if content.get("owner") != self._owner:
            raise ValueError(f"belongs to {content.get('owner')}, not to {self._owner}")
        return content


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))


def _sync_folder(folder: Path) -> None:
    """So that the new name is on the disk as well; not every system lets a folder be opened."""
    with _opened(folder) as descriptor:
        if descriptor is not None:
            os.fsync(descriptor)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
