"""Where the server listens and beacons: from the usual EPICS variables to socket addresses.

Knows environment variables and the addresses of this host; opens none that stays.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_PORT = 5064
DEFAULT_BEACON_PORT = 5065
ANY = "0.0.0.0"
LOOPBACK_BROADCAST = "127.255.255.255"
_SIOCGIFADDR = 0x8915
_SIOCGIFBRDADDR = 0x8919


@dataclass(frozen=True)
class Network:
    """Addresses the server uses."""

    interfaces: tuple[str, ...]
    port: int
    beacons: tuple[tuple[str, int], ...]
    ignored: frozenset[str]
    beacon_period_s: float


def from_environment(
    interfaces: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> Network:
    """The network as EPICS variables describe it; `interfaces` overrides EPICS_CAS_INTF_ADDR_LIST.

    Raises ValueError, naming the variable, for a value that is not what it should be.
    """
    env = os.environ if environ is None else environ
    listed = interfaces or env.get("EPICS_CAS_INTF_ADDR_LIST", "").split() or (ANY,)
    chosen = tuple(address.partition(":")[0] for address in listed)
    port = _number(env, ("EPICS_CAS_SERVER_PORT", "EPICS_CA_SERVER_PORT"), DEFAULT_PORT)
    beacon_port = _number(env, ("EPICS_CAS_BEACON_PORT", "EPICS_CA_REPEATER_PORT"), DEFAULT_BEACON_PORT)
    period = env.get("EPICS_CAS_BEACON_PERIOD") or env.get("EPICS_CA_BEACON_PERIOD") or 15.0
    return Network(
        interfaces=chosen,
        port=port,
        beacons=_beacons(env, chosen, beacon_port),
        ignored=frozenset(env.get("EPICS_CAS_IGNORE_ADDR_LIST", "").split()),
        beacon_period_s=float(period),
    )


def _number(env: Mapping[str, str], names: Sequence[str], default: int) -> int:
    for name in names:
        text = env.get(name, "").strip()
        if text:
            if not text.isdigit() or not 0 <= int(text) <= 65535:
                raise ValueError(f"{name}={text}: a port from 0 to 65535 is expected")
            return int(text)
    return default


def _beacons(env: Mapping[str, str], interfaces: Sequence[str], port: int) -> tuple[tuple[str, int], ...]:
    listed = env.get("EPICS_CAS_BEACON_ADDR_LIST", "").split()
    auto = env.get("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "YES").strip().lower() != "no"
    hosts = [*listed, *(_automatic(interfaces) if auto and not listed else ())]
    return tuple(dict.fromkeys(_with_port(host, port) for host in hosts))


def _automatic(interfaces: Sequence[str]) -> list[str]:
    if ANY in interfaces:
        return ["255.255.255.255"]
    return [broadcast_of(address) or address for address in interfaces if not is_broadcast(address)]


def _with_port(text: str, default: int) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port) if port else default


def is_loopback(address: str) -> bool:
    """Whether an address never leaves this host."""
    return address.startswith("127.") or address == "localhost"


def is_broadcast(address: str) -> bool:
    """Whether an address looks like a broadcast address: nothing can be connected to there."""
    return address.endswith(".255")


def broadcast_of(address: str) -> str | None:
    """Broadcast address of the interface with this address; None where it has none or is unknown."""
    if address == ANY or is_broadcast(address):
        return None
    if is_loopback(address):
        return LOOPBACK_BROADCAST
    return _ask_kernel(address) if sys.platform == "linux" else None


def _ask_kernel(address: str) -> str | None:
    import fcntl

    wanted = ipaddress.ip_address(address).packed
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                if fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, request)[20:24] == wanted:
                    return socket.inet_ntoa(fcntl.ioctl(sock.fileno(), _SIOCGIFBRDADDR, request)[20:24])
            except OSError:
                continue  # an interface without an IPv4 address
    return None
