"""A set of simulated Alicat units on one line, with their latencies and faults.

Knows who answers, when, and what the faults do to the answer; must not know physics or ptys.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

from devsup.sim import stations
from devsup.sim.alicat_frame import frame, generation
from devsup.sim.alicat_talk import Rejected, answer
from devsup.sim.alicat_unit import AlicatUnit, Condition
from devsup.sim.faults import Fault, FaultSwitch, burst, noise_inside, truncated
from devsup.sim.stations import DRIFT_PER_S, Stations
from devsup.sim.wire import Transmission

EVERYBODY = "*"
STREAM_S = 0.05
LONGEST_COMMAND = 128
STOP_STREAM = re.compile(r"@@[= ]?([A-Z])")
START_STREAM = re.compile(r"@[= ]@")
LINES = re.compile(rb"[^\r]*\r|[^\r]+$")  # a table arrives line by line
RENAME = re.compile(r"@[= ]?([A-Z])")


@dataclass(slots=True)
class Station(stations.Station):
    """`called` is its unit id now; None while it streams."""

    unit: AlicatUnit
    called: str | None
    next_frame: float = 0.0

    def step(self, elapsed_s: float) -> None:
        self.unit.step(elapsed_s)

    def suffer(self, fault: Fault) -> None:
        self.unit.stuck_valve = fault is Fault.STUCK_VALVE
        self.unit.drift_per_s = DRIFT_PER_S if fault is Fault.DRIFT else 0.0


class AlicatLine(Stations[str, Station]):
    """Server of a line of Alicat units. `receive` and `unasked` are for the line; the rest for any thread.

    WRONG_SEQUENCE does nothing: Alicat has none. WRONG_INDEX answers something that was not asked,
    ERROR_FRAME is a `?`.
    Ids that nobody has are silent. Stations stay known by the id they were given at first.
    """

    def __init__(self, units: Iterable[AlicatUnit], latency_s: float = 0.002, seed: int = 0) -> None:
        super().__init__(
            {
                unit.config.unit: Station(
                    FaultSwitch(seed + ord(unit.config.unit)), latency_s, unit, unit.config.unit
                )
                for unit in units
            }
        )
        self._pending = b""

    # ---- for whoever breaks and mends -----------------------------------------------------

    def unit(self, name: str) -> AlicatUnit:
        return self.stations[name].unit

    def set_condition(self, name: str, condition: Condition) -> None:
        """What is the matter with one unit, besides its fault."""
        station = self.stations[name]
        with self._lock:
            station.unit.befall(condition)
            self._call(station, None if station.unit.streaming else name)

    def throw(self, who: str, fault: str, probability: float = 1.0, delay_s: float | None = None) -> None:
        """Fault or condition by name. KeyError for what there is not; OK mends both."""
        if fault in Condition.__members__:
            self.set_condition(who, Condition[fault])
        if fault in Fault.__members__ or fault not in Condition.__members__:
            self.set_fault(who, Fault[fault], probability, delay_s)

    # ---- for the line -------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        with self._lock:
            self._advance(now)
            *commands, rest = (self._pending + data).split(b"\r")
            self._pending = rest[-LONGEST_COMMAND:]
            sent: list[Transmission] = []
            for command in commands:
                sent += self._overdue()
                sent += self._serve(command.decode("latin-1").replace("\n", ""))
            return sent

    def speaks_at(self) -> float | None:
        """When the next frame comes from a unit that streams."""
        due = [station.next_frame for station in self.stations.values() if station.unit.streaming]
        return min(due, default=None)

    def unasked(self, now: float) -> list[Transmission]:
        """What streaming units say by `now`: frames with a blank instead of their id."""
        with self._lock:
            self._advance(now)
            sent = []
            for station in self.stations.values():
                if station.unit.streaming and station.next_frame <= now:
                    station.next_frame = max(station.next_frame, now - STREAM_S) + STREAM_S
                    sent.append(Transmission(0.0, f" {frame(station.unit)}\r".encode()))
            return sent

    def _serve(self, text: str) -> list[Transmission]:
        if found := STOP_STREAM.fullmatch(text.upper()):
            self._stop_streaming(found[1])
            return []
        called, words = text[:1].upper(), text[1:]
        return [
            sent
            for station in self.stations.values()
            if station.called is not None and called in (station.called, EVERYBODY)
            for sent in self._ask(station, words)
        ]

    def _ask(self, station: Station, words: str) -> list[Transmission]:
        setting = station.faults.strike()
        if setting.fault is Fault.DEAD:
            return []
        wire = self._answer(station, words, setting.fault)
        if not wire:
            return []
        wire = self._spoiled(setting.fault, wire, station)
        delay_s = self._delay_s(setting, wire, station.latency_s)
        return [] if delay_s is None else [Transmission(delay_s, line) for line in LINES.findall(wire)]

    # ---- answers ------------------------------------------------------------------------

    def _answer(self, station: Station, words: str, fault: Fault) -> bytes:
        unit, name = station.unit, station.called
        if START_STREAM.fullmatch(words):
            unit.streaming = True
            self._call(station, None)
            return b""
        if found := RENAME.fullmatch(words.upper()):
            self._call(station, found[1])
            return f"{found[1]}{frame(unit)}\r".encode()
        try:
            lines = answer(unit, "R46" if fault is Fault.WRONG_INDEX and not words else words)
        except Rejected:
            return rejection(unit)
        if fault is Fault.WRONG_INDEX and words:
            lines = [frame(unit)] if words.startswith(("L", "F", "R", "??")) else [" 8 N2 Nitrogen"]
        if lines is None:
            return b""
        if words.upper().startswith("DV"):
            name = ""
        if generation(unit).gp and words == "??G*":
            return " ".join(f"{name}{line}" for line in lines).encode()  # all on one line, and no end
        return "".join(f"{name}{line}\r" for line in lines).encode()

    def _call(self, station: Station, name: str | None) -> None:
        station.called = name
        station.next_frame = self._last or 0.0

    def _stop_streaming(self, name: str) -> None:
        for station in self.stations.values():
            if station.unit.streaming:
                station.unit.streaming = False
                station.called = name

    # ---- faults -------------------------------------------------------------------------

    def _spoiled(self, fault: Fault, wire: bytes, station: Station) -> bytes:
        """Bytes of the answer as the fault leaves them."""
        chance = station.faults.random
        match fault:
            case Fault.FOREIGN_NODE:
                return self._somebody_else(station).encode() + wire[1:]
            case Fault.ERROR_FRAME:
                return rejection(station.unit)
            case Fault.BIT_FLIP:
                return flipped(wire, chance)
            case Fault.NOISE_BEFORE:
                return burst(chance) + wire
            case Fault.NOISE_INSIDE:
                return noise_inside(wire, chance)
            case Fault.TRUNCATED:
                return truncated(wire, chance)
            case _:
                return wire

    def _somebody_else(self, station: Station) -> str:
        others = [name for name, other in self.stations.items() if other is not station]
        return others[0] if others else "Z" if station.called != "Z" else "Y"


def rejection(unit: AlicatUnit) -> bytes:
    return b"\r?\r" if generation(unit).rejects_twice else b"?\r"


def flipped(wire: bytes, chance: random.Random) -> bytes:
    """One bit of one digit wrong, such that it is a digit still. What has no digit stays as it is."""
    choices = [
        (at, digit ^ 1 << bit)
        for at, digit in enumerate(wire)
        if chr(digit).isdigit()
        for bit in range(4)
        if chr(digit ^ 1 << bit).isdigit()
    ]
    if not choices:
        return wire
    at, digit = chance.choice(choices)
    return wire[:at] + bytes((digit,)) + wire[at + 1 :]
