"""Recipes as files: read, kept, deleted; no recipe costs another its file."""

from pathlib import Path

import pytest

from iocs.common.config import ConfigError
from iocs.common.interlock import Quantity
from iocs.gas.recipes.store import Store

QUANTITIES = {"chamber_pressure": Quantity("Chamber pressure", "Torr")}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "recipes", ("Ar", "O2"), QUANTITIES)


def text(name: str, flow: float = 1.0, more: str = "") -> str:
    return f"name: {name}\nsteps: [{{name: A, duration: 1, flows: {{Ar: {flow}}}{more}}}]\n"


def test_a_definition_replaces_the_recipe_of_its_name_and_no_other(store: Store) -> None:
    for name in ("Clean 1", "Clean-1", "clean_1"):
        store.define(text(name))
    store.define(text("Clean-1", flow=7.0))
    assert sorted(store.recipes) == ["Clean 1", "Clean-1", "clean_1"]
    assert [store.recipes[name].steps[0].flow("Ar") for name in ("Clean 1", "Clean-1")] == [1.0, 7.0]
    assert len(list(store.folder.iterdir())) == 3
    store.delete("Clean 1")
    assert sorted(store.recipes) == ["Clean-1", "clean_1"]


@pytest.mark.parametrize(
    ("definition", "complaint"),
    [
        ("name: ../evil\nsteps: [{name: A, duration: 1}]", "name"),
        (text("X", more=", until: {quantity: moon, condition: is Full}"), "'moon' is not known"),
        (text("X", more=", until: {quantity: chamber_pressure, condition: low}"), "expected 'at most 5'"),
        (text("X") + "safe_state: Nowhere\n", "neither zero nor the name of a step"),
        ("name: $(HOME)\nsteps: [{name: A, duration: 1}]", "HOME"),
        ("name: [", "not valid YAML"),
    ],
)
def test_a_wrong_definition_leaves_nothing_behind(store: Store, definition: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        store.define(definition)
    assert list(store.folder.iterdir()) == []
    assert store.recipes == {}


def test_a_broken_file_is_left_out_and_told_of(store: Store) -> None:
    store.define(text("Good"))
    (store.folder / "bad.yaml").write_text("name: Bad\n")
    (store.folder / "twin.yaml").write_text(text("Good"))
    store.reload()
    assert list(store.recipes) == ["Good"]
    assert len(store.problems) == 2
    with pytest.raises(KeyError):
        store.delete("Bad")
