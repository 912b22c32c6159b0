"""What a protocol brings to `python -m devsup.sim`: its options, its instruments, its faults as text.

Knows the shape only; each protocol's bench is in its own module.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from devsup.sim.wire import Server


class BenchServer(Server, Protocol):
    """A line of instruments whose faults can be thrown by name."""

    def throw(self, who: str, fault: str, probability: float = 1.0, delay_s: float | None = None) -> None:
        """Set a fault of the instrument called `who`. KeyError or ValueError for what there is not."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """`baudrate` is the usual one; `who` and `faults` are for the help."""

    baudrate: float
    who: str
    faults: tuple[str, ...]
    add_options: Callable[[argparse.ArgumentParser], None]
    server: Callable[[argparse.Namespace], BenchServer]
