"""An IOC for these tests: one record of each kind, and PVs by which a test drives them from inside.

Run as `python -m tests.caserver.ioc PREFIX [MODE]`; MODE picks a way to die.
"""

import asyncio
import logging
import sys
from typing import Any

from iocs.caserver import (
    AccessRights,
    AlarmSeverity,
    AlarmStatus,
    CannotStart,
    Client,
    Record,
    Refused,
    current_server,
    request_restart,
    serve,
    spawn,
)
from iocs.common.group import Group
from iocs.common.pv import choice, command, counter, flag, integer, readback, setpoint, text, waveform

MINOR, MAJOR = AlarmSeverity.MINOR, AlarmSeverity.MAJOR


class Rules:
    """Access rules that a PV can close."""

    def __init__(self) -> None:
        self.open = True
        self.reasons: list[str] = []

    def of(self, client: Client, field: str) -> AccessRights:
        return AccessRights.READ | AccessRights.WRITE if self.open else AccessRights.READ

    def refused(self, record: Record[Any], reason: str, value: Any, user: str, host: str) -> None:
        record_of_reasons.set_ok(reason)

    def written(self, record: Record[Any], old: Any, new: Any, user: str, host: str) -> None:
        pass


class Bench(Group):
    flow = readback(
        "Flow", "Measured flow", unit="ln/min", precision=2, display=(0, 100), source="device",
        hihi=90, high=80, low=10, lolo=5, hyst=2,
    )  # fmt: skip
    plain = readback("Plain", "No limits", source="device", unit="V", precision=1)
    banded = readback("Banded", "With deadband", deadband=5, heartbeat_s=1e9)
    count = counter("Count", "Beyond 32 bit", initial=5e9)
    demand = setpoint("Setpoint", "Slow demand", unit="ln/min", precision=2, drive=(0, 10), initial=1)
    clipped = setpoint("Clipped", "Clips", drive=(0, 10), clip=True, writable=True, initial=1)
    free = setpoint("Free", "Anything finite", writable=True, initial=0, hihi=50)
    guarded = setpoint("Guarded", "Access rules apply", writable=True, initial=0)
    number = integer("Number", "32 bit", writable=True, initial=3, high=100)
    mode = choice(
        "Mode", "Choice", ["Auto", "Manual", "Fault"], severities={"Fault": MAJOR}, writable=True, initial=0
    )
    lamp = flag("Lamp", "Flag", ["Dark", "Bright"], severities={"Bright": MINOR}, writable=True, initial=0)
    go = command("Go", "Button", "Go")
    note = text("Note", "Short text", writable=True, initial="hello")
    essay = text("Essay", "Long text", max_length=200, writable=True, initial="")
    wave = waveform("Wave", "Array", 8, unit="V", writable=True)
    reason = text("Reason", "Last refusal", max_length=200, initial="")
    log = text("Log", "What putters saw", max_length=2000, initial="")
    drive = setpoint("Drive", "Published as Flow", initial=0)
    drive_plain = setpoint("DrivePlain", "Published as Plain", initial=0)
    drive_banded = setpoint("DriveBanded", "Published as Banded", initial=0)
    lose = choice("Lose", "Loses the device", ["Keep", "COMM", "READ"], initial=0)
    shut = flag("Shut", "Closes access", initial=0)
    burst = integer("Burst", "Writes Plain so often at once", initial=0)
    capacity = setpoint("Capacity", "Reconfigures Setpoint", initial=10)

    async def put_demand(self, value: float) -> float | None:
        self.log.set_ok(f"{self.log.value}{value:g};")
        await asyncio.sleep(0.15)
        if value == 7:
            raise Refused("seven is not allowed")
        if value == 8:
            raise RuntimeError("a bug")
        return 3.5 if value == 3 else None

    async def put_go(self, value: int) -> None:
        self.log.set_ok(f"{self.log.value}go;")

    async def put_drive(self, value: float) -> None:
        self.flow.set_ok(value)

    async def put_drive_plain(self, value: float) -> None:
        self.plain.set_ok(value)

    async def put_drive_banded(self, value: float) -> None:
        self.banded.set_ok(value)

    async def put_lose(self, value: int) -> None:
        if value:
            self.set_invalid((AlarmStatus.COMM, AlarmStatus.READ)[value - 1])

    async def put_shut(self, value: int) -> None:
        rules.open = not value
        current_server().push_rights()

    async def put_burst(self, value: int) -> None:
        for i in range(value):
            self.plain.set_ok(i + 1)

    async def put_capacity(self, value: float) -> None:
        self.demand.reconfigure(drive=(0, value), display=(0, value), units="g/h")


rules = Rules()


class Ioc:
    """The bench and its way to die."""

    def __init__(self, prefix: str, mode: str) -> None:
        self.bench = Bench(prefix, hooks=rules)
        self.bench.guarded.rules = rules.of
        self.mode = mode

    async def start(self) -> None:
        if self.mode == "start-fails":
            raise RuntimeError("start fails")
        if self.mode == "cannot-start":
            raise CannotStart("the door is locked: bring the key")
        if self.mode == "task-dies":
            spawn(self.die, "dying")
        if self.mode == "restart":
            request_restart()
        if self.mode == "task-restarts":
            spawn(self.die, "dying", restart_after_s=0.01)

    async def die(self) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("task dies")

    async def stop(self) -> None:
        print("stopping", flush=True)
        if self.mode == "stop-hangs":
            await asyncio.sleep(60)
        if self.mode == "stop-fails":
            raise RuntimeError("stop fails")
        if self.mode == "slow-stop":
            self.bench.note.set_ok("stopping")
            await asyncio.sleep(0.5)
        print("stopped", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    ioc = Ioc(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    record_of_reasons = ioc.bench.reason
    deadline_s = 0.2 if ioc.mode == "stop-hangs" else 10.0
    ready = lambda: print("ready", flush=True)  # noqa: E731
    sys.exit(serve(ioc.bench.pvdb, start=ioc.start, stop=ioc.stop, ready=ready, stop_deadline_s=deadline_s))
