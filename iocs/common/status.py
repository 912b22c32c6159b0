"""How the IOC is: heartbeat, load, memory, clients and standstills, brought up to date once a second.

Knows the process and its server; knows no subsystem.
"""

import os
import platform
import shlex
import socket
import sys
import time
from collections import deque
from importlib.metadata import version

from iocs.caserver import AccessRights, Client, Record, current_server, request_restart, suspended_tasks
from iocs.common import procfs
from iocs.common.group import Group
from iocs.common.status_pvs import LONG_TEXT, PlacePVs, ProcessPVs, TrafficPVs
from iocs.common.ticks import Ticks

PERIOD_S = 1.0
DAY_S = 86400
STAMP = "%Y-%m-%d %H:%M:%S"
SHORT = 39
EPICS_EPOCH_S = 631152000
LAG_WINDOW = 60
"""Looks over which LOOP_LAG is the worst."""
STALL_WORTH_A_WORD_S = 1.0


class Process(ProcessPVs):
    """This process, and what it takes of its host."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"{prefix}IOC:")
        self._born = self._before = time.monotonic()
        self._last = procfs.look()
        self._beats = 0
        self.reset.rules = nobody
        self.started.set_ok(time.strftime(STAMP))
        self.process.set_ok(os.getpid())
        self.parent.set_ok(os.getppid())
        self.processors.set_ok(os.cpu_count() or 1)

    def begin(self) -> None:
        """Count this start, after the earlier ones have been restored."""
        self.start_count.set_ok(self.start_count.value + 1)
        self.record_count.set_ok(len(current_server().pvdb))

    def show(self) -> None:
        """One more second."""
        self._beats += 1
        self.heartbeat.set_ok(self._beats)
        self.uptime.set_ok(uptime_text(time.monotonic() - self._born))
        self.now.set_ok(time.strftime(STAMP))
        self.suspended.set_ok(suspended_tasks())
        self._show_usage(procfs.look(), time.monotonic())

    def _show_usage(self, usage: procfs.Usage, now: float) -> None:
        load = procfs.load(self._last, usage, max(now - self._before, 1e-3))
        self._last, self._before = usage, now
        self.load.set_ok(load.process)
        _show(self.host_load, load.host)
        _show(self.memory_used, usage.memory_used)
        _show(self.memory_free, usage.memory_free)
        _show(self.memory_max, usage.memory_max)
        _show(self.files_open, usage.files_open)
        _show(self.files_max, usage.files_max)
        if usage.files_open is not None and usage.files_max is not None:
            self.files_free.set_ok(usage.files_max - usage.files_open)

    async def put_reset(self, value: int) -> None:
        request_restart()


class Place(PlacePVs):
    """Host, versions, command line, and the clock."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"{prefix}IOC:")
        self._wall = time.time()
        self.clock_reset.process = self._forget_clock_errors
        self.hostname.set_ok(socket.gethostname()[:SHORT])
        self.kernel.set_ok(f"{platform.system()} {platform.release()}"[:SHORT])
        self.server.set_ok(f"caproto {version('caproto')}")
        self.server_long.set_ok(server_text())
        self.engineer.set_ok((os.environ.get("ENGINEER") or "not told")[:SHORT])
        self.location.set_ok((os.environ.get("LOCATION") or "not told")[:SHORT])
        self._show_parts(os.getcwd(), self.folder, self.folder_1, self.folder_2)
        self._show_parts(shlex.join(sys.orig_argv), self.command, self.command_1, self.command_2)
        self.clock_source.set_ok("clock of the operating system")
        self.best_source.set_ok("clock of the operating system")
        self.event_source.set_ok("none")
        self.clock_errors.set_ok(0)

    def _show_parts(self, text: str, whole: Record[str], first: Record[str], second: Record[str]) -> None:
        whole.set_ok(text[:LONG_TEXT])
        first.set_ok(text[:SHORT])
        second.set_ok(text[SHORT : 2 * SHORT])

    def show(self) -> None:
        """The time, and whether it went backwards."""
        before, self._wall = self._wall, time.time()
        self.clock.set_ok(self._wall - EPICS_EPOCH_S)
        if self._wall < before:
            self.clock_errors.set_ok(self.clock_errors.value + 1)

    async def put_clock_reset(self, value: int) -> None:
        await self._forget_clock_errors()

    async def _forget_clock_errors(self) -> None:
        self.clock_errors.set_ok(0)


class Traffic(TrafficPVs):
    """The server's clients and counters."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"{prefix}IOC:")
        self._lags: deque[float] = deque(maxlen=LAG_WINDOW)

    def show(self) -> None:
        """What the server has counted up to now."""
        server = current_server()
        counters = server.counters
        self.clients.set_ok(server.client_count)
        self.channels.set_ok(server.channel_count)
        self.dropped.set_ok(counters.stalled_dropped)
        self.lost_events.set_ok(server.lost_events)
        self.protocol_errors.set_ok(counters.protocol_errors)
        self.bad_datagrams.set_ok(counters.bad_datagrams)
        self._show_stalled()
        self._lags.append(server.take_lag())
        self.lag.set_ok(max(self._lags))
        self.worst_lag.set_ok(counters.worst_lag_s)
        self.stalls.set_ok(counters.stalls)

    def _show_stalled(self) -> None:
        stalled = current_server().stalled(STALL_WORTH_A_WORD_S)
        self.stalled.set_ok(len(stalled))
        self.stalled_bytes.set_ok(sum(client.outbox.unsent_bytes for client in stalled))
        if stalled:
            user, host, address = stalled[0].who
            self.stalled_address.set_ok(f"{user}@{host} {address}"[:119])
        else:
            self.stalled_address.set_ok("")


class Status:
    """All groups of `$(P)IOC:` that tell how the IOC is."""

    def __init__(self, prefix: str) -> None:
        self.process = Process(prefix)
        self.place = Place(prefix)
        self.traffic = Traffic(prefix)
        self.groups: list[Group] = [self.process, self.place, self.traffic]

    async def run(self) -> None:
        """Once a second, for ever."""
        self.process.begin()
        ticks = Ticks(PERIOD_S)
        while True:
            await ticks.next()
            for part in (self.process, self.place, self.traffic):
                part.show()


def nobody(client: Client, field: str) -> AccessRights:
    """Rights where there are no access rules that say otherwise: everyone reads, nobody writes."""
    return AccessRights.READ


def uptime_text(seconds: float) -> str:
    """As the stock screen shows it: `2 days, 03:04:05`."""
    days, rest = divmod(int(seconds), DAY_S)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} day{'s' if days != 1 else ''}, {clock}" if days else clock


def server_text() -> str:
    """What serves Channel Access, in full."""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"caproto {version('caproto')}, Channel Access 4.13, Python {python}; no EPICS base"


def _show(record: Record[int] | Record[float], value: float | int | None) -> None:
    """A figure; where the system does not tell, the record stays undefined."""
    if value is not None:
        record.set_ok(value)  # type: ignore[arg-type]
