"""One serial line behind its PVs: the port's statistics once a second, and their reset.

Knows PVs and a Port; knows no protocol and no instrument.
"""

from devsup.port import Port
from iocs.caserver import AlarmSeverity
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.spec import AlarmPolicy, Archive
from iocs.common.ticks import Ticks

MAJOR = AlarmSeverity.MAJOR
PERIOD_S = 1.0


class LinePVs(Group):
    """Health of a line, from what its port has to tell. Counters count from start or from the last Reset."""

    connected = pv.flag(
        "Connected",
        "Serial line is open",
        states=("Disconnected", "Connected"),
        severities={"Disconnected": MAJOR},
        archive=Archive(),
        alarm=AlarmPolicy("The serial line is gone: check adapter, cable and power.", delay_s=2.0),
    )
    url = pv.text("URL", "Where the line is", max_length=120)
    operations = pv.counter("Operations", "Transactions finished", archive=Archive(60.0))
    succeeded = pv.counter("Succeeded", "Transactions that succeeded")
    failed = pv.counter("Failed", "Transactions that failed", archive=Archive(60.0))
    fail_rate = pv.readback(
        "FailRate",
        "High: unstable USB or slow instruments",
        unit="%",
        precision=1,
        display=(0, 100),
        high=5.0,
        hihi=25.0,
        hyst=1.0,
        deadband=0.1,
        archive=Archive(10.0),
        alarm=AlarmPolicy("Unstable USB or slow instruments: see which Comm is not OK.", delay_s=30.0),
    )
    timeouts = pv.counter("Failed:Timeout", "Attempts without reply")
    framing = pv.counter("Failed:Framing", "Attempts with damaged replies")
    identity = pv.counter("Failed:Identity", "Attempts with somebody else's reply")
    checksum = pv.counter("Failed:Checksum", "Attempts with a wrong checksum")
    device = pv.counter("Failed:Device", "Requests an instrument refused")
    io = pv.counter("Failed:IO", "Attempts while the port was broken")
    implausible = pv.counter("Failed:Implausible", "Readings not confirmed by a second")
    retries = pv.counter("Retries", "Attempts after the first", archive=Archive(60.0))
    blocked = pv.counter("Blocked", "Transactions that waited behind another")
    reconnects = pv.counter("Reconnects", "Times the line was opened again", archive=Archive(60.0))
    late = pv.counter("LateReplies", "Late replies drained")
    overruns = pv.counter("Overruns", "Polls skipped: the line was busy")
    longest = pv.readback(
        "Longest",
        "Longest transaction; > 2000 ms is ill",
        unit="ms",
        precision=1,
        high=2000.0,
        deadband=0.1,
        archive=Archive(10.0),
        alarm=AlarmPolicy("A transaction took over 2 s: check the instruments' response; then Reset."),
    )
    p50 = pv.readback("P50", "Median transaction time", unit="ms", precision=2, deadband=0.5)
    p95 = pv.readback("P95", "95 % of transactions are faster", unit="ms", precision=2, deadband=0.5)
    utilisation = pv.readback(
        "Utilisation", "Part of the time bytes are on the wire", unit="%", precision=1, display=(0, 100),
        deadband=0.5, archive=Archive(10.0),
    )  # fmt: skip
    queue = pv.integer("QueueDepth", "Transactions waiting")
    backed_off = pv.integer("BackOffs", "Instruments probed rarely because silent", archive=Archive())
    last_error = pv.text("LastError", "What went wrong last", max_length=120)
    reset = pv.command("Reset", "Set the counters to zero", access="OPERATE")

    def __init__(self, prefix: str, port: Port) -> None:
        super().__init__(f"{prefix}PORT:{port.name}:")
        self.port = port
        self.url.set_ok(port.settings.url)

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
