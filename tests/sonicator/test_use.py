"""What is remembered of a sonicator's use, and that nonsense in the memory does no harm."""

import time

import pytest

from devsup.sonicator_values import Flag, Reading
from iocs.common.memory import Memory
from iocs.sonicator.logic import Limits
from iocs.sonicator.use import Use

DUTY = Limits(duty=0.5, window_s=100.0)


def run(use: Use, seconds: float) -> None:
    """It has been running for so long, until now."""
    now = time.monotonic()
    for tick in range(int(seconds * 2) + 1):
        at = now - seconds + tick / 2
        running = Flag.RUNNING if at < now else Flag.NONE
        use.book(Reading(100.0, 20000.0, running, 60.0, at, at), DUTY, at)


def test_history_and_totals_are_taken_over() -> None:
    memory = Memory()
    first = Use("SON4", memory)
    run(first, 36.0)
    again = Use("SON4", memory)
    again.restore()
    now = time.monotonic()
    assert again.totals.energy_wh == pytest.approx(1.0, abs=0.02)
    assert again.usage.used_s(100.0, now) == pytest.approx(36.0, abs=1.0)
    assert not again.usage.running
    again.reset()
    assert (again.totals.energy_wh, again.usage.used_s(100.0, now) > 30) == (0.0, True)


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"SON4 totals": 7, "SON4 stretches": 7},
        {"SON4 totals": {"energy_wh": "x", "run_s": -1}, "SON4 stretches": [1, [2], ["a", "b"], [9, 3]]},
    ],
)
def test_nonsense_in_the_memory_is_left_out(kept: dict[str, object]) -> None:
    memory = Memory()
    memory.restore(kept)
    use = Use("SON4", memory)
    use.restore()
    assert (use.totals.energy_wh, use.totals.run_s, use.usage.stretches) == (0.0, 0.0, ())
