"""The receiving side of recsync, written from the protocol's description and nothing else.

A test announces it, takes the connection and says what the server says; nothing runs by itself.
"""

import socket
import struct
from contextlib import closing
from dataclasses import dataclass, field
from types import TracebackType

from tests.support.network import LOOPBACK
from tests.support.waiting import wait_until

TIMEOUT_S = 10.0


@dataclass
class Upload:
    """What a client has told."""

    client: dict[str, str] = field(default_factory=dict)
    records: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Type and name by number."""
    infos: dict[int, dict[str, str]] = field(default_factory=dict)
    done: bool = False

    def names(self) -> set[str]:
        return {name for _, name in self.records.values()}

    def about(self, name: str) -> dict[str, str]:
        """What was told of a record."""
        number = next(number for number, (_, own) in self.records.items() if own == name)
        return {"type": self.records[number][0], **self.infos.get(number, {})}

    def take(self, kind: int, body: bytes) -> None:
        if kind == 3:
            number, alias, type_length, name_length = struct.unpack_from(">IBBH", body)
            assert number > 0 and number not in self.records and alias == 0 and name_length > 0
            text = body[8:]
            assert len(text) == type_length + name_length
            self.records[number] = (text[:type_length].decode(), text[type_length:].decode())
        elif kind == 6:
            number, key_length, _, value_length = struct.unpack_from(">IBBH", body)
            text = body[8:]
            assert key_length > 0 and len(text) == key_length + value_length and b"\0" not in text
            about = self.client if number == 0 else self.infos.setdefault(number, {})
            assert number == 0 or number in self.records, "a fact about a record not yet told"
            about[text[:key_length].decode()] = text[key_length:].decode()
        elif kind == 5:
            assert body[:4] == bytes(4)
            self.done = True
        else:
            raise AssertionError(f"a client must not send {kind:#06x} now")


class Session:
    """One connection of a client."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(TIMEOUT_S)
        self._bytes = b""

    def send(self, kind: int, body: bytes) -> None:
        self.socket.sendall(struct.pack(">HHI", 0x5243, kind, len(body)) + body)

    def greet(self) -> None:
        self.send(0x8001, b"\0")

    def receive(self) -> tuple[int, bytes]:
        """The next message. Raises ConnectionError at the end."""
        magic, kind, length = struct.unpack(">HHI", self._exactly(8))
        assert magic == 0x5243
        assert kind < 0x8000, "only servers speak so"
        return kind, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        while len(self._bytes) < size:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the client has closed the connection")
            self._bytes += data
        data, self._bytes = self._bytes[:size], self._bytes[size:]
        return data

    def nothing_more(self, within_s: float = 0.2) -> bool:
        """Whether the client is silent for so long."""
        self.socket.settimeout(within_s)
        try:
            return not self._bytes and not self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(TIMEOUT_S)

    def greeting_key(self) -> int:
        """The client's greeting, which comes first; the key in it."""
        kind, body = self.receive()
        assert kind == 1 and body[:2] == b"\0\0"
        key: int = struct.unpack_from(">I", body, 4)[0]
        return key

    def upload(self) -> Upload:
        """Everything up to Upload Done."""
        told = Upload()
        while not told.done:
            told.take(*self.receive())
        return told

    def ping(self, nonce: bytes = b"\x01\x02\x03\x04") -> bytes:
        """The nonce that comes back."""
        self.send(0x8002, nonce)
        kind, body = self.receive()
        assert kind == 2
        return body[:4]

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecCeiver:
    """A server on loopback that is announced to one address."""

    def __init__(self, announced_at: tuple[str, int], key: int = 0x12345678) -> None:
        self.key = key
        self._announced_at = announced_at
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.setblocking(False)

    def announcement(self, address: bytes = b"\xff\xff\xff\xff") -> bytes:
        port: int = self._listener.getsockname()[1]
        return struct.pack(">HBB4sHHI", 0x5243, 0, 0, address, port, 0, self.key)

    def announce(self) -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.bind((LOOPBACK, 0))
            sock.sendto(self.announcement(), self._announced_at)

    def accept(self) -> Session:
        """A client, called as often as it takes."""

        def connected() -> Session | None:
            self.announce()
            try:
                return Session(self._listener.accept()[0])
            except BlockingIOError:
                return None

        session = wait_until(connected, TIMEOUT_S, "a client connects")
        assert session
        return session

    def close(self) -> None:
        self._listener.close()

    def __enter__(self) -> "RecCeiver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
