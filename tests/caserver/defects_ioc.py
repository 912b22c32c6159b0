"""The same PVs served by stock caproto and by ours, for defects.py. Arguments: which, prefix."""

import asyncio
import logging
import sys
from typing import Any

from caproto import ChannelType
from caproto.asyncio.server import Context as StockServer
from caproto.server import PVGroup, pvproperty

from iocs.caserver import serve, spawn
from iocs.common.group import Group
from iocs.common.pv import choice, flag, integer, readback, setpoint, text

STATES = ["Auto", "Manual", "Fault"]
SLOW_S = 1.0


class Busy:
    """How many putters run at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def work(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(SLOW_S)
        self.now -= 1


class Stock(PVGroup):  # type: ignore[misc]
    """As an IOC on stock caproto is written."""

    flow = pvproperty(name="Flow", value=0.0, upper_alarm_limit=90.0, upper_warning_limit=80.0)
    plain = pvproperty(name="Plain", value=0.0)
    note = pvproperty(name="Note", value="words", dtype=ChannelType.STRING)
    mode = pvproperty(name="Mode", value="Auto", enum_strings=STATES, dtype=ChannelType.ENUM)
    burst = pvproperty(name="Burst", value=0)
    spoil = pvproperty(name="Spoil", value=0)
    slow = pvproperty(name="Slow", value=0.0)
    most = pvproperty(name="Most", value=0)
    task = pvproperty(name="Task", value=0)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.busy = Busy()

    @burst.putter
    async def burst(self, instance: Any, value: int) -> None:
        for i in range(value):
            await self.plain.write(float(i + 1))

    @spoil.putter
    async def spoil(self, instance: Any, value: int) -> None:
        await self.plain.write("no number")

    @slow.putter
    async def slow(self, instance: Any, value: float) -> None:
        await self.busy.work()

    @most.putter
    async def most(self, instance: Any, value: int) -> int:
        return self.busy.most

    @task.startup
    async def task(self, instance: Any, async_lib: Any) -> None:
        self.die = asyncio.Event()
        await self.die.wait()
        raise RuntimeError("a task dies")

    @task.putter
    async def task(self, instance: Any, value: int) -> None:
        self.die.set()

    @plain.shutdown
    async def plain(self, instance: Any, async_lib: Any) -> None:
        print("made safe", flush=True)


class Ours(Group):
    """The same with what stands here in its place."""

    flow = readback("Flow", "With limits", hihi=90, high=80, initial=0.0, writable=True)
    plain = readback("Plain", "Without", initial=0.0)
    note = text("Note", "Text", initial="words")
    mode = choice("Mode", "Choice", STATES, writable=True, initial=0)
    burst = integer("Burst", "Writes Plain so often at once", initial=0)
    spoil = integer("Spoil", "Writes a text to Plain", initial=0)
    slow = setpoint("Slow", "Takes a second", initial=0.0)
    most = integer("Most", "Putters of Slow at once, at most", initial=0)
    task = flag("Task", "Lets a task die", initial=0)

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.busy = Busy()
        self.die = asyncio.Event()

    async def put_burst(self, value: int) -> None:
        for i in range(value):
            self.plain.set_ok(float(i + 1))

    async def put_spoil(self, value: int) -> None:
        wrong: Any = "no number"
        self.plain.set_ok(wrong)

    async def put_slow(self, value: float) -> None:
        await self.busy.work()

    async def put_most(self, value: int) -> int:
        return self.busy.most

    async def put_task(self, value: int) -> None:
        self.die.set()

    async def dying(self) -> None:
        await self.die.wait()
        self.die.clear()
        raise RuntimeError("a task dies")

    async def start(self) -> None:
        spawn(self.dying, "dying", restart_after_s=0.05)

    async def stop(self) -> None:
        print("made safe", flush=True)


async def serve_stock(prefix: str) -> None:
    """What `caproto.server.run` does."""
    server = StockServer(Stock(prefix=prefix).pvdb)

    async def started(async_lib: Any) -> None:
        print("ready", flush=True)

    await server.run(log_pv_names=False, startup_hook=started)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    kind, prefix = sys.argv[1:]
    if kind == "stock":
        asyncio.run(serve_stock(prefix))
    else:
        group = Ours(prefix)
        ready = lambda: print("ready", flush=True)  # noqa: E731
        sys.exit(serve(group.pvdb, start=group.start, stop=group.stop, ready=ready))
