"""What a trainer can do, and what an instrument cannot have."""

import pytest

from devsup.sim.faults import Fault
from iocs.caserver import Refused
from iocs.common.simulated import SimulatedInstrument


async def test_a_fault_that_an_instrument_cannot_have_is_refused() -> None:
    thrown: list[Fault] = []

    def throw(fault: Fault, probability: float, delay_s: float | None) -> None:
        if fault is Fault.STUCK_VALVE:
            raise ValueError("STUCK_VALVE: it has no valve")
        thrown.append(fault)

    panel = SimulatedInstrument("X:", throw)
    await panel.put_fault(list(Fault).index(Fault.DEAD))
    with pytest.raises(Refused, match="no valve"):
        await panel.put_fault(list(Fault).index(Fault.STUCK_VALVE))
    assert thrown == [Fault.DEAD]
