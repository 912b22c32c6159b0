"""`--simulate`: instruments on pseudo-terminals instead of the real lines, and their faults as PVs.

The configuration stays the same; only what is at the other end of each line is replaced.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from devsup.sim.faults import FAULT_NAMES, LINE_FAULT_NAMES, Fault, LineFault
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import Fluid, NodeConfig, ProparNode
from devsup.sim.wire import PtyLine
from iocs.common import pv
from iocs.common.pv import Group
from iocs.flow.config import FlowConfig, InstrumentConfig, LineConfig


class SimulatedInstrument(Group):
    """What the trainer can do to one simulated instrument."""

    fault = pv.choice("Fault", "What is wrong with the instrument", FAULT_NAMES, initial=0)
    probability = pv.setpoint(
        "Probability", "Share of exchanges the fault hits", drive=(0, 1), precision=3, initial=1.0
    )
    delay = pv.setpoint(
        "Delay", "Delay of SLOW and LATE; 0: default", unit="s", drive=(0, 10), precision=2, initial=0.0
    )

    def __init__(self, prefix: str, line: ProparLine, node: int) -> None:
        super().__init__(prefix)
        self._line = line
        self._node = node

    async def put_fault(self, index: int) -> None:
        self._set(index, self.probability.value, self.delay.value)

    async def put_probability(self, value: float) -> None:
        self._set(self.fault.value, value, self.delay.value)

    async def put_delay(self, value: float) -> None:
        self._set(self.fault.value, self.probability.value, value)

    def _set(self, index: int, probability: float, delay_s: float) -> None:
        self._line.set_fault(self._node, list(Fault)[index], probability, delay_s or None)


class SimulatedLine(Group):
    """What the trainer can do to one simulated line."""

    fault = pv.choice("Fault", "What is wrong with the line", LINE_FAULT_NAMES, initial=0)
    probability = pv.setpoint(
        "Probability", "Share of the traffic noise hits", drive=(0, 1), precision=3, initial=1.0
    )

    def __init__(self, prefix: str, wire: PtyLine) -> None:
        super().__init__(prefix)
        self._pty = wire

    async def put_fault(self, index: int) -> None:
        await asyncio.to_thread(self._pty.set_fault, list(LineFault)[index], self.probability.value)

    async def put_probability(self, value: float) -> None:
        await asyncio.to_thread(self._pty.set_fault, list(LineFault)[self.fault.value], value)


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
                SimulatedInstrument(f"{sim_prefix(prefix)}{item.name}:", server, item.node)
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


def sim_prefix(prefix: str) -> str:
    """LAB:FLOW: -> LAB:SIM:FLOW:, so that the faults of a whole plant are under one roof."""
    *front, last = prefix.rstrip(":").split(":")
    return ":".join([*front, "SIM", last, ""])


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
