"""The vendor's bronkhorst-propar as master, used as its users do: a loop over instruments.

One parameter per call (`single`), or all of an instrument in one chained request (`chained`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import propar
import serial

from tests.benchmarks.runs import Run, mark

FAST_DDE = (205, 206, 142, 55, 28, 12)  # what devsup.bronkhorst.FAST reads


class CountingSerial(serial.Serial):
    """pyserial's port, which also counts what passes."""

    moved = 0

    def read(self, size: int = 1) -> bytes:
        data: bytes = super().read(size)
        self.moved += len(data)
        return data

    def write(self, data: Any) -> int | None:
        self.moved += len(data)
        written: int | None = super().write(data)
        return written


def single(instrument: Any) -> bool:
    """Six calls, six exchanges; true if every one brought a value."""
    return None not in [instrument.readParameter(number) for number in FAST_DDE]


def chained(instrument: Any) -> bool:
    """One call, one exchange."""
    wanted = [instrument.db.get_parameter(number) for number in FAST_DDE]
    return all(item["data"] is not None for item in instrument.read_parameters(wanted))


HOW: Mapping[str, tuple[Callable[[Any], bool], int]] = {
    "single": (single, len(FAST_DDE)),
    "chained": (chained, 1),
}


def poll(url: str, baudrate: float, nodes: Sequence[int], how: str, warm_s: float, seconds: float) -> Run:
    """Poll `nodes` flat out, one after the other."""
    read, calls = HOW[how]
    instruments = [
        propar.instrument(url, node, baudrate=int(baudrate), serial_class=CountingSerial) for node in nodes
    ]
    line = instruments[0].master.propar.serial
    readings: dict[int, list[float]] = {node: [] for node in nodes}
    exchanges = 0

    def around_until(moment: float) -> None:
        nonlocal exchanges
        while time.monotonic() < moment:
            for instrument in instruments:
                exchanges += calls
                if read(instrument):
                    readings[instrument.address].append(time.monotonic())

    around_until(time.monotonic() + warm_s)
    begin = mark(line.moved, exchanges)
    around_until(time.monotonic() + seconds)
    return Run(begin, mark(line.moved, exchanges), readings)
