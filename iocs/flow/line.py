"""One ProPar line behind its PVs: health, and who is on it."""

from devsup.propar_bus import ProparBus
from iocs.flow.config import LineConfig
from iocs.flow.pvs import FlowLinePVs


class FlowLine(FlowLinePVs):
    """A line whose nodes can be looked for."""

    def __init__(self, prefix: str, bus: ProparBus, config: LineConfig) -> None:
        super().__init__(prefix, bus.port)
        self.config = config
        self.bus = bus

    async def put_scan(self, value: int) -> None:
        found = await self.bus.scan()
        self.nodes.set_ok(", ".join(f"{node.address} ({node.ident.strip()})" for node in found) or "none")
