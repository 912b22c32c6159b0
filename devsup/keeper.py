"""Keeps one line open and clean: re-opens it, flushes before a question, drains after a silence.

Knows the line and who owes answers on it; knows no queue, no thread and no retry.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from devsup.debts import Debts
from devsup.errors import LineLost, PortInUse
from devsup.health import Health
from devsup.line import Line, LineSettings
from devsup.reopen import Reopening
from devsup.stats import Stats

T = TypeVar("T")
DRAIN_LIMIT_S = 2.0
LISTEN_S = 0.02  # how often an idle line is listened to while an answer is owed,
CHECK_S = 1.0  # … and otherwise, to notice that it has hung up


class LineKeeper:
    """The line and its cleanliness. For one thread, but `connected` and `stats` may be read from any."""

    def __init__(
        self,
        name: str,
        settings: LineSettings,
        devices: list[Health],
        on_sent: Callable[[], object],
        is_wanted: Callable[[], object],
    ) -> None:
        self.name = name
        self.settings = settings
        self.stats = Stats()
        self._devices = devices
        self._log = logging.getLogger(f"port.{name}")
        self._line = Line(settings)
        self._line.on_sent = on_sent
        self._line.is_wanted = is_wanted
        self._reopening = Reopening()
        self._debts = Debts(DRAIN_LIMIT_S)
        self._openings = 0
        self._reason = "not opened yet"  # why it is not open
        self._told = False  # has the log been told that it cannot be opened?
        self._booked = 0  # bytes of the line that are in the statistics

    @property
    def connected(self) -> bool:
        return self._line.is_open

    @property
    def next_chore(self) -> float:
        """When to call `chore` if nothing else is to be done (monotonic seconds)."""
        if not self.connected:
            return self._reopening.next_at
        return time.monotonic() + (LISTEN_S if self._debts else CHECK_S)

    # -- transactions -------------------------------------------------------------------------

    def transact(self, work: Callable[[Line, float], T], timeout_s: float) -> T:
        """Do `work` on a flushed line. Raises LineLost, and whatever `work` raises."""
        if not self.connected and not self.try_open():
            raise LineLost(f"{self.name}: {self._reason}")
        line = self._line
        if line.flush():
            self.late_bytes(time.monotonic())
        line.strays = 0
        try:
            return work(line, time.monotonic() + timeout_s)
        finally:
            if line.strays:
                self.late_bytes(time.monotonic())
            self._book_traffic()

    def answered(self, device: Health, start: float, now: float) -> float:
        """`device` has answered at `now`, in a transaction begun at `start`. Returns how long that took;
        of several exchanges, the latest."""
        self._debts.settle(device)
        return now - max(start, self._line.sent_at)

    def drain(self, device: Health, start: float, silent: bool) -> float | None:
        """Listen for one reply time after a failure, so that a late answer cannot meet the next question.

        Returns when the last late byte came; nothing is to be heard if nothing was sent since `start`.
        `silent`: it has not answered at all. One whose answer was damaged or misdirected owes none,
        unless more of it was still to come.
        """
        sent_at = self._line.sent_at
        if not self.connected or sent_at < start:
            return None
        try:
            last = self._line.drain(device.drain_s(time.monotonic() - sent_at), DRAIN_LIMIT_S)
            if silent or last is not None:
                self._debts.incur(device, sent_at)
            return last
        except LineLost as error:
            self.lose(error)
            return None
        finally:
            self._book_traffic()

    def late_bytes(self, at: float) -> None:
        """Bytes came that nobody waited for."""
        self.stats.late_replies += 1
        self._debts.credit(at)

    def chore(self) -> None:
        """While nobody asks: open the line, or hear a late answer when it comes and notice a hang-up."""
        if not self.connected:
            self.try_open()
            return
        now = time.monotonic()
        try:
            if self._line.flush():
                self._line.drain(LISTEN_S, DRAIN_LIMIT_S)
                self.late_bytes(now)
                self._book_traffic()
        except LineLost as error:
            self.lose(error)
        self._debts.expire(now)

    def _book_traffic(self) -> None:
        moved, self._booked = self._line.bytes_moved - self._booked, self._line.bytes_moved
        self.stats.moved(moved * self.settings.bits_per_byte / self.settings.baudrate, time.monotonic())

    # -- opening and closing ------------------------------------------------------------------

    def open(self) -> None:
        """Claim the line. Raises PortInUse; a line that is merely absent is opened when it appears."""
        try:
            self._open()
        except LineLost as error:
            self._open_failed(error)

    def try_open(self) -> bool:
        """Open the line if it is time to try again. Is it open now?"""
        if not self.connected and time.monotonic() >= self._reopening.next_at:
            try:
                self._open()
            except (LineLost, PortInUse) as error:
                self._open_failed(error)
        return self.connected

    def lose(self, error: LineLost) -> None:
        """The line has failed."""
        if self.connected:
            self._log.warning("%s: lost: %s", self.name, error)
            self._reason = str(error)
            self.close()
            self._reopening.lost(time.monotonic())

    def close(self) -> None:
        """Give the line back."""
        self._line.close()
        self._debts.forget()

    def _open(self) -> None:
        self._line.open()
        self._openings += 1
        self._told = False
        self._reopening.opened(time.monotonic())
        if self._openings > 1:
            self.stats.reconnects += 1
        self._log.info("%s: open at %s", self.name, self.settings.url)
        for device in self._devices:
            device.line_back()

    def _open_failed(self, error: Exception) -> None:
        if not self._told:
            self._log.warning("%s: %s; will keep trying", self.name, error)
        self._told = True
        self._reason = self.stats.last_error = str(error)
        self._reopening.failed(time.monotonic())
