"""Ports and Channel Access variables that keep a test on loopback and apart from every other IOC."""

import itertools
import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

LOOPBACK = "127.0.0.1"
LOOPBACK_BROADCAST = "127.255.255.255"
"""Sending here needs no listener: a beacon to a closed port of LOOPBACK would be an error."""


FIRST_PORT, PORTS, PROCESSES = 10000, 2000, 10
"""Ports of each of so many test processes, below those that systems give to sockets by themselves: until the
IOC for which a port was found binds it, nobody else must get it."""


def _ports() -> Iterator[int]:
    """The ports of this process, round and round, from any of them on."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
    start = random.SystemRandom().randrange(PORTS)
    return (FIRST_PORT + process * PORTS + (start + count) % PORTS for count in itertools.count())


CANDIDATES = _ports()
ONE_AT_A_TIME = threading.Lock()


def free_port() -> int:
    """A port that nobody uses on loopback, for TCP and UDP, and that is not found again soon."""
    with ONE_AT_A_TIME:
        return next(filter(_is_free, CANDIDATES))


def _is_free(port: int) -> bool:
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tcp,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp,
    ):
        try:
            tcp.bind((LOOPBACK, port))
            udp.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


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
