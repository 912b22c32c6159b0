"""EPICS variables, and what becomes of them."""

import asyncio
import socket

import pytest

from iocs.caserver.interfaces import Network, broadcast_of, from_environment
from iocs.caserver.records import Analog
from iocs.caserver.server import Server
from iocs.caserver.wire import HEADER, SEARCH
from tests.support.network import free_port


def test_without_variables_everything_is_as_epics_has_it() -> None:
    network = from_environment(environ={})
    assert network.interfaces == ("0.0.0.0",)
    assert network.port == 5064
    assert network.beacons == (("255.255.255.255", 5065),)
    assert network.beacon_period_s == 15.0


def test_the_server_variable_goes_before_the_client_one() -> None:
    env = {"EPICS_CA_SERVER_PORT": "1", "EPICS_CAS_SERVER_PORT": "2"}
    assert from_environment(environ=env).port == 2
    assert from_environment(environ={"EPICS_CA_SERVER_PORT": "1"}).port == 1


def test_interfaces_given_by_hand_go_first_and_ports_are_cut_off() -> None:
    env = {"EPICS_CAS_INTF_ADDR_LIST": "10.0.0.1:5064 10.0.1.1"}
    assert from_environment(environ=env).interfaces == ("10.0.0.1", "10.0.1.1")
    assert from_environment(["127.0.0.1"], env).interfaces == ("127.0.0.1",)


def test_a_server_of_loopback_beacons_on_loopback_only() -> None:
    assert from_environment(["127.0.0.1"], {}).beacons == (("127.255.255.255", 5065),)


def test_an_empty_beacon_list_is_honoured() -> None:
    env = {"EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO"}
    assert from_environment(environ=env).beacons == ()
    env |= {"EPICS_CAS_BEACON_ADDR_LIST": "10.0.0.255 10.0.1.255:77", "EPICS_CAS_BEACON_PORT": "66"}
    assert from_environment(environ=env).beacons == (("10.0.0.255", 66), ("10.0.1.255", 77))


@pytest.mark.parametrize("text", ["many", "-1", "70000", "5.5"])
def test_a_port_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"EPICS_CAS_SERVER_PORT={text}"):
        from_environment(environ={"EPICS_CAS_SERVER_PORT": text})


def test_the_broadcast_address_of_an_interface() -> None:
    assert broadcast_of("127.0.0.1") == "127.255.255.255"
    assert broadcast_of("0.0.0.0") is None
    assert broadcast_of("127.255.255.255") is None
    assert broadcast_of("203.0.113.77") is None, "no interface of this host has a documentation address"


def test_the_kernel_knows_the_interfaces_of_this_host() -> None:
    own = next((a for a in _addresses() if not a.startswith("127.")), None)
    if own is None:
        pytest.skip("this host has nothing but loopback")
    found = broadcast_of(own)
    assert found is None or found.split(".")[0] == own.split(".")[0]


def _addresses() -> list[str]:
    import psutil

    found = [a.address for group in psutil.net_if_addrs().values() for a in group]
    return [a for a in found if a.count(".") == 3]


class Peer:
    """A socket that hears one datagram."""

    def __init__(self, data: bytes) -> None:
        self.waiting = [data]
        self.sent: list[bytes] = []

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.pop(), ("10.0.0.9", 4242)

    def sendto(self, data: bytes, peer: tuple[str, int]) -> None:
        self.sent.append(data)


async def hear(ignored: set[str], data: bytes) -> tuple[Peer, Server]:
    network = Network(("127.0.0.1",), 5064, (), frozenset(ignored), 15.0)
    server, peer = Server({"X": Analog("X")}, network), Peer(data)
    server.searches.read_datagrams(peer, peer)  # type: ignore[arg-type]
    return peer, server


SEARCH_X = HEADER.pack(SEARCH, 8, 5, 13, 7, 7) + b"X".ljust(8, b"\0")


async def test_ignored_hosts_get_no_answer() -> None:
    assert (await hear(set(), SEARCH_X))[0].sent
    assert not (await hear({"10.0.0.9"}, SEARCH_X))[0].sent
    assert not (await hear({"10.0.0.9:4242"}, SEARCH_X))[0].sent
    assert (await hear({"10.0.0.9:1", "10.0.0.8"}, SEARCH_X))[0].sent


async def test_searches_are_counted_and_garbage_too() -> None:
    foreign = HEADER.pack(SEARCH, 8, 5, 13, 7, 7) + b"Y".ljust(8, b"\0")
    peer, server = await hear(set(), SEARCH_X + foreign)
    assert (server.counters.searches, server.counters.foreign_searches) == (2, 1)
    assert len(peer.sent[0]) == 16 + 24
    broken, server = await hear(set(), HEADER.pack(SEARCH, 800, 5, 13, 7, 7))
    assert (broken.sent, server.counters.bad_datagrams) == ([], 1)


async def test_a_broadcast_address_may_be_named_beside_its_interface() -> None:
    network = Network(("127.0.0.1", "127.255.255.255"), free_port(), (), frozenset(), 15.0)
    server = Server({"X": Analog("X")}, network)
    await server.open()
    await server.listen()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.setblocking(False)
        loop = asyncio.get_running_loop()
        for address in network.interfaces:
            udp.sendto(SEARCH_X, (address, network.port))
            answer = await asyncio.wait_for(loop.sock_recv(udp, 1000), 5)
            assert len(answer) == 16 + 24
        with pytest.raises(BlockingIOError):
            udp.recv(1000)
    await server.close()


async def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    first = Server({}, Network(("127.0.0.1",), free_port(), (), frozenset(), 15.0))
    await first.open()
    await first.listen()
    second = Server({}, Network(("127.0.0.1",), first.port, (), frozenset(), 15.0))
    await second.open()
    assert second.port != first.port
    await second.close()
    await first.close()


async def test_of_two_that_start_at_once_the_second_takes_another_port(free_port: int) -> None:
    network = Network(("127.0.0.1",), free_port, (), frozenset(), 15.0)
    first, second = (Server({"X": Analog("X")}, network) for _ in range(2))
    try:
        await first.open()
        await second.open()
        assert first.port != second.port
        for server in (first, second):
            await server.listen()
    finally:
        for server in (first, second):
            await server.close()
