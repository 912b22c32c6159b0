"""How the IOC itself is: heartbeat, uptime, clients, load, under the names devIocStats gives them.

Knows the process and its server; knows no subsystem.
"""

import os
import socket
import time

from iocs.caserver import current_server
from iocs.common import pv
from iocs.common.pv import Group
from iocs.common.spec import Archive
from iocs.common.ticks import Ticks

PERIOD_S = 1.0
DAY_S = 86400
STAMP = "%Y-%m-%d %H:%M:%S"


class StatusPVs(Group):
    """`$(P)IOC:` of every IOC."""

    heartbeat = pv.counter("HEARTBEAT", "Counts seconds while the IOC lives")
    uptime = pv.text("UPTIME", "Time since start")
    started = pv.text("STARTTOD", "Time of start", archive=Archive())
    now = pv.text("TOD", "Time of day")
    process = pv.integer("PROCESS_ID", "Process id")
    hostname = pv.text("HOSTNAME", "Host the IOC runs on")
    clients = pv.integer("CA_CLNT_CNT", "Connected clients", archive=Archive(60.0))
    channels = pv.integer("CA_CONN_CNT", "Channels of all clients", archive=Archive(60.0))
    record_count = pv.integer("RECORD_CNT", "Records served")
    load = pv.readback(
        "IOC_CPU_LOAD",
        "Processor time of this process",
        unit="%",
        precision=1,
        display=(0, 100),
        high=70.0,
        hihi=90.0,
        hyst=5.0,
        deadband=0.5,
        archive=Archive(60.0, deadband=2.0),
    )

    def __init__(self, prefix: str) -> None:
        super().__init__(f"{prefix}IOC:")
        self._born = time.monotonic()
        self._used_s = 0.0
        self.started.set_ok(time.strftime(STAMP))
        self.process.set_ok(os.getpid())
        self.hostname.set_ok(socket.gethostname()[:39])

    async def run(self) -> None:
        """Beat, second by second, for ever."""
        ticks = Ticks(PERIOD_S)
        self.record_count.set_ok(len(current_server().pvdb))
        beats, before = 0, time.monotonic()
        self._used_s = time.process_time()
        while True:
            await ticks.next()
            beats += 1
            now = time.monotonic()
            self._show(beats, max(now - before, 1e-3))
            before = now

    def _show(self, beats: int, elapsed_s: float) -> None:
        server = current_server()
        used_s = time.process_time()
        self.heartbeat.set_ok(beats)
        self.uptime.set_ok(uptime_text(time.monotonic() - self._born))
        self.now.set_ok(time.strftime(STAMP))
        self.clients.set_ok(server.client_count)
        self.channels.set_ok(server.channel_count)
        self.load.set_ok(100.0 * (used_s - self._used_s) / elapsed_s)
        self._used_s = used_s


def uptime_text(seconds: float) -> str:
    """As the stock screen shows it: `2 days, 03:04:05`."""
    days, rest = divmod(int(seconds), DAY_S)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} day{'s' if days != 1 else ''}, {clock}" if days else clock
