"""What must be true of the laboratory whatever happens, in terms of its PVs alone.

An invariant says what is wrong ('' if nothing). What is not VALID is not judged: a value that nobody has read
says nothing. Some hold at every moment, others after a time that the plant has to react in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

GASES = ("Ar", "O2", "N2")
NODES = ("N2", "Air", "He")
RELAYS = ("Fan", "Mist", "Light", "Heater")
SUPPLIES = ("PSU1", "PSU2")
TOTAL_SCCM, OXYGEN_PERCENT, SLACK = 400.0, 30.0, 0.2
HIGHEST_A, MEASURED_A = 10.6, 0.3
LOST = 2
SAFETY, FAULT, THERMAL_FAULT = 2, 4, 6
SON_AMPLITUDE = (20.0, 100.0)


class Values(Protocol):
    """What the observer sees."""

    def get(self, name: str) -> float | None:
        """The value of a PV; None while it is INVALID or not connected."""


@dataclass(frozen=True)
class Invariant:
    """`within_s`: how long it may be untrue before that counts."""

    name: str
    within_s: float
    wrong: Callable[[Values], str]


def _all(values: Values, *names: str) -> list[float] | None:
    found = [values.get(name) for name in names]
    return None if None in found else [value for value in found if value is not None]


def gas_setpoints(values: Values) -> str:
    """Neither the total nor the share of oxygen is ever set beyond the limits of the configuration."""
    flows = _all(values, *(f"LAB:GAS:{gas}:Setpoint_RBV" for gas in GASES))
    switches = [switch for gas in GASES for switch in _switches(gas)]
    if flows is None or any(values.get(switch) for switch in switches):
        return ""
    total, share = sum(flows), 100.0 * flows[1] / max(sum(flows), 1e-9)
    if total > TOTAL_SCCM + SLACK:
        return f"{total:.1f} sccm are set"
    return f"{share:.1f} % of oxygen is set" if flows[1] > SLACK and share > OXYGEN_PERCENT + SLACK else ""


def gas_stopped(values: Values) -> str:
    """After an emergency stop every gas that answers is at zero."""
    if not values.get("LAB:GAS:EStop:Active"):
        return ""
    left = [gas for gas in GASES if _disobeys(values, f"LAB:GAS:{gas}:", *_switches(gas))]
    return f"{', '.join(left)} not at zero" if left else ""


def flow_stopped(values: Values) -> str:
    """After an emergency stop every instrument that answers is at zero."""
    if not values.get("LAB:FLOW:EStop:Active"):
        return ""
    left = [node for node in NODES if _disobeys(values, f"LAB:FLOW:{node}:", f"LAB:SIM:FLOW:{node}:Fault")]
    return f"{', '.join(left)} not at zero" if left else ""


def _switches(gas: str) -> tuple[str, str]:
    return f"LAB:SIM:GAS:{gas}:Fault", f"LAB:SIM:GAS:{gas}:Condition"


def _disobeys(values: Values, instrument: str, *switches: str) -> bool:
    disturbed = any(values.get(switch) for switch in switches)
    return not disturbed and bool(values.get(f"{instrument}Setpoint_RBV"))


def relays_safe(values: Values) -> str:
    """In SAFETY, and after an emergency stop, every relay is off that is not welded."""
    if values.get("LAB:ENV:Mode") != SAFETY and not values.get("LAB:ENV:EStop:Active"):
        return ""
    on = [
        relay for relay in RELAYS
        if values.get(f"LAB:ENV:{relay}:State") and not values.get(f"LAB:SIM:ENV:{relay}:Fault")
    ]  # fmt: skip
    return f"{', '.join(on)} on" if on else ""


def sonicator_faulted(values: Values) -> str:
    """In FAULT nothing runs that can be stopped, and amplitudes stay within their range."""
    low, high = SON_AMPLITUDE
    amplitude = values.get("LAB:SON:SON4:Amplitude_RBV")
    if amplitude is not None and not low <= amplitude <= high:
        return f"amplitude {amplitude:g} %"
    disturbed = any(values.get(f"LAB:SIM:SON:{what}:Fault") for what in ("SON4", "Board", "Modbus"))
    runs = values.get("LAB:SON:SON4:State") == FAULT and values.get("LAB:SON:SON4:Running")
    return "runs in FAULT" if runs and not disturbed else ""


def thermal_currents(values: Values) -> str:
    """No supply is ever told more than there may be."""
    told = [(name, values.get(f"LAB:TEC:{name}:SetCurrent")) for name in SUPPLIES]
    beyond = [f"{name} {amps:.2f} A" for name, amps in told if amps is not None and amps > HIGHEST_A + 1e-6]
    return ", ".join(beyond)


def thermal_cut(values: Values) -> str:
    """In THERMAL_FAULT both outputs are off once the ramp-down has had its time."""
    if values.get("LAB:TEC:State") != THERMAL_FAULT:
        return ""
    on = [
        name for name in SUPPLIES
        if values.get(f"LAB:TEC:{name}:Output_RBV")
        and not values.get(f"LAB:SIM:TEC:{name}:Fault") and values.get(f"LAB:TEC:{name}:Comm") != LOST
    ]  # fmt: skip
    return f"{', '.join(on)} on" if on else ""


INVARIANTS: Sequence[Invariant] = (
    Invariant("gas: setpoints within the limits", 0.5, gas_setpoints),
    Invariant("gas: stopped", 15.0, gas_stopped),
    Invariant("flow: stopped", 15.0, flow_stopped),
    Invariant("environment: safe", 10.0, relays_safe),
    Invariant("sonicator: faulted", 10.0, sonicator_faulted),
    Invariant("thermal: currents", 0.0, thermal_currents),
    Invariant("thermal: cut", 25.0, thermal_cut),
)


def pvs() -> Iterator[str]:
    """Every PV that an invariant looks at."""
    seen: set[str] = set()

    class Curious:
        def get(self, name: str) -> float | None:
            seen.add(name)
            return 6.0 if name == "LAB:TEC:State" else 2.0 if name == "LAB:ENV:Mode" else 1.0

    class Calm(Curious):
        def get(self, name: str) -> float | None:
            seen.add(name)
            return 0.0 if "SIM" in name else super().get(name)

    for invariant in INVARIANTS:
        invariant.wrong(Curious())
        invariant.wrong(Calm())
    return iter(sorted(seen))
