"""PVs of other IOCs as a sensor and as inputs of interlocks."""

import math
from typing import Any

import pytest

from devsup.sensors import Quality, Quantity
from iocs.caserver import AlarmSeverity
from iocs.common.links import Quality as LinkQuality
from iocs.common.links import Reading
from iocs.environment.linked import LinkedFeed, LinkedInput

T, RH = Quantity.TEMPERATURE, Quantity.HUMIDITY


class FakeLink:
    """A link that says what the test wants."""

    def __init__(self, value: Any, quality: LinkQuality = LinkQuality.GOOD) -> None:
        self.name = "LAB:X:T"
        self.at = 5.0
        self.text = str(value)
        self.value, self.quality = value, quality

    @property
    def reading(self) -> Reading:
        reason = "" if self.quality is LinkQuality.GOOD else f"{self.name} is {self.quality.value}"
        return Reading(self.value, self.quality, reason, AlarmSeverity.NO_ALARM, 0.0, 1.0)


async def test_quantities_from_links() -> None:
    feed = LinkedFeed("other", {T: FakeLink(21.5), RH: FakeLink(80)}, {})  # type: ignore[dict-item]
    measured = await feed.read()
    assert (measured[T].value, measured[RH].value, measured[T].at) == (21.5, 80.0, 5.0)
    assert not feed.health.lost


@pytest.mark.parametrize("quality", [q for q in LinkQuality if q is not LinkQuality.GOOD])
async def test_a_link_that_cannot_be_relied_on_is_no_reading(quality: LinkQuality) -> None:
    link = FakeLink(21.5)
    feed = LinkedFeed("other", {T: link}, {})  # type: ignore[dict-item]
    await feed.read()
    link.quality = quality
    measured = (await feed.read())[T]
    assert (measured.value, measured.quality) == (21.5, Quality.FAILED)
    assert quality.value in measured.problem
    assert feed.health.lost
    link.quality = LinkQuality.GOOD
    assert (await feed.read())[T].quality is Quality.GOOD


async def test_a_text_is_no_temperature() -> None:
    feed = LinkedFeed("other", {T: FakeLink("warm")}, {})  # type: ignore[dict-item]
    assert (await feed.read())[T].problem == "LAB:X:T is not a number"


def test_the_input_of_an_interlock() -> None:
    assert LinkedInput(FakeLink(3.0)).sample(9.0).number == 3.0  # type: ignore[arg-type]
    word = LinkedInput(FakeLink("Closed")).sample(9.0)  # type: ignore[arg-type]
    assert word.word == "Closed" and math.isnan(word.number)
    lost = LinkedInput(FakeLink(3.0, LinkQuality.STALE)).sample(9.0)  # type: ignore[arg-type]
    assert lost.problem == "LAB:X:T is stale" and math.isnan(lost.number)
