"""A libca client (pyepics) for tests, alive in a process of its own with its own Channel Access environment.

    with CaClient(ca_environment(port)) as ca:
        ca.put("X:Setpoint", 5.0)                     # put-callback; raises Refused if the server says no
        assert ca.get("X:Setpoint_RBV") == 5.0
        flow = ca.monitor("X:Flow")
        flow.wait_for(lambda event: event.severity == 3)

Everything has a deadline; a late answer raises NoAnswer.
"""

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

WORKER = Path(__file__).with_name("ca_worker.py")
START_S = 20.0
GRACE_S = 5.0
MASKS = {"V": 1, "L": 2, "A": 4, "P": 8}


class Refused(Exception):
    """The server said no. The text is libca's name for the reason."""


class NoAnswer(AssertionError):
    """No connection or no answer within the deadline."""


@dataclass(frozen=True)
class Reading:
    """A value with what came along with it. `timestamp` in POSIX seconds; limits, units … where asked for."""

    value: Any
    status: int = 0
    severity: int = 0
    timestamp: float = 0.0
    more: dict[str, Any] = field(default_factory=dict, compare=False)

    @staticmethod
    def of(reply: dict[str, Any]) -> "Reading":
        names = ("value", "status", "severity", "timestamp")
        own = {name: reply.pop(name) for name in names if name in reply}
        return Reading(**own, more=reply)


