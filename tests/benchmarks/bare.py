"""The least a program can do on the line: send a fixed question, wait for the end of the answer, believe it.

No checks, no threads, no queue, no retries. What it misses of the wire limit is the simulator and the system.
"""

import os
import select
import time
from collections.abc import Callable, Mapping

import serial

from tests.benchmarks.runs import Node, Run, mark

PATIENCE_S = 0.5


def poll(
    url: str,
    baudrate: float,
    questions: Mapping[Node, bytes],
    complete: Callable[[bytes], bool],
    warm_s: float,
    seconds: float,
) -> Run:
    """Ask flat out, one after the other, each until its answer is `complete`."""
    readings: dict[Node, list[float]] = {node: [] for node in questions}
    moved = exchanges = 0
    with serial.Serial(url, int(baudrate), timeout=0) as port:

        def around_until(moment: float) -> None:
            nonlocal moved, exchanges
            while time.monotonic() < moment:
                for node, question in questions.items():
                    moved += len(question) + _ask(port.fileno(), question, complete)
                    exchanges += 1
                    readings[node].append(time.monotonic())

        around_until(time.monotonic() + warm_s)
        begin = mark(moved, exchanges)
        around_until(time.monotonic() + seconds)
        return Run(begin, mark(moved, exchanges), readings)


def _ask(descriptor: int, question: bytes, complete: Callable[[bytes], bool]) -> int:
    os.write(descriptor, question)
    answer = b""
    while not complete(answer):
        if not select.select([descriptor], [], [], PATIENCE_S)[0]:
            raise TimeoutError("the simulated line does not answer")
        answer += os.read(descriptor, 4096)
    return len(answer)
