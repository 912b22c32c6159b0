"""The real Phoebus: its libraries, fetched by Maven, two small programs that use them, and how to run these.

Knows Java and its tools; knows no test and no PV.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPI = ROOT / "opi"
SETTINGS = OPI / "settings.ini"
SOURCE = Path(__file__).with_name("phoebus")
CACHE = ROOT / ".venv" / "phoebus"
FETCH_S, COMPILE_S, CHECK_S, JOB_S = 300, 60, 60, 90
JAVA = 17
SCREEN = "1800x1100x24"


class Missing(Exception):
    """What this machine lacks, in words."""


@dataclass(frozen=True)
class Job:
    """A screen to be opened with `macros`, where the picture goes, and how long to watch trends grow once all
    is connected (seconds)."""

    screen: Path
    picture: Path
    macros: Mapping[str, str]
    watch_s: float = 0.0

    def words(self) -> str:
        return ", ".join(f'{name}="{value}"' for name, value in self.macros.items())

    def line(self) -> str:
        return "\t".join((str(self.screen), str(self.picture), self.words(), str(self.watch_s)))


@dataclass(frozen=True)
class Ports:
    """Where IOCs of this machine answer, under the names of Phoebus' settings."""

    server_port: int
    repeater_port: int


def check(files: Iterable[Path]) -> list[str]:
    """What Phoebus' own readers have to say against screens and trends. Raises Missing."""
    return _told(_headless("lab.Check", str(SETTINGS), *map(str, files)))


def followed(links: Iterable[str]) -> list[list[str]]:
    """The file and the macros (NAME=value) that Phoebus opens for links of alarms. Raises Missing."""
    return [line.split("\t") for line in _told(_headless("lab.Links", *links))]


def snapshots(jobs: Sequence[Job], ports: Ports) -> list[str]:
    """Open screens in the runtime of Phoebus, on a display that nobody sees, and write pictures of them.

    Returns what did not connect. The IOCs answer on this machine at `ports`. Raises Missing.
    """
    todo = _work() / "jobs"
    todo.write_text("".join(f"{job.line()}\n" for job in jobs))
    within_s = JOB_S * (1 + len(jobs)) + sum(job.watch_s for job in jobs)
    done = _on_display(ports, within_s, "lab.Snapshots", str(todo))
    told = _told(done)
    if lacking := [job.picture.name for job in jobs if not job.picture.exists()]:
        raise RuntimeError(f"no picture {', '.join(lacking)}: {done.stderr}")
    return told


def pressed(shown: Job, button: str, field: str, entered: str, ports: Ports) -> list[str]:
    """Enter something, or nothing, in the runtime of Phoebus, press a button of a screen and say yes.

    Returns what was asked. Raises Missing.
    """
    words = (str(shown.screen), shown.words(), button, field, entered)
    return _told(_on_display(ports, JOB_S, "lab.Press", *words))


def _told(done: subprocess.CompletedProcess[str]) -> list[str]:
    if done.returncode and not done.stdout:
        raise RuntimeError(done.stderr)
    return done.stdout.splitlines()


def _headless(*program: str) -> subprocess.CompletedProcess[str]:
    return _run([*_java("-Djava.awt.headless=true"), *program], CHECK_S)


def _on_display(ports: Ports, within_s: float, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    xvfb = _tool("xvfb-run", "Debian's packages xvfb and xauth have it")
    settings = _work() / "ports.ini"
    settings.write_text("".join(f"org.phoebus.pv.ca/{name}={port}\n" for name, port in asdict(ports).items()))
    display = [xvfb, "-a", "-s", f"-screen 0 {SCREEN}"]
    return _run(
        [*display, *_java("-Dprism.order=sw"), program, str(SETTINGS), str(settings), *words], within_s
    )


def _work() -> Path:
    folder = CACHE / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _java(*options: str) -> list[str]:
    """A command line up to the name of the program; all that belongs to it is there afterwards."""
    java = _tool("java", f"a JDK {JAVA} has it")
    libraries = _libraries()
    classes = _classes(libraries)
    preferences = CACHE / "preferences"  # not those of whoever runs this
    preferences.mkdir(exist_ok=True)
    where = os.pathsep.join((str(classes), f"{libraries}/*"))
    return [java, f"-Dopi={OPI}", f"-Djava.util.prefs.userRoot={preferences}", *options, "-cp", where]


def _libraries() -> Path:
    folder, wanted = CACHE / "lib", SOURCE / "pom.xml"
    stamp = folder / "pom.xml"
    if not stamp.exists() or stamp.read_bytes() != wanted.read_bytes():
        maven = _tool("mvn", "Maven fetches Phoebus")
        shutil.rmtree(folder, ignore_errors=True)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
        try:
            done = _run([maven, "-q", "-B", "-f", str(wanted), *goal], FETCH_S)
        except subprocess.TimeoutExpired:
            raise Missing(f"Maven has not fetched Phoebus within {FETCH_S} s") from None
        if done.returncode:
            raise Missing(f"Maven cannot fetch Phoebus: {(done.stdout + done.stderr).strip()[-300:]}")
        shutil.copy(wanted, stamp)
    return folder


def _classes(libraries: Path) -> Path:
    folder, sources = CACHE / "classes", sorted((SOURCE / "lab").glob("*.java"))
    text = b"".join(source.read_bytes() for source in sources)
    stamp = folder / "sources"
    if not stamp.exists() or stamp.read_bytes() != text:
        compiler = _tool("javac", f"a JDK {JAVA} has it")
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--release", str(JAVA), "-d", str(folder), "-cp", f"{libraries}/*"]
        done = _run([compiler, *options, *map(str, sources)], COMPILE_S)
        if done.returncode and "release version" in done.stderr:
            raise Missing(f"Phoebus needs Java {JAVA}: {done.stderr.strip()}")
        if done.returncode:
            raise RuntimeError(done.stderr)
        stamp.write_bytes(text)
    return folder


def _tool(name: str, hint: str) -> str:
    if (found := shutil.which(name)) is None:
        raise Missing(f"{name} is not on the PATH ({hint})")
    return found


def _run(command: Sequence[str], within_s: float) -> subprocess.CompletedProcess[str]:
    """Raises TimeoutExpired; nothing that was started is left then, whatever it had started itself."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            out, errors = process.communicate(timeout=within_s)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, errors)
