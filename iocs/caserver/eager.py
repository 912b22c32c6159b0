"""Bytes of a client on their way to its circuit, with a short cut past the circuit's task.

Waking a task costs as much as answering a get. Knows bytes only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class EagerReader(asyncio.StreamReader):
    """Offers what comes to whoever may do it at once, unless something that came before still waits."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.offer: Callable[[bytes], bool] = lambda data: False
        self._unread = 0

    def feed_data(self, data: Any) -> None:
        if self._unread or not self.offer(data):
            self._unread += len(data)
            super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        self._unread -= len(data)
        return data
