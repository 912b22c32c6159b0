"""Several IOCs on one host, found by libca: by broadcast, by ports of their own, through TCP name servers.

What a client has to set for each is in startup/DEPLOY.md.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from iocs.common.subsystem import find, known
from tests.support.ca import CaClient
from tests.support.network import LOOPBACK, LOOPBACK_BROADCAST, ca_environment, free_port
from tests.support.processes import ROOT, IocProcess

TOY = ROOT / "tests" / "toy"
NOWHERE = {"EPICS_CA_ADDR_LIST": "", "EPICS_CA_AUTO_ADDR_LIST": "NO"}


@dataclass
class Host:
    """IOCs that run, by prefix, with the port each was given."""

    ports: dict[str, int]
    env: dict[str, str]

    def all_found(self, **client: str) -> None:
        """Every IOC answers a client with these variables, and has its own values."""
        with CaClient({**self.env, **client}) as ca:
            for prefix, port in self.ports.items():
                host: str = ca.info(f"{prefix}IOC:HEARTBEAT")["host"]
                assert host.rpartition(":")[2] == str(port)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Every subsystem there is, each on a port of its own."""
    folder, env = tmp_path_factory.mktemp("host"), ca_environment()
    ports = {name: free_port() for name in known()}
    with ExitStack() as running:
        for name, port in ports.items():
            own = {**env, "EPICS_CAS_SERVER_PORT": str(port)}
            running.enter_context(IocProcess(name, "--simulate", log=folder / f"{name}.log", env=own))
        yield Host({find(name).prefix: port for name, port in ports.items()}, env)


def addresses(host: Host, address: str) -> str:
    return " ".join(f"{address}:{port}" for port in host.ports.values())


def test_ports_of_their_own_by_unicast(host: Host) -> None:
    host.all_found(EPICS_CA_ADDR_LIST=addresses(host, LOOPBACK))


def test_ports_of_their_own_by_broadcast(host: Host) -> None:
    host.all_found(EPICS_CA_ADDR_LIST=addresses(host, LOOPBACK_BROADCAST))


def test_name_servers_over_tcp_and_no_datagram_at_all(host: Host) -> None:
    host.all_found(**NOWHERE, EPICS_CA_NAME_SERVERS=addresses(host, LOOPBACK))


def test_a_name_server_that_is_down_hides_only_its_own(host: Host) -> None:
    servers = f"{LOOPBACK}:{free_port()} {addresses(host, LOOPBACK)}"
    host.all_found(**NOWHERE, EPICS_CA_NAME_SERVERS=servers)


def test_one_port_for_all_by_broadcast_and_by_name_servers(tmp_path: Path) -> None:
    """The second to start gets another TCP port, and hears the same broadcasts."""
    env = ca_environment() | {"PYTHONPATH": f"{ROOT}:{TOY}"}
    with ExitStack() as running:
        iocs = {
            prefix: running.enter_context(
                IocProcess("toy", "--prefix", prefix, log=tmp_path / prefix, env=env)
            )
            for prefix in ("A:", "B:", "C:")
        }
        ports = {prefix: int(ioc.wait_for(r"serving on .*, port (\d+)")[1]) for prefix, ioc in iocs.items()}
        assert ports["A:"] == int(env["EPICS_CAS_SERVER_PORT"])
        assert len(set(ports.values())) == 3
        host = Host(ports, env)
        host.all_found(EPICS_CA_ADDR_LIST=LOOPBACK_BROADCAST)
        host.all_found(**NOWHERE, EPICS_CA_NAME_SERVERS=addresses(host, LOOPBACK))
