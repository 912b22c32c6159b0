"""PVs of other IOCs as inputs of interlocks: good values count, everything else is a problem."""

import math

import pytest

from iocs.caserver import AlarmSeverity
from iocs.common.interlock.linked import LinkedPV
from iocs.common.links import Quality, Reading


class FakeLink:
    """A link as the input sees it."""

    def __init__(self, value: object, quality: Quality = Quality.GOOD, text: str = "") -> None:
        reason = "" if quality is Quality.GOOD else f"X is {quality.value}"
        self.reading = Reading(value, quality, reason, AlarmSeverity.NO_ALARM, 0.0, 2.0)  # type: ignore[arg-type]
        self.text = text


def test_a_number_counts_from_the_last_contact() -> None:
    sample = LinkedPV(FakeLink(1.5, text="1.5")).sample(100.0)  # type: ignore[arg-type]
    assert (sample.number, sample.word, sample.at, sample.problem) == (1.5, "1.5", 98.0, "")


def test_a_state_is_a_number_and_a_word_and_a_text_is_a_word() -> None:
    state = LinkedPV(FakeLink(1, text="Closed")).sample(100.0)  # type: ignore[arg-type]
    assert (state.number, state.word) == (1.0, "Closed")
    text = LinkedPV(FakeLink("open", text="open")).sample(100.0)  # type: ignore[arg-type]
    assert math.isnan(text.number) and text.word == "open"


@pytest.mark.parametrize("quality", [quality for quality in Quality if quality is not Quality.GOOD])
def test_what_is_not_good_is_a_problem(quality: Quality) -> None:
    sample = LinkedPV(FakeLink(1.0, quality)).sample(100.0)  # type: ignore[arg-type]
    assert sample.problem == f"X is {quality.value}"
