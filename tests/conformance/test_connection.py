"""A server that stops and returns, name servers and names that are nobody's: the same on both sides."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.client import LibCa, Message
from tests.conformance.script import ABSENT_S, Script, Transcript
from tests.conformance.servers import server
from tests.support.network import LOOPBACK, ca_environment

pytestmark = pytest.mark.timeout(120)
PREFIX = "CF:connection:"
A_PUT = {"kind": "DOUBLE", "count": 1, "data": "00" * 8}
BOTH = ("base_ioc", "our_ioc")


def on_both(scenario: Any, folder: Path) -> tuple[Any, Any]:
    """What a scenario comes to with base and with ours."""
    if find_spec("softioc") is None:
        pytest.skip("softioc, the reference, is missing: the extra `test` of setup.cfg brings it")
    with ThreadPoolExecutor(2) as pool:
        base, ours = pool.map(lambda module: scenario(module, folder), BOTH)
    return base, ours


def serving(module: str, env: dict[str, str], folder: Path) -> Any:
    """A server that says it is ready."""
    process = server(module, [PREFIX], env, folder)
    try:
        process.wait_for("ready")
    except BaseException:
        process.kill()
        raise
    return process


def stop_and_return(module: str, folder: Path) -> Transcript:
    env = ca_environment()
    with LibCa(env) as client, ExitStack() as running:
        first = running.enter_context(serving(module, env, folder))
        script = Script(client, PREFIX)
        script.watch("Ao")
        script.put("Ao", 7.5)
        script.monitor("Ao", "VLA")
        script.get("Ao")
        first.signal(signal.SIGTERM)
        first.wait()
        assert client.wait_for(lambda news: _heard(news, script, up=False))
        lost = [m.get("up") for m in client.news if m.get("channel") == script.number("Ao")]
        script.note("heard of the loss", lost)
        script.note("put while away", client.ask("put", channel=script.number("Ao"), **A_PUT))
        script.note("info while away", client.ask("info", channel=script.number("Ao")))
        client.take_news()
        running.enter_context(serving(module, env, folder / "again"))
        assert client.wait_for(lambda news: _heard(news, script, up=True))
        script.connect(["Ao", "Marker"])
        script.step("returned")
        script.get("Ao")
        script.put("Ao", 8.5)
        script.get("Ao")
        script.close()
        return script.transcript


def _heard(news: list[Message], script: Script, up: bool) -> bool:
    wanted = {script.number("Ao"), script.number("Marker")}
    return wanted <= {message["channel"] for message in news if message.get("up") is up}


def by_name_server(module: str, folder: Path) -> Transcript:
    env = ca_environment()
    nobody = ca_environment()
    names = {"EPICS_CA_NAME_SERVERS": f"{LOOPBACK}:{env['EPICS_CAS_SERVER_PORT']}", "EPICS_CA_ADDR_LIST": ""}
    client_env = {**nobody, **names, "EPICS_CA_REPEATER_PORT": env["EPICS_CA_REPEATER_PORT"]}
    with serving(module, env, folder), LibCa(client_env) as client:
        script = Script(client, PREFIX)
        script.infos(["Ao", "Mbbo.ZRST", "Wave", "Marker"])
        script.infos(["Nobody", "Ao.NOFIELD"], ABSENT_S)
        script.monitor("Ao", "VLA")
        script.put("Ao", 12.0)
        script.get("Ao")
        script.close()
        return script.transcript


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "again").mkdir()
    yield tmp_path


def test_a_server_that_stops_and_returns(folder: Path) -> None:
    base, ours = on_both(stop_and_return, folder)
    assert ours == base
    assert base["info while away | rights"] == ""


def test_a_name_server_over_tcp(folder: Path) -> None:
    base, ours = on_both(by_name_server, folder)
    assert ours == base
    assert base["info Nobody | exists"] is False
