"""`--simulate`: instruments on pseudo-terminals instead of the real lines, and their faults as PVs.

The configuration stays the same; only what is at the other end of each line is replaced.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import Fluid, NodeConfig, ProparNode
from devsup.sim.wire import PtyLine
from iocs.common.group import Group
from iocs.common.simulated import SimulatedInstrument, SimulatedLine, sim_prefix
from iocs.flow.config import FlowConfig, InstrumentConfig, LineConfig


class Simulation:
    """The other end of every line of an installation."""

    def __init__(self, lines: Sequence[LineConfig], prefix: str) -> None:
        self.groups: list[Group] = []
        self._wires: list[PtyLine] = []
        for line in lines:
            server = ProparLine([ProparNode(_node(item)) for item in line.instruments])
            wire = PtyLine(server, line.settings.baudrate, name=line.name)
            self._wires.append(wire)
            self.groups.append(SimulatedLine(f"{sim_prefix(prefix)}PORT:{line.name}:", wire))
            self.groups += [
                SimulatedInstrument(f"{sim_prefix(prefix)}{item.name}:", partial(server.set_fault, item.node))
                for item in line.instruments
            ]

    def config(self, config: FlowConfig) -> FlowConfig:
        """The same installation with its lines leading here."""
        lines = (
            replace(line, settings=replace(line.settings, url=wire.url, rs485=False, rtscts=False))
            for line, wire in zip(config.lines, self._wires, strict=True)
        )
        return replace(config, lines=tuple(lines))

    def start(self) -> None:
        for wire in self._wires:
            wire.start()

    def stop(self) -> None:
        for wire in self._wires:
            wire.stop()


def _node(item: InstrumentConfig) -> NodeConfig:
    simulated = item.simulated
    return NodeConfig(
        address=item.node,
        fluids=tuple(Fluid(name, simulated.capacity, simulated.unit) for name in simulated.fluids),
        tau_s=simulated.tau_s,
        noise=2e-4,
        seed=item.node,
        user_tag=item.name,
    )
