"""A running port, the far end of its line, and two instruments on it. Every time-out is the test's own."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from devsup.health import Health, Manners
from devsup.line import LineSettings
from devsup.port import Port, Priority
from tests.devsup.far_end import PATIENCE_S, FarEnd, ask

SHORT_S = 0.03  # a time-out that is meant to expire
QUICK = Manners(retry_delays_s=(0.01, 0.02, 0.03), floor_s=0.01)


@dataclass
class Rig:
    """`one` and `two` have answered before, so they get their retries."""

    port: Port
    far: FarEnd
    one: Health
    two: Health

    def ask(
        self,
        text: str,
        device: Health | None = None,
        priority: Priority = Priority.POLL,
        *,
        timeout_s: float | None = PATIENCE_S,
        retries: int | None = None,
        key: object = None,
    ) -> "Future[str]":
        device = self.one if device is None else device
        return self.port.submit(
            ask(text), device, priority, timeout_s=timeout_s, retries=retries, key=key, label=text
        )

    def busy(self) -> "Future[str]":
        """A transaction that is in flight until somebody says something."""
        held = self.ask("hold", self.two)
        assert self.far.expect() == "hold"
        return held

    def serve(self, count: int) -> list[str]:
        """Answer the next `count` questions with themselves; returns them."""
        asked = []
        for _ in range(count):
            asked.append(self.far.expect())
            self.far.say(f"re {asked[-1]}")
        return asked

    def served(self, *futures: "Future[str]") -> list[str]:
        """The results of futures that will be answered."""
        return [future.result(PATIENCE_S) for future in futures]

    def settle(self) -> None:
        """Wait until the worker has booked everything that was asked so far."""
        last = self.ask("last", self.two, Priority.BACKGROUND)
        assert self.serve(1) == ["last"]
        last.result(PATIENCE_S)


@contextmanager
def port_rig(manners: Manners = QUICK, far: FarEnd | None = None) -> Iterator[Rig]:
    with far or FarEnd() as end, running(Port("bench", LineSettings(end.url), manners)) as port:
        rig = Rig(port, end, port.device("one"), port.device("two"))
        for device in (rig.one, rig.two):
            device.answered(0.001, time.monotonic())
        yield rig


@contextmanager
def running(port: Port) -> Iterator[Port]:
    port.start()
    try:
        yield port
    finally:
        stopping = threading.Thread(target=port.stop)
        stopping.start()
        stopping.join(PATIENCE_S)
        assert not stopping.is_alive(), "stop() hangs"
