"""From one set of flows to another, one instrument at a time, without breaking a limit on the way.

Oxygen falls first and rises last; in between, what dilutes it falls before it rises. Where even that would
leave too much oxygen for a moment, oxygen dips below both its old and its new flow.
"""

from collections.abc import Mapping

from iocs.gas.logic.approval import Change, Gas, Limits, is_rich


def transition(gases: tuple[Gas, ...], target: Mapping[str, float], limits: Limits) -> tuple[Change, ...]:
    """The changes that lead to `target`, each to be confirmed before the next.

    Gases that `target` does not name stay as they are. Both ends must be within the limits; then so is
    every state between two changes, and so it is while a change is on its way.
    """
    rich = [gas for gas in gases if is_rich(gas, limits)]
    lean = [gas for gas in gases if not is_rich(gas, limits)]
    goal = {gas.name: target.get(gas.name, gas.highest) for gas in gases}
    dip = _dip(rich, lean, goal, limits)
    falls = [Change(gas.name, dip[gas.name]) for gas in rich if dip[gas.name] < gas.highest]
    lean_falls = [Change(gas.name, goal[gas.name]) for gas in lean if goal[gas.name] < gas.highest]
    lean_rises = [
        Change(gas.name, goal[gas.name]) for gas in lean if gas.lowest < goal[gas.name] >= gas.highest
    ]
    rises = [Change(gas.name, goal[gas.name]) for gas in rich if goal[gas.name] > dip[gas.name]]
    return (*falls, *lean_falls, *lean_rises, *rises)


def to_zero(gases: tuple[Gas, ...]) -> tuple[str, ...]:
    """The names of all gases in the order in which they are to be zeroed: the most oxygen first."""
    return tuple(gas.name for gas in sorted(gases, key=lambda gas: -gas.oxygen))


def _dip(rich: list[Gas], lean: list[Gas], goal: Mapping[str, float], limits: Limits) -> dict[str, float]:
    """How much of each oxygen-rich gas is fine whatever the others do on their way."""
    limit = limits.oxygen_percent / 100.0
    lowest = {gas.name: min(gas.lowest, goal[gas.name]) for gas in (*rich, *lean)}
    room = sum((limit - gas.oxygen) * lowest[gas.name] for gas in lean)
    need = sum((gas.oxygen - limit) * lowest[gas.name] for gas in rich)
    part = 1.0 if need <= room else max(room / need, 0.0)
    return {gas.name: part * lowest[gas.name] for gas in rich}
