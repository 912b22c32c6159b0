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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iocs.caserver import serve
from iocs.caserver.interfaces import ANY, from_environment
from iocs.common import export, lists
from iocs.common.access.acf import AcfError
from iocs.common.config import ConfigError
from iocs.common.furnish import Furnished, Services
from iocs.common.pv import merge
from iocs.common.recsync import ANNOUNCEMENT_PORT
from iocs.common.subsystem import Subsystem, find, known

FAILED, WRONG = 1, 2
STATE_VARIABLE, PUT_LOG_VARIABLE, PUT_LOG_SERVER_VARIABLE = "IOC_STATE", "IOC_PUT_LOG", "IOC_PUT_LOG_SERVER"
RECSYNC_VARIABLE, NAME_VARIABLE = "IOC_RECSYNC", "IOCNAME"
ACCESS_FILE = "access.acf"
LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

log = logging.getLogger("iocs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit status."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
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
            "alarms": lambda: lists.alarms({find(name).title: those for name, those in built.items()}),
            "save-and-restore": lambda: lists.save_and_restore(groups),
            "channelfinder": lambda: "".join(
                lists.channelfinder(those, name, heading=not at)
                for at, (name, those) in enumerate(built.items())
            ),
            "db": lambda: lists.database(groups),
        }[options.kind](),
        end="",
    )
    return 0


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


# Arguments


def parser() -> argparse.ArgumentParser:
    """The command line as a whole."""
    whole = argparse.ArgumentParser(prog="python -m iocs", description="Soft IOCs of the process laboratory.")
    commands = whole.add_subparsers(dest="command", required=True, metavar="SUBSYSTEM | check | export")
    for name in known():
        add_serving(commands.add_parser(name, help=f"serve the {name} IOC", parents=[common()]))
    checking = commands.add_parser("check", help="check configuration files", parents=[common()])
    checking.add_argument(
        "--db", type=Path, nargs="+", default=[], metavar="FILE", help="default: all in db/"
    )
    checking.set_defaults(run=check)
    add_exports(commands.add_parser("export", help="write lists and tables of the PVs"))
    return whole


def common() -> argparse.ArgumentParser:
    """What every command takes."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--macro", type=macro, action="append", default=[], metavar="NAME=VALUE",
        help="for $(NAME) in the configuration; default: the environment",
    )  # fmt: skip
    return shared


def add_building(command: argparse.ArgumentParser) -> None:
    """What an IOC is built from."""
    command.add_argument(
        "--db", type=Path, metavar="FILE", help="configuration; default: db/<subsystem>.yaml"
    )
    command.add_argument("--prefix", type=pv_prefix, help="of all PV names, such as LAB:FLOW:")
    command.add_argument("--simulate", action="store_true", help="put simulated instruments on the lines")


def add_serving(command: argparse.ArgumentParser) -> None:
    add_building(command)
    command.add_argument("--list-pvs", action="store_true", help="print the PV names and exit")
    command.add_argument("--interfaces", nargs="+", metavar="ADDR", help="default: EPICS_CAS_INTF_ADDR_LIST")
    command.add_argument("--log-level", type=str.upper, choices=LOG_LEVELS, default="INFO")
    command.add_argument("--log-file", type=Path, metavar="FILE", help="log to a file as well as to stderr")
    add_services(command)
    command.set_defaults(run=run)


def add_services(command: argparse.ArgumentParser) -> None:
    """What an IOC that is served gets around it."""
    command.add_argument(
        "--state", type=Path, metavar="DIR", default=os.environ.get(STATE_VARIABLE) or None,
        help=f"folder for settings that outlive the IOC; default: {STATE_VARIABLE}, else nothing is saved",
    )  # fmt: skip
    command.add_argument(
        "--access", type=existing, metavar="FILE",
        help=f"access rules; default: {ACCESS_FILE} beside the configuration, else no rules",
    )  # fmt: skip
    command.add_argument(
        "--put-log", type=Path, metavar="DIR", default=os.environ.get(PUT_LOG_VARIABLE) or None,
        help=f"folder for a log of all puts; default: {PUT_LOG_VARIABLE}, else none",
    )  # fmt: skip
    command.add_argument(
        "--put-log-server", type=address, metavar="HOST:PORT",
        default=os.environ.get(PUT_LOG_SERVER_VARIABLE) or None,
        help=f"server that takes the log of puts by TCP; default: {PUT_LOG_SERVER_VARIABLE}, else none",
    )  # fmt: skip
    command.add_argument(
        "--recsync", type=recsync, metavar="ADDRESS[:PORT]", nargs="?", const="yes",
        default=os.environ.get(RECSYNC_VARIABLE) or None,
        help="tell ChannelFinder of the PVs, through RecCeivers that announce themselves here (without "
        f"address: anywhere, port {ANNOUNCEMENT_PORT}); default: {RECSYNC_VARIABLE}, else it is not told",
    )  # fmt: skip
    command.add_argument(
        "--ioc-name", metavar="NAME", default=os.environ.get(NAME_VARIABLE, ""),
        help=f"what ChannelFinder calls the IOC; default: {NAME_VARIABLE}, else from the prefix",
    )  # fmt: skip


def add_exports(command: argparse.ArgumentParser) -> None:
    kinds = command.add_subparsers(dest="kind", required=True)
    pvs = kinds.add_parser("pvs", help="all PVs, in columns separated by tabs", parents=[common()])
    docs = kinds.add_parser("docs", help="the PV tables in iocs/*/README.md", parents=[common()])
    others = [
        kinds.add_parser(name, help=text, parents=[common()])
        for name, text in (
            ("archiver", "JSON for the Archiver Appliance"),
            ("archiver-plain", "what the archiver samples, one PV a line"),
            ("alarms", "alarm tree for Phoebus"),
            ("save-and-restore", "CSV for Phoebus"),
            ("channelfinder", "CSV of names and properties"),
            ("db", "an EPICS database, to be read by people and tools"),
        )
    ]
    for other in others:
        add_building(other)
        other.set_defaults(run=export_list)
    for kind in (pvs, docs, *others):
        kind.add_argument("subsystem", type=subsystem_name, nargs="*", help="default: all")
    add_building(pvs)
    pvs.set_defaults(run=export_pvs)
    docs.add_argument("--check", action="store_true", help="change nothing, exit 1 if one is out of date")
    docs.set_defaults(run=export_docs, db=None, prefix=None, simulate=True)


def macro(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def existing(text: str) -> Path:
    if not (path := Path(text)).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def recsync(text: str) -> tuple[str, int] | None:
    if text.lower() in ("no", "off", "0"):
        return None
    if text.lower() in ("yes", "on", "1"):
        return ANY, ANNOUNCEMENT_PORT
    return address(text if ":" in text else f"{text}:{ANNOUNCEMENT_PORT}")


def subsystem_name(text: str) -> str:
    if text not in known():
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(known())}")
    return text


def pv_prefix(text: str) -> str:
    if set(text) & set(" .{}$\"'"):
        raise argparse.ArgumentTypeError(f"{text!r} cannot begin a PV name")
    return text


if __name__ == "__main__":
    sys.exit(main())
