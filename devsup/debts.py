"""Who has been asked and has not answered: to whom late bytes on a line are credited.

Pure bookkeeping on times that are passed in; knows no port, no protocol and no clock.
"""

from collections import deque

from devsup.health import Health


class Debts:
    """Unanswered questions of one line, oldest first. `slack_s`: how long late bytes may lie unnoticed."""

    def __init__(self, slack_s: float) -> None:
        self._slack_s = slack_s
        self._open: deque[tuple[Health, float]] = deque(maxlen=32)

    def __bool__(self) -> bool:
        return bool(self._open)

    def incur(self, device: Health, sent_at: float) -> None:
        """What was sent at `sent_at` has not been answered in time."""
        self._open.append((device, sent_at))

    def credit(self, at: float) -> None:
        """Bytes came that nobody waited for: who has owed an answer longest is slow rather than silent."""
        self.expire(at)
        if self._open:
            device, sent_at = self._open.popleft()
            device.late_reply(at - sent_at)

    def expire(self, now: float) -> None:
        """Forget the oldest questions that nobody will answer any more."""
        while self._open and not self._open[0][0].owes(now - self._open[0][1], self._slack_s):
            self._open.popleft()

    def settle(self, device: Health) -> None:
        """It has answered: whatever it owed is lost, and bytes to come are not its late answer."""
        if self._open:
            self._open = deque((debt for debt in self._open if debt[0] is not device), self._open.maxlen)

    def forget(self) -> None:
        """The line has gone, and every answer with it."""
        self._open.clear()
