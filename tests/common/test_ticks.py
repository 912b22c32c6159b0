"""The steady beat of polls and displays."""

import asyncio

import pytest

from iocs.common.ticks import Ticks


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_first_tick_comes_at_once() -> None:
    assert await asyncio.wait_for(Ticks(3600.0).next(), 5.0) == 0


async def test_ticks_are_counted_from_the_first_and_none_comes_early() -> None:
    ticks, start = Ticks(0.02), now()
    missed = sum([await ticks.next() for _ in range(11)])
    assert now() - start >= (10 + missed) * 0.02 - 0.001


async def test_what_takes_too_long_is_counted_and_not_made_up_for() -> None:
    ticks = Ticks(0.01)
    await ticks.next()
    due = now() + 0.035
    while now() < due:
        await asyncio.sleep(0)
    missed = await ticks.next()
    assert missed >= 2
    assert ticks.overruns == missed
    late = now()
    await ticks.next()
    assert now() > late, "no burst of what was missed"


@pytest.mark.parametrize("ticked", [False, True])
async def test_a_new_period_counts_from_now(ticked: bool) -> None:
    ticks = Ticks(3600.0)
    if ticked:
        await ticks.next()
    waiting = asyncio.create_task(ticks.next())
    await asyncio.sleep(0)
    start = now()
    ticks.period_s = 0.05
    await asyncio.wait_for(waiting, 5.0)
    assert ticks.period_s == 0.05
    assert now() - start >= (0.049 if ticked else 0.0)


async def test_a_period_changed_in_the_very_turn_of_the_tick_does_no_harm() -> None:
    """The time-out of the wait and the change of the period may come together."""
    ticks = Ticks(0.01)
    await ticks.next()
    loop, due = asyncio.get_running_loop(), now() + 0.01
    waiting = asyncio.create_task(ticks.next())
    await asyncio.sleep(0)

    def change() -> None:
        ticks.period_s = 0.02

    for early_s in (0.0, 1e-6, 1e-5, 1e-4):
        loop.call_at(due - early_s, change)
    assert await asyncio.wait_for(waiting, 5.0) >= 0
