"""Counters of a line: exact, and cheap to read at any moment."""

import pytest

from devsup.stats import KINDS, WINDOW_S, Snapshot, Stats


def snapshot(stats: Stats, now: float = 100.0, since: float = 0.0) -> Snapshot:
    return stats.snapshot(now=now, since=since, connected=True, queued=2, backed_off=1)


def test_a_fresh_line_has_done_nothing() -> None:
    seen = snapshot(Stats())
    assert (seen.operations, seen.succeeded, seen.failed, seen.retries) == (0, 0, 0, 0)
    assert (seen.longest_ms, seen.p50_ms, seen.p95_ms) == (0.0, 0.0, 0.0)
    assert (seen.utilisation, seen.fail_rate, seen.last_error) == (0.0, 0.0, "")
    assert (seen.queue_depth, seen.backed_off, seen.connected) == (2, 1, True)
    assert seen.failures == dict.fromkeys(KINDS, 0)


def test_operations_are_those_that_succeeded_and_those_that_failed() -> None:
    stats = Stats()
    for ok in (True, True, True, False):
        stats.finished(ok, 0.01)
    seen = snapshot(stats)
    assert (seen.operations, seen.succeeded, seen.failed, seen.fail_rate) == (4, 3, 1, 25.0)


def test_failures_are_counted_by_kind_and_the_last_is_kept_in_words() -> None:
    stats = Stats()
    for kind in ("timeout", "timeout", "identity"):
        stats.attempt_failed(kind, f"N2: {kind}")
    seen = snapshot(stats)
    assert (seen.failures["timeout"], seen.failures["identity"], seen.failures["io"]) == (2, 1, 0)
    assert seen.last_error == "N2: identity"


def test_times_are_the_longest_ever_and_recent_percentiles() -> None:
    stats = Stats()
    stats.finished(True, 5.0)
    for n in range(256):
        stats.finished(True, (n + 1) / 1000)
    seen = snapshot(stats)
    assert seen.longest_ms == pytest.approx(5000.0)
    assert seen.p50_ms == pytest.approx(129.0)
    assert seen.p95_ms == pytest.approx(244.0)


def test_fail_rate_is_that_of_recent_operations() -> None:
    stats = Stats()
    for ok in [False] * 100 + [True] * 256:
        stats.finished(ok, 0.01)
    assert snapshot(stats).fail_rate == 0.0
    assert snapshot(stats).failed == 100


def test_utilisation_is_the_time_bytes_took_in_the_last_ten_seconds() -> None:
    stats = Stats()
    stats.moved(3.0, now=1.0)
    stats.moved(2.0, now=95.0)
    stats.moved(1.0, now=99.0)
    assert stats.utilisation(100.0, since=0.0) == pytest.approx(30.0)
    assert stats.utilisation(106.0, since=0.0) == pytest.approx(10.0)
    assert stats.utilisation(106.0 + WINDOW_S, since=0.0) == 0.0


def test_utilisation_of_a_young_line_is_over_its_age_and_never_above_all() -> None:
    stats = Stats()
    stats.moved(0.5, now=100.5)
    assert stats.utilisation(101.0, since=100.0) == pytest.approx(50.0)
    stats.moved(5.0, now=100.9)
    assert stats.utilisation(101.0, since=100.0) == 100.0
    assert stats.utilisation(100.9, since=100.9) <= 100.0
