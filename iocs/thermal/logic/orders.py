"""What the supplies are told: what the state wants of each, and whether that has to be written now.

Pure. A supply is written to when it was not left as it is wanted; it is brought down, never up, in a fault.
"""

from dataclasses import replace

from iocs.thermal.logic.controller import NAMES, Controller, View, expected, go
from iocs.thermal.logic.facts import AMPS, Orders, Setting, State, Supply
from iocs.thermal.logic.override import OPERATIONAL, touched

NOTHING = Orders()
SILENT = frozenset({State.MANUAL_OVERRIDE, State.INITIALIZING})
FINAL = frozenset({State.OFF, State.THERMAL_FAULT})


def give(c: Controller, v: View) -> tuple[Controller, Orders]:
    """The orders of this step. A supply that is not as we left it gets none: MANUAL_OVERRIDE instead."""
    if c.state in SILENT or c.unseen:
        return c, NOTHING
    if c.state in OPERATIONAL:
        return operate(c, v)
    first, second = (reduced(c, v, supply) for supply in v.seen.supplies)
    return c, Orders(
        (first, second), cut=c.cut and c.state in FINAL and bool(first or second), validate=False
    )


def operate(c: Controller, v: View) -> tuple[Controller, Orders]:
    """The same current in both, voltage fixed, output on."""
    wish = Setting(v.p.tec_voltage_setpoint, c.current, True)
    due = [not wish.is_like(expected(c, index, supply)) for index, supply in enumerate(v.seen.supplies)]
    for index, supply in enumerate(v.seen.supplies):
        if any(due) and (by_hand := touched(c, v, index, supply)):
            return go(c, State.MANUAL_OVERRIDE, f"manual override: {by_hand}", v.now), NOTHING
    return c, Orders((wish if due[0] else None, wish if due[1] else None))


def reduced(c: Controller, v: View, supply: Supply) -> Setting | None:
    """What brings a supply down to the controller's current, or off at zero; None if it is there already.

    One that does not answer is told only to go off, once that is where it leads.
    """
    final = c.state in FINAL and (c.current <= 0.0 or not v.answers(supply))
    if final:
        return None if is_off(c, supply) else Setting(supply.held.voltage, 0.0, False)
    if not v.answers(supply) or not supply.held.output:
        return None
    if c.current <= 0.0:
        return Setting(supply.held.voltage, 0.0, False)
    volts = min(supply.held.voltage, v.p.tec_voltage_setpoint)  # what a hand left above is not written again
    wish = Setting(volts, c.current, True)
    written = supply.confirmed if supply.confirmed_at >= supply.at else supply.held
    return wish if written is None or wish.current < written.current - AMPS else None


def is_off(c: Controller, supply: Supply) -> bool:
    """Has it been seen off since it is to be? Once released in OFF, a supply is the operator's."""
    if c.state is State.OFF and c.released:
        return True
    told = supply.confirmed is not None and not supply.confirmed.output
    if told and supply.confirmed_at > max(c.entered, supply.at):
        return True
    return supply.at > c.entered and not supply.held.output


def unconfirmed(c: Controller, v: View) -> list[str]:
    """Supplies that should be off and have not been seen so, by name."""
    if c.state not in FINAL or c.current > 0.0:
        return []
    return [name for name, supply in zip(NAMES, v.seen.supplies, strict=True) if not is_off(c, supply)]


def released(c: Controller, v: View) -> Controller:
    """In OFF, both supplies have been seen off: from now on they are left alone."""
    done = c.state is State.OFF and not c.released and c.current <= 0.0 and not unconfirmed(c, v)
    return replace(c, released=True) if done else c
