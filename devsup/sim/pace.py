"""When bytes would have crossed a real line, and how to wait for that moment without spinning.

Knows baud rates and clocks; must not know ptys or protocols.
"""

import heapq
import itertools
import select
import time
from collections.abc import Sequence

BITS_PER_BYTE = 10  # 8N1
LATENESS_LIMIT_S, LATENESS_GAIN = 0.0005, 0.1


class Pacer:
    """When bytes would have crossed a real line. Pure: time comes as an argument.

    Both directions carry one byte after the other; a transmission that waits for its delay
    does not hold up one that is ready.
    """

    def __init__(self, baudrate: float | None) -> None:
        self._byte_s = BITS_PER_BYTE / baudrate if baudrate else 0.0
        self._in_free = self._out_free = float("-inf")
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, bytes]] = []  # by earliest start

    def arrived(self, count: int, now: float) -> float:
        """`count` bytes came through the pty at `now`; on the line they have crossed when this says."""
        self._in_free = max(self._in_free, now) + count * self._byte_s
        return self._in_free

    def send(self, data: bytes, earliest: float) -> None:
        heapq.heappush(self._waiting, (earliest, next(self._order), data))

    def due(self) -> float | None:
        """When the next transmission is complete at the receiver; None if there is none."""
        if not self._waiting:
            return None
        earliest, _, data = self._waiting[0]
        return max(earliest, self._out_free) + len(data) * self._byte_s

    def take(self, now: float) -> bytes | None:
        """The next transmission if it is complete."""
        due = self.due()
        if due is None or due > now:
            return None
        self._out_free = due
        return heapq.heappop(self._waiting)[2]

    def clear(self) -> None:
        self._waiting.clear()


class Sleeper:
    """Waits until a moment, allowing for how late the kernel has been waking it."""

    def __init__(self) -> None:
        self.lateness_s = 0.0  # running estimate

    def wait(self, sources: Sequence[int], until: float | None) -> list[int]:
        """The sources that have something to read; empty when the moment has come."""
        aim = None if until is None else until - self.lateness_s
        wait_s = None if aim is None else max(0.0, aim - time.monotonic())
        ready = select.select(sources, [], [], wait_s)[0]
        if aim is not None and wait_s and not ready:
            seen = min(time.monotonic() - aim, LATENESS_LIMIT_S)
            self.lateness_s += LATENESS_GAIN * (seen - self.lateness_s)
        return ready
