"""What each instrument may be set to: an account that never forgets an order that might have arrived.

Between the moment an order is accepted and its confirmation, an instrument may hold the old setpoint or
the new one. Approval reckons with both, so two clients that race get nothing that one would not get alone.
"""

import math
from dataclasses import dataclass, replace

NAN = math.nan


@dataclass(frozen=True, slots=True)
class Account:
    """One instrument. `demand`: confirmed last; `readback`: what it says it holds, ramped or set by hand.

    `pending`: accepted and not confirmed yet. `doubtful`: orders that failed, with the time of that; one of
    them may have arrived. NaN: not known.
    """

    demand: float = NAN
    readback: float = NAN
    pending: tuple[float, ...] = ()
    doubtful: tuple[tuple[float, float], ...] = ()

    @property
    def possible(self) -> tuple[float, ...]:
        """Every setpoint that it may hold now; empty when nothing is known."""
        known = [value for value in (self.demand, self.readback) if not math.isnan(value)]
        return (*known, *self.pending, *(flow for flow, _ in self.doubtful))


def accepted(account: Account, flow: float) -> Account:
    """An order has been approved and is on its way."""
    return replace(account, pending=(*account.pending, flow))


def confirmed(account: Account, flow: float, held: float) -> Account:
    """The order for `flow` has been carried out: the instrument holds `held`. Earlier doubts are over."""
    return Account(held, held, _without(account.pending, flow))


def failed(account: Account, flow: float, now: float) -> Account:
    """The order was not confirmed. It may have arrived all the same, until a reading says what is."""
    doubtful = (*account.doubtful, (flow, now))
    return replace(account, pending=_without(account.pending, flow), doubtful=doubtful)


def refused(account: Account, flow: float) -> Account:
    """The order never left."""
    return replace(account, pending=_without(account.pending, flow))


def read(account: Account, setpoint: float, at: float) -> Account:
    """The instrument was read at `at`. The first reading is taken over as the demand."""
    demand = setpoint if math.isnan(account.demand) else account.demand
    doubtful = tuple(doubt for doubt in account.doubtful if doubt[1] >= at)
    return replace(account, demand=demand, readback=setpoint, doubtful=doubtful)


def zeroed(account: Account) -> Account:
    """Its zero has been confirmed, whoever asked for it."""
    return Account(0.0, 0.0, account.pending)


def _without(pending: tuple[float, ...], flow: float) -> tuple[float, ...]:
    """One such order less."""
    if flow not in pending:
        return pending
    index = pending.index(flow)
    return pending[:index] + pending[index + 1 :]
