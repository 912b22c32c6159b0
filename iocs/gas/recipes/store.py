"""Recipes as YAML files in a folder: read, checked, added, deleted.

Knows files and the shape of a recipe; knows no chamber, so nothing here says whether one may run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from iocs.common.config import ConfigError, Section, load
from iocs.common.interlock import Quantity, condition
from iocs.gas.recipes.recipe import ZERO, Recipe, Step, Until

NAME = r"[A-Za-z0-9][A-Za-z0-9 _\-]{0,38}"


class Store:
    """The recipes of one folder, by name. `gases` and `quantities`: what steps may name."""

    def __init__(self, folder: Path, gases: tuple[str, ...], quantities: Mapping[str, Quantity]) -> None:
        self.folder = folder
        self.recipes: dict[str, Recipe] = {}
        self.problems: list[str] = []
        self._gases = gases
        self._quantities = quantities

    def reload(self) -> None:
        """Read all files. A broken one is left out and told of in `problems`."""
        self.recipes, self.problems = {}, []
        for file in sorted(self.folder.glob("*.yaml")):
            try:
                recipe = self.read(file)
            except ConfigError as error:
                self.problems.append(str(error))
                continue
            if recipe.name in self.recipes:
                self.problems.append(f"{file}: there is another recipe {recipe.name}")
            else:
                self.recipes[recipe.name] = recipe

    def read(self, file: Path) -> Recipe:
        """One recipe. Raises ConfigError with everything that is wrong with it."""
        document = load(file, {})
        recipe = self._recipe(document)
        document.finish()
        return recipe

    def define(self, text: str) -> Recipe:
        """Check a recipe given as YAML and keep it under its name, replacing the one before.

        Raises ConfigError for what is wrong with it, OSError if it cannot be kept.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(suffix=".draft", dir=self.folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            recipe = self.read(Path(draft))
            Path(draft).replace(self._file(recipe.name))
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
        self.reload()
        return recipe

    def delete(self, name: str) -> None:
        """Forget a recipe and its file. Raises KeyError for an unknown one, OSError if it cannot be."""
        del self.recipes[name]
        for file in self.folder.glob("*.yaml"):
            with contextlib.suppress(ConfigError):
                if self.read(file).name == name:
                    file.unlink()
        self.reload()

    def _file(self, name: str) -> Path:
        for file in self.folder.glob("*.yaml"):
            with contextlib.suppress(ConfigError):
                if self.read(file).name == name:
                    return file
        return self._free_file(re.sub(r"[^a-z0-9]+", "-", name.lower()))

    def _free_file(self, stem: str) -> Path:
        """A name that no other recipe's file has, however alike theirs are."""
        names = (f"{stem}{number or ''}.yaml" for number in itertools.count())
        return next(file for name in names if not (file := self.folder / name).exists())

    # -- the shape of a recipe ------------------------------------------------------------------

    def _recipe(self, section: Section) -> Recipe:
        steps = tuple(self._step(step) for step in section.sequence("steps", at_least=1))
        safe_state = section.text("safe_state", default=ZERO)
        if safe_state not in (ZERO, *(step.name for step in steps)):
            section.error("safe_state", f"{safe_state!r} is neither {ZERO} nor the name of a step")
        return Recipe(
            name=section.text("name", pattern=NAME),
            description=section.text("description", pattern=r"(?s).{0,199}", default=""),
            steps=steps,
            safe_state=safe_state,
        )

    def _step(self, section: Section) -> Step:
        flows = section.section("flows", optional=True)
        for name in flows.names():
            if name not in self._gases:
                flows.error(name, f"there is no such gas here; there are {', '.join(self._gases)}")
        return Step(
            name=section.text("name", pattern=r".{1,39}"),
            duration_s=section.number("duration", low=0, high=1e6, unit="s"),
            flows={name: flows.number(name, low=0, high=1e6, unit="sccm") for name in flows.names()},
            ramp=section.flag("ramp", default=False),
            tolerance=section.number("tolerance", low=0.1, high=100, unit="% of full scale", default=None),
            settle_timeout_s=section.number("settle_timeout", low=1, high=86400, unit="s", default=60.0),
            until=self._until(section) if section.has("until") else None,
        )

    def _until(self, section: Section) -> Until | None:
        until = section.section("until")
        quantity = until.text("quantity")
        if quantity not in self._quantities:
            until.error("quantity", f"{quantity!r} is not known; there are {', '.join(self._quantities)}")
        wanted = until.text("condition")
        timeout_s = until.number("timeout", low=1, high=86400, unit="s", default=600.0)
        try:
            return Until(quantity, condition(wanted), timeout_s)
        except ValueError as error:
            until.error("condition", str(error))
            return None
