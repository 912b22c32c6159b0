"""IOCs on one host and clients on another, with a real network between them that goes away and comes back.

In network namespaces, which need root; skipped where they are not permitted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ca import CaClient
from tests.support.hosts import BROADCAST, Host, Network, NotPermitted
from tests.support.network import LOOPBACK_BROADCAST
from tests.support.processes import ROOT, IocProcess
from tests.support.waiting import wait_until

TOY = ROOT / "tests" / "toy"
PORTS = {"A:": 5064, "B:": 5070}
CONN_TMO_S = 2
CLEAN = {"EPICS_CA_SERVER_PORT": "5064", "EPICS_CA_REPEATER_PORT": "5065"}


@dataclass
class Lab:
    """A network, and an IOC for each prefix on its server."""

    network: Network
    iocs: dict[str, IocProcess]

    def client(self, **variables: str) -> CaClient:
        """A client on the other host."""
        env = {**variables, "EPICS_CA_CONN_TMO": str(CONN_TMO_S), "EPICS_CA_AUTO_ADDR_LIST": "NO"}
        return CaClient(env | CLEAN, wrap=self.network.client.wrap)

    def by_broadcast(self) -> CaClient:
        addresses = " ".join(f"{BROADCAST}:{port}" for port in PORTS.values())
        return self.client(EPICS_CA_ADDR_LIST=addresses)

    def on_the_server(self) -> CaClient:
        """A client on the IOCs' own host, which the network does not concern."""
        env = {"EPICS_CA_ADDR_LIST": LOOPBACK_BROADCAST, "EPICS_CA_AUTO_ADDR_LIST": "NO"}
        return CaClient(env | CLEAN, wrap=self.network.server.wrap)


def variables(port: int) -> dict[str, str]:
    """Of an IOC in production: any interface, beacons to the network."""
    return {
        **CLEAN,
        "EPICS_CAS_INTF_ADDR_LIST": "",
        "EPICS_CAS_BEACON_ADDR_LIST": f"{BROADCAST} {LOOPBACK_BROADCAST}",
        "EPICS_CAS_BEACON_PORT": "5065",
        "EPICS_CAS_SERVER_PORT": str(port),
        "PYTHONPATH": f"{ROOT}:{TOY}",
    }


def start(host: Host, prefix: str, log: Path, **more: str) -> IocProcess:
    env = variables(PORTS[prefix]) | more
    return IocProcess("toy", "--prefix", prefix, log=log, env=env, wrap=host.wrap)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("hosts")
    try:
        made = Network.made()
        network = made.__enter__()
    except NotPermitted as reason:
        pytest.skip(f"network namespaces are not permitted here: {reason}")
    try:
        with (
            start(network.server, "A:", folder / "a") as first,
            start(network.server, "B:", folder / "b") as second,
        ):
            yield Lab(network, {"A:": first, "B:": second})
    finally:
        made.__exit__(None, None, None)


def test_clients_on_another_host_find_iocs_by_broadcast(lab: Lab) -> None:
    with lab.by_broadcast() as ca:
        for prefix in PORTS:
            ca.put(f"{prefix}A:Setpoint", 5)
            assert ca.get(f"{prefix}A:Level") == 5
        assert ca.info("A:A:Level")["host"].startswith(lab.network.server.address)


def test_and_through_name_servers_without_any_datagram(lab: Lab) -> None:
    servers = " ".join(f"{lab.network.server.address}:{port}" for port in PORTS.values())
    with lab.client(EPICS_CA_ADDR_LIST="", EPICS_CA_NAME_SERVERS=servers) as ca:
        for prefix in PORTS:
            assert ca.get(f"{prefix}IOC:PROCESS_ID") > 0


def test_an_ioc_on_one_interface_is_found_there_by_broadcast(tmp_path: Path, lab: Lab) -> None:
    """As DEPLOY.md sets it up; on loopback it does not serve."""
    port, address = 5080, lab.network.server.address
    own = {
        "EPICS_CAS_SERVER_PORT": str(port),
        "EPICS_CAS_INTF_ADDR_LIST": address,
        "EPICS_CAS_BEACON_ADDR_LIST": BROADCAST,
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
    }
    env = variables(port) | own
    wrap = lab.network.server.wrap
    with (
        IocProcess("toy", "--prefix", "C:", log=tmp_path / "c", env=env, wrap=wrap) as ioc,
        lab.client(EPICS_CA_ADDR_LIST=f"{BROADCAST}:{port}") as ca,
    ):
        assert ca.get("C:A:Level") == 0
        assert f"serving on {address}, port {port}" in ioc.output()


Change = Callable[[Lab], None]


def unplug(lab: Lab) -> None:
    """The cable, at the far end: the carrier is gone, the address stays."""
    lab.network.client.ip("link", "set", "eth0", "down")


def plug(lab: Lab) -> None:
    lab.network.client.ip("link", "set", "eth0", "up")


def take_interface_down(lab: Lab) -> None:
    """By the IOC's own host: sending fails at once."""
    lab.network.server.ip("link", "set", "eth0", "down")


def take_interface_up(lab: Lab) -> None:
    lab.network.server.ip("link", "set", "eth0", "up")


def lose_address(lab: Lab) -> None:
    """A lease that ran out."""
    lab.network.server.ip("address", "flush", "dev", "eth0")


def get_address(lab: Lab) -> None:
    host = lab.network.server
    host.ip("address", "add", f"{host.address}/24", "broadcast", BROADCAST, "dev", "eth0")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cut", "mend"),
    [(unplug, plug), (take_interface_down, take_interface_up), (lose_address, get_address)],
    ids=["cable", "interface", "address"],
)
def test_an_ioc_survives_its_network(lab: Lab, cut: Change, mend: Change) -> None:
    ioc = lab.iocs["A:"]
    with lab.by_broadcast() as ca, lab.on_the_server() as local:
        ca.put("A:A:Setpoint", 7)
        heartbeat = ca.monitor("A:IOC:HEARTBEAT")
        heartbeat.wait_count(1)
        cut(lab)
        try:
            ca.wait_disconnected("A:IOC:HEARTBEAT", timeout=30)
            beats = local.get("A:IOC:HEARTBEAT")
            wait_until(lambda: local.get("A:IOC:HEARTBEAT") > beats, what="it lives on meanwhile")
        finally:
            mend(lab)
        ca.wait_connected("A:IOC:HEARTBEAT", timeout=40)
        events = len(heartbeat.events)
        heartbeat.wait_count(events + 1, timeout=20)
        assert ca.get("A:A:Setpoint") == 7, "nothing was lost and nothing begun anew"
        ca.put("A:A:Setpoint", 8)
        assert local.get("A:A:Level") == 8
    assert "Traceback" not in ioc.output()
    assert ioc.output().count("beacons to") <= 6, "a network that is gone is said, not repeated"
