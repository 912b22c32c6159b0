"""A start that cannot be: refused while a client still waits, and not made up for later."""

from pathlib import Path

import pytest

from iocs.thermal.logic.facts import State
from tests.thermal.bench import Bench

OK, LOST = 0, 2


@pytest.mark.parametrize("init_ms", [30_000, 1_000], ids=["still waiting", "given up"])
def test_a_start_without_a_supply_is_taken_back(tmp_path: Path, init_ms: int) -> None:
    with Bench(tmp_path, start=False) as bench:
        bench.wait_state(State.OFF)
        bench.put("Config:init_timeout_ms", init_ms)
        bench.lines[1].hang_up()
        bench.wait(lambda: bench.get("PSU2:Comm") == LOST, "PSU2 is lost")
        assert "PSU2" in (refusal := bench.refused("Start", 1)) and "taken back" in refusal
        bench.wait_state(State.OFF)
        moves = len(bench.moves())
        bench.lines[1].come_back()
        bench.wait(lambda: bench.get("PSU2:Comm") == OK, "PSU2 is back")
        back_at = bench.get("TimeInState")
        bench.wait(lambda: bench.get("TimeInState") > back_at + 2.0, "two seconds in the same state")
        assert bench.get("State") == State.OFF
        assert bench.amps() == [0.0, 0.0]
        assert not [move for move in bench.moves()[moves:] if any(move[2])]
