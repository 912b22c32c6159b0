"""EPICS base and ours as processes with the same records, and a libca client for each."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.client import LibCa
from tests.support.network import ca_environment
from tests.support.processes import Process


@dataclass
class Side:
    """One of the two servers and its client."""

    module: str
    env: dict[str, str]
    client: LibCa


@dataclass
class Pair:
    """EPICS base and ours."""

    base: Side
    ours: Side


def server(module: str, prefixes: Iterable[str], env: dict[str, str], folder: Path) -> Process:
    """A server process under way; it says `ready`."""
    command = [sys.executable, "-m", f"tests.conformance.{module}", *prefixes]
    return Process(command, folder / f"{module}.log", env)


@contextmanager
def side(module: str, prefixes: Sequence[str], folder: Path) -> Iterator[Side]:
    """A server that serves, and a client that stays connected to it."""
    env = ca_environment()
    with server(module, prefixes, env, folder) as process, LibCa(env) as client:
        process.wait_for("ready")
        hold(client, f"{prefixes[0]}Marker")
        yield Side(module, env, client)


def hold(client: LibCa, name: str) -> None:
    """Stay connected while scenarios come and go: libca hangs up with the last channel, but puts one that is
    found before the server has hung up, too, on the dying circuit, and then reports a disconnect."""
    number = client.new_id()
    client.ask("create", channel=number, name=name)
    assert client.wait_for(lambda news: any(m.get("up") and m["channel"] == number for m in news)), name


@contextmanager
def pair(prefixes: Iterable[str], folder: Path) -> Iterator[Pair]:
    """Both."""
    prefixes = list(prefixes)
    with ExitStack() as running:
        yield Pair(*(running.enter_context(side(m, prefixes, folder)) for m in ("base_ioc", "our_ioc")))
