"""Alicat on a port: one request, the one answer that belongs to it, everything else turned away.

Knows lines of text and the line they travel on; knows nothing of what an instrument's values mean.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from devsup.alicat import LineDecoder, Misshapen, own
from devsup.errors import DeviceFault, FramingError, IdentityError, NoReply
from devsup.line import Line
from devsup.port import Port

T = TypeVar("T")
GAP_S = 0.15  # a table has ended when so long nothing came: it has no last line
LONGEST_TABLE_S = 10.0
_FLOOD_S = 0.1  # bytes that keep coming are not listened to for longer than this beyond the deadline


class AlicatBus:
    """The conversation of one line. `ask` and `table` run inside a transaction of its port."""

    def __init__(self, port: Port) -> None:
        self.port = port

    def ask(self, line: Line, deadline: float, command: bytes, parse: Callable[[str], T]) -> T:
        """Send `command`; the answer, as `parse` understands it.

        Raises NoReply, FramingError or IdentityError when no valid answer came in time, NotUnderstood
        or FeatureMissing when the instrument could not do it.
        """
        unit, decoder = _unit(command), LineDecoder()
        deadline = line.renewed(deadline)
        fault: DeviceFault = NoReply(f"unit {unit}: no reply")
        line.send(command)
        while time.monotonic() < deadline + _FLOOD_S and (chunk := line.receive(deadline)):
            texts = [text for text in decoder.feed(chunk) if text and text.encode() + b"\r" != command]
            for place, text in enumerate(texts):
                try:
                    value = parse(own(text, unit))
                except Misshapen:
                    raise  # our own, and whole
                except (FramingError, IdentityError) as error:
                    line.strays += isinstance(error, IdentityError)
                    fault = error
                    continue
                if texts[place + 1 :] or decoder.pending:
                    raise IdentityError(f"unit {unit}: more than one answer, {len(texts) - place} at once")
                return value
        if decoder.pending and isinstance(fault, NoReply):
            fault = FramingError(f"unit {unit}: answer breaks off after {len(decoder.pending)} bytes")
        raise fault

    def table(
        self,
        line: Line,
        deadline: float,
        command: bytes,
        complete: Callable[[list[str]], bool] = lambda rows: False,
    ) -> list[str]:
        """Send `command`; the rows of its answer, until `complete` or until the line has fallen silent.

        Raises as `ask`. What an instrument says without a carriage return at its end counts as a row (GP).
        """
        unit, decoder = _unit(command), LineDecoder()
        rows: list[str] = []
        deadline = line.renewed(deadline)
        limit = time.monotonic() + LONGEST_TABLE_S
        line.send(command)
        while time.monotonic() < limit and (chunk := line.receive(deadline)):
            texts = [text for text in decoder.feed(chunk) if text and text.encode() + b"\r" != command]
            rows += [own(text, unit) for text in texts]
            if texts and complete(rows):
                return rows
            deadline = time.monotonic() + GAP_S
        if decoder.pending:
            rows.append(own(decoder.pending, unit))
        if not rows:
            raise NoReply(f"unit {unit}: no reply")
        return rows


def _unit(command: bytes) -> str:
    return chr(command[0])
