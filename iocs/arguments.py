"""The command line as it is written: commands, options, and what their text means.

`parser()` gives a namespace whose `action` names a command of iocs.__main__. Opens nothing.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from iocs.caserver.interfaces import ANY
from iocs.common.recsync import ANNOUNCEMENT_PORT
from iocs.common.screens import export as screens
from iocs.common.subsystem import known

STATE_VARIABLE, PUT_LOG_VARIABLE, PUT_LOG_SERVER_VARIABLE = "IOC_STATE", "IOC_PUT_LOG", "IOC_PUT_LOG_SERVER"
RECSYNC_VARIABLE, NAME_VARIABLE = "IOC_RECSYNC", "IOCNAME"
ACCESS_FILE = "access.acf"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


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
    checking.set_defaults(action="check")
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
    command.set_defaults(action="serve")


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
    others = {
        name: kinds.add_parser(name, help=text, parents=[common()])
        for name, text in (
            ("archiver", "JSON for the Archiver Appliance"),
            ("archiver-plain", "what the archiver samples, one PV a line"),
            ("alarms", "alarm tree for Phoebus"),
            ("save-and-restore", "CSV for Phoebus"),
            ("channelfinder", "CSV of names and properties"),
            ("db", "an EPICS database, to be read by people and tools"),
            ("types", "CSV of record and DBR types: db/types.csv"),
        )
    }
    for other in others.values():
        add_building(other)
        other.set_defaults(action="list", opi=screens.HOME.as_uri())
    others["alarms"].add_argument("--opi", metavar="URL", help="folder of the screens; default: opi/ here")
    opi = kinds.add_parser("opi", help="Phoebus screens that depend on the configuration", parents=[common()])
    for kind in (pvs, docs, opi, *others.values()):
        kind.add_argument("subsystem", type=subsystem_name, nargs="*", help="default: all")
    add_building(pvs)
    pvs.set_defaults(action="pvs")
    docs.add_argument("--check", action="store_true", help="change nothing, exit 1 if one is out of date")
    docs.set_defaults(action="docs", db=None, prefix=None, simulate=True)
    add_building(opi)
    opi.add_argument("--to", type=Path, metavar="DIR", default=screens.HOME, help="default: opi/")
    opi.add_argument("--check", action="store_true", help="change nothing, exit 1 if one is out of date")
    opi.set_defaults(action="opi")


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
