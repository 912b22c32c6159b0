"""Ports and Channel Access variables that keep a test on loopback and apart from every other IOC."""

import socket
from contextlib import closing

LOOPBACK = "127.0.0.1"
LOOPBACK_BROADCAST = "127.255.255.255"
"""Sending here needs no listener: a beacon to a closed port of LOOPBACK would be an error."""


def free_port() -> int:
    """A port that nobody uses on loopback, for TCP and UDP."""
    while True:
        with (
            closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tcp,
            closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp,
        ):
            tcp.bind((LOOPBACK, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


def ca_environment(port: int | None = None) -> dict[str, str]:
    """Variables for clients and servers that find each other, and nobody else, on a port of loopback."""
    server, repeater = port or free_port(), free_port()
    return {
        "EPICS_CA_ADDR_LIST": LOOPBACK,
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": str(server),
        "EPICS_CA_REPEATER_PORT": str(repeater),
        "EPICS_CA_CONN_TMO": "5",
        "EPICS_CAS_SERVER_PORT": str(server),
        "EPICS_CAS_INTF_ADDR_LIST": LOOPBACK,
        "EPICS_CAS_BEACON_ADDR_LIST": LOOPBACK_BROADCAST,
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_PORT": str(repeater),
    }
