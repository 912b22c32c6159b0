"""The vendor's own master works with our simulated line, in both framings."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devsup.sim.faults import Fault
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import Fluid, NodeConfig, ProparNode
from devsup.sim.wire import PtyLine

FLUIDS = (Fluid("N2", 500.0), Fluid("He", 200.0, "ls/min", 0.178))
TIMEOUT_ANSWER = 25


class Master:
    """The vendor's library in its process."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def __call__(self, *command: object) -> Any:
        assert self._child.stdin is not None and self._child.stdout is not None
        print(json.dumps(command), file=self._child.stdin, flush=True)
        answer = self._child.stdout.readline()
        assert answer, f"the vendor's library died of {command}"
        return json.loads(answer)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[ProparLine, Master]]:
    nodes = [ProparNode(NodeConfig(n, FLUIDS, user_tag=f"MFC {n}", fluid_change_s=0.0)) for n in (3, 5, 6)]
    server = ProparLine(nodes, latency_s=0.0)
    command = [sys.executable, str(Path(__file__).with_name("vendor_master.py"))]
    with (
        PtyLine(server, baudrate=None) as line,
        subprocess.Popen(
            [*command, line.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child,
    ):
        yield server, Master(child)
        child.kill()


@pytest.fixture(params=[0, 1], ids=["binary", "ascii"])
def master(running: tuple[ProparLine, Master], request: pytest.FixtureRequest) -> Master:
    running[1]("framing", 3, request.param)
    return running[1]


@pytest.fixture
def server(running: tuple[ProparLine, Master]) -> Iterator[ProparLine]:
    """The line, whole again after the test."""
    yield running[0]
    for address in running[0].stations:
        running[0].set_fault(address, Fault.OK)


def test_single_reads_of_every_type(master: Master, server: ProparLine) -> None:
    node = server.node(3)
    node.setpoint = 0.25
    assert master("read", 3, 206) == 125.0
    assert master("read", 3, 9) == 8000
    assert master("read", 3, 12) == 0
    assert master("read", 3, 142) == pytest.approx(23.5, abs=0.6)
    assert 0 < master("read", 3, 55) < 1 << 24
    assert master("read", 3, 92) == node.serial
    assert master("read", 5, 115) == "MFC 5"


def test_writes_are_acknowledged_and_take_effect(master: Master, server: ProparLine) -> None:
    assert master("write", 5, 206, 400.0) is True and server.node(5).setpoint == pytest.approx(0.8)
    assert master("write", 5, 9, 16000) is True and server.node(5).setpoint == 0.5
    assert master("write", 5, 10, 30) is True and server.node(5).slope_100ms == 30
    assert master("write", 5, 115, "new tag") is True and master("read", 5, 115) == "new tag"
    assert master("write", 5, 10, 0) is True


def test_refusals_reach_the_master(master: Master) -> None:
    assert master("write_chain", 3, [[205, 1.0]]) == 0x0D
    assert master("write_chain", 3, [[12, 99]]) == 0x06
    assert master("write_chain", 3, [[254, 2.0]]) == 0x0D
    assert master("write_chain", 3, [[7, 64], [254, 2.0], [7, 82]]) == 0
    assert master("chain", 3, [114]) == [[0x11, None]]
    assert master("chain", 3, [326]) == [[0x04, None]]
    assert master("chain", 3, [278]) == [[0x03, None]]


def test_chained_reads_over_several_processes(master: Master, server: ProparLine) -> None:
    server.node(6).setpoint = 0.5
    answers = master("chain", 6, [205, 206, 142, 55, 28, 12])
    assert [status for status, _ in answers] == [0] * 6
    assert answers[1][1] == 250.0 and answers[4][1] == answers[5][1] == 0
    slow = master("chain", 6, [21, 24, 25, 129, 90, 91, 92, 105, 115, 175])
    assert [value for _, value in slow][:5] == [500.0, 0, "N2", "mln/min", "DMFC"]
    assert slow[-1] == [0, 7]


def test_change_of_fluid(master: Master) -> None:
    assert master("write", 6, 24, 1) is True
    assert [value for _, value in master("chain", 6, [24, 25, 21, 129])] == [1, "He", 200.0, "ls/min"]
    assert master("write", 6, 24, 0) is True and master("read", 6, 25) == "N2"


def test_wink(master: Master, server: ProparLine) -> None:
    assert master("wink", 3) is True and server.node(3).wink_s > 0


def test_the_scan_finds_every_node_with_type_and_serial(master: Master, server: ProparLine) -> None:
    found = master("scan")
    assert [(item["address"], item["type"], item["channels"]) for item in found] == [
        (3, "DMFC", 1), (5, "DMFC", 1), (6, "DMFC", 1)
    ]  # fmt: skip
    assert [item["serial"] for item in found] == [server.node(address).serial for address in (3, 5, 6)]


def test_a_dead_node_costs_the_master_its_time_out(
    running: tuple[ProparLine, Master], server: ProparLine
) -> None:
    _, master = running
    server.set_fault(5, Fault.DEAD)
    assert master("chain", 5, [205]) == [[TIMEOUT_ANSWER, None]]
    assert master("read", 3, 25) == "N2"


def test_the_vendor_accepts_what_our_codec_refuses(
    running: tuple[ProparLine, Master], server: ProparLine
) -> None:
    """Why the project has a codec of its own: the label of temperature passes for flow, node 5 for node 3."""
    _, master = running
    master("framing", 3, 0)
    server.set_fault(3, Fault.WRONG_INDEX)
    assert master("chain", 3, [205])[0][0] == 0
    server.set_fault(3, Fault.FOREIGN_NODE)
    assert master("chain", 3, [205])[0][0] == 0
