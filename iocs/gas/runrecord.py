"""What a run of a recipe leaves behind: a line of JSON, in one file a day, even if the IOC was killed in it.

Knows runs, a folder and a memory that outlives the process. A disk that fails costs the line, and is logged.
"""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

from iocs.common.memory import Memory
from iocs.gas.recipes.machine import Run
from iocs.gas.recipes.recipe import Recipe

KEY = "recipe run"
STAMP = "%Y-%m-%dT%H:%M:%S"
log = logging.getLogger("gas.recipe")


class RunRecord:
    """The run under way. Without a folder nothing is kept."""

    def __init__(self, folder: Path | None, memory: Memory) -> None:
        self._folder = folder
        self._memory = memory
        self._story: dict[str, Any] = {}

    def recover(self) -> str:
        """Write down a run that an earlier process left unfinished. Returns what became of it, in words."""
        story = self._memory.get(KEY)
        if not story:
            return ""
        steps = story.get("steps", [])
        where = f"in step {len(steps)} {steps[-1]['name']}" if steps else "before its first step"
        message = f"{story.get('recipe')} was interrupted {where}: the IOC ended. Nothing was moved"
        self._write({**story, "end": time.strftime(STAMP), "result": "Interrupted", "message": message})
        return message

    def begin(self, recipe: Recipe) -> None:
        """A run has begun."""
        self._story |= {"recipe": recipe.name, "start": time.strftime(STAMP), "who": ""}
        self._memory.set(KEY, self._story)

    def started_by(self, who: str) -> None:
        if self._story:
            self._story["who"] = who
            self._memory.set(KEY, self._story)

    def step(self, name: str) -> None:
        """A step has begun."""
        self._story.setdefault("steps", []).append({"name": name, "at": time.strftime(STAMP)})
        self._memory.set(KEY, self._story)

    def end(self, run: Run) -> None:
        """Write it down; does not wait for the disk."""
        end = {"end": time.strftime(STAMP), "result": run.state.value, "message": run.message}
        story, self._story = self._story | end, {}
        self._write(story)

    def _write(self, story: dict[str, Any]) -> None:
        self._memory.set(KEY, None)
        if self._folder is not None:
            asyncio.get_running_loop().run_in_executor(None, _append, self._folder, story)


def _append(folder: Path, story: dict[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"runs-{time.strftime('%Y-%m-%d')}.json").open("a", encoding="utf-8") as file:
            file.write(json.dumps(story, ensure_ascii=False) + "\n")
    except OSError as error:
        log.error("run not recorded: %s", error)
