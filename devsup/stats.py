"""What a line has done: counters, times, load. Written by the line's worker, read from anywhere.

Knows nothing of how the work is done. A snapshot is a frozen copy.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

WINDOW_S = 10.0
KINDS = ("timeout", "framing", "identity", "checksum", "device", "io", "implausible")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A line's statistics at one moment; times in ms, utilisation and fail rate in %."""

    connected: bool
    operations: int
    succeeded: int
    failed: int
    failures: dict[str, int]
    retries: int
    blocked: int
    reconnects: int
    late_replies: int
    overruns: int
    longest_ms: float
    p50_ms: float
    p95_ms: float
    utilisation: float
    fail_rate: float
    queue_depth: int
    backed_off: int
    last_error: str


@dataclass
class Stats:
    """The running counters of one line."""

    operations: int = 0
    succeeded: int = 0
    failed: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    blocked: int = 0
    reconnects: int = 0
    late_replies: int = 0
    overruns: int = 0
    longest_s: float = 0.0
    last_error: str = ""
    _durations: deque[float] = field(default_factory=lambda: deque(maxlen=256))
    _outcomes: deque[bool] = field(default_factory=lambda: deque(maxlen=256))
    _traffic: deque[tuple[float, float]] = field(default_factory=deque)

    def finished(self, ok: bool, duration_s: float) -> None:
        """Book one operation: all attempts of one transaction, without its time in the queue."""
        self.operations += 1
        self.succeeded += ok
        self.failed += not ok
        self.longest_s = max(self.longest_s, duration_s)
        self._durations.append(duration_s)
        self._outcomes.append(ok)

    def attempt_failed(self, kind: str, error: str) -> None:
        self.failures[kind] += 1
        self.last_error = error

    def moved(self, wire_s: float, now: float) -> None:
        """Book `wire_s` seconds of bytes on the wire."""
        self._traffic.append((now, wire_s))
        while self._traffic and self._traffic[0][0] < now - WINDOW_S:
            self._traffic.popleft()

    def utilisation(self, now: float, since: float) -> float:
        """Per cent of the last ten seconds (or of the time since `since`) that bytes were on the wire."""
        window = min(WINDOW_S, max(now - since, 0.1))
        return min(100.0, 100.0 * sum(s for at, s in tuple(self._traffic) if at >= now - window) / window)

    def percentile_ms(self, part: float) -> float:
        """Recent operation time that `part` (0..1) of operations stayed under."""
        ordered = sorted(self._durations)
        return 1e3 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0

    def fail_rate(self) -> float:
        """Per cent of the last 256 operations that failed."""
        outcomes = tuple(self._outcomes)
        return 100.0 * outcomes.count(False) / len(outcomes) if outcomes else 0.0

    def snapshot(
        self, *, now: float, since: float, connected: bool, queued: int, backed_off: int
    ) -> Snapshot:
        return Snapshot(
            connected=connected,
            operations=self.operations,
            succeeded=self.succeeded,
            failed=self.failed,
            failures={kind: self.failures[kind] for kind in KINDS},
            retries=self.retries,
            blocked=self.blocked,
            reconnects=self.reconnects,
            late_replies=self.late_replies,
            overruns=self.overruns,
            longest_ms=1e3 * self.longest_s,
            p50_ms=self.percentile_ms(0.5),
            p95_ms=self.percentile_ms(0.95),
            utilisation=self.utilisation(now, since),
            fail_rate=self.fail_rate(),
            queue_depth=queued,
            backed_off=backed_off,
            last_error=self.last_error,
        )
