"""A Channel Access client of bare sockets, for what libca is too polite to do."""

import socket
import struct
from dataclasses import dataclass
from types import TracebackType

HEADER = struct.Struct(">HHHHII")
TIME_DOUBLE = 20


@dataclass
class Message:
    command: int
    dtype: int
    count: int
    first: int
    second: int
    payload: bytes


class RawClient:
    """One TCP connection."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(10)
        try:
            self.sock.connect(("127.0.0.1", port))
        except OSError:
            self.sock.close()
            raise
        self.buffer = b""
        self.channels = 0

    def send(
        self,
        command: int,
        dtype: int = 0,
        count: int = 0,
        first: int = 0,
        second: int = 0,
        payload: bytes = b"",
    ) -> None:
        payload += b"\0" * (-len(payload) % 8)
        self.sock.sendall(HEADER.pack(command, len(payload), dtype, count, first, second) + payload)

    def receive(self) -> Message:
        """The next message. Raises ConnectionError at the end."""
        command, size, dtype, count, first, second = HEADER.unpack(self._exactly(HEADER.size))
        if size == 0xFFFF and count == 0:
            size, count = struct.unpack(">II", self._exactly(8))
        return Message(command, dtype, count, first, second, self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            data = self.sock.recv(1 << 16)
            if not data:
                raise ConnectionError("closed by the server")
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def expect(self, command: int) -> Message:
        """The next message of this kind, others left out."""
        while (message := self.receive()).command != command:
            pass
        return message

    def greet(self, user: str = "ann", host: str = "desk") -> None:
        self.send(0, count=13)
        self.send(21, payload=host.encode() + b"\0")
        self.send(20, payload=user.encode() + b"\0")

    def rights(self, name: str) -> int:
        """What the server grants for a new channel: 1 to read, 2 to write."""
        self.channels += 1
        self.send(18, first=self.channels, second=13, payload=name.encode() + b"\0")
        return self.expect(22).second

    def connect(self, name: str, cid: int | None = None) -> int:
        """The server's number of a new channel; `cid` is ours, by default one more than the last."""
        self.channels += 1
        self.send(18, first=self.channels if cid is None else cid, second=13, payload=name.encode() + b"\0")
        return self.expect(18).second

    def subscribe(self, sid: int, subid: int, mask: int = 1, dtype: int = TIME_DOUBLE) -> None:
        self.send(1, dtype, 1, sid, subid, struct.pack(">fffHH", 0, 0, 0, mask, 0))

    def is_closed(self) -> bool:
        """Waits until the server hangs up."""
        try:
            while True:
                self.receive()
        except (ConnectionError, OSError) as error:
            return not isinstance(error, TimeoutError)

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
