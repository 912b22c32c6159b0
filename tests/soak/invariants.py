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
SONICATORS = ("SON4",)  # what is wired in the simulation
FULL_SCALE_SCCM = {"Ar": 200.0, "O2": 100.0, "N2": 150.0}
TOO_WARM_K, SHORT_MINIMUM_S = 0.5, 60.0
HOT_SIDE_LIMIT_C = 70.0


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
    if flows is None or _disturbed(values, *switches):
        return ""
    total, share = sum(flows), 100.0 * flows[1] / max(sum(flows), 1e-9)
    if total > TOTAL_SCCM + SLACK:
        return f"{total:.1f} sccm are set"
    return f"{share:.1f} % of oxygen is set" if flows[1] > SLACK and share > OXYGEN_PERCENT + SLACK else ""


def gas_alone(values: Values) -> str:
    """No gas is ever set beyond what its instrument can do, whatever the others suffer from."""
    told = [(gas, values.get(f"LAB:GAS:{gas}:Setpoint_RBV")) for gas in GASES]
    beyond = [
        f"{gas} {flow:.1f} sccm" for gas, flow in told
        if flow is not None and flow > FULL_SCALE_SCCM[gas] + SLACK
        and not _disturbed(values, *_switches(gas))
    ]  # fmt: skip
    return ", ".join(beyond)


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
    return not _disturbed(values, *switches) and bool(values.get(f"{instrument}Setpoint_RBV"))


def _disturbed(values: Values, *switches: str) -> bool:
    return any(values.get(switch) for switch in switches)


def relays_safe(values: Values) -> str:
    """In SAFETY, and after an emergency stop, every relay is off that is not welded."""
    if values.get("LAB:ENV:Mode") != SAFETY and not values.get("LAB:ENV:EStop:Active"):
        return ""
    on = [
        relay for relay in RELAYS
        if values.get(f"LAB:ENV:{relay}:State") and not values.get(f"LAB:SIM:ENV:{relay}:Fault")
    ]  # fmt: skip
    return f"{', '.join(on)} on" if on else ""


def mist_guarded(values: Values) -> str:
    """While the condensation guard is active there is no mist."""
    guarded = values.get("LAB:ENV:CondensationGuard:Active") and values.get("LAB:ENV:Mist:State")
    return "mist is on" if guarded and not values.get("LAB:SIM:ENV:Mist:Fault") else ""


def heater_ends(values: Values) -> str:
    """Nobody heats what is too warm already, in no mode, once the minimum time is over."""
    found = _all(
        values, "LAB:ENV:Temperature", "LAB:ENV:Temperature:Max", "LAB:ENV:Heater:State",
        "LAB:ENV:Heater:MinimumTime",
    )  # fmt: skip
    if found is None or _disturbed(values, "LAB:SIM:ENV:Heater:Fault"):
        return ""
    temperature, most, on, minimum_s = found
    too_warm = on and temperature > most + TOO_WARM_K and minimum_s <= SHORT_MINIMUM_S
    return f"heated at {temperature:.1f} degC, maximum {most:g}" if too_warm else ""


def sonicator_amplitudes(values: Values) -> str:
    """Amplitudes stay within their range."""
    low, high = SON_AMPLITUDE
    told = [(name, values.get(f"LAB:SON:{name}:Amplitude_RBV")) for name in SONICATORS]
    return ", ".join(f"{name} {at:g} %" for name, at in told if at is not None and not low <= at <= high)


def sonicator_faulted(values: Values) -> str:
    """In FAULT, and after an emergency stop, nothing runs that can be stopped."""
    stopped = bool(values.get("LAB:SON:EStop:Active"))
    runs = [
        name for name in SONICATORS
        if (stopped or values.get(f"LAB:SON:{name}:State") == FAULT) and values.get(f"LAB:SON:{name}:Running")
        and not _disturbed(values, *(f"LAB:SIM:SON:{what}:Fault" for what in (name, "Board", "Modbus")))
    ]  # fmt: skip
    return f"{', '.join(runs)} on" if runs else ""


def thermal_currents(values: Values) -> str:
    """No supply is ever told more than there may be."""
    told = [(name, values.get(f"LAB:TEC:{name}:SetCurrent")) for name in SUPPLIES]
    beyond = [f"{name} {amps:.2f} A" for name, amps in told if amps is not None and amps > HIGHEST_A + 1e-6]
    return ", ".join(beyond)


def _outputs_on(values: Values) -> list[str]:
    """Supplies that are on, but for those that cannot be told otherwise."""
    return [
        name for name in SUPPLIES
        if values.get(f"LAB:TEC:{name}:Output_RBV")
        and not values.get(f"LAB:SIM:TEC:{name}:Fault") and values.get(f"LAB:TEC:{name}:Comm") != LOST
    ]  # fmt: skip


def thermal_cut(values: Values) -> str:
    """In THERMAL_FAULT both outputs are off once the ramp-down has had its time."""
    on = _outputs_on(values) if values.get("LAB:TEC:State") == THERMAL_FAULT else []
    return f"{', '.join(on)} on" if on else ""


def thermal_hot(values: Values) -> str:
    """Beyond the highest limit that may be set for the hot side no current flows."""
    hot = values.get("LAB:TEC:HotPlate")
    on = _outputs_on(values) if hot is not None and hot > HOT_SIDE_LIMIT_C else []
    return f"{', '.join(on)} on at {hot:.0f} degC" if on else ""


INVARIANTS: Sequence[Invariant] = (
    Invariant("gas: setpoints within the limits", 0.5, gas_setpoints),
    Invariant("gas: each within its range", 0.5, gas_alone),
    Invariant("gas: stopped", 15.0, gas_stopped),
    Invariant("flow: stopped", 15.0, flow_stopped),
    Invariant("environment: safe", 10.0, relays_safe),
    Invariant("environment: guarded", 5.0, mist_guarded),
    Invariant("environment: heating ends", 75.0, heater_ends),
    Invariant("sonicator: amplitudes", 0.0, sonicator_amplitudes),
    Invariant("sonicator: faulted", 10.0, sonicator_faulted),
    Invariant("thermal: currents", 0.0, thermal_currents),
    Invariant("thermal: cut", 25.0, thermal_cut),
    Invariant("thermal: hot", 25.0, thermal_hot),
)


REVEALING = {"LAB:TEC:State": 6.0, "LAB:ENV:Mode": 2.0, "LAB:TEC:HotPlate": 99.0}
"""Values with which invariants look further than they do at 1."""


def pvs() -> Iterator[str]:
    """Every PV that an invariant looks at."""
    seen: set[str] = set()

    class Curious:
        def get(self, name: str) -> float | None:
            seen.add(name)
            return REVEALING.get(name, 1.0)

    class Calm(Curious):
        def get(self, name: str) -> float | None:
            seen.add(name)
            return 0.0 if "SIM" in name else super().get(name)

    for invariant in INVARIANTS:
        invariant.wrong(Curious())
        invariant.wrong(Calm())
    return iter(sorted(seen))
