"""A table of users, hosts and PVs: both servers, given one access file, must grant the same on the wire."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.caserver.raw import RawClient
from tests.conformance.servers import server
from tests.support.network import ca_environment
from tests.support.waiting import wait_until

PREFIX = "T:"
USERS, HOSTS = ("ann", "bob", "Eve", ""), ("console1", "CONSOLE2", "office", "")
PVS = ("Gate", "Guarded", "Guarded.HIHI", "Guarded.DESC", "Secret", "Secret.VAL", "Ao", "Ao.PROC", "Ai")
FILE = Path(__file__).with_name("table.acf")
BOTH = ("base_ioc", "our_ioc")


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The TCP ports of EPICS base and of our server, both with the table's file."""
    folder, env = tmp_path_factory.mktemp("access"), {name: ca_environment() for name in BOTH}
    environments = {name: {**env[name], "ACCESS_FILE": str(FILE)} for name in BOTH}
    with (
        server("base_ioc", [PREFIX], environments["base_ioc"], folder) as base,
        server("our_ioc", [PREFIX], environments["our_ioc"], folder) as ours,
    ):
        base.wait_for("ready")
        ours.wait_for("ready")
        yield {name: int(env[name]["EPICS_CAS_SERVER_PORT"]) for name in BOTH}


def table(port: int) -> dict[tuple[str, str, str], int]:
    found = {}
    for user, host in product(USERS, HOSTS):
        with RawClient(port) as client:
            client.greet(user, host)
            found |= {(user, host, pv): client.rights(f"{PREFIX}{pv}") for pv in PVS}
    return found


def put_gate(port: int, value: int) -> None:
    """By somebody who may."""
    with RawClient(port) as client:
        client.greet("ann", "console1")
        sid = client.connect(f"{PREFIX}Gate")
        client.send(19, 5, 1, sid, 1, value.to_bytes(4, "big"))
        assert client.expect(19).first == 1


def is_open(port: int) -> bool:
    with RawClient(port) as client:
        client.greet("bob", "console1")
        return client.rights(f"{PREFIX}Guarded") == 3


@pytest.mark.parametrize("gate", [0, 1])
def test_the_same_file_grants_the_same(ports: dict[str, int], gate: int) -> None:
    for port in ports.values():
        put_gate(port, gate)
    for port in ports.values():
        wait_until(lambda port=port: is_open(port) == gate, 5.0, "the gate is seen")
    base, ours = (table(ports[name]) for name in BOTH)
    readbacks = {key: 1 for key in base if key[2] == "Ai"}  # what only devices write is read-only here
    assert ours == {**base, **readbacks}
    assert ours["ann", "CONSOLE2", "Guarded.HIHI"] == 3
    assert ours["bob", "console1", "Guarded.HIHI"] == 1
    assert ours["Eve", "console1", "Secret"] == 1
    assert ours["Eve", "office", "Secret"] == 0
