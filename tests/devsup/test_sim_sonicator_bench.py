"""`python -m devsup.sim sonicator`: the board in a process of its own, and its faults by name."""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from devsup.sim.__main__ import parser
from devsup.sim.faults import Fault
from devsup.sim.sonicator_bench import UNIT, numbers, server
from devsup.sim.sonicator_board import Ailment, Trouble


def test_it_serves_the_board_until_sigterm(tmp_path: Path) -> None:
    link = tmp_path / "board"
    command = [sys.executable, "-m", "devsup.sim", "sonicator", "--link", str(link), "--baud", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline().rstrip() == str(link)
        with serial.Serial(str(link), 115200, timeout=5.0, exclusive=True) as port:
            port.write(bytes.fromhex("02 03 01 60 00 03 04 1A"))
            assert port.read(9).hex() == "020306000000500000"
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0


def test_faults_are_thrown_by_name() -> None:
    given = parser().parse_args(["sonicator", "--wired", "1,4", "--deaf", "--layout", "deployed"])
    line = server(given)
    assert (line.board.deaf_after_s, line.board.config.layout.name) == (1.0, "deployed")
    line.throw("4", "OVERLOAD")
    line.throw("board", "STALLED")
    line.throw("answers", "LATE", 0.5)
    assert line.board.transducers[4].ailment is Ailment.OVERLOAD
    assert line.board.trouble is Trouble.STALLED
    assert line.fault(UNIT).fault is Fault.LATE
    for who, fault in (("2", "OVERLOAD"), ("4", "NOTHING"), ("board", "DEAD"), ("somebody", "OVERLOAD")):
        with pytest.raises((KeyError, ValueError)):
            line.throw(who, fault)


@pytest.mark.parametrize("text", ["", "5", "0,1", "a"])
def test_numbers_are_checked(text: str) -> None:
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        numbers(text)
