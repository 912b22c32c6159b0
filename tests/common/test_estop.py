"""PVs every IOC has: the emergency stop, whatever stopping means; the words of a refusal; the uptime."""

import asyncio
from typing import Any

import pytest

from iocs.caserver import AlarmSeverity, Refused
from iocs.common import pv
from iocs.common.estop import EStopPVs, Refusals
from iocs.common.group import Group
from iocs.common.status import uptime_text


class Plant:
    """What is stopped; `problem` is what goes wrong with that."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.problem = ""
        self.pvs = EStopPVs("P:", self.trip, self.release)

    async def trip(self) -> str:
        self.did.append("trip")
        return self.problem

    async def release(self) -> str:
        self.did.append("release")
        return self.problem


def press(button: Any) -> None:
    asyncio.run(button.putter(1))


def test_a_stop_latches_until_it_is_reset() -> None:
    plant = Plant()
    assert (plant.pvs.active.label, plant.pvs.active.severity) == ("Ready", AlarmSeverity.NO_ALARM)
    press(plant.pvs.estop)
    assert (plant.pvs.active.label, plant.pvs.active.severity) == ("STOPPED", AlarmSeverity.MAJOR)
    press(plant.pvs.reset)
    assert (plant.pvs.active.label, plant.did) == ("Ready", ["trip", "release"])


def test_a_stop_that_is_not_wholly_confirmed_is_latched_and_says_so() -> None:
    plant = Plant()
    plant.problem = "N2 not confirmed"
    with pytest.raises(Refused, match="stopped and latched, but: N2 not confirmed"):
        press(plant.pvs.estop)
    assert plant.pvs.active.label == "STOPPED"


def test_a_reset_that_fails_stays_latched() -> None:
    plant = Plant()
    press(plant.pvs.estop)
    plant.problem = "the door is open"
    with pytest.raises(Refused, match="the door is open"):
        press(plant.pvs.reset)
    assert plant.pvs.active.label == "STOPPED"


def test_a_refusal_is_told_in_reason_and_a_safety_order_is_not_called_refused() -> None:
    class Lab(Group):
        setpoint = pv.setpoint("Setpoint", "Demand", writable=True)
        stop = pv.command("Stop", "Stop", access="SAFETY", writable=True)

    said: list[str] = []
    lab = Lab("LAB:P:", hooks=Refusals(said.append, "LAB:"))
    lab.refused(lab.setpoint, "too much", 11.0, "user", "host")
    lab.refused(lab.stop, "one is not confirmed", 1, "user", "host")
    assert said == ["too much (P:Setpoint = 11.0 refused)", "P:Stop: one is not confirmed"]


def test_a_reason_is_cut_to_what_its_pv_holds() -> None:
    plant = Plant()
    plant.pvs.say("µ" * 500)
    assert 0 < len(plant.pvs.reason.value.encode()) <= 160
    assert set(plant.pvs.reason.value) == {"µ"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.9, "00:00:00"),
        (3661, "01:01:01"),
        (86400, "1 day, 00:00:00"),
        (200000.5, "2 days, 07:33:20"),
    ],
)
def test_uptime_in_words(seconds: float, text: str) -> None:
    assert uptime_text(seconds) == text
