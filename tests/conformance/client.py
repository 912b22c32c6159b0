"""The near end of worker.py: orders to a libca process, answers as futures, news in order of arrival."""

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 20.0
GRACE_S = 3.0

Message = dict[str, Any]


class LibCa:
    """One libca process. Everything it says, besides answers, is kept in `news`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        self._answers: dict[int, Future[Any]] = {0: Future()}
        self.news: list[Message] = []
        self.changed = threading.Condition()
        own = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.worker"],
            cwd=ROOT,
            env={**own, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="libca", daemon=True)
        self._reader.start()
        self._answers[0].result(DEADLINE_S)

    def new_id(self) -> int:
        """For a channel or a subscription."""
        return next(self._ids)

    def order(self, order: str, **arguments: Any) -> Future[Any]:
        """An order under way; its answer will be a status in libca's words, or what was asked for."""
        number = next(self._numbers)
        answer = self._answers[number] = Future[Any]()
        assert self._worker.stdin
        self._worker.stdin.write(json.dumps({"order": order, "number": number, **arguments}) + "\n")
        self._worker.stdin.flush()
        return answer

    def ask(self, order: str, **arguments: Any) -> Any:
        """An order and its answer."""
        return self.order(order, **arguments).result(DEADLINE_S)

    def wait_for(self, condition: Callable[[list[Message]], bool], deadline_s: float = DEADLINE_S) -> bool:
        """Whether the news came to fulfil a condition in time."""
        with self.changed:
            return self.changed.wait_for(lambda: condition(self.news), deadline_s)

    def take_news(self) -> list[Message]:
        """The news since the last time."""
        with self.changed:
            news, self.news = self.news, []
        return news

    def _read(self) -> None:
        assert self._worker.stdout
        for line in self._worker.stdout:
            message = json.loads(line)
            if "answer" in message:
                self._answers.pop(message["answer"]).set_result(message["value"])
            else:
                with self.changed:
                    self.news.append(message)
                    self.changed.notify_all()
        for answer in self._answers.values():
            answer.set_exception(RuntimeError("the libca process ended"))

    def close(self) -> None:
        """Ends the process."""
        assert self._worker.stdin and self._worker.stdout
        self._worker.stdin.close()
        try:
            self._worker.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.wait()
        self._reader.join()
        self._worker.stdout.close()

    def __enter__(self) -> "LibCa":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
