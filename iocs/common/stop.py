"""The latch of an emergency stop, and the account of who has not confirmed being safe yet.

Pure: state in, state out. Knows names and reasons; knows no instrument, no PV and no clock.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Stop:
    """The latch, and the instruments that still owe the confirmation of their safe state.

    `closing`: the IOC is ending and has sent its last orders; nothing may follow them.
    """

    active: bool = False
    owed: frozenset[str] = frozenset()
    closing: bool = False


def trip(stop: Stop, names: frozenset[str]) -> Stop:
    """Latch, and owe it to every instrument."""
    return replace(owe(stop, names), active=True)


def owe(stop: Stop, names: frozenset[str]) -> Stop:
    """These instruments have to be made safe, and get no other order before they confirm it."""
    return replace(stop, owed=stop.owed | names)


def close(stop: Stop, names: frozenset[str]) -> Stop:
    """The IOC ends with everything safe: owe it, and let nothing follow."""
    return replace(owe(stop, names), closing=True)


def settled(stop: Stop, name: str) -> Stop:
    """One instrument confirmed its safe state."""
    return replace(stop, owed=stop.owed - {name})


def released(stop: Stop) -> Stop:
    """Reset by the operator. What is still owed stays owed: it is sent when the instrument returns."""
    return replace(stop, active=False)


def must_act(stop: Stop, name: str, at_rest: bool | None = None) -> bool:
    """Is it time to make this instrument safe (again)? `at_rest`: whether its newest reading is; None if
    there is none to judge by.

    While the stop is latched, an instrument that is not at rest is made safe, whoever told it to move.
    """
    return name in stop.owed or (stop.active and not at_rest)


def held(stop: Stop, name: str, safe: str = "zero") -> str:
    """Why an instrument has to stay in its safe state, whose name is `safe`; empty when it has not."""
    if stop.closing:
        return "the IOC is shutting down"
    if stop.active:
        return "emergency stop is active: EStop:Reset first"
    if name in stop.owed:
        return f"{name} has not confirmed its {safe} yet"
    return ""
