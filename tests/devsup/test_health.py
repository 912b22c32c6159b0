"""Patience, back-off and state of an instrument, with every time passed in."""

import pytest

from devsup.debts import Debts
from devsup.health import LATES, RECENT, REPLIES, Health, Link, Manners

SLACK_S = 2.0


@pytest.fixture
def health() -> Health:
    return Health("N2")


def answering(reply_s: float, manners: Manners | None = None) -> Health:
    health = Health("N2", manners)
    health.answered(reply_s, now=0.0)
    return health


def lose(health: Health, cost_s: float, now: float = 0.0) -> None:
    """All attempts of one transaction fail; the last cost `cost_s`."""
    while True:
        health.attempt_failed("no reply")
        if health.spent():
            break
    health.gave_up(cost_s, now)


# -- how long to wait -------------------------------------------------------------------------


def test_one_never_heard_is_given_the_command_time_out(health: Health) -> None:
    assert health.wait_s() == 0.4
    assert health.latency_s == 0.0


@pytest.mark.parametrize(
    ("reply_s", "wait_s"),
    [(0.004, 0.1), (0.025, 0.1), (0.05, 0.2), (0.3, 1.2), (1.0, 2.0), (5.0, 2.0)],
)
def test_patience_is_four_times_the_slowest_reply_between_floor_and_response_time_out(
    reply_s: float, wait_s: float
) -> None:
    assert answering(reply_s).wait_s() == pytest.approx(wait_s)


def test_the_slowest_reply_counts_until_enough_newer_ones_came() -> None:
    health = answering(0.3)
    for _ in range(REPLIES - 1):
        health.answered(0.01, now=0.0)
    assert health.slowest_s == 0.3
    assert health.latency_s == 0.01
    health.answered(0.01, now=0.0)
    assert health.slowest_s == 0.01


def test_every_attempt_in_vain_doubles_the_wait_up_to_the_response_time_out() -> None:
    health = answering(0.05)
    waits = []
    for _ in range(5):
        waits.append(health.wait_s())
        health.attempt_failed("no reply")
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 2.0])


def test_a_lost_instrument_is_not_waited_for_any_longer_than_a_good_one() -> None:
    health = answering(0.05)
    lose(health, 0.2)
    assert health.wait_s() == pytest.approx(0.2)


def test_drain_is_one_slowest_reply_but_not_beyond_the_response_time_out() -> None:
    assert answering(0.02).drain_s(waited_s=0.1) == 0.02
    assert answering(1.0).drain_s(waited_s=0.4) == 1.0
    assert answering(1.0).drain_s(waited_s=1.5) == pytest.approx(0.5)
    assert answering(1.0).drain_s(waited_s=2.0) == 0.1
    assert Health("unknown").drain_s(waited_s=0.4) == 0.1


# -- when to give up --------------------------------------------------------------------------


def test_retries_are_for_those_who_answered_probes_for_those_who_are_lost(health: Health) -> None:
    assert health.retries() == 0
    health.answered(0.01, now=0.0)
    assert health.retries() == 3
    lose(health, 0.1)
    assert health.retries() == 0


def test_it_is_lost_when_as_many_attempts_failed_as_a_transaction_has() -> None:
    health = answering(0.01)
    for _ in range(3):
        health.attempt_failed("no reply")
        assert not health.spent()
    health.attempt_failed("no reply")
    assert health.spent()
    assert not health.lost
    health.gave_up(0.1, now=10.0)
    assert health.lost
    assert health.link is Link.LOST
    assert health.last_error == "no reply"


def test_one_answer_brings_it_back() -> None:
    health = answering(0.01)
    lose(health, 1.0)
    health.answered(0.01, now=60.0)
    assert not health.lost
    assert (health.back_off_s, health.attempts_failed, health.last_good) == (0.0, 0, 60.0)
    assert health.due(60.0)


