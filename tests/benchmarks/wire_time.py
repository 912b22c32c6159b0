"""How long frames take to cross a line: the bound of every rate, computed from their bytes."""

from collections.abc import Sequence

from devsup import propar
from devsup.propar import Frame, Framing, Kind, Parameter, Value

BITS_PER_BYTE = 10  # 8N1
ACKNOWLEDGEMENT = bytes((0, 0, 7))


def crossing_s(count: int, baudrate: float) -> float:
    """Seconds for `count` bytes."""
    return count * BITS_PER_BYTE / baudrate


def read_bytes(params: Sequence[Parameter]) -> int:
    """Question and answer of one chained read, without doubled bytes: the least it can be."""
    request = propar.read_request(params)
    labels = 1 + len({item.process for item in params}) + len(params)
    answer = bytes(labels + sum(item.kind.size for item in params))
    assert all(item.kind is not Kind.STRING for item in params)
    return _framed(request) + _framed(answer)


def write_bytes(*pairs: tuple[Parameter, Value]) -> int:
    """Order and acknowledgement, without doubled bytes."""
    return _framed(propar.write_request(pairs)) + _framed(ACKNOWLEDGEMENT)


def _framed(data: bytes) -> int:
    return len(Framing.BINARY.encode(Frame(3, data.replace(b"\x10", b"\x11"), 1))) - _doubled(len(data))


def _doubled(length: int) -> int:
    return int(length == 0x10)  # the length byte itself
