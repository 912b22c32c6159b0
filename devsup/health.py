"""How an instrument answers: how long to wait for it, how often to ask it, what to call its state.

Pure arithmetic on times that are passed in; knows no port, no thread and no clock.
"""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum

REPLIES = 64  # how many replies the slowest is taken of
RECENT = 20  # how many attempts the state of the link is judged by
LATES = 3  # late replies in a row that are believed


class Link(IntEnum):
    """State of the conversation with one instrument."""

    OK = 0
    DEGRADED = 1
    LOST = 2


@dataclass(frozen=True, slots=True)
class Manners:
    """How patient to be with an instrument. Defaults: design document, Timeouts & Polling Rates.

    `response_timeout_s` bounds every wait. An instrument that has answered before is given
    `patience` times its slowest recent reply, at least `floor_s`; so a silent one costs little.
    `silent_share` is the part of the line's time a silent instrument may cost; `probe_max_s` limits
    the pause between two questions even if that costs more (with these defaults it never does).
    """

    response_timeout_s: float = 2.0
    command_timeout_s: float = 0.4
    retry_delays_s: tuple[float, ...] = (0.1, 0.2, 0.3)
    patience: float = 4.0
    floor_s: float = 0.1
    silent_share: float = 0.02
    probe_min_s: float = 0.5
    probe_max_s: float = 120.0


class Health:
    """Replies and silences of one instrument, seen from its port."""

    def __init__(self, name: str, manners: Manners | None = None) -> None:
        self.name = name
        self.manners = manners or Manners()
        self.attempts_failed = 0
        self.good = 0
        self.errors = 0
        self.last_good: float | None = None
        self.last_error = ""
        self.next_probe = 0.0
        self.back_off_s = 0.0
        self._replies: deque[float] = deque(maxlen=REPLIES)
        self._recent: deque[bool] = deque([True] * RECENT, maxlen=RECENT)
        self._lost = True
        self._lates = 0
        self._hurried = False

    @property
    def slowest_s(self) -> float:
        """Slowest recent reply, or the floor while nothing has been heard."""
        return max(self._replies, default=self.manners.floor_s)

    @property
    def latency_s(self) -> float:
        """Latest reply time; 0 before the first."""
        return self._replies[-1] if self._replies else 0.0

    @property
    def lost(self) -> bool:
        return self._lost

    @property
    def link(self) -> Link:
        """LOST: retries are spent. DEGRADED: answers, but more than one attempt in ten of late failed."""
        if self._lost:
            return Link.LOST
        return Link.DEGRADED if self._recent.count(False) > RECENT // 10 else Link.OK

    def wait_s(self) -> float:
        """How long to wait for the next reply: doubled for each attempt that went unanswered."""
        limit = self.manners.response_timeout_s
        if not self._replies:
            return min(self.manners.command_timeout_s, limit)
        wait = max(self.manners.floor_s, self.manners.patience * self.slowest_s)
        doublings = 0 if self._lost else min(self.attempts_failed, 8)
        return min(limit, wait * 2.0**doublings)

    def drain_s(self, waited_s: float) -> float:
        """How much longer to listen after waiting in vain: its slowest reply time, but not beyond
        the response time-out, after which no answer is expected."""
        left = self.manners.response_timeout_s - waited_s
        return min(self.slowest_s, max(self.manners.floor_s, left))

    def retries(self) -> int:
        """An instrument that is known to be silent is probed, not retried."""
        return 0 if self._lost else len(self.manners.retry_delays_s)

    def due(self, now: float) -> bool:
        """May it be asked again?"""
        return not self._lost or now >= self.next_probe

    def answered(self, reply_s: float, now: float) -> None:
        """A transaction succeeded."""
        self._replies.append(reply_s)
        self._recent.append(True)
        self._lost = self._hurried = False
        self._lates = 0
        self.attempts_failed = 0
        self.back_off_s = 0.0
        self.good += 1
        self.last_good = now

    def refused(self, reply_s: float, now: float, error: str) -> None:
        """It answered, but with an error: the conversation works, the request did not."""
        self.answered(reply_s, now)
        self.errors += 1
        self.last_error = error

    def attempt_failed(self, error: str) -> None:
        """One attempt brought no valid reply."""
        self.attempts_failed += 1
        self.errors += 1
        self.last_error = error
        self._recent.append(False)

    def spent(self) -> bool:
        """Have as many attempts in a row failed as one transaction may make?"""
        return self._lost or self.attempts_failed > len(self.manners.retry_delays_s)

    def gave_up(self, cost_s: float, now: float) -> None:
        """Retries are spent after `cost_s` of line time: ask again so rarely that it costs its share only.

        The pause is worth what the next probe will cost, not the long last attempt before it was lost.
        Several orders that fail at about the same time add up.
        """
        self._lost = True
        cost_s = min(cost_s, self.wait_s() + self.slowest_s)
        manners = self.manners
        self.back_off_s = min(max(cost_s / manners.silent_share, manners.probe_min_s), manners.probe_max_s)
        self.next_probe = min(max(now, self.next_probe) + self.back_off_s, now + manners.probe_max_s)
        self._weigh_late_replies()

    def _weigh_late_replies(self) -> None:
        if self._hurried and self._lates >= LATES:
            self._replies.clear()
        elif not self._hurried:
            self._lates = max(0, self._lates - 1)
        self._hurried = False

    def owes(self, age_s: float, slack_s: float) -> bool:
        """Can bytes that nobody waited for be its answer to a question `age_s` ago, seen `slack_s` late?"""
        return self._lates < LATES and age_s <= self.manners.response_timeout_s + slack_s

    def late_reply(self, reply_s: float) -> None:
        """An answer came after the wait: it is slow, not silent, so be more patient and ask at once.

        When that has not helped three times running, the bytes were noise or the answer always
        comes too late: its patience is withdrawn, and it gets one such chance per question from then on.
        """
        self._lates += 1
        self._hurried = True
        self._replies.append(min(reply_s, self.manners.response_timeout_s))
        self.next_probe = 0.0

    def line_back(self) -> None:
        """The port was re-opened: its absence said nothing about the instrument."""
        self.next_probe = 0.0
        self._lates = 0
