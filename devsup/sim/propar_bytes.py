"""ProPar frames as an instrument sees them: requests out of bytes, answers into bytes.

Both framings on one port. Independent of `devsup.propar` on purpose. Damaged requests vanish,
as at an instrument that does not understand.
"""

import enum
from dataclasses import dataclass

DLE, STX, ETX = 0x10, 0x02, 0x03
COLON, CR, LF = b":\r\n"
HEX = b"0123456789ABCDEFabcdef"
LONGEST = 3 + 255


class Dialect(enum.Enum):
    """Framing of a request; the answer comes in the same."""

    BINARY = enum.auto()
    ASCII = enum.auto()


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer. `seq` means nothing in ASCII."""

    dialect: Dialect
    seq: int
    node: int
    data: bytes


class _At(enum.Enum):
    """Where in a frame the next byte belongs."""

    OUTSIDE = enum.auto()
    START = enum.auto()  # after a DLE outside
    BODY = enum.auto()
    STUFFED = enum.auto()  # after a DLE inside
    DIGITS = enum.auto()
    LINE_END = enum.auto()


class Receiver:
    """Byte-wise receiver of an instrument; the first bytes of a message decide on its framing."""

    def __init__(self) -> None:
        self._at = _At.OUTSIDE
        self._body = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The requests that `data` completes."""
        return [message for byte in data if (message := self._byte(byte)) is not None]

    def _byte(self, byte: int) -> Message | None:
        match self._at:
            case _At.OUTSIDE:
                self._outside(byte)
            case _At.START:
                self._begin(_At.BODY) if byte == STX else self._outside(byte)
            case _At.BODY:
                self._at = _At.STUFFED if byte == DLE else self._keep(byte)
            case _At.STUFFED:
                return self._stuffed(byte)
            case _At.DIGITS:
                self._digit(byte)
            case _At.LINE_END:
                self._at = _At.OUTSIDE
                return ascii_message(self._body) if byte == LF else None
        return None

    def _outside(self, byte: int) -> None:
        self._at = _At.START if byte == DLE else _At.OUTSIDE
        if byte == COLON:
            self._begin(_At.DIGITS)

    def _begin(self, where: _At) -> None:
        self._body.clear()
        self._at = where

    def _keep(self, byte: int) -> _At:
        self._body.append(byte)
        return self._at if len(self._body) <= 2 * LONGEST else _At.OUTSIDE

    def _stuffed(self, byte: int) -> Message | None:
        self._at = _At.BODY
        if byte == DLE:
            self._at = self._keep(byte)
        elif byte == STX:
            self._begin(_At.BODY)
        elif byte == ETX:
            self._at = _At.OUTSIDE
            return binary_message(self._body)
        else:
            self._outside(byte)
        return None

    def _digit(self, byte: int) -> None:
        if byte in HEX:
            self._at = self._keep(byte)
        elif byte == CR:
            self._at = _At.LINE_END
        else:
            self._outside(byte)


def binary_message(body: bytearray) -> Message | None:
    if len(body) < 4 or len(body) != 3 + body[2]:
        return None
    return Message(Dialect.BINARY, body[0], body[1], bytes(body[3:]))


def ascii_message(digits: bytearray) -> Message | None:
    if len(digits) < 6 or len(digits) % 2:
        return None
    body = bytes.fromhex(digits.decode("ascii"))
    return Message(Dialect.ASCII, 0, body[1], body[2:]) if body[0] == len(body) - 1 else None


def to_wire(message: Message) -> bytes:
    """Bytes of an answer."""
    if message.dialect is Dialect.ASCII:
        return ascii_line(bytes((1 + len(message.data), message.node)) + message.data)
    return stuffed(bytes((message.seq, message.node, len(message.data))) + message.data)


def error_to_wire(request: Message, code: int, length: int = 0) -> bytes:
    """Error frame that answers `request`, announcing 0 (manual) or 1 (vendor's library) bytes of data."""
    if request.dialect is Dialect.ASCII:
        return ascii_line(bytes((1, code)))
    return stuffed(bytes((request.seq, request.node, length, code)))


def ascii_line(body: bytes) -> bytes:
    return f":{body.hex().upper()}\r\n".encode()


def stuffed(body: bytes) -> bytes:
    inside = b"".join(bytes((byte, byte)) if byte == DLE else bytes((byte,)) for byte in body)
    return bytes((DLE, STX)) + inside + bytes((DLE, ETX))
