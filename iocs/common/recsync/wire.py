"""The recsync protocol, version 0: announcements by UDP, messages by TCP, as bytes.

From the protocol's description (ChannelFinder/recsync, README). Pure: knows no socket and no record.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

ANNOUNCEMENT_PORT = 5049
ID = 0x5243  # "RC"
SENDER_ITSELF = "255.255.255.255"
"""An announcement from this address means the address it came from."""
CLIENT_GREETING, PONG, ADD_RECORD, DELETE_RECORD, UPLOAD_DONE, ADD_INFO = range(1, 7)
SERVER_GREETING, PING = 0x8001, 0x8002
WHOLE_IOC = 0
"""Record number of facts about the client as a whole."""
LONGEST_BODY = 64 * 1024
LONGEST_NAME = 0xFFFF
LONGEST_KEY = 0xFF
ANNOUNCEMENT = struct.Struct(">HBx4sHxxI")
HEADER = struct.Struct(">HHI")
GREETING = struct.Struct(">BBxxI")
RECORD = struct.Struct(">IBBH")
INFO = struct.Struct(">IBxH")
NONCE_SIZE = 4


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where a RecCeiver takes connections, and the key to greet it with."""

    host: str
    port: int
    key: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a server."""

    kind: int
    body: bytes


def announcement(datagram: bytes, sender: str) -> Announcement | None:
    """What a datagram announces; None for anything that is no announcement."""
    if len(datagram) < ANNOUNCEMENT.size:
        return None
    magic, version, address, port, key = ANNOUNCEMENT.unpack_from(datagram)
    if magic != ID or version != 0 or not port:
        return None
    host = ".".join(map(str, address))
    return Announcement(sender if host == SENDER_ITSELF else host, port, key)


def greeting(key: int) -> bytes:
    """The first message of a client."""
    return _message(CLIENT_GREETING, GREETING.pack(0, 0, key))


def pong(nonce: bytes) -> bytes:
    """The answer to a ping."""
    return _message(PONG, nonce[:NONCE_SIZE])


def add_record(number: int, record_type: str, name: str) -> bytes:
    """A record; `number` from 1, and each once."""
    kind, named = _text(record_type, LONGEST_KEY), _text(name, LONGEST_NAME)
    return _message(ADD_RECORD, RECORD.pack(number, 0, len(kind), len(named)) + kind + named)


def add_info(number: int, key: str, value: str) -> bytes:
    """A fact about a record, or WHOLE_IOC. What is too long for the protocol is cut."""
    named, text = _text(key, LONGEST_KEY), _text(value, LONGEST_NAME)
    return _message(ADD_INFO, INFO.pack(number, len(named), len(text)) + named + text)


def upload_done() -> bytes:
    """All has been told."""
    return _message(UPLOAD_DONE, bytes(4))


def _message(kind: int, body: bytes) -> bytes:
    return HEADER.pack(ID, kind, len(body)) + body


def _text(text: str, longest: int) -> bytes:
    """As UTF-8 without NUL, cut between characters."""
    return text.replace("\0", "").encode()[:longest].decode(errors="ignore").encode()


class Reader:
    """Whole messages out of a stream of bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now. Raises ValueError where the peer speaks something else."""
        self._bytes += data
        while len(self._bytes) >= HEADER.size:
            magic, kind, size = HEADER.unpack_from(self._bytes)
            if magic != ID:
                raise ValueError(f"a message begins with {magic:#06x}, not {ID:#06x}")
            if size > LONGEST_BODY:
                raise ValueError(f"a message of {size} bytes is announced, {LONGEST_BODY} are allowed")
            end = HEADER.size + size
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[HEADER.size : end])
            del self._bytes[:end]
            yield Message(kind, body)
