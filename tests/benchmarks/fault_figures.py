"""What a campaign of damaged frames brought: counts, and the tables they become."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.report import Report, Table, Target


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of faulty frames of one kind: the value refused, right all the same, or wrong."""

    kind: str
    frames: int
    refused: int
    right: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Slip:
    """What became of damage that no rule of the protocol shows.

    `passed` the bus, `published` after the second reading of doubtful values, and of those
    `noticeable` ones that were off by more than 1 % of the range.
    """

    kind: str
    frames: int
    passed: int
    published: int
    noticeable: int
    largest: float


@dataclass(frozen=True, slots=True)
class VendorTally:
    """What the vendor's library made of faulty frames, and how many good ones it read thereafter."""

    kind: str
    frames: int
    wrong: int
    good_after: int


@dataclass(frozen=True, slots=True)
class FaultFigures:
    """The whole campaign. `orders`: setpoints damaged on their way to the instrument.
    `vendor`: a small one against the vendor's library."""

    telling: tuple[Tally, ...]
    polled: Tally
    slips: tuple[Slip, ...]
    orders: Tally
    vendor: tuple[VendorTally, ...]

    def report(self) -> Report:
        wrong = sum(tally.wrong for tally in (*self.telling, self.polled))
        checked = sum(tally.frames for tally in (*self.telling, self.polled))
        targets = (
            Target("faulty frames that show", ">= 100 000", _count(checked), checked >= 100_000),
            Target("wrong values accepted from them", "0", _count(wrong), wrong == 0),
            Target(
                "damaged setpoint confirmed as good", "0", _count(self.orders.wrong), self.orders.wrong == 0
            ),
        )
        tallies = (*self.telling, self.polled, self.orders)
        return Report((_tally_table(tallies), _slip_table(self.slips), _vendor_table(self.vendor)), targets)


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _tally_table(tallies: Sequence[Tally]) -> Table:
    columns = ("damage that shows", "frames", "refused", "right value all the same", "wrong value accepted")
    rows = tuple(
        (tally.kind, *map(_count, (tally.frames, tally.refused, tally.right, tally.wrong)))
        for tally in tallies
    )
    return Table("", columns, rows)


def _vendor_table(tallies: Sequence[VendorTally]) -> Table:
    columns = (
        "the vendor's library",
        "faulty frames",
        "wrong values accepted",
        "good frames read thereafter",
    )
    rows = tuple(
        (tally.kind, str(tally.frames), str(tally.wrong), f"{tally.good_after} of {tally.frames}")
        for tally in tallies
        if tally.wrong or tally.good_after < tally.frames
    )
    return Table(
        "Kinds of damage that `bronkhorst-propar` takes for values, or does not survive:", columns, rows
    )


def _slip_table(slips: Sequence[Slip]) -> Table:
    columns = (
        "damage that ProPar cannot show",
        "frames",
        "passes the bus",
        "published after the second reading",
        "of these off by more than 1 %",
        "largest error, % of range",
    )
    rows = tuple(
        (
            slip.kind,
            *map(_count, (slip.frames, slip.passed, slip.published, slip.noticeable)),
            f"{100 * slip.largest:.1f}",
        )
        for slip in slips
    )
    return Table("", columns, rows)
