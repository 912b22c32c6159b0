"""Processes of a benchmark: the simulated line in one, the master under test in another, on two cores.

Knows how to start, pin and end them; nothing of what is measured.
"""

import contextlib
import enum
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BAUDRATE = 38400
FAR_CORE, NEAR_CORE = 0, 1  # the simulator's, and that of the master under test
STOP_S = 10.0
SPIN = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"


class Urgency(enum.Enum):
    """How a process stands against all others, as far as the system lets us choose."""

    NORMAL = "like any program"
    FIRST = "the highest ordinary priority"
    HARDWARE = "real time: it stands for a thing that no program can hold up"


@contextlib.contextmanager
def on_core(core: int, urgency: Urgency) -> Iterator[None]:
    """What is started inside inherits the core and the urgency."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed, nice = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    os.sched_setaffinity(0, {sorted(allowed)[core % len(allowed)]})
    with contextlib.suppress(PermissionError):
        _assume(urgency)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            _assume(Urgency.NORMAL, nice)
        os.sched_setaffinity(0, allowed)


def _assume(urgency: Urgency, nice: int = 0) -> None:
    real_time = urgency is Urgency.HARDWARE
    os.sched_setscheduler(0, os.SCHED_FIFO if real_time else os.SCHED_OTHER, os.sched_param(int(real_time)))
    os.setpriority(os.PRIO_PROCESS, 0, -20 if urgency is Urgency.FIRST else nice)


@contextlib.contextmanager
def awake() -> Iterator[None]:
    """Keep both cores from going to sleep, with a loop that runs only when nothing else wants to.

    To wake a sleeping core of a virtual machine takes 0.1 to 0.3 ms, twice or three times in each
    transaction: that is the machine's, and would be booked on whichever master waits most patiently.
    """
    with contextlib.ExitStack() as stack:
        for core in (FAR_CORE, NEAR_CORE) if hasattr(os, "SCHED_IDLE") else ():
            with on_core(core, Urgency.NORMAL):
                stack.enter_context(ended(_start([sys.executable, "-c", SPIN])))
        yield


@dataclass(frozen=True, slots=True)
class FarEnd:
    """A simulated line in its own process. Faults are thrown and mended as `devsup.sim` reads them."""

    url: str
    process: "subprocess.Popen[str]"

    def throw(self, text: str) -> None:
        """For example "5=DEAD" or "5=OK". Returns when the simulator has obeyed."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        if (answer := self.process.stdout.readline().strip()) != "ok":
            raise ValueError(f"simulator: {answer or 'gone'}")


@contextlib.contextmanager
def simulated(
    protocol: str, *options: object, baudrate: int = BAUDRATE, latency_s: float = 0.0
) -> Iterator[FarEnd]:
    """Serve a paced pseudo-terminal until the end of the block. `options`: the protocol's own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "devsup.sim", protocol, "--control", "--baud", str(baudrate)]
        command += ["--latency", str(latency_s), "--link", str(Path(folder) / "line")]
        command += map(str, options)
        with on_core(FAR_CORE, Urgency.HARDWARE):
            process = _start(command, stdin=subprocess.PIPE)
        with ended(process):
            assert process.stdout is not None
            yield FarEnd(process.stdout.readline().strip(), process)


def far_end(
    nodes: Sequence[int], latency_s: float = 0.0, noise: float = 0.0, baudrate: int = BAUDRATE
) -> contextlib.AbstractContextManager[FarEnd]:
    """ProPar nodes. `noise` in parts of the range."""
    listed = ",".join(map(str, nodes))
    return simulated("propar", "--nodes", listed, "--noise", noise, baudrate=baudrate, latency_s=latency_s)


@contextlib.contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator[None]:
    """The process is gone at the end of the block, whatever happens in it."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def begin(module: str, urgency: Urgency = Urgency.FIRST, **job: Any) -> "subprocess.Popen[str]":
    """Start a job in a process of its own: `module` reads it as JSON from its only argument."""
    with on_core(NEAR_CORE, urgency):
        return _start([sys.executable, "-m", f"tests.benchmarks.{module}", json.dumps(job)])


def outcome(process: "subprocess.Popen[str]", within_s: float) -> Any:
    """What the job prints as JSON when it is done. RuntimeError if it failed."""
    try:
        text, _ = process.communicate(timeout=within_s)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"benchmark process ended with status {process.returncode}: {process.args!r}")
    return json.loads(text)


def run(module: str, urgency: Urgency = Urgency.FIRST, within_s: float = 300.0, **job: Any) -> Any:
    """A whole job in a process of its own."""
    return outcome(begin(module, urgency, **job), within_s)


def _start(command: Sequence[str], stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE, text=True)
