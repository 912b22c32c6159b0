"""When to try to open a line again. Pure: times are passed in."""

REOPEN_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)  # by failures in a row; the last one from there on


class Reopening:
    """Capped back-off. A line that fails soon after it was opened waits like one that cannot be opened."""

    def __init__(self) -> None:
        self.next_at = 0.0
        self._failures = 0
        self._opened_at = 0.0

    def opened(self, now: float) -> None:
        self._opened_at = now

    def failed(self, now: float) -> None:
        """It could not be opened."""
        self._failures += 1
        self._wait(now)

    def lost(self, now: float) -> None:
        """It was open, and failed."""
        self._failures = 0 if now - self._opened_at > REOPEN_S[-1] else self._failures + 1
        self._wait(now)

    def _wait(self, now: float) -> None:
        self.next_at = now + REOPEN_S[min(self._failures, len(REOPEN_S) - 1)]
