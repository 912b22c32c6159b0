"""What can go wrong with an instrument or its line, as switches that may be thrown while it runs.

Knows bytes and chance; must not know a protocol. Every choice comes from a seeded generator.
"""

import enum
import random
from dataclasses import dataclass

LONGEST_BURST = 6


class Fault(enum.Enum):
    """Faults of one instrument. The order is that of the states of a fault PV."""

    OK = "answers as it should"
    DEAD = "neither hears nor answers"
    SLOW = "answers `delay_s` later"
    LATE = "answers after the next request to anybody, or after `delay_s`"
    FOREIGN_NODE = "the answer carries another node"
    WRONG_INDEX = "the answer carries the labels of another parameter"
    WRONG_SEQUENCE = "the answer carries another sequence number (not in ASCII, which has none)"
    NOISE_BEFORE = "random bytes before the answer"
    NOISE_INSIDE = "random bytes inside the answer"
    TRUNCATED = "the answer breaks off"
    ERROR_FRAME = "an error frame instead of the answer"
    BIT_FLIP = "one bit of a value is wrong; nothing in the protocol shows it"
    STUCK_VALVE = "the valve does not move"
    DRIFT = "the zero of the sensor creeps"


class LineFault(enum.Enum):
    """Faults of a whole line. The order is that of the states of a fault PV."""

    OK = "carries what is sent"
    SILENT = "carries nothing, in either direction"
    NOISE = "random bytes among what is sent, in either direction"
    HUNG_UP = "unplugged"


FAULT_NAMES = tuple(fault.name for fault in Fault)
LINE_FAULT_NAMES = tuple(fault.name for fault in LineFault)


@dataclass(frozen=True, slots=True)
class Setting:
    """Position of a switch. `probability` is per exchange; `delay_s` belongs to SLOW and LATE."""

    fault: Fault = Fault.OK
    probability: float = 1.0
    delay_s: float | None = None


class FaultSwitch:
    """The switch of one instrument. Set it from any thread: a setting is replaced as a whole."""

    def __init__(self, seed: int = 0) -> None:
        self.setting = Setting()
        self.random = random.Random(seed)
        self.struck = 0

    def strike(self) -> Setting:
        """What happens to the exchange that begins now; the setting only if chance wants it so."""
        setting = self.setting
        if setting.fault is Fault.OK or self.random.random() >= setting.probability:
            return Setting()
        self.struck += 1
        return setting


def burst(chance: random.Random) -> bytes:
    """A few random bytes."""
    return chance.randbytes(chance.randint(1, LONGEST_BURST))


def garble(data: bytes, chance: random.Random) -> bytes:
    """`data` with a burst somewhere among it, at its ends included."""
    at = chance.randint(0, len(data))
    return data[:at] + burst(chance) + data[at:]


def noise_inside(data: bytes, chance: random.Random) -> bytes:
    """`data` with a burst somewhere between its first and its last byte."""
    at = chance.randint(1, len(data) - 1)
    return data[:at] + burst(chance) + data[at:]


def truncated(data: bytes, chance: random.Random) -> bytes:
    """The beginning of `data`, at least one byte short and at least one byte long."""
    return data[: chance.randint(1, len(data) - 1)]
