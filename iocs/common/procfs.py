"""What the operating system says of this process and its host: load, memory, open files.

Read from /proc, in well under a millisecond. What another system than Linux does not tell is None, and
never a guess. Knows no PV.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
DESCRIPTORS = (Path("/proc/self/fd"), Path("/dev/fd"))
IDLE_COLUMNS = (3, 4)
"""Of the `cpu` line of /proc/stat: idle, and waiting for a disk (proc(5))."""
GUEST_COLUMNS = slice(8, 10)
"""Of the same line: time of virtual machines, which user and nice hold as well."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A look at one moment. Memory in bytes; processor times count up from some moment in the past."""

    cpu_s: float
    host_busy: float | None = None
    host_total: float | None = None
    memory_used: int | None = None
    memory_free: int | None = None
    memory_max: int | None = None
    files_open: int | None = None
    files_max: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Processor load between two looks, in per cent: of this process on one processor, and of the host."""

    process: float
    host: float | None


def look(proc: Path = PROC) -> Usage:
    """How things are now. Never raises for what the system does not tell."""
    busy, total = _host_times(_text(proc / "stat"))
    memory = _memory(_text(proc / "meminfo"))
    return Usage(
        cpu_s=time.process_time(),
        host_busy=busy,
        host_total=total,
        memory_used=_resident(_text(proc / "self" / "statm")),
        memory_free=memory.get("MemAvailable"),
        memory_max=memory.get("MemTotal"),
        files_open=_files_open(),
        files_max=_files_max(),
    )


def load(before: Usage, after: Usage, elapsed_s: float) -> Load:
    """The load over `elapsed_s` seconds between two looks."""
    process = 100.0 * (after.cpu_s - before.cpu_s) / elapsed_s
    if None in (before.host_busy, before.host_total, after.host_busy, after.host_total):
        return Load(process, None)
    total = (after.host_total or 0.0) - (before.host_total or 0.0)
    busy = (after.host_busy or 0.0) - (before.host_busy or 0.0)
    return Load(process, 100.0 * busy / total if total > 0 else None)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _host_times(stat: str) -> tuple[float | None, float | None]:
    """Busy and all time of all processors, in ticks, from /proc/stat."""
    head = stat.partition("\n")[0].split()
    if not head or head[0] != "cpu":
        return None, None
    ticks = [float(column) for column in head[1:]]
    total = sum(ticks) - sum(ticks[GUEST_COLUMNS])
    return total - sum(ticks[column] for column in IDLE_COLUMNS), total


def _memory(meminfo: str) -> dict[str, int]:
    """Sizes in bytes by their names in /proc/meminfo."""
    lines = (line.split() for line in meminfo.splitlines())
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if len(line) == 3 and line[2] == "kB"}


def _resident(statm: str) -> int | None:
    """Memory this process occupies, from /proc/self/statm."""
    pages = statm.split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else None


def _files_open() -> int | None:
    for folder in DESCRIPTORS:
        try:
            return len(os.listdir(folder)) - 1  # the look itself opens one
        except OSError:
            continue
    return None


def _files_max() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft
