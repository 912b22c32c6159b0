"""What ChannelFinder is told: records with their type and facts from their definition, facts about the IOC.

Knows records and their Specs; knows no protocol.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from iocs.caserver import Record
from iocs.common.spec import Archive, Spec

PASSED_ON = (
    *("EPICS_CA_ADDR_LIST", "EPICS_CA_AUTO_ADDR_LIST", "EPICS_CA_MAX_ARRAY_BYTES"),
    *("EPICS_CAS_INTF_ADDR_LIST", "EPICS_HOST_ARCH", "ENGINEER", "LOCATION"),
)
"""Variables told as they are, where they are set."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record."""

    name: str
    record_type: str
    infos: Mapping[str, str]


def entries(records: Mapping[str, Record[Any]]) -> Iterator[Entry]:
    """Every record in order of its name."""
    for name, record in sorted(records.items()):
        yield Entry(name, record.record_type, dict(_infos(record)))


def _infos(record: Record[Any]) -> Iterator[tuple[str, str]]:
    spec: Spec = record.spec
    yield "recordDesc", record.desc
    if spec.archive:
        yield "archive", archive_tag(spec.archive)
    if spec.alarm:
        yield "alarm", spec.alarm.guidance
    if spec.saved:
        yield "autosaveFields", "VAL"
    if record.writable:
        yield "asg", record.asg


def archive_tag(policy: Archive) -> str:
    """As ChannelFinder's archiver plug-in reads it: `monitor@1.0`, `scan@10.0`."""
    return f"{policy.method.lower()}@{policy.period_s:g}"


def ioc_infos(name: str, port: int, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The IOC as a whole. Without IOCNAME each connection would count as another IOC."""
    env = os.environ if environ is None else environ
    return {
        "IOCNAME": name,
        "HOSTNAME": env.get("HOSTNAME") or socket.gethostname(),
        "EPICS_VERSION": f"caproto {version('caproto')}",
        "RSRV_SERVER_PORT": str(port),
        "PWD": os.getcwd(),
        **{key: env[key] for key in PASSED_ON if env.get(key)},
    }
