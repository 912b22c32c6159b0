"""The command line of the IOCs: serve a subsystem, check configuration, export lists.

    python -m iocs flow --db db/flow.yaml --simulate
    python -m iocs check
    python -m iocs export docs --check

Exit status 0: done, or stopped by a signal; 1: failed; 2: wrong arguments or configuration; 3: to be started
again, because a client who may has asked for it.
"""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from iocs.arguments import ACCESS_FILE, parser
from iocs.caserver import serve
from iocs.caserver.interfaces import from_environment
from iocs.common import export, lists
from iocs.common.access.acf import AcfError
from iocs.common.config import ConfigError
from iocs.common.furnish import Furnished, Services
from iocs.common.group import merge
from iocs.common.screens import export as screens
from iocs.common.screens.links import links as screen_links
from iocs.common.subsystem import Subsystem, find, known

FAILED, WRONG = 1, 2
LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"

log = logging.getLogger("iocs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit status."""
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.action](options)
    except (ConfigError, AcfError) as error:
        print(error, file=sys.stderr)
        return WRONG


# Serving


def run(options: argparse.Namespace) -> int:
    """Serves a subsystem until it is told to stop."""
    subsystem = find(options.command)
    ioc = build(subsystem, options)
    if options.list_pvs:
        print(export.names(ioc.groups), end="")
        return 0
    start_logging(options.log_level, options.log_file)
    try:
        from_environment(options.interfaces)
    except ValueError as error:
        log.error("%s", error)
        return WRONG
    pvdb = merge(ioc.groups)
    where = "simulated instruments" if options.simulate else str(options.db or subsystem.database)

    def ready() -> None:
        log.info(
            "serving %d PVs under %s (%s, %s)", len(pvdb), prefix(subsystem, options), subsystem.name, where
        )
        ioc.ready()

    return serve(pvdb, start=ioc.start, stop=ioc.stop, interfaces=options.interfaces, ready=ready)


def build(subsystem: Subsystem[Any], options: argparse.Namespace) -> Furnished:
    """The IOC as the options describe it, nothing of it opened. Raises ConfigError."""
    config = subsystem.load(options.db or subsystem.database, macros(options))
    return furnished(
        subsystem, config, prefix(subsystem, options), options.simulate, services(subsystem, options)
    )


def furnished(
    subsystem: Subsystem[Any],
    config: Any,
    prefix: str,
    simulate: bool,
    services: Services | None = None,
) -> Furnished:
    """An IOC with everything the house adds to it."""
    return Furnished(subsystem.build(config, prefix, simulate), subsystem.name, prefix, services)


def services(subsystem: Subsystem[Any], options: argparse.Namespace) -> Services | None:
    """What an IOC that is to be served gets around it; None for one that is only looked at."""
    if options.command == "export" or options.list_pvs:
        return None
    beside = (options.db or subsystem.database).parent / ACCESS_FILE
    return Services(
        state=options.state,
        access=options.access or (beside if beside.is_file() else None),
        macros=macros(options),
        put_log=options.put_log,
        put_log_server=options.put_log_server,
        recsync=options.recsync,
        ioc_name=options.ioc_name,
    )


def prefix(subsystem: Subsystem[Any], options: argparse.Namespace) -> str:
    return subsystem.prefix if options.prefix is None else str(options.prefix)


def macros(options: argparse.Namespace) -> dict[str, str]:
    """The environment, overridden by --macro."""
    return {**os.environ, **dict(options.macro)}