class Monitor:
    """A subscription and the events that it has received, oldest first."""

    def __init__(self, client: "CaClient", name: str, number: int) -> None:
        self.name = name
        self._client = client
        self._number = number
        self._events: list[Reading] = []
        self._arrived = threading.Condition()

    @property
    def events(self) -> list[Reading]:
        with self._arrived:
            return list(self._events)

    @property
    def values(self) -> list[Any]:
        return [event.value for event in self.events]

    def wait_for(
        self, predicate: Callable[[Reading], object], timeout: float = 10.0, after: int = 0
    ) -> Reading:
        """The first event for which the predicate holds, leaving out the first `after` ones."""

        def found() -> list[Reading]:
            return [event for event in self._events[after:] if predicate(event)][:1]

        with self._arrived:
            if not self._arrived.wait_for(found, timeout):
                raise NoAnswer(f"{self.name}: not within {timeout:g} s, only {self._events[after:]}")
            return found()[0]

    def wait_count(self, count: int, timeout: float = 10.0) -> list[Reading]:
        """The events, once there are at least `count`."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._events) >= count, timeout):
                raise NoAnswer(f"{self.name}: {len(self._events)} events within {timeout:g} s, not {count}")
            return list(self._events)

    def close(self) -> None:
        self._client.ask("unmonitor", number=self._number)

    def add(self, event: Reading) -> None:
        with self._arrived:
            self._events.append(event)
            self._arrived.notify_all()


class CaClient:
    """One client. Calls are safe from several threads; those that wait do not hold up each other."""

    def __init__(self, env: Mapping[str, str], timeout: float = 10.0, wrap: Sequence[str] = ()) -> None:
        self.timeout = timeout
        self._numbers = itertools.count(1)
        self._answers: dict[int, Future[Any]] = {0: Future()}
        self._monitors: dict[int, Monitor] = {}
        self._sending = threading.Lock()
        self.connections: list[tuple[str, bool]] = []
        """(name, up) for each connection made or lost, oldest first."""
        self._worker = subprocess.Popen(
            [*wrap, sys.executable, str(WORKER)],
            env=_without_coverage({**os.environ, **env}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="ca-client", daemon=True)
        self._reader.start()
        self._answers[0].result(START_S)

    # Single values

    def get(self, name: str, *, as_string: bool = False, count: int | None = None, timeout: float = 0) -> Any:
        """The value of a PV; `as_string` as the text that the server makes of it."""
        return self.read(name, as_string=as_string, count=count, timeout=timeout).value

    def read(
        self,
        name: str,
        *,
        form: str = "time",
        as_string: bool = False,
        count: int | None = None,
        timeout: float = 0,
    ) -> Reading:
        """The value with alarm and time; with form `ctrl`, limits and units; with `string`, as text."""
        reply = self.ask("get", timeout, name=name, form=form, as_string=as_string, count=count)
        return Reading.of(reply)

    def ctrl(self, name: str, timeout: float = 0) -> dict[str, Any]:
        """What DBR_CTRL carries beside the value: units, precision, limits, states."""
        return self.read(name, form="ctrl", timeout=timeout).more

    def put(self, name: str, value: Any, *, wait: bool = True, timeout: float = 0) -> None:
        """A put; with `wait` as put-callback. Raises Refused if the server refuses that."""
        self.ask("put", timeout, name=name, value=value, wait=wait)

    def start_put(self, name: str, value: Any, timeout: float = 0) -> Future[Any]:
        """A put-callback whose end is not waited for: the future ends, or raises, as put() would."""
        return self._order("put", name=name, value=value, wait=True, timeout=timeout or self.timeout)

    # Channels

    def monitor(self, name: str, *, mask: str = "VA", form: str = "time", timeout: float = 0) -> Monitor:
        """A subscription; `mask` of V(alue), L(og), A(larm), P(roperty)."""
        number = next(self._numbers)
        self._monitors[number] = monitor = Monitor(self, name, number)
        bits = sum(MASKS[letter] for letter in mask)
        self.ask("monitor", timeout, name=name, mask=bits, form=form, number=number)
        return monitor

    def wait_connected(self, name: str, timeout: float = 0) -> None:
        self.ask("wait_connected", timeout, name=name, up=True)

    def wait_disconnected(self, name: str, timeout: float = 0) -> None:
        self.ask("wait_connected", timeout, name=name, up=False)

    def info(self, name: str, timeout: float = 0) -> dict[str, Any]:
        """type, count, host, and the rights: read, write."""
        answer: dict[str, Any] = self.ask("info", timeout, name=name)
        return answer

    def disconnect(self, name: str) -> None:
        """Gives the channel back."""
        self.ask("disconnect", name=name)

    # The pipe

    def ask(self, order: str, timeout: float | None = None, **arguments: Any) -> Any:
        """An order and its answer. Raises Refused or NoAnswer."""
        if timeout is not None:
            arguments["timeout"] = timeout or self.timeout
        return self._order(order, **arguments).result(arguments.get("timeout", self.timeout) * 2 + GRACE_S)

    def _order(self, order: str, **arguments: Any) -> Future[Any]:
        number = next(self._numbers)
        self._answers[number] = answer = Future[Any]()
        assert self._worker.stdin
        line = json.dumps({"number": number, "order": order, "arguments": arguments})
        with self._sending:
            self._worker.stdin.write(line + "\n")
            self._worker.stdin.flush()
        return answer

    def _read(self) -> None:
        assert self._worker.stdout
        for line in self._worker.stdout:
            self._take(json.loads(line))
        for answer in [answer for answer in self._answers.values() if not answer.done()]:
            answer.set_exception(NoAnswer("the libca process ended"))

    def _take(self, message: dict[str, Any]) -> None:
        if "answer" in message:
            _settle(self._answers.pop(message["answer"]), message)
        elif "monitor" in message:
            self._monitors[message.pop("monitor")].add(Reading.of(message))
        elif "connection" in message:
            self.connections.append((message["connection"], message["up"]))
        else:
            self._answers[0].set_result(message["ready"])

    def close(self) -> None:
        """Ends the client and its process."""
        assert self._worker.stdin and self._worker.stdout
        self._worker.stdin.close()
        try:
            self._worker.wait(2.0)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.wait()
        self._reader.join()
        self._worker.stdout.close()

    def __enter__(self) -> "CaClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _settle(answer: Future[Any], message: dict[str, Any]) -> None:
    if "refused" in message:
        answer.set_exception(Refused(message["refused"]))
    elif "late" in message:
        answer.set_exception(NoAnswer(message["late"]))
    elif "broken" in message:
        answer.set_exception(RuntimeError(message["broken"]))
    else:
        answer.set_result(message["value"])


def _without_coverage(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith("COVERAGE_")}
