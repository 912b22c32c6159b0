"""Runs the IOCs against simulated instruments on this machine, one process each, until it is stopped.

Ctrl-C, SIGTERM or the end of one IOC stops them all. Started by ./startup/demo.
"""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORT = re.compile(r"serving on .*, port (\d+)")
READY = re.compile(r"serving (\d+) PVs under (\S+)")
START_S = 60.0
STOP_S = 20.0
LONGEST_LINE = 2**20
# What keeps the demo on this machine, each group left alone if the user has set any of it.
SERVER = {
    "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
    "EPICS_CAS_BEACON_ADDR_LIST": "127.255.255.255",
    "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
}
CLIENT = {"EPICS_CA_ADDR_LIST": "127.255.255.255", "EPICS_CA_AUTO_ADDR_LIST": "NO"}
PORTS = ("EPICS_CA_SERVER_PORT", "EPICS_CAS_SERVER_PORT")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; its exit status: 0 when it was stopped, 1 when an IOC ended by itself."""
    sys.path.insert(0, str(ROOT))
    from iocs.common.subsystem import known

    line = parser(known())
    options = line.parse_args(arguments)
    if unknown := sorted(set(options.only) - set(known())):
        line.error(f"no subsystem {', '.join(unknown)}; there are: {', '.join(known())}")
    return asyncio.run(demonstrate(options.only or known()))


def parser(subsystems: Sequence[str]) -> argparse.ArgumentParser:
    text = argparse.ArgumentParser(
        prog="./startup/demo",
        description="Runs the IOCs against simulated instruments on this machine, until Ctrl-C. "
        "Listens on loopback only, unless EPICS_CAS_* variables say otherwise.",
    )
    text.add_argument(
        "--only",
        type=split,
        default=[],
        metavar="NAMES",
        help=f"some of: {','.join(subsystems)} (default: all)",
    )
    return text


def split(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


@dataclass
class Running:
    """An IOC as a process, and what it has said about itself."""

    name: str
    process: asyncio.subprocess.Process
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    pvs: int = 0
    prefix: str = ""
    port: int = 0

    async def copy_log(self) -> None:
        """Passes the IOC's log on to stderr, its name before each line."""
        assert self.process.stderr
        while line := await self.process.stderr.readline():
            text = line.decode(errors="replace")
            say(f"{self.name}: {text}")
            if found := PORT.search(text):
                self.port = int(found[1])
            if found := READY.search(text):
                self.pvs, self.prefix = int(found[1]), found[2]
                self.ready.set()


async def demonstrate(names: Sequence[str]) -> int:
    """Starts the IOCs, says what to do with them, and waits until they are to stop."""
    with tempfile.TemporaryDirectory(prefix="lab-demo-") as state:  # each demo begins anew
        return await run_until_stopped(names, state)


async def run_until_stopped(names: Sequence[str], state: str) -> int:
    asked_to_stop = on_signal()
    running: list[Running] = []
    logs: list[asyncio.Task[None]] = []
    try:
        for name in names:
            running.append(Running(name, await start(name, os.environ, state)))
            logs.append(asyncio.create_task(running[-1].copy_log()))
        ended = await first_of(asked_to_stop, running, logs)
    finally:
        await asyncio.gather(*(stop(ioc) for ioc in running))
        await asyncio.gather(*logs)
    return report(ended)


async def first_of(
    asked_to_stop: asyncio.Event, running: Sequence[Running], logs: Sequence[asyncio.Task[None]]
) -> Running | None:
    """The first IOC that ends by itself, or None once the demo is to stop."""
    introduction = asyncio.create_task(introduce(running))
    asked = asyncio.create_task(asked_to_stop.wait())
    ends = {asyncio.create_task(ioc.process.wait()): ioc for ioc in running}
    try:
        done, _ = await asyncio.wait([asked, *ends], return_when=asyncio.FIRST_COMPLETED)
        return None if asked in done else ends[next(iter(done))]
    finally:
        for task in (introduction, asked, *ends):
            task.cancel()
        await asyncio.gather(introduction, asked, *ends, return_exceptions=True)


def on_signal() -> asyncio.Event:
    """An event that is set when the demo is to stop."""
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked


async def start(name: str, environment: Mapping[str, str], state: str) -> asyncio.subprocess.Process:
    """An IOC in a session of its own: Ctrl-C reaches the demo alone, which stops the IOCs in order."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "iocs", name, "--simulate", "--state", state, "--put-log", state),
        cwd=ROOT,
        env=loopback(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
        start_new_session=True,
    )


def loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, kept to this machine where the user has not said otherwise."""
    chosen = dict(environment)
    for group in (SERVER, CLIENT):
        if not any(environment.get(name) for name in group):
            chosen.update(group)
    return chosen


async def introduce(running: Sequence[Running]) -> None:
    """Says what is there, once all IOCs serve."""
    try:
        async with asyncio.timeout(START_S):
            for ioc in running:
                await ioc.ready.wait()
    except TimeoutError:
        late = [ioc.name for ioc in running if not ioc.ready.is_set()]
        say(f"demo: not serving after {START_S:g} s: {', '.join(late)}\n")
    else:
        print(introduction(running, os.environ), flush=True)


def introduction(running: Sequence[Running], environment: Mapping[str, str]) -> str:
    """What to try, and what a client on this machine needs for it."""
    from iocs.common.subsystem import find

    lines = ["", "The demo is running; Ctrl-C stops it.", ""]
    for ioc in running:
        lines.append(f"  {ioc.prefix:<12} {ioc.pvs:>4} PVs   {find(ioc.name).title}")
    chosen = loopback(environment)
    needed = [f"{name}={chosen[name]}" for name in (*CLIENT, *PORTS[:1]) if chosen.get(name)]
    lines += ["", "In another terminal of this machine:", "", f"  export {' '.join(needed)}"]
    lines += [
        "",
        "Or, where broadcasts do not get through:",
        "",
        f"  export {name_servers(running, chosen)}",
        "",
    ]
    for ioc in running:
        lines += [f"  {example.format(P=ioc.prefix)}" for example in find(ioc.name).examples]
    tools = Path(sys.executable).parent
    lines += [
        "",
        f"Without EPICS tools: {tools}/caproto-get, caproto-put and caproto-monitor do the same.",
        f"All names: {sys.executable} -m iocs {running[0].name} --list-pvs",
        "",
    ]
    return "\n".join(lines)


def name_servers(running: Sequence[Running], environment: Mapping[str, str]) -> str:
    """Variables of a client that asks each IOC by TCP and sends no datagram."""
    address = (environment.get("EPICS_CAS_INTF_ADDR_LIST") or "127.0.0.1").split()[0]
    servers = " ".join(f"{address}:{ioc.port}" for ioc in running)
    return f"EPICS_CA_ADDR_LIST= EPICS_CA_AUTO_ADDR_LIST=NO EPICS_CA_NAME_SERVERS='{servers}'"


async def stop(ioc: Running) -> None:
    """SIGTERM, and SIGKILL for an IOC that does not end in time."""
    if ioc.process.returncode is not None:
        return
    ioc.process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await ioc.process.wait()
    except TimeoutError:
        say(f"demo: {ioc.name} did not stop within {STOP_S:g} s; killed\n")
        ioc.process.kill()
        await ioc.process.wait()


def report(ended: Running | None) -> int:
    if ended is None:
        return 0
    say(f"demo: {ended.name} ended by itself with status {ended.process.returncode}\n")
    return 1


def say(text: str) -> None:
    """To stderr, if anybody still reads it: the IOCs go on without."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(text)
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
