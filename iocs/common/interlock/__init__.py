"""Interlocks: rows of data in a subsystem's YAML file, judged ten times a second, each with PVs of its own.

    interlocks:
      ChamberPressure:
        quantity: chamber_pressure      # or pv: Ar:Temperature (this IOC), or link: LAB:VAC:Gauge (any IOC)
        condition: at most 0.05         # at least, below, above 5; in 1 to 5; is Closed; is not Open
        delay: 0.5                      # s that it may fail to hold
        action: zero all                # one of the subsystem's own actions
        latch: true                     # tripped until Reset; false: while it lasts
        severity: major
        guidance: Close the gas bottles; look at the pumps; then Interlock:ChamberPressure:Reset.

All keys: db/README.md. An input that is missing, disconnected, INVALID, stale or not a number counts as a
condition that does not hold. A bypass ends by itself and with the IOC; a latched trip does not.

A subsystem hooks them in so:

    class Action(Enum):                                             # logic: what a trip can mean here
        STOP = "stop"
        ALARM = "alarm only"
    QUANTITIES = {"cold": Quantity("Cold plate", "degC", 2)}         # config: what it knows by itself
    rows = read_rows(section, "interlocks", Action, QUANTITIES)

    interlocks = Interlocks(prefix, rows, {"cold": read}, on_trip, say)     # ioc: read(now) -> Sample
    groups = [*others, *interlocks.groups]
    interlocks.bind(merge(groups), link)                            # still in the constructor
    interlocks.restore()                                            # in start(): saved PVs are there
    spawn(interlocks.run(), "interlocks")
    interlocks.look()                                               # after each reading: a trip acts at once

`on_trip(row, reason)` is called once per trip and must not wait; `interlocks.blocking(Action.STOP)` says why
nothing that such rows guard may begin: a condition does not hold, or one is tripped. Empty when it may.

rules.py rows; core.py when they trip (pure); config.py from YAML; sources.py inputs; pvs.py, panel.py PVs;
interlocks.py all of it at work.
"""

from iocs.common.interlock.config import read_rows
from iocs.common.interlock.core import Sample
from iocs.common.interlock.interlocks import Interlocks
from iocs.common.interlock.rules import Condition, Op, Origin, Quantity, Row, Severity, condition
from iocs.common.interlock.sources import Source

__all__ = [
    "Condition",
    "Interlocks",
    "Op",
    "Origin",
    "Quantity",
    "Row",
    "Sample",
    "Severity",
    "Source",
    "condition",
    "read_rows",
]
