"""Frames of Channel Access: their numbers, headers, and how one is packed.

Knows bytes only: no socket, no channel, no record.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

HEADER = Struct(">HHHHII")
LONG_SIZES = Struct(">II")
PROTOCOL = 13

VERSION, EVENT_ADD, EVENT_CANCEL, READ, WRITE, SEARCH = 0, 1, 2, 3, 4, 6
EVENTS_OFF, EVENTS_ON, READ_SYNC, ERROR, CLEAR_CHANNEL, BEACON, NOT_FOUND = 8, 9, 10, 11, 12, 13, 14
READ_NOTIFY, CREATE_CHAN, WRITE_NOTIFY, CLIENT_NAME, HOST_NAME = 15, 18, 19, 20, 21
ACCESS_RIGHTS, ECHO, CREATE_CH_FAIL = 22, 23, 26
SEARCH_WANTS_NO = 10
"""In a search by TCP: the client wants to hear of names that are not here."""
SEQUENCED = 1
"""In a VERSION: a sequence number follows, to be echoed."""
HERE = 0xFFFFFFFF
"""In the answer to a search: at the address that this comes from."""

KNOWN = frozenset((0, 1, 2, 3, 4, 6, 8, 9, 10, 12, 15, 18, 19, 20, 21, 23))
"""Commands of clients. Anything else ends the circuit before its payload is waited for."""

# Status codes (caerr.h).
ECA_NORMAL, ECA_GETFAIL, ECA_PUTFAIL = 1, 152, 160
ECA_PUTCBINPROG, ECA_NORDACCESS, ECA_NOWTACCESS = 362, 368, 376


class ProtocolError(Exception):
    """The client broke the protocol; the circuit is closed."""


class Message(NamedTuple):
    """One message as received. `first` and `second` are the header's two parameters."""

    command: int
    dtype: int
    elements: int
    first: int
    second: int
    payload: bytes


def frame(command: int, dtype: int, count: int, first: int, second: int, payload: bytes = b"") -> bytes:
    """One message. The payload is padded to 8 bytes; sizes beyond 16 bit get the extended header."""
    payload += b"\0" * (-len(payload) % 8)
    return frame_head(command, dtype, count, first, second, len(payload)) + payload


def frame_head(command: int, dtype: int, count: int, first: int, second: int, size: int) -> bytes:
    """Header of a message with a payload of `size` bytes."""
    if size < 0xFFFF and count <= 0xFFFF:
        return HEADER.pack(command, size, dtype, count, first, second)
    return HEADER.pack(command, 0xFFFF, dtype, 0, first, second) + LONG_SIZES.pack(size, count)


def messages(buffer: bytearray, max_frame: int) -> Iterator[tuple[Message, bytes]]:
    """The whole messages in a buffer, parsed and as they came; taken out of it once all were asked for.

    Raises ValueError for one that no client may send.
    """
    position = 0
    while len(buffer) - position >= HEADER.size:
        command, size, dtype, count, first, second = HEADER.unpack_from(buffer, position)
        start = position + HEADER.size
        if command not in KNOWN:
            raise ValueError(f"command {command} is unknown")
        if size == 0xFFFF and count == 0:
            if len(buffer) - start < LONG_SIZES.size:
                break
            size, count = LONG_SIZES.unpack_from(buffer, start)
            start += LONG_SIZES.size
        if size > max_frame:
            raise ValueError(f"a message of {size} bytes is announced, {max_frame} fit")
        if start + size > len(buffer):
            break
        raw, offset = bytes(buffer[position : start + size]), start - position
        yield Message(command, dtype, count, first, second, raw[offset:]), raw
        position = start + size
    del buffer[:position]


def whole(data: bytes, max_frame: int) -> list[Message]:
    """The messages that make up these bytes; none unless they end with the last, and may be sent."""
    rest = bytearray(data)
    try:
        found = [message for message, _ in messages(rest, max_frame)]
    except ValueError:
        return []
    return [] if rest else found
