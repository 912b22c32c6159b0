"""What the IOC tells systemd: ready, alive, how it is, stopping (sd_notify(3)). Without systemd: nothing.

One datagram per message to $NOTIFY_SOCKET. The watchdog is fed from the event loop and nowhere else: a loop
that stands still starves it. Knows no PV and no server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

STATUS_S = 5.0
"""How often the status is looked at, and sent if it has changed."""
FEEDS_PER_TIMEOUT = 3

log = logging.getLogger(__name__)


class Notifier:
    """The way to the service manager, as the variables it has set describe it."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        env = os.environ if environ is None else environ
        self._address = _address(env.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog(env) if self._address else None
        """Seconds after which a silent IOC is killed; None: nobody watches."""
        self._status = ""
        self._complained = False

    @property
    def listened_to(self) -> bool:
        """Whether a service manager wants to be told anything."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """It serves from now on."""
        self._status = status
        self._send(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        """It is on its way out."""
        self._send("STOPPING=1\nSTATUS=stopping")

    async def run(self, status: Callable[[], str]) -> None:
        """Feed the watchdog, and say how things are when that has changed, for ever."""
        while self.listened_to:
            await asyncio.sleep(self.period_s)
            if self.watchdog_s is not None:
                self._send("WATCHDOG=1")
            self._say(status())

    @property
    def period_s(self) -> float:
        """Time between two messages of `run`."""
        return STATUS_S if self.watchdog_s is None else min(self.watchdog_s / FEEDS_PER_TIMEOUT, STATUS_S)

    def _say(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def _send(self, message: str) -> None:
        """Send and never wait: a manager that does not read must not stop the IOC."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning("the service manager cannot be told (%s): %s", message.split("\n")[0], error)


def _address(path: str) -> str:
    """A path, or a name in the abstract name space, which is written with an @."""
    if not path.startswith(("/", "@")):
        return ""
    return path if path.startswith("/") else f"\0{path[1:]}"


def _watchdog(env: Mapping[str, str]) -> float | None:
    """As sd_watchdog_enabled(3): only for the process that is meant."""
    text, wanted = env.get("WATCHDOG_USEC", ""), env.get("WATCHDOG_PID", "")
    if not text.isdigit() or not int(text) or (wanted and wanted != str(os.getpid())):
        return None
    return int(text) / 1e6