def start_logging(level: str, file: Path | None) -> None:
    """Time, level, device or port, message: on stderr, and in a file that log rotation may move away."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if file:
        handlers.append(logging.handlers.WatchedFileHandler(file, encoding="utf-8"))
    logging.basicConfig(level=level, format=LOG_FORMAT, datefmt="%Y-%m-%d %H:%M:%S", handlers=handlers)
    logging.captureWarnings(True)


# Checking


def check(options: argparse.Namespace) -> int:
    """Reports everything that is wrong with the configuration files; all known ones by default."""
    files = [(subsystem_of(file), file) for file in options.db] or defaults()
    return max((check_file(subsystem, file, options) for subsystem, file in files), default=0)


def check_file(subsystem: Subsystem[Any], file: Path, options: argparse.Namespace) -> int:
    try:
        config = subsystem.load(file, macros(options))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return WRONG
    pvs = merge(furnished(subsystem, config, subsystem.prefix, False).groups)
    print(f"{file}: {subsystem.name}: {len(pvs)} PVs, no mistakes")
    return 0


def defaults() -> list[tuple[Subsystem[Any], Path]]:
    """Every subsystem with the file that it reads unless told otherwise."""
    subsystems = [find(name) for name in known()]
    return [(subsystem, subsystem.database) for subsystem in subsystems]


def subsystem_of(file: Path) -> Subsystem[Any]:
    """The subsystem that a file is for, by the beginning of its name: flow.yaml, flow-bench2.yaml."""
    for name in known():
        if file.stem == name or file.stem.startswith((f"{name}-", f"{name}_", f"{name}.")):
            return find(name)
    sys.exit(f"{file}: its name must begin with that of a subsystem: {', '.join(known())}")


# Exporting


def export_pvs(options: argparse.Namespace) -> int:
    """Prints the PVs of one or all subsystems, in columns."""
    for name in options.subsystem or known():
        print(export.listing(build(find(name), options).groups), end="")
    return 0


def export_list(options: argparse.Namespace) -> int:
    """Prints one of the lists for facility tools, of one or all subsystems."""
    built = {name: build(find(name), options).groups for name in options.subsystem or known()}
    groups = [group for those in built.values() for group in those]
    print(
        {
            "archiver": lambda: lists.archiver(groups),
            "archiver-plain": lambda: lists.archiver_plain(groups),
            "alarms": lambda: lists.alarms(
                {find(name).title: those for name, those in built.items()}, screens_of(built, options)
            ),
            "save-and-restore": lambda: lists.save_and_restore(groups),
            "channelfinder": lambda: "".join(
                lists.channelfinder(those, name, heading=not at)
                for at, (name, those) in enumerate(built.items())
            ),
            "db": lambda: lists.database(groups),
            "types": lambda: lists.types(groups),
        }[options.kind](),
        end="",
    )
    return 0


def screens_of(names: Iterable[str], options: argparse.Namespace) -> dict[str, lists.ScreenOf]:
    """By the title of a subsystem: which screen belongs to a group of its PVs."""
    found: dict[str, lists.ScreenOf] = {}
    for name in names:
        subsystem = find(name)
        config = subsystem.load(options.db or subsystem.database, macros(options))
        if links := screen_links(options.opi, name, prefix(subsystem, options), config):
            found[subsystem.title] = links.of
    return found


def export_docs(options: argparse.Namespace) -> int:
    """Writes the PV tables into the READMEs; with --check only says which are out of date."""
    stale = [name for name in options.subsystem or known() if not document(find(name), options)]
    if stale and options.check:
        print(f"out of date: {', '.join(stale)}; run: python -m iocs export docs", file=sys.stderr)
    return FAILED if stale and options.check else 0


def document(subsystem: Subsystem[Any], options: argparse.Namespace) -> bool:
    """Whether the PV table in the subsystem's README was up to date; brings it so without --check."""
    table = export.tables(build(subsystem, options).groups, prefix(subsystem, options))
    readme = subsystem.package / "README.md"
    try:
        return export.update(readme, table, only_check=options.check)
    except OSError as error:
        sys.exit(f"{readme}: {error.strerror}")
    except export.NoTable as error:
        sys.exit(f"{readme}: {error}")


def export_screens(options: argparse.Namespace) -> int:
    """Writes the screens that depend on the configuration; with --check only says which are out of date."""
    subsystems = {name: find(name) for name in options.subsystem or known()}
    configs = {
        name: subsystem.load(options.db or subsystem.database, macros(options))
        for name, subsystem in subsystems.items()
    }
    files = screens.every_file(configs, {name: prefix(those, options) for name, those in subsystems.items()})
    stale = screens.stale(files, options.to)
    if options.check and stale:
        print(f"out of date: {', '.join(stale)}; run: python -m iocs export opi", file=sys.stderr)
    elif not options.check:
        screens.write(files, options.to)
    return FAILED if stale and options.check else 0


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "serve": run,
    "check": check,
    "pvs": export_pvs,
    "list": export_list,
    "docs": export_docs,
    "opi": export_screens,
}


if __name__ == "__main__":
    sys.exit(main())
