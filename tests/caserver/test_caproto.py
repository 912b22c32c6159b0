"""Records are caproto's: what knows caproto's ChannelData can use them, a stock server included."""

import asyncio
import struct
import sys
from pathlib import Path
from typing import Any

import caproto
import pytest
from caproto import AccessRights, ChannelData, ChannelType

from iocs.caserver import Analog, Choice, Refused, Text, Waveform
from iocs.caserver.circuit import Circuit
from iocs.caserver.server import Server
from tests.support.ca import CaClient
from tests.support.ca import Refused as RefusedByServer
from tests.support.network import ca_environment
from tests.support.processes import Process


def test_what_is_served_and_what_serves_it_is_caproto() -> None:
    record = Analog("X")
    assert isinstance(record, ChannelData)
    assert isinstance(record.get_field("HIHI"), ChannelData)
    assert issubclass(Server, caproto.asyncio.server.Context)
    assert issubclass(Circuit, caproto.asyncio.server.VirtualCircuit)


async def test_reading_gives_metadata_and_data() -> None:
    record = Analog("X", units="V", precision=2, high=5)
    await record.write(6.25, timestamp=1e9)
    stamped, values = await record.read(ChannelType.TIME_DOUBLE)
    assert (stamped.status, stamped.severity, stamped.timestamp, list(values)) == (4, 1, 1e9, [6.25])
    control, _ = await record.auth_read("desk", "ann", ChannelType.CTRL_DOUBLE)
    assert (control.units, control.precision, control.upper_warning_limit) == (b"V", 2, 5.0)
    _, text = await record.read(ChannelType.STRING)
    assert list(text) == [b"6.25"]


@pytest.mark.parametrize(
    ("record", "value", "data_type", "seen"),
    [
        (Choice("X", ["A", "B"]), "B", ChannelType.ENUM, [1]),
        (Choice("X", ["A", "B"]), "B", ChannelType.STRING, [b"B"]),
        (Text("X"), "words", ChannelType.STRING, [b"words"]),
        (Waveform("X", 3), [1, 2, 3], ChannelType.LONG, [1, 2, 3]),
    ],
)
async def test_every_kind_is_read(record: Any, value: Any, data_type: ChannelType, seen: list[Any]) -> None:
    await record.write(value)
    _, values = await record.read(data_type)
    assert list(values) == seen


async def test_a_put_goes_the_way_of_a_client() -> None:
    record = Analog("X", writable=True, drive=(0, 10))
    await record.auth_write("desk", "ann", [5.0], ChannelType.DOUBLE, None)
    assert record.value == 5.0
    with pytest.raises(Refused, match="above DRVH"):
        await record.auth_write("desk", "ann", [50.0], ChannelType.DOUBLE, None)
    record.rules = lambda client, field: AccessRights(3 if client.user == "bob" else 1)
    assert record.check_access("desk", "bob") == AccessRights.READ | AccessRights.WRITE
    with pytest.raises(caproto.Forbidden):
        await record.auth_write("desk", "ann", [1.0], ChannelType.DOUBLE, None)
    assert record.value == 5.0


async def test_a_server_runs_until_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ca_environment().items():
        monkeypatch.setenv(name, value)
    server = Server({"X": Analog("X")})
    running = asyncio.create_task(server.run())
    while not server.port:
        await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(struct.pack(">HHHHII", 23, 0, 0, 0, 0, 0))
    assert len(await reader.readexactly(16)) == 16
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await reader.read() == b""
    writer.close()
    assert server.client_count == 0


STOCK = """
import caproto.server
from iocs.caserver import Analog, Choice
demand = Analog("X:Demand", 1.0, writable=True, drive=(0, 10))
demand.set_ok(1.0)
mode = Choice("X:Mode", ["Auto", "Manual"])
mode.set_ok(1)
print("ready", flush=True)
caproto.server.run({r.name: r for r in (demand, mode)})
"""


def test_a_stock_caproto_server_serves_our_records(tmp_path: Path) -> None:
    env = ca_environment()
    env["EPICS_CA_SERVER_PORT"] = env["EPICS_CAS_SERVER_PORT"]
    with Process([sys.executable, "-c", STOCK], tmp_path / "stock.log", env) as process:
        process.wait_for("ready")
        with CaClient(env) as client:
            seen = client.monitor("X:Demand")
            client.put("X:Demand", 4.0)
            seen.wait_for(lambda e: e.value == 4.0)
            assert client.get("X:Mode", as_string=True) == "Manual"
            assert client.get("X:Demand.DRVH") == 10.0
            with pytest.raises(RefusedByServer):
                client.put("X:Demand", 11.0)
            assert client.get("X:Demand") == 4.0
