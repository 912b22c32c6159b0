"""The one gate: every order to a relay passes here, whoever wants it.

Stop, interlock, lost sensor and condensation guard come first. Then the wish, held back by the duty limit
and last by the minimum time, which nothing but an urgent OFF passes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from iocs.environment.logic import duty as duties
from iocs.environment.logic.duty import Duty
from iocs.environment.logic.settings import RelaySettings
from iocs.environment.logic.words import Code, Reason, Relay, Wish, seconds, wish

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class Contact:
    """A relay as it is: closed or open, since when, and how much it has run."""

    on: bool = False
    changed_at: float = -INFINITE
    duty: Duty = Duty()


@dataclass(frozen=True, slots=True)
class Order:
    """What a relay is told to do, and why. `demand`: what was wished for. `held`: safety keeps it off."""

    on: bool
    reason: Reason
    demand: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Blocks:
    """What keeps relays off, in words: all of them, or one of them."""

    stopped: str = ""
    safety: str = ""
    interlocks: Mapping[Relay, str] = field(default_factory=dict)


def blocked(relay: Relay, blocks: Blocks) -> Wish | None:
    """Why a relay has to be off at once, before anybody is asked."""
    if blocks.stopped:
        return wish(False, Code.STOPPED, blocks.stopped, urgent=True)
    if blocks.safety:
        return wish(False, Code.SAFETY, blocks.safety, urgent=True)
    if why := blocks.interlocks.get(relay):
        return wish(False, Code.INTERLOCK, f"interlock {why}", urgent=True)
    return None


def gate(
    contact: Contact, wanted: Wish, forced: Wish | None, settings: RelaySettings, window_s: float, now: float
) -> Order:
    """What becomes of a wish. `forced` is safety's: it passes the duty limit, and if urgent all else."""
    if forced is not None:
        held = not forced.on
        return _timed(contact, forced, wanted.on, held, settings, now)
    allowed = _limited(contact, wanted, settings, window_s, now)
    return _timed(contact, allowed, wanted.on, False, settings, now)


def _limited(contact: Contact, wanted: Wish, settings: RelaySettings, window_s: float, now: float) -> Wish:
    """Off where the share of the window is spent."""
    if not wanted.on or settings.duty >= 1.0:
        return wanted
    if contact.on and not duties.is_spent(contact.duty, settings.duty, window_s, now):
        return wanted
    wait_s = duties.free_in(contact.duty, settings.duty, window_s, settings.minimum_s, now)
    if not contact.on and wait_s <= 0.0:
        return wanted
    free = "too little for a minimum time" if wait_s == INFINITE else f"free again in {seconds(wait_s)}"
    return wish(False, Code.DUTY, f"duty {100.0 * settings.duty:g} % reached, {free}")


def _timed(
    contact: Contact, wanted: Wish, demand: bool, held: bool, settings: RelaySettings, now: float
) -> Order:
    """Unchanged until the minimum time is over."""
    left_s = contact.changed_at + settings.minimum_s - now
    if wanted.on is contact.on or left_s <= 0.0 or (wanted.urgent and not wanted.on):
        return Order(wanted.on, wanted.reason, demand, held)
    target = "on" if wanted.on else "off"
    text = f"minimum time, {max(1.0, left_s):.0f} s left; then {target}: {wanted.reason.text}"
    return Order(contact.on, Reason(Code.MINIMUM_TIME, text), demand, held)
