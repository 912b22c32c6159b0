"""How many wrong values get through: every kind of damaged frame against the real bus and instrument.

On a line in memory, from one seed: the same frames in every run. A value counts as wrong when it is
not what the instrument meant in the very exchange that delivered it.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

from devsup import propar
from devsup.bronkhorst import FAST, VALVE_FULL, Instrument
from devsup.bronkhorst_values import Plate, Reading
from devsup.errors import DeviceFault
from devsup.propar import Framing, Parameter, Value
from devsup.propar_bus import ProparBus
from tests.benchmarks import damage
from tests.benchmarks.fault_figures import FaultFigures, Slip, Tally, VendorTally
from tests.benchmarks.memory_line import (
    CAPACITY,
    LONG_S,
    NODES,
    Damage,
    Exchange,
    MemoryLine,
    as_port,
    intact,
)
from tests.benchmarks.scene import run

SEED = 20240205
FRAMES_PER_KIND = 4000
VENDOR_FRAMES = 100
QUESTIONS: tuple[tuple[Parameter, ...], ...] = (
    FAST,
    (propar.FMEASURE,),
    (propar.FMEASURE, propar.FSETPOINT, propar.TEMPERATURE),
)
SEEN_BY_USERS = 0.01  # of the range: an error that an operator could notice


def measure(scale: float = 1.0) -> FaultFigures:
    """Run the campaign; `scale` 1 is well above 100 000 frames and takes two minutes."""
    frames = max(20, round(FRAMES_PER_KIND * scale))
    return asyncio.run(_measure(frames, _vendor(max(3, round(VENDOR_FRAMES * scale)))))


async def _measure(frames: int, vendor: tuple[VendorTally, ...]) -> FaultFigures:
    return FaultFigures(
        vendor=vendor,
        telling=tuple(_telling(frames)),
        polled=await _polled(4 * frames),
        slips=tuple([await _slip(*scene, frames) for scene in _slip_scenes()]),
        orders=await _orders(frames),
    )


# -- damage that shows ------------------------------------------------------------------------------


def _telling(frames: int) -> Iterator[Tally]:
    """Each kind in both framings at the bus, where a value is either accepted or not."""
    for kind, strike in damage.TELLING.items():
        counts: Counter[str] = Counter()
        for framing in Framing:
            if strike is not damage.wrong_sequence or framing is Framing.BINARY:
                counts += _strike(strike, framing, frames)
        yield _tally(kind, counts)


def _strike(strike: Damage, framing: Framing, frames: int) -> Counter[str]:
    line = MemoryLine(framing, SEED)
    bus = ProparBus(as_port(line), framing)
    line.damage = strike
    return Counter(_ask(bus, line, NODES[n % 3], QUESTIONS[n % 7 % 3]) for n in range(frames))


def _ask(bus: ProparBus, line: MemoryLine, node: int, question: Sequence[Parameter]) -> str:
    line.flush()
    try:
        values = bus.read(line, time.monotonic() + LONG_S, node, question)
    except DeviceFault:
        return "refused"
    return "right" if values == tuple(line.meant[item] for item in question) else "wrong"


async def _polled(frames: int) -> Tally:
    """All kinds mixed with good answers, through whole instruments: what would be published."""
    line, instruments = _installation(Framing.BINARY)
    chance, counts = random.Random(SEED), Counter[str]()
    kinds = tuple(damage.TELLING.values())
    struck = 0

    def sometimes(exchange: Exchange) -> tuple[bytes, ...]:
        nonlocal struck
        strike = chance.choice(kinds) if chance.random() < 0.5 else intact
        struck += strike is not intact
        return strike(exchange)

    line.damage = sometimes
    while struck < frames:
        before = struck
        outcome = await _poll(instruments[counts.total() % 3], line)
        if struck > before:
            counts[outcome] += 1
    return _tally("all of them, half of the frames, whole poll", counts)


async def _poll(instrument: Instrument, line: MemoryLine) -> str:
    try:
        reading = await instrument.poll()
    except DeviceFault:
        return "refused"
    return "right" if _wrongness(reading, line.meant) is None else "wrong"


# -- damage that does not show ----------------------------------------------------------------------


def _slip_scenes() -> list[tuple[str, Damage, Framing]]:
    flips: list[tuple[str, Damage, Framing]] = [
        (f"one bit of {item.name}", damage.FlipIn(item), Framing.BINARY) for item in FAST
    ]
    return [
        *flips,
        ("up to 4 bytes of noise over values", damage.burst_in_values, Framing.BINARY),
        ("the same in ASCII", damage.burst_in_values, Framing.ASCII),
        ("stale answer to the same question", damage.stale_same_question, Framing.BINARY),
        ("the same in ASCII", damage.stale_same_question, Framing.ASCII),
    ]


async def _slip(kind: str, strike: Damage, framing: Framing, frames: int) -> Slip:
    """Single faults, each followed by good answers: what passes the bus, what passes the instrument."""
    passed = _strike_one_node(strike, framing, frames)
    errors = [error async for error in _published_errors(strike, framing, frames)]
    return Slip(
        kind,
        frames,
        passed,
        len(errors),
        sum(error > SEEN_BY_USERS for error in errors),
        max(errors, default=0.0),
    )


def _strike_one_node(strike: Damage, framing: Framing, frames: int) -> int:
    line = MemoryLine(framing, SEED)
    bus = ProparBus(as_port(line), framing)
    _ask(bus, line, NODES[0], FAST)
    line.damage = strike
    return sum(_ask(bus, line, NODES[0], FAST) == "wrong" for _ in range(frames))


async def _published_errors(strike: Damage, framing: Framing, frames: int) -> AsyncIterator[float]:
    """How far off, in parts of the range, each wrong reading was that a poll returned."""
    line, (instrument, *_) = _installation(framing)
    await instrument.poll()
    for _ in range(frames):
        line.damage = _once(line, strike)
        try:
            reading = await instrument.poll()
        except DeviceFault:
            continue
        finally:
            line.damage = intact
        error = _wrongness(reading, line.meant)
        if error is not None:
            yield error
            await instrument.poll()  # from the wrong value back to the right one


def _once(line: MemoryLine, strike: Damage) -> Damage:
    def struck(exchange: Exchange) -> tuple[bytes, ...]:
        line.damage = intact
        return strike(exchange)

    return struck


async def _orders(frames: int) -> Tally:
    """Setpoints of which one bit turned over on the way: acknowledged, but read back before they count."""
    line, instruments = _installation(Framing.BINARY)
    line.damage_request = damage.flip_in_setpoint
    chance, counts = random.Random(SEED), Counter[str]()
    for n in range(frames):
        instrument, wanted = instruments[n % 3], chance.uniform(0.0, CAPACITY)
        counts[await _order(instrument, wanted, line)] += 1
    return _tally("bit flip in a setpoint on its way out", counts)


async def _order(instrument: Instrument, wanted: float, line: MemoryLine) -> str:
    """Right: within the resolution of a setpoint, or 0.1 %, which is where an order is called confirmed."""
    try:
        confirmed = await instrument.set_flow(wanted)
    except DeviceFault:
        return "refused"
    held = line.truths[instrument.node].setpoint
    near = abs(held - wanted) <= max(CAPACITY / 16000, 1e-3 * wanted)
    return "right" if confirmed == held and near else "wrong"


def _vendor(frames: int) -> tuple[VendorTally, ...]:
    counts = run("vendor_faults", frames=frames, seed=SEED)
    return tuple(
        VendorTally(kind, frames, found.get("wrong", 0), found["after"]) for kind, found in counts.items()
    )


# -- common -----------------------------------------------------------------------------------------


def _installation(framing: Framing) -> tuple[MemoryLine, list[Instrument]]:
    line = MemoryLine(framing, SEED)
    bus = ProparBus(as_port(line), framing)
    instruments = [Instrument(bus, node, f"node {node}") for node in NODES]
    for instrument in instruments:
        instrument.plate = replace(Plate(), capacity=CAPACITY)
    return line, instruments


def _wrongness(reading: Reading, meant: dict[Parameter, Value]) -> float | None:
    """None if the reading is what was meant; else by how much of its range the worst value is off."""
    truth = {item.name: float(value) for item, value in meant.items()}
    gaps = (
        abs(reading.flow - truth["fMeasure"]) / CAPACITY,
        abs(reading.setpoint - truth["fSetpoint"]) / CAPACITY,
        abs((reading.temperature or 0.0) - truth["temperature"]) / 100.0,
        abs((reading.valve or 0.0) / 100.0 - truth["valve output"] / VALVE_FULL),
        float(reading.alarm != meant[propar.ALARM_INFO]),
        float(reading.mode != meant[propar.CONTROL_MODE]),
    )
    worst = max(gaps)
    return worst if worst > 1e-12 else None


def _tally(kind: str, counts: Counter[str]) -> Tally:
    return Tally(kind, counts.total(), counts["refused"], counts["right"], counts["wrong"])
