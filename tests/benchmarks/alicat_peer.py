"""The `alicat` package as a client, used as its README says. Run by its own interpreter, see peer.py.

Takes a job as JSON, prints polls per second of each unit, and the times of setpoints, as JSON.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from alicat import FlowController


async def measure(url: str, units: Sequence[str], seconds: float, setpoints: int) -> dict[str, Any]:
    """One object for each unit, all polled at once; they share the line."""
    address = os.path.realpath(url)  # it knows a serial line by /dev/
    controllers = {unit: FlowController(address, unit) for unit in units}
    counts = dict.fromkeys(units, 0)
    begin = time.monotonic()

    async def poll(unit: str) -> None:
        while time.monotonic() < begin + seconds:
            with contextlib.suppress(
                OSError, ValueError, IndexError
            ):  # what it raises for no or another answer
                await controllers[unit].get()
                counts[unit] += 1

    await asyncio.gather(*(poll(unit) for unit in units))
    elapsed_s, times = time.monotonic() - begin, []
    for turn in range(setpoints):
        start = time.monotonic()
        await controllers[units[0]].set_flow_rate(20.0 + turn)
        times.append(time.monotonic() - start)
    for controller in controllers.values():
        await controller.close()
    return {"polls_per_s": {unit: count / elapsed_s for unit, count in counts.items()}, "setpoint_s": times}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(**json.loads(sys.argv[1])))))