def test_it_is_degraded_while_more_than_one_attempt_in_ten_of_late_failed() -> None:
    health = answering(0.01)
    for _ in range(RECENT // 10):
        health.attempt_failed("noise")
        health.answered(0.01, now=0.0)
    assert health.link is Link.OK
    health.attempt_failed("noise")
    health.answered(0.01, now=0.0)
    assert health.link is Link.DEGRADED
    for _ in range(RECENT):
        health.answered(0.01, now=0.0)
    assert health.link is Link.OK


def test_a_refusal_is_an_answer_and_an_error() -> None:
    health = Health("N2")
    health.refused(0.02, now=3.0, error="read-only")
    assert not health.lost
    assert (health.good, health.errors, health.last_error, health.last_good) == (1, 1, "read-only", 3.0)


# -- what silence costs -----------------------------------------------------------------------


@pytest.mark.parametrize("reply_s", [None, 0.001, 0.02, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("share", [0.01, 0.02, 0.05])
def test_a_silent_instrument_costs_its_share_of_the_line(reply_s: float | None, share: float) -> None:
    health = Health("N2", Manners(silent_share=share, probe_max_s=1e6))
    if reply_s is not None:
        health.answered(reply_s, now=0.0)
    lose(health, 1.0)
    now = cost_s = 0.0
    while now < 3600.0:
        now = max(now, health.next_probe)
        probe_s = health.wait_s()
        probe_s += health.drain_s(probe_s)
        now += probe_s
        cost_s += probe_s
        health.attempt_failed("no reply")
        health.gave_up(probe_s, now)
    assert cost_s / (now + health.back_off_s) <= share + 1e-6


def test_with_the_default_manners_the_upper_limit_of_the_pause_never_exceeds_the_share() -> None:
    health = answering(2.0)
    longest_s = health.wait_s() + health.drain_s(health.wait_s())
    assert longest_s / health.manners.probe_max_s <= health.manners.silent_share


def test_back_off_stays_within_its_limits() -> None:
    health = Health("N2", Manners(probe_min_s=0.5, probe_max_s=20.0))
    lose(health, 0.0, now=100.0)
    assert health.next_probe == 100.5
    assert not health.due(100.4)
    assert health.due(100.5)
    lose(health, 2.0, now=200.0)
    assert (health.back_off_s, health.next_probe) == (20.0, 220.0)


def test_a_long_order_does_not_stretch_the_pause_beyond_the_worth_of_a_probe() -> None:
    health = answering(0.02)
    lose(health, 0.2)
    first_s = health.back_off_s
    health.gave_up(5.0, now=1000.0)
    assert health.back_off_s == pytest.approx(first_s, rel=0.5)
    assert health.back_off_s < 10.0


def test_orders_that_fail_together_add_up() -> None:
    health = answering(0.01)
    lose(health, 0.1, now=10.0)
    assert health.next_probe == pytest.approx(15.0)
    health.gave_up(0.1, now=10.1)
    assert health.next_probe == pytest.approx(20.0)


def test_a_line_that_came_back_is_asked_at_once() -> None:
    health = answering(0.01)
    lose(health, 1.0, now=10.0)
    assert not health.due(11.0)
    health.line_back()
    assert health.due(11.0)
    assert health.lost


# -- late replies -----------------------------------------------------------------------------


def test_a_slow_instrument_is_learned_from_its_late_reply(health: Health) -> None:
    lose(health, 0.5, now=0.5)
    assert not health.due(1.0)
    health.late_reply(1.0)
    assert health.due(1.0)
    assert health.wait_s() == 2.0
    health.answered(1.0, now=2.0)
    assert health.link is not Link.LOST
    assert health.wait_s() == 2.0


def test_a_late_reply_makes_a_good_instrument_more_patient() -> None:
    health = answering(0.01)
    health.attempt_failed("no reply")
    health.late_reply(0.3)
    health.answered(0.3, now=1.0)
    assert health.wait_s() == pytest.approx(1.2)


def test_patience_that_does_not_help_is_withdrawn(health: Health) -> None:
    lose(health, 0.5)
    chances = 0
    while health.owes(1.0, SLACK_S):
        health.late_reply(3.0)
        assert health.wait_s() == 2.0
        health.attempt_failed("no reply")
        health.gave_up(2.1, now=0.0)
        chances += 1
    assert chances == LATES
    assert health.wait_s() == 0.4


def test_after_that_it_gets_one_chance_per_question(health: Health) -> None:
    lose(health, 0.5)
    for _ in range(LATES):
        health.late_reply(3.0)
        health.gave_up(2.1, now=0.0)
    assert not health.owes(1.0, SLACK_S)
    health.gave_up(0.5, now=100.0)
    assert health.owes(1.0, SLACK_S)
    health.late_reply(1.0)
    assert not health.owes(1.0, SLACK_S)
    assert health.wait_s() == 2.0
    health.answered(1.0, now=101.0)
    assert health.owes(1.0, SLACK_S)


def test_an_answer_is_owed_for_the_response_time_out(health: Health) -> None:
    assert health.owes(2.0 + SLACK_S, SLACK_S)
    assert not health.owes(2.1 + SLACK_S, SLACK_S)


# -- who is credited with late bytes ----------------------------------------------------------


def test_late_bytes_are_credited_to_whoever_owes_longest() -> None:
    debts, slow, dead = Debts(SLACK_S), Health("slow"), Health("dead")
    assert not debts
    debts.incur(slow, 0.0)
    debts.incur(dead, 0.5)
    assert debts
    debts.credit(1.0)
    assert (slow.latency_s, dead.latency_s) == (1.0, 0.0)
    debts.credit(1.25)
    assert dead.latency_s == 0.75
    debts.credit(1.3)
    assert not debts


def test_who_has_answered_owes_nothing() -> None:
    debts, one, other = Debts(SLACK_S), Health("one"), Health("other")
    debts.incur(one, 0.0)
    debts.incur(other, 0.1)
    debts.incur(one, 0.2)
    debts.settle(one)
    debts.credit(0.5)
    assert (one.latency_s, other.latency_s) == (0.0, pytest.approx(0.4))
    debts.settle(one)
    assert not debts


def test_old_debts_and_those_of_a_lost_line_are_forgotten() -> None:
    debts, device = Debts(SLACK_S), Health("device")
    debts.incur(device, 0.0)
    debts.credit(4.1)
    assert device.latency_s == 0.0
    debts.incur(device, 5.0)
    debts.expire(6.0)
    assert debts
    debts.expire(9.1)
    assert not debts
    debts.incur(device, 10.0)
    debts.forget()
    assert not debts


def test_one_who_has_used_up_its_chances_does_not_take_those_of_others() -> None:
    debts, hopeless, slow = Debts(SLACK_S), Health("hopeless"), Health("slow")
    for _ in range(LATES):
        hopeless.late_reply(1.0)
    debts.incur(hopeless, 0.0)
    debts.incur(slow, 0.1)
    debts.credit(1.1)
    assert slow.latency_s == 1.0
