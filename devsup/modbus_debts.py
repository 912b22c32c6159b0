"""Which Modbus answers may still come, although nobody waits for them any more.

A unit answers in turn, so an answer that was certainly meant for the latest question settles all
older ones. Pure bookkeeping on times that are passed in; knows no port and no clock.
"""

from collections import defaultdict
from typing import TypeVar

from devsup.modbus_rtu import Request

T = TypeVar("T")


class LateAnswers:
    """Unanswered questions of the units of one line, by how their answers begin."""

    def __init__(self) -> None:
        self._owed: defaultdict[int, dict[bytes, float]] = defaultdict(dict)

    def passes_for(self, request: Request[T]) -> bool:
        """May an answer come that was not meant for `request`, but looks as if it were?"""
        return request.head in self._owed[request.unit]

    def asked_at(self, request: Request[T]) -> float:
        """When the question was asked last whose answer would pass for that of `request`."""
        return self._owed[request.unit][request.head]

    def missed(self, request: Request[T], asked_at: float) -> None:
        """It was not answered, as far as anybody knows."""
        self._owed[request.unit][request.head] = asked_at

    def answered(self, request: Request[T], asked_at: float, refused: bool) -> None:
        """An answer came. If it may have been that to an older question, this one's may still come; an
        exception does not say which question it refuses."""
        owed = self._owed[request.unit]
        if request.head in owed or (refused and owed):
            owed[request.head] = asked_at
        else:
            owed.clear()

    def settle(self, unit: int) -> None:
        """Nothing can come from `unit` any more."""
        self._owed[unit].clear()
