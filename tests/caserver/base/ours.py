"""Our server with the records of bench.db. Run with a prefix."""

import sys

from iocs.caserver import AlarmSeverity, Analog, Choice, Flag, Integer, Text, Waveform, serve

MINOR, MAJOR, NONE = AlarmSeverity.MINOR, AlarmSeverity.MAJOR, AlarmSeverity.NO_ALARM


async def nothing() -> None:
    pass


def main(p: str) -> int:
    analog = Analog(
        f"{p}Ao", desc="Analog output", units="ln/min", precision=2, display=(0, 100),
        drive=(-5, 95), clip=True, hihi=90, high=80, low=10, lolo=5, hyst=2, writable=True,
    )  # fmt: skip
    driven = Analog(
        f"{p}Ai", desc="Analog input", units="V", precision=3, display=(-10, 10), mdel=2, adel=5, hihi=60
    )
    drive = Analog(f"{p}AiDrive", desc="Drives Ai", writable=True)

    async def follow(value: float) -> None:
        driven.set_ok(value)

    drive.putter = follow
    records = [
        analog,
        driven,
        drive,
        Integer(f"{p}Long", desc="Integer", units="pcs", display=(-1000, 1000), high=500, writable=True),
        Flag(f"{p}Bo", ["Off", "On"], desc="Flag", severities=[NONE, MINOR], writable=True),
        Choice(
            f"{p}Mbbo",
            ["Auto", "Manual", "Fault"],
            desc="Choice",
            severities=[NONE, NONE, MAJOR],
            writable=True,
        ),
        Text(f"{p}Text", desc="Short text", writable=True),
        Text(f"{p}Long:Text", desc="Long text", max_length=100, writable=True),
        Waveform(f"{p}Wave", 8, desc="Array", units="V", precision=1, display=(-5, 5), writable=True),
    ]
    for record in records:
        record.heartbeat_s = 1e12
    return serve(
        {r.name: r for r in records}, start=nothing, stop=nothing, ready=lambda: print("ready", flush=True)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
