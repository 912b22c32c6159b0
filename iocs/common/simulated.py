"""What a trainer can do to simulated lines and instruments: their faults as PVs.

Knows fault switches; knows no protocol and no subsystem.
"""

import asyncio
from collections.abc import Callable

from devsup.sim.faults import FAULT_NAMES, LINE_FAULT_NAMES, Fault, LineFault
from devsup.sim.wire import PtyLine
from iocs.caserver import Refused
from iocs.common import pv
from iocs.common.group import Group

Throw = Callable[[Fault, float, float | None], None]
"""Sets the fault of one instrument, its probability and its delay in seconds (None: the default)."""


class SimulatedInstrument(Group):
    """What the trainer can do to one simulated instrument."""

    fault = pv.choice("Fault", "What is wrong with the instrument", FAULT_NAMES, initial=0)
    probability = pv.setpoint(
        "Probability", "Share of exchanges the fault hits", drive=(0, 1), precision=3, initial=1.0
    )
    delay = pv.setpoint(
        "Delay", "Delay of SLOW and LATE; 0: default", unit="s", drive=(0, 10), precision=2, initial=0.0
    )

    def __init__(self, prefix: str, throw: Throw) -> None:
        super().__init__(prefix)
        self._throw = throw

    async def put_fault(self, index: int) -> None:
        self._set(index, self.probability.value, self.delay.value)

    async def put_probability(self, value: float) -> None:
        self._set(self.fault.value, value, self.delay.value)

    async def put_delay(self, value: float) -> None:
        self._set(self.fault.value, self.probability.value, value)

    def _set(self, index: int, probability: float, delay_s: float) -> None:
        try:
            self._throw(list(Fault)[index], probability, delay_s or None)
        except ValueError as error:  # not every kind of instrument can have every fault
            raise Refused(str(error)) from None


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


def sim_prefix(prefix: str) -> str:
    """LAB:FLOW: -> LAB:SIM:FLOW:, so that the faults of a whole plant are under one roof."""
    *front, last = prefix.rstrip(":").split(":")
    return ":".join([*front, "SIM", last, ""])
