"""The file that settings are kept in: written whole, read from the newest copy that is whole and ours."""

import json
import os
from pathlib import Path

import pytest

from iocs.common.statefile import GENERATIONS, StateFile


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "state", "LAB-FLOW", "flow LAB:FLOW:")


def older(file: StateFile, content: dict[str, object], stamp: str) -> Path:
    """A dated copy, as an earlier day has left it."""
    file.write(content)
    copy = file.path.with_name(f"{file.path.stem}_{stamp}.json")
    copy.write_bytes(file.path.read_bytes())
    return copy


def test_nothing_there_is_no_complaint(file: StateFile) -> None:
    state = file.read()
    assert (state.content, state.file, state.complaints) == ({}, "", ())


def test_what_was_written_is_read(file: StateFile) -> None:
    file.write({"values": {"N2:PollPeriod": 0.5, "Note": "Grüße", "Off": None}})
    state = file.read()
    assert state.content["values"] == {"N2:PollPeriod": 0.5, "Note": "Grüße", "Off": None}
    assert (state.file, state.complaints) == ("LAB-FLOW.json", ())


def test_what_json_cannot_hold_leaves_the_old_file(file: StateFile) -> None:
    file.write({"values": {"a": 1}})
    with pytest.raises(ValueError):
        file.write({"values": {"a": float("nan")}})
    assert file.read().content["values"] == {"a": 1}


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda text: "", "cut short or was changed by hand"),
        (lambda text: text[: len(text) // 2], "cut short or was changed by hand"),
        (lambda text: text.replace(": 2", ": 3"), "cut short or was changed by hand"),
        (lambda text: "\0" * len(text), "cut short or was changed by hand"),
    ],
)
def test_a_spoilt_file_gives_way_to_the_newest_whole_copy(
    file: StateFile, spoil: object, complaint: str
) -> None:
    older(file, {"values": {"a": 0}}, "20260101T000000")
    older(file, {"values": {"a": 1}}, "20260102T000000")
    file.write({"values": {"a": 2}})
    file.path.write_text(spoil(file.path.read_text()))  # type: ignore[operator]
    state = file.read()
    assert (state.content["values"], state.file) == ({"a": 1}, "LAB-FLOW_20260102T000000.json")
    assert complaint in state.complaints[0]


def test_bytes_that_are_no_text_give_way_as_well(file: StateFile) -> None:
    older(file, {"values": {"a": 1}}, "20260102T000000")
    file.path.write_bytes(os.urandom(300))
    assert file.read().content["values"] == {"a": 1}


def test_a_foreign_file_and_another_version_are_not_believed(file: StateFile, tmp_path: Path) -> None:
    StateFile(file.path.parent, "LAB-FLOW", "gas LAB:GAS:").write({"values": {"a": 1}})
    assert "belongs to gas LAB:GAS:" in file.read().complaints[0]
    file.write({"values": {}})
    text = file.path.read_text().replace('"format": 1', '"format": 7').rpartition("sha256:")[0]
    import hashlib

    digest = hashlib.sha256(text.removesuffix("\n").encode()).hexdigest()
    file.path.write_text(f"{text}sha256:{digest}\n")
    assert "another version" in file.read().complaints[0]


def test_old_generations_are_pruned(file: StateFile) -> None:
    for day in range(1, GENERATIONS + 5):
        older(file, {"values": {"day": day}}, f"202601{day:02d}T000000")
    file.set_aside()
    assert len(file.generations()) == GENERATIONS
    oldest = file.generations()[-1].read_text()
    assert json.loads(oldest.rpartition("sha256:")[0])["values"] == {"day": 6}


def test_to_set_aside_nothing_is_harmless(file: StateFile) -> None:
    file.set_aside()
    assert file.generations() == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError):
        StateFile(tmp_path / "taken", "X", "x").write({})
