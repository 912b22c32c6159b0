"""`python -m devsup.sim` as a process of its own: path on the first line, faults by text, quiet end."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from devsup.propar import FLUID_NAME, Frame, Framing, encode_binary, read_reply, read_request
from devsup.sim import modbus_bench
from devsup.sim.__main__ import parser, throw
from devsup.sim.alicat_bench import unit_ids
from devsup.sim.faults import Fault, LineFault, Setting
from devsup.sim.modbus_bytes import sealed
from devsup.sim.propar_bench import addresses
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import NodeConfig, ProparNode
from devsup.sim.wire import PtyLine


@contextmanager
def simulator(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "devsup.sim", "propar", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait(10)


def says(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().rstrip("\n")


def fluid_of(url: str, node: int, timeout_s: float = 5.0) -> str | None:
    """Name of the fluid that `node` answers with; None when it is silent."""
    decoder = Framing.BINARY.decoder()
    with serial.Serial(url, 38400, timeout=timeout_s, exclusive=True) as port:
        port.write(encode_binary(Frame(node, read_request([FLUID_NAME]), 1)))
        while chunk := port.read(max(1, port.in_waiting)):
            for item in decoder.feed(chunk):
                assert isinstance(item, Frame)
                return str(read_reply(item.data, [FLUID_NAME])[0])
    return None


def test_it_serves_the_bench_until_sigterm(tmp_path: Path) -> None:
    link = tmp_path / "bench"
    with simulator(
        "--link", str(link), "--fault", "5=DEAD", "--latency", "0.001", "--baud", "115200"
    ) as child:
        assert says(child) == str(link)
        assert fluid_of(str(link), 3) == "N2" and fluid_of(str(link), 6) == "He"
        assert fluid_of(str(link), 5, timeout_s=0.1) is None
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0
    assert not os.path.lexists(link)


def test_faults_may_be_thrown_while_it_runs() -> None:
    with simulator("--nodes", "9", "--baud", "0", "--control") as child:
        url = says(child)
        assert child.stdin is not None
        for text, answer in (("9=DEAD", "ok"), ("9=NONSENSE", "'9=NONSENSE': there is no 'NONSENSE'")):
            print(text, file=child.stdin, flush=True)
            assert says(child) == answer
        assert fluid_of(url, 9, timeout_s=0.05) is None
        print("9=OK", file=child.stdin, flush=True)
        assert says(child) == "ok" and fluid_of(url, 9) == "N2"
        child.stdin.close()
        assert child.wait(10) == 0, "the end of its orders is its end"


def test_faults_as_text() -> None:
    server = ProparLine([ProparNode(NodeConfig(3))])
    line = PtyLine(server)
    throw(server, line, "3=SLOW:0.5:1.25")
    assert server.fault(3) == Setting(Fault.SLOW, 0.5, 1.25)
    throw(server, line, " line=NOISE:0.1\n")
    assert line.fault is LineFault.NOISE


@pytest.mark.parametrize("text", ["", "3", "3=", "4=DEAD", "3=dead", "line=DEAD", "3=DEAD:x"])
def test_faults_that_do_not_exist_are_named(text: str) -> None:
    server = ProparLine([ProparNode(NodeConfig(3))])
    with pytest.raises(ValueError, match="expected|there is no"):
        throw(server, PtyLine(server), text)


@pytest.mark.parametrize("text", ["0", "128", "3,3", "a"])
def test_addresses_are_checked(text: str) -> None:
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        addresses(text)


def test_defaults_are_the_line_of_the_design_document() -> None:
    given = parser().parse_args(["propar"])
    assert (given.nodes, given.baud, given.latency) == ([3, 5, 6], 38400.0, 0.002)


def test_alicat_units_are_served_as_well(tmp_path: Path) -> None:
    link = tmp_path / "chamber"
    command = [sys.executable, "-m", "devsup.sim", "alicat", "--link", str(link), "--baud", "0"]
    command += ["--units", "A,B", "--firmware", "5v12", "--fault", "B=DEAD", "--fault", "A=PANEL_LOCKED"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert says(child) == str(link)
        with serial.Serial(str(link), 19200, timeout=5.0, exclusive=True) as port:
            port.write(b"A\r")
            assert port.read_until(b"\r") == b"A +034.70 +022.00 +0000.0 +0000.0 0000.0      Ar LCK\r"
            port.timeout = 0.1
            port.write(b"B\r")
            assert port.read_until(b"\r") == b""
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0


@pytest.mark.parametrize("text", ["1", "AB", "A,A", ""])
def test_unit_ids_are_checked(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        unit_ids(text)


@pytest.mark.parametrize(
    ("protocol", "options", "request_", "answer"),
    [
        ("modbus", ["--units", "7", "--size", "4"], "07 03 0002 0002", "07 03 04 0002 0003"),
        ("dps5015", ["--units", "7", "--model", "5020", "--noise"], "07 03 000B 0001", "07 03 02 139C"),
    ],
)
def test_modbus_units_are_served_as_well(
    tmp_path: Path, protocol: str, options: list[str], request_: str, answer: str
) -> None:
    link = tmp_path / "line"
    command = [sys.executable, "-m", "devsup.sim", protocol, "--link", str(link), "--baud", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert says(child) == str(link)
        with serial.Serial(str(link), 9600, timeout=5.0, exclusive=True) as port:
            port.write(sealed(bytes.fromhex(request_)))
            expected = sealed(bytes.fromhex(answer))
            assert port.read(len(expected)) == expected
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0


@pytest.mark.parametrize("text", ["0", "256", "3,3", ""])
def test_modbus_addresses_are_checked(text: str) -> None:
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        modbus_bench.addresses(text)
