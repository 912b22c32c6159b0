"""The same records served by three servers. Arguments: which (`ours`, `stock`, `softioc`), how many, prefix.

Doubles 0, 1, … with units, precision and a limit; Put takes a value; Hz says how often the first MOVING
doubles count up, all at once.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

MOVING = 500
LIMITS = {"HIHI": 1e9, "HIGH": 1e8}


async def count_up(hertz: Callable[[], float], publish: Callable[[float], Any]) -> None:
    """Publish 1, 2, 3 … as often as asked, counted from the first: who is late catches up."""
    loop, value = asyncio.get_running_loop(), 0
    while True:
        rate, start = hertz(), loop.time()
        written = 0
        while rate and rate == hertz():
            value, written = value + 1, written + 1
            waiting = publish(float(value))
            if waiting is not None:
                await waiting
            await asyncio.sleep(max(0.0, start + written / rate - loop.time()))
        await asyncio.sleep(0.01)


def ours(count: int, prefix: str) -> None:
    """As a subsystem serves them."""
    from iocs.caserver import serve, spawn
    from iocs.common import pv
    from iocs.common.group import Group

    group = Group(prefix)
    limits = {"hihi": LIMITS["HIHI"], "high": LIMITS["HIGH"]}
    options: Any = {"unit": "V", "precision": 3, "initial": 0.0, **limits}
    records = [group.add(f"n{i}", pv.readback(f"{i}", "A value", **options)) for i in range(count)]
    group.add("put", pv.setpoint("Put", "Takes a value", writable=True, initial=0.0))
    hertz = group.add("hertz", pv.setpoint("Hz", "Rate", writable=True, initial=0.0))

    def publish(value: float) -> None:
        for record in records[:MOVING]:
            record.set_ok(value)

    async def start() -> None:
        spawn(count_up(lambda: hertz.value, publish), "counting")

    async def stop() -> None:
        pass

    sys.exit(serve(group.pvdb, start=start, stop=stop))


def stock(count: int, prefix: str) -> None:
    """As caproto's examples serve them, without fields of records, which it bears less well."""
    from caproto.server import PVGroup, pvproperty, run

    limits = {"upper_alarm_limit": LIMITS["HIHI"], "upper_warning_limit": LIMITS["HIGH"]}
    options: Any = {"value": 0.0, "units": "V", "precision": 3, **limits}
    doubles = {f"n{i}": pvproperty(name=str(i), **options) for i in range(count)}
    more = {"put": pvproperty(name="Put", value=0.0), "hertz": pvproperty(name="Hz", value=0.0)}
    group = type("Stock", (PVGroup,), {**doubles, **more})(prefix=prefix)
    records = [getattr(group, name) for name in doubles]

    async def publish(value: float) -> None:
        for record in records[:MOVING]:
            await record.write(value)

    async def begin(_: Any) -> None:
        await count_up(lambda: float(group.hertz.value), publish)

    run(group.pvdb, log_pv_names=False, startup_hook=begin)


def softioc(count: int, prefix: str) -> None:
    """EPICS base's records and server, values from Python."""
    from softioc import asyncio_dispatcher, builder
    from softioc import softioc as ioc

    builder.SetDeviceName(prefix.rstrip(":"))
    options: Any = {"EGU": "V", "PREC": 3, **LIMITS, "HHSV": "MAJOR", "HSV": "MINOR"}
    records = [builder.aIn(str(i), initial_value=0.0, **options) for i in range(count)]
    builder.records.ao("Put", PREC="3")  # base's alone, no Python behind it
    hertz = builder.aOut("Hz", initial_value=0.0)
    dispatcher = asyncio_dispatcher.AsyncioDispatcher()
    builder.LoadDatabase()
    ioc.iocInit(dispatcher, enable_pva=False)

    def publish(value: float) -> None:
        for record in records[:MOVING]:
            record.set(value)

    asyncio.run_coroutine_threadsafe(count_up(hertz.get, publish), dispatcher.loop).result()


if __name__ == "__main__":
    {"ours": ours, "stock": stock, "softioc": softioc}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
