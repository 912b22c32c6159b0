"""One serial line behind its PVs: the port's statistics once a second, and two commands."""

from devsup.propar_bus import ProparBus
from iocs.common.ticks import Ticks
from iocs.flow.config import LineConfig
from iocs.flow.pvs import LinePVs

PERIOD_S = 1.0


class FlowLine(LinePVs):
    """Shows what the port of a line has to tell."""

    def __init__(self, prefix: str, bus: ProparBus, config: LineConfig) -> None:
        super().__init__(f"{prefix}PORT:{config.name}:")
        self.config = config
        self.bus = bus
        self.port = bus.port
        self.url.set_ok(config.settings.url)

    async def run(self) -> None:
        """Show the statistics, second by second, for ever."""
        ticks = Ticks(PERIOD_S)
        while True:
            await ticks.next()
            self.show()

    def show(self) -> None:
        """One snapshot, to the PVs."""
        now = self.port.snapshot()
        self.connected.set_ok(int(now.connected))
        for record, value in (
            (self.operations, now.operations),
            (self.succeeded, now.succeeded),
            (self.failed, now.failed),
            (self.fail_rate, now.fail_rate),
            (self.timeouts, now.failures["timeout"]),
            (self.framing, now.failures["framing"]),
            (self.identity, now.failures["identity"]),
            (self.checksum, now.failures["checksum"]),
            (self.device, now.failures["device"]),
            (self.io, now.failures["io"]),
            (self.implausible, now.failures["implausible"]),
            (self.retries, now.retries),
            (self.blocked, now.blocked),
            (self.reconnects, now.reconnects),
            (self.late, now.late_replies),
            (self.overruns, now.overruns),
            (self.longest, now.longest_ms),
            (self.p50, now.p50_ms),
            (self.p95, now.p95_ms),
            (self.utilisation, now.utilisation),
        ):
            record.set_ok(value)
        self.queue.set_ok(now.queue_depth)
        self.backed_off.set_ok(now.backed_off)
        self.last_error.set_ok(now.last_error)

    async def put_reset(self, value: int) -> None:
        self.port.reset_statistics()
        self.show()

    async def put_scan(self, value: int) -> None:
        found = await self.bus.scan()
        self.nodes.set_ok(", ".join(f"{node.address} ({node.ident.strip()})" for node in found) or "none")
