"""Two hosts on one network, as network namespaces of this machine: needs root and `ip` (iproute2).

with Network.made() as network:
    IocProcess(..., wrap=network.server.wrap, env=network.server.env)
    CaClient(network.client.env, wrap=network.client.wrap)
    network.server.ip("link", "set", "eth0", "down")
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

NUMBERS = itertools.count(1)
BROADCAST = "10.213.7.255"
ADDRESSES = {"server": "10.213.7.1", "client": "10.213.7.2"}


class NotPermitted(Exception):
    """Namespaces cannot be made here; the text says why."""


@dataclass(frozen=True)
class Host:
    """One namespace with one interface, `eth0`, and loopback."""

    name: str
    address: str

    @property
    def wrap(self) -> tuple[str, ...]:
        """What goes before a command so that it runs on this host."""
        return ("ip", "netns", "exec", self.name)

    def ip(self, *arguments: str) -> None:
        """`ip` on this host."""
        _ip("-n", self.name, *arguments)

    def set_up(self) -> None:
        self.ip("address", "add", f"{self.address}/24", "broadcast", BROADCAST, "dev", "eth0")
        for interface in ("lo", "eth0"):
            self.ip("link", "set", interface, "up")


@dataclass(frozen=True)
class Network:
    """Two hosts and the cable between them."""

    server: Host
    client: Host

    @staticmethod
    @contextmanager
    def made() -> "Iterator[Network]":
        """Raises NotPermitted."""
        if not shutil.which("ip"):
            raise NotPermitted("ip (iproute2) is not installed")
        mark = f"lab{os.getpid()}x{next(NUMBERS)}"
        hosts = {role: Host(f"{mark}{role}", address) for role, address in ADDRESSES.items()}
        network = Network(**hosts)
        try:
            network.make()
            yield network
        finally:
            for host in hosts.values():
                subprocess.run(["ip", "netns", "delete", host.name], capture_output=True, check=False)

    def make(self) -> None:
        for host in (self.server, self.client):
            _ip("netns", "add", host.name)
        peer = ("peer", "name", "eth0", "netns", self.client.name)
        _ip("link", "add", "eth0", "netns", self.server.name, "type", "veth", *peer)
        for host in (self.server, self.client):
            host.set_up()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPermitted(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
