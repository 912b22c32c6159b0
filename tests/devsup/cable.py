"""Two pseudo-terminals joined back to back: what goes in at one end comes out at the other."""

import os
import select
import threading
import tty
from types import TracebackType


class Cable:
    """`near` and `far` are paths that programs can open. Use as a context."""

    def __init__(self) -> None:
        self._ends: list[tuple[int, int]] = []
        self._bell = (-1, -1)
        self._thread: threading.Thread | None = None

    @property
    def near(self) -> str:
        return os.ttyname(self._ends[0][1])

    @property
    def far(self) -> str:
        return os.ttyname(self._ends[1][1])

    def __enter__(self) -> "Cable":
        self._ends = [os.openpty(), os.openpty()]
        for _, slave in self._ends:
            tty.setraw(slave)
        self._bell = os.pipe()
        self._thread = threading.Thread(target=self._carry, name="cable")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._bell[1], b"!")
        assert self._thread is not None
        self._thread.join()
        for descriptor in (*self._bell, *self._ends[0], *self._ends[1]):
            os.close(descriptor)

    def _carry(self) -> None:
        (one, _), (two, _) = self._ends
        while True:
            ready = select.select([one, two, self._bell[0]], [], [])[0]
            if self._bell[0] in ready:
                return
            for end in ready:
                os.write(two if end == one else one, os.read(end, 4096))
