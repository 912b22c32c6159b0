"""A client that monitors the PVs it is given and says how far it is, for `treatment.stop_clients`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import epics

PERIOD_S = 0.2


def main(names: Sequence[str]) -> None:
    """Prints the number of PVs that have told their value, and of events, until it is ended."""
    told: set[str] = set()
    events = 0

    def take(pvname: str = "", **_: Any) -> None:
        nonlocal events
        told.add(pvname)
        events += 1

    channels = [epics.PV(name, callback=take, form="time") for name in names]
    while channels:
        time.sleep(PERIOD_S)
        print(len(told), events, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
