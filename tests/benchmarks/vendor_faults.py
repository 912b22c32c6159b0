"""The vendor's bronkhorst-propar on the line in memory: which damaged answers it takes for values.

Runs in a process of its own, because its threads never end: takes a job as JSON, prints counts as JSON.
"""

import json
import sys
import threading
import time
from collections import Counter
from typing import Any

import propar

from devsup.bronkhorst import FAST
from devsup.propar import Framing
from tests.benchmarks import damage
from tests.benchmarks.memory_line import NODES, Damage, MemoryLine, intact
from tests.benchmarks.vendor import FAST_DDE

TIMEOUT_S = 0.03  # instead of its 0.5 s, so that the campaign ends today; its answers come in 1 ms
REST_S = 0.003  # for what it still has to read of a damaged answer


class MemorySerial:
    """What the vendor's library needs of a serial port, in front of a line in memory."""

    def __init__(self, line: MemoryLine) -> None:
        self._line = line
        self._received = b""

    @property
    def in_waiting(self) -> int:
        self._received += self._line.receive(0.0)
        return len(self._received)

    def read(self, size: int) -> bytes:
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def write(self, data: bytes) -> int:
        self._line.send(data)
        return len(data)


def strike(frames: int, seed: int) -> dict[str, dict[str, int]]:
    """For each kind of damage that shows: how many answers were refused, right or wrong, and how many
    good ones out of as many more it still understands afterwards (`after`)."""
    return {kind: _strike(kind, strike, frames, seed) for kind, strike in damage.TELLING.items()}


def _strike(kind: str, strike: Damage, frames: int, seed: int) -> dict[str, int]:
    """With a fresh master, because some damage ends its thread."""
    line = MemoryLine(Framing.BINARY, seed)
    port = MemorySerial(line)
    instruments = [propar.instrument(kind, node, serial_class=lambda *args, **kwargs: port) for node in NODES]
    instruments[0].master.response_timeout = TIMEOUT_S
    line.damage = strike
    counts = Counter(_ask(instruments[n % 3], line) for n in range(frames))
    line.damage = intact
    after = [_ask(instruments[n % 3], line) for n in range(frames)]
    return {**counts, "after": after.count("right")}


def _ask(instrument: Any, line: MemoryLine) -> str:
    time.sleep(REST_S)
    line.flush()
    wanted = [instrument.db.get_parameter(number) for number in FAST_DDE]
    got = [item["data"] for item in instrument.read_parameters(wanted)]
    if got == [None]:
        return "refused"
    return "right" if got == [line.meant[item] for item in FAST] else "wrong"


def _unsaid(ended: threading.ExceptHookArgs) -> None:
    """The end of the library's thread is counted, not printed."""


if __name__ == "__main__":
    threading.excepthook = _unsaid
    json.dump(strike(**json.loads(sys.argv[1])), sys.stdout)
