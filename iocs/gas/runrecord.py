"""What a run of a recipe leaves behind: a line of JSON, in one file a day.

Knows runs and a folder. A disk that fails costs the line, and is logged.
"""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

from iocs.gas.recipes.machine import Run
from iocs.gas.recipes.recipe import Recipe

STAMP = "%Y-%m-%dT%H:%M:%S"
log = logging.getLogger("gas.recipe")


class RunRecord:
    """The run under way. Without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._story: dict[str, Any] = {}

    def begin(self, recipe: Recipe) -> None:
        """A run has begun."""
        self._story |= {"recipe": recipe.name, "start": time.strftime(STAMP), "who": ""}

    def started_by(self, who: str) -> None:
        if self._story:
            self._story["who"] = who

    def step(self, name: str) -> None:
        """A step has begun."""
        self._story.setdefault("steps", []).append({"name": name, "at": time.strftime(STAMP)})

    def end(self, run: Run) -> None:
        """Write it down; does not wait for the disk."""
        end = {"end": time.strftime(STAMP), "result": run.state.value, "message": run.message}
        story, self._story = self._story | end, {}
        if self._folder is not None:
            asyncio.get_running_loop().run_in_executor(None, _append, self._folder, story)


def _append(folder: Path, story: dict[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"runs-{time.strftime('%Y-%m-%d')}.json").open("a", encoding="utf-8") as file:
            file.write(json.dumps(story, ensure_ascii=False) + "\n")
    except OSError as error:
        log.error("run not recorded: %s", error)
