"""ProPar frames <-> bytes, in both framings (manual 9.17.027).

Knows delimiters, stuffing, lengths and how to find the next frame after damage; must not
know what the data of a frame means.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

MAX_DATA = 255
MAX_ASCII_DATA = 254  # LEN counts the node as well
ANY_NODE = 0x80  # "this instrument" on a point-to-point link

ERROR_TEXT: Mapping[int, str] = MappingProxyType({
    0x01: "general error", 0x02: "general error", 0x03: "protocol error", 0x04: "protocol or CRC error",
    0x05: "node address rejected", 0x08: "general error", 0x09: "no response from the node",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to or from a node. `seq` is None in ASCII, which has no sequence number."""

    node: int
    data: bytes
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """The interface refused a message. What the framing does not carry is None."""

    code: int
    node: int | None = None
    seq: int | None = None

    @property
    def text(self) -> str:
        return f"{ERROR_TEXT.get(self.code, 'unknown error')} (error 0x{self.code:02X})"


@dataclass(frozen=True, slots=True)
class Broken:
    """Received bytes that are no frame, and why. One burst of noise may come in several pieces."""

    reason: str
    raw: bytes


Decoded: TypeAlias = Frame | ErrorFrame | Broken


def encode_binary(frame: Frame) -> bytes:
    """Bytes of a frame with start, end and every 0x10 inside doubled. ValueError if it cannot be one."""
    _check_frame(frame, MAX_DATA)
    if frame.seq is None or not 0 <= frame.seq <= 255:
        raise ValueError(f"a binary frame needs a sequence number 0..255, not {frame.seq}")
    body = bytes((frame.seq, frame.node, len(frame.data))) + frame.data
    return b"\x10\x02" + body.replace(b"\x10", b"\x10\x10") + b"\x10\x03"


def encode_ascii(frame: Frame) -> bytes:
    """Bytes of a frame as hex digits; its sequence number is not sent. ValueError if it cannot be one."""
    _check_frame(frame, MAX_ASCII_DATA)
    body = bytes((len(frame.data) + 1, frame.node)) + frame.data
    return b":" + body.hex().upper().encode() + b"\r\n"


def _check_frame(frame: Frame, longest: int) -> None:
    if not 0 <= frame.node <= 255:
        raise ValueError(f"node {frame.node} is not 0..255")
    if not 2 <= len(frame.data) <= longest:  # one byte of data would be an error frame
        raise ValueError(f"a frame carries 2..{longest} bytes of data, not {len(frame.data)}")


class _Decoder:
    """Finds frames in a stream of bytes; looks for the next start inside whatever proves to be no frame.

    A frame is lost only where damage and frame together happen to be well-formed.
    """

    _start: bytes
    _body: re.Pattern[bytes]  # everything between start and end
    _end: bytes
    _longest: int  # body of the longest frame, as received

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending(self) -> bytes:
        """Bytes of an unfinished frame."""
        return self._buffer

    def clear(self) -> None:
        """Forget an unfinished frame, as after a flush of the line."""
        self._buffer = b""

    def feed(self, chunk: bytes) -> list[Decoded]:
        """Everything that `chunk` completes, in order. Never raises; keeps what may still become a frame."""
        self._buffer += chunk
        found: list[Decoded] = []
        while (item := self._take()) is not None:
            found.append(item)
        return found

    def _take(self) -> Decoded | None:
        at = self._buffer.find(self._start)
        if at < 0:
            return self._drop("noise", len(self._buffer) - self._held())
        if at > 0:
            return self._drop("noise", at)
        return self._take_frame()

    def _take_frame(self) -> Decoded | None:
        begin = len(self._start)
        match = self._body.match(self._buffer, begin)
        stop = match.end() if match else begin
        rest = self._buffer[stop : stop + len(self._end)]
        if rest == self._end:
            return self._finish(self._buffer[begin:stop], stop + len(self._end))
        if stop - begin > self._longest:
            return self._abandon("longer than a frame can be", stop)
        if self._end.startswith(rest):
            return None  # wait for more
        return self._abandon("impossible byte in a frame", stop + 1)

    def _finish(self, body: bytes, end: int) -> Decoded | None:
        item = self._parse(body)
        if isinstance(item, str):
            return self._abandon(item, end)
        self._buffer = self._buffer[end:]
        return item

    def _abandon(self, reason: str, end: int) -> Decoded | None:
        inner = self._buffer.find(self._start, 1, end + 1)
        return self._drop(reason, inner if inner > 0 else end)

    def _drop(self, reason: str, count: int) -> Decoded | None:
        raw, self._buffer = self._buffer[:count], self._buffer[count:]
        return Broken(reason, raw) if raw else None

    def _held(self) -> int:
        """Bytes at the end of the buffer that may be the first half of a start."""
        return int(len(self._start) > 1 and self._buffer.endswith(self._start[:1]))

    def _parse(self, body: bytes) -> Frame | ErrorFrame | str:
        """The frame, or in words why it is none."""
        raise NotImplementedError


class BinaryDecoder(_Decoder):
    """Decoder of 0x10-framed messages. Takes both forms of the error frame (LEN 0 and LEN 1)."""

    _start, _end = b"\x10\x02", b"\x10\x03"
    _body = re.compile(rb"(?:[^\x10]|\x10\x10)*", re.DOTALL)
    _longest = 2 * (3 + MAX_DATA)

    def _parse(self, body: bytes) -> Frame | ErrorFrame | str:
        plain = body.replace(b"\x10\x10", b"\x10")
        if len(plain) < 4:
            return "too short"
        seq, node, length, data = plain[0], plain[1], plain[2], plain[3:]
        if len(data) == 1 and length <= 1:
            return ErrorFrame(data[0], node, seq)
        if len(data) != length:
            return f"announces {length} bytes of data, holds {len(data)}"
        return Frame(node, data, seq)


class AsciiDecoder(_Decoder):
    """Decoder of hex-digit messages (":" to CR LF); accepts lower case."""

    _start, _end = b":", b"\r\n"
    _body = re.compile(rb"[0-9A-Fa-f]*")
    _longest = 2 * (2 + MAX_ASCII_DATA)

    def _parse(self, body: bytes) -> Frame | ErrorFrame | str:
        if len(body) % 2 or len(body) < 4:
            return "too short or half a byte"
        length, *rest = bytes.fromhex(body.decode())
        if len(rest) != length:
            return f"announces {length} bytes, holds {len(rest)}"
        if len(rest) <= 2:  # code alone as the manual has it, or after a node
            return ErrorFrame(rest[-1], rest[0] if len(rest) == 2 else None)
        return Frame(rest[0], bytes(rest[1:]))


class Framing(enum.Enum):
    """The two dialects of a ProPar line."""

    BINARY = "binary"
    ASCII = "ascii"

    def encode(self, frame: Frame) -> bytes:
        return encode_binary(frame) if self is Framing.BINARY else encode_ascii(frame)

    def decoder(self) -> BinaryDecoder | AsciiDecoder:
        return BinaryDecoder() if self is Framing.BINARY else AsciiDecoder()
