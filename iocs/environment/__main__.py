"""Drives every relay of a chamber off and ends: for systemd's ExecStopPost, and for people in doubt.

    python -m iocs.environment off --db db/environment.yaml

Exit status 0: off, confirmed; 1: not confirmed (in use by a running IOC, no answer …); 2: wrong arguments
or configuration. Knows no PV.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from devsup.errors import DeviceFault
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.relays import CannotClaim
from iocs.common.config import ConfigError
from iocs.environment.config import EnvironmentConfig
from iocs.environment.equipment import Stand, bank
from iocs.environment.ioc import SUBSYSTEM

DEADLINE_S = 10.0
DONE, FAILED, WRONG = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    options = parser().parse_args(arguments)
    macros = {**os.environ, **dict(item.split("=", 1) for item in options.macro)}
    try:
        config = SUBSYSTEM.load(options.db, macros)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return WRONG
    try:
        asyncio.run(off(config))
    except (DeviceFault, CannotClaim, OSError, TimeoutError) as error:
        print(f"relays are not confirmed off: {error or 'no answer in time'}", file=sys.stderr)
        return FAILED
    print("every relay is off, confirmed")
    return DONE


async def off(config: EnvironmentConfig) -> None:
    """Claim the relays, which is off already for lines of a gpiochip; order and confirm it; let go."""
    ports = [
        Port(line.name, line.settings, line.manners)
        for line in config.lines
        if line.name == config.relays.line
    ]
    relays = bank(config.relays, Stand(), {port.name: ModbusBus(port) for port in ports})
    for port in ports:
        await asyncio.to_thread(port.start)
    try:
        async with asyncio.timeout(DEADLINE_S):
            await relays.open()
            await relays.safe()
            await relays.close()
    finally:
        for port in ports:
            await asyncio.to_thread(port.stop)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="python -m iocs.environment", description=__doc__)
    commands = whole.add_subparsers(required=True)
    command = commands.add_parser("off", help="drive every relay off, verified, and end")
    command.add_argument("--db", type=Path, default=SUBSYSTEM.database, metavar="FILE")
    command.add_argument("--macro", action="append", default=[], metavar="NAME=VALUE")
    return whole


if __name__ == "__main__":
    sys.exit(main())
