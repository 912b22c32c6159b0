"""Our server with the records of records.db. Arguments: scenario prefixes."""

import os
import sys
from pathlib import Path
from typing import Any

from iocs.caserver import AlarmSeverity, serve, spawn
from iocs.common.access.security import Security
from iocs.common.group import Group, merge
from iocs.common.pv import (
    Archive,
    characters,
    choice,
    flag,
    integer,
    integers,
    readback,
    setpoint,
    text,
    texts,
    waveform,
)

MINOR, MAJOR = AlarmSeverity.MINOR, AlarmSeverity.MAJOR
FOR_EVER_S = 1e12
LIMITS: Any = {"hihi": 90, "high": 80, "low": 10, "lolo": 5, "hyst": 2}
QUIET: Any = {"heartbeat_s": FOR_EVER_S}


class Bench(Group):
    """One record of each type; inputs follow their drives."""

    ai = readback("Ai", "Analog input", unit="ln/min", precision=2, display=(-10, 100), **LIMITS, **QUIET)
    ai_drive = text("AiDrive", "Drives Ai", **QUIET)
    band = readback(
        "Band", "With deadbands", unit="V", precision=3, deadband=2, archive=Archive(deadband=5), **QUIET
    )
    band_drive = text("BandDrive", "Drives Band", **QUIET)
    ao = setpoint(
        "Ao", "Analog output", unit="ln/min", precision=2, display=(0, 100), drive=(-5, 95), writable=True,
        **LIMITS, **QUIET,
    )  # fmt: skip
    clipped = setpoint(
        "Clip",
        "Clips",
        unit="A",
        precision=1,
        display=(0, 0),
        drive=(-10, 10),
        clip=True,
        writable=True,
        **QUIET,
    )
    free = setpoint("Free", "No limits", writable=True, **QUIET)
    bi = flag("Bi", "Flag input", ["Closed", "Open"], severities={"Closed": MAJOR}, cosv=MINOR, **QUIET)
    bi_drive = integer("BiDrive", "Drives Bi", **QUIET)
    bo = flag("Bo", "Flag output", ["Off", "On"], severities={"On": MINOR}, writable=True, **QUIET)
    mbbi = choice(
        "Mbbi", "Choice input", ["Idle", "Ramping", "Fault"], severities={"Fault": MAJOR}, cosv=MINOR, **QUIET
    )
    mbbi_drive = integer("MbbiDrive", "Drives Mbbi", **QUIET)
    mbbo = choice(
        "Mbbo", "Choice output", ["Auto", "Manual", "Fault"], severities={"Manual": MINOR, "Fault": MAJOR},
        writable=True, **QUIET,
    )  # fmt: skip
    longin = integer(
        "Longin", "Integer input", unit="pcs", display=(-1000, 1000), hihi=900, high=500, low=-500, lolo=-900,
        hyst=10, **QUIET,
    )  # fmt: skip
    longin_drive = integer("LonginDrive", "Drives Longin", **QUIET)
    longout = integer(
        "Longout", "Integer output", unit="pcs", display=(-1000, 1000), high=500, writable=True, **QUIET
    )
    stringin = text("Stringin", "Text input", **QUIET)
    stringin_drive = text("StringinDrive", "Drives Stringin", **QUIET)
    stringout = text("Stringout", "Text output", writable=True, **QUIET)
    lsi = text("Lsi", "Long text input", max_length=100, **QUIET)
    lsi_drive = text("LsiDrive", "Drives Lsi", max_length=100, **QUIET)
    lso = text("Lso", "Long text output", max_length=100, writable=True, **QUIET)
    wave = waveform("Wave", "Array", 8, unit="V", precision=1, display=(-5, 5), writable=True, **QUIET)
    chars = characters("Chars", "Characters", 50, writable=True, **QUIET)
    longs = integers("Longs", "Whole numbers", 6, unit="pcs", display=(-100, 100), writable=True, **QUIET)
    words = texts("Texts", "Texts", 4, writable=True, **QUIET)
    gate = integer("Gate", "Opens what is guarded", **QUIET)
    guarded = setpoint("Guarded", "Written while Gate is 1", writable=True, **QUIET)
    secret = setpoint("Secret", "Read while Gate is 1", writable=True, **QUIET)
    marker = integer("Marker", "Written after each step", writable=True, **QUIET)

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.guarded.asg, self.secret.asg = "GUARDED", "SECRET"

    async def put_ai_drive(self, value: str) -> None:
        self.ai.set_ok(float(value))

    async def put_band_drive(self, value: str) -> None:
        self.band.set_ok(float(value))

    async def put_bi_drive(self, value: int) -> None:
        self.bi.set_ok(value)

    async def put_mbbi_drive(self, value: int) -> None:
        self.mbbi.set_ok(value)

    async def put_longin_drive(self, value: int) -> None:
        self.longin.set_ok(value)

    async def put_stringin_drive(self, value: str) -> None:
        self.stringin.set_ok(value)

    async def put_lsi_drive(self, value: str) -> None:
        self.lsi.set_ok(value)

    async def put_gate(self, value: int) -> None:
        """The access rules of access.acf look at it."""


async def nothing() -> None:
    """Has no devices."""


if __name__ == "__main__":
    pvdb = merge(Bench(prefix) for prefix in sys.argv[1:])
    rules = os.environ.get("ACCESS_FILE") or Path(__file__).with_name("access.acf")
    security = Security(sys.argv[1], pvdb, Path(rules))

    async def start() -> None:
        spawn(security.run(), "access")

    sys.exit(serve(pvdb, start=start, stop=nothing, ready=lambda: print("ready", flush=True)))
