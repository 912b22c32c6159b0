"""What outlives a restart: duty and hours with wall-clock stamps, the light's anchor, the history's file."""

import json
import math
import time
from pathlib import Path

import pytest

from iocs.caserver import Refused
from iocs.common.memory import Memory
from iocs.environment.history import Action, History
from iocs.environment.light import LightGroup, latest
from iocs.environment.logic import Contact
from iocs.environment.logic.duty import Duty, share
from iocs.environment.remembered import Life, remember, restore_contacts, restore_lives
from tests.environment.chambers import FAN, LIGHT, MIST

WALL = 1_700_000_000.0
RELAYS = [FAN, MIST, LIGHT]


def saved(now: float = 5000.0, wall: float = WALL) -> Memory:
    """A fan that ran for 600 s until 100 s ago, a mist that has been on for 50 s, a light never used."""
    memory = Memory()
    contacts = {
        FAN: Contact(False, now - 100.0, Duty(((now - 700.0, now - 100.0),))),
        MIST: Contact(True, now - 50.0, Duty(((now - 50.0, math.inf),))),
        LIGHT: Contact(),
    }
    lives = {FAN: Life(3600.0, 12), MIST: Life(0.0, 1), LIGHT: Life()}
    remember(memory, contacts, lives, now, wall)
    return memory


def test_the_time_switched_off_counts_as_off() -> None:
    contacts = restore_contacts(saved(), RELAYS, 7.0, WALL + 1000.0)
    assert share(contacts[FAN].duty, 1800.0, 7.0) == pytest.approx(600.0 / 1800.0)
    assert contacts[FAN].changed_at == pytest.approx(7.0 - 1100.0)
    assert not any(contact.on for contact in contacts.values())


def test_what_was_on_counts_as_on_until_it_was_last_known_to_be_alive() -> None:
    contacts = restore_contacts(saved(), RELAYS, 0.0, WALL + 100.0)
    assert contacts[MIST].duty.runs == ((-150.0, 0.0),), "no longer than until now"
    contacts = restore_contacts(saved(), RELAYS, 0.0, WALL + 1000.0)
    assert contacts[MIST].duty.runs == ((-1050.0, -700.0),), "300 s after the last sign of life"
    assert contacts[MIST].changed_at == 0.0, "it has just been switched off"


def test_a_clock_that_went_back_makes_nothing_younger_than_now() -> None:
    contacts = restore_contacts(saved(), RELAYS, 0.0, WALL - 50_000.0)
    assert contacts[FAN].changed_at <= 0.0
    assert all(end <= 0.0 for contact in contacts.values() for _, end in contact.duty.runs)
    assert share(contacts[FAN].duty, 1800.0, 0.0) > 0.3


def test_hours_and_switches() -> None:
    lives = restore_lives(saved(), RELAYS)
    assert (lives[FAN].on_s, lives[FAN].switches) == (3600.0, 12)
    assert restore_lives(Memory(), RELAYS)[FAN].switches == 0


def test_a_first_start_knows_nothing() -> None:
    assert restore_contacts(Memory(), RELAYS, 0.0, WALL) == dict.fromkeys(RELAYS, Contact())


# The light's anchor


def test_the_last_moment_of_a_time_of_day() -> None:
    noon = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))
    assert latest("06:30", noon) == noon - 5.5 * 3600.0
    assert latest("12:00", noon) == noon
    assert latest("18:00", noon) == noon - 18 * 3600.0


async def test_an_anchor_is_remembered_with_its_moment() -> None:
    memory = Memory()
    group = LightGroup("X:", memory, "06:00")
    first = group.begin()
    assert time.time() - 86_400.0 <= first <= time.time()
    memory.set("light", ["06:00", 123.0])
    assert group.begin() == 123.0
    group.anchor.set_ok("07:00")
    assert group.begin() != 123.0
    with pytest.raises(Refused, match="expected HH:MM"):
        await group.put_anchor("7 o'clock")


# History


def action(at: float, relay: str = "Fan", on: bool = True) -> Action:
    return Action(at, relay, on, 1, "why")


def test_the_last_day_newest_first() -> None:
    history = History(100)
    for hour in range(30):
        history.add(action(WALL + 3600.0 * hour))
    times = [item.time for item in history]
    assert times == sorted(times, reverse=True)
    assert times[-1] == WALL + 3600.0 * 5


def test_the_file_keeps_everything_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "history.jsonl"
    history = History(100)
    history.open(file, WALL)
    for hour in range(30):
        history.add(action(WALL + 3600.0 * hour, on=bool(hour % 2)))
    assert len(file.read_text().splitlines()) == 30
    with file.open("a") as lines:
        lines.write('{"time": 1700')  # a crash
    again = History(100)
    again.open(file, WALL + 3600.0 * 29)
    assert list(again) == list(history)


def test_a_file_that_grows_too_large_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iocs.environment.history.LARGEST", 100)
    file = tmp_path / "history.jsonl"
    history = History(100)
    history.open(file, WALL)
    for second in range(5):
        history.add(action(WALL + second))
    assert file.with_name("history.jsonl.1").exists()
    assert all(json.loads(line)["relay"] == "Fan" for line in file.read_text().splitlines())


def test_a_disk_that_is_full_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    history = History(100)
    history.open(tmp_path / "file" / "history.jsonl", WALL)
    history.add(action(WALL))
    history.add(action(WALL + 1))
    assert len(list(history)) == 2
    assert caplog.text.count("history is not written") == 1
