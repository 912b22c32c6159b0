"""Pictures of the screens, taken by the real Phoebus of the IOCs of the demo.

Usage: snapshots FOLDER [SCREEN...]     pictures of all screens, or of those whose file names are given
       snapshots --readme               those of the READMEs: opi/screenshots
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.opi.displays import Shown, Walk, follow
from tests.opi.harness import OPI, Job, Missing, Ports, snapshots
from tests.support.plant import Plant, plant

SCREENSHOTS = OPI / "screenshots"
TREND_S, GLANCE_S = 45.0, 1.0
OVERVIEW = "overview.bob"


def screens() -> list[Shown]:
    """Every screen that opens by itself, once, as it is first reached from the overview."""
    walk = follow(Walk([Shown(OPI / OVERVIEW, {})]))
    firsts: dict[Path, Shown] = {}
    for shown in walk.shown:
        if shown.file in walk.opened:
            firsts.setdefault(shown.file, shown)
    return list(firsts.values())


def job(shown: Shown, folder: Path, name: str = "", watch_s: float = GLANCE_S) -> Job:
    """A picture of a screen as `<folder>-<file>.png`."""
    inside = shown.file.relative_to(OPI).with_suffix("")
    return Job(shown.file, folder / f"{name or '-'.join(inside.parts)}.png", shown.macros, watch_s)


def ports(running: Plant) -> Ports:
    return Ports(running.server_port, running.repeater_port)


def take(running: Plant, jobs: Sequence[Job]) -> list[str]:
    """Raises Missing."""
    return snapshots(jobs, ports(running))


def of_all(running: Plant, folder: Path, names: Sequence[str]) -> list[str]:
    """Pictures of all screens, or of some; what did not connect."""
    running.start()
    chosen = [shown for shown in screens() if not names or shown.file.name in names]
    return take(running, [job(shown, folder) for shown in chosen])


def of_readmes(running: Plant, folder: Path) -> list[str]:
    """The overview and one of each subsystem; then an interlock that has tripped, and a line that is lost."""
    main = [s for s in screens() if s.file.name == OVERVIEW or s.file.stem == s.file.parent.name]
    by_name = {shown.file.stem: shown for shown in main}
    running.start()
    problems = take(running, [job(shown, folder, shown.file.stem, TREND_S) for shown in main])
    running.open_door()
    problems += take(running, [job(by_name["gas"], folder, "gas-tripped", TREND_S)])
    running.unplug()
    return problems + take(running, [job(by_name["flow"], folder, "flow-lost", TREND_S)])


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    folder = SCREENSHOTS if given.readme else given.folder
    if folder is None:
        parser().error("FOLDER or --readme")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="lab-snapshots-") as state, plant(Path(state)) as running:
            problems = of_readmes(running, folder) if given.readme else of_all(running, folder, given.screens)
    except Missing as error:
        problems = [str(error)]
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def parser() -> argparse.ArgumentParser:
    new = argparse.ArgumentParser(prog="tests/opi/snapshots", description=__doc__.splitlines()[0])
    new.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    new.add_argument("screens", nargs="*", metavar="SCREEN", help="file names, such as gas.bob; default: all")
    new.add_argument("--readme", action="store_true", help="those of the READMEs, into opi/screenshots")
    return new


if __name__ == "__main__":
    sys.exit(main())
