"""Frames that are nearly right: a conversation as a client has it, with something wrong in each message."""

import random
import struct
from collections.abc import Callable

from iocs.caserver import wire
from iocs.caserver.wire import frame

FATAL = 0.005
"""How many of the mutants may end the connection: with more of them the server would see little else."""
ENDINGS = (b"X", b".VAL", b".{", b'.{"dbnd":{"d":-1}}', b"$", b".[5:1]")
PAYLOADS = (0, 1, 2, 4, 8, 16, 39, 40, 80, 320)


class Mutants:
    """Makes messages to a server of which the channels `sids` are known."""

    def __init__(self, chance: random.Random, sids: list[int], names: list[str]) -> None:
        self.chance = chance
        self.sids = sids
        self.names = names
        self.subid = 0
        self._makers: list[Callable[[], bytes]] = [
            self.read, self.read, self.read, self.write, self.write, self.write, self.subscribe, self.cancel,
            self.create, self.name, self.small, self.search,
        ]  # fmt: skip

    def some(self, count: int) -> list[bytes]:
        """So many messages."""
        return [self.one() for _ in range(count)]

    def one(self) -> bytes:
        """A message that the server may refuse, or, seldom, must hang up on."""
        made = self.chance.choice(self._makers)()
        return self._damaged(made) if self.chance.random() < FATAL else made

    def _damaged(self, made: bytes) -> bytes:
        """Any byte may be another; sizes and channels are hit as well, so what follows is misread."""
        damaged = bytearray(made)
        for _ in range(self.chance.randrange(1, 4)):
            damaged[self.chance.randrange(len(damaged))] = self.chance.randrange(256)
        return bytes(damaged)

    def _any(self) -> int:
        return self.chance.choice((0, 1, 2, 7, 40, 0xFFFF, 0x10000, 1 << 30, self.chance.randrange(1 << 32)))

    def _payload(self) -> bytes:
        return self.chance.randbytes(self.chance.choice(PAYLOADS))

    def _sid(self) -> int:
        return self.chance.choice(self.sids)

    def read(self) -> bytes:
        """Any type, any count."""
        command = wire.READ_NOTIFY if self.chance.random() < 0.8 else wire.READ
        count = self.chance.randrange(12) if self.chance.random() < 0.95 else self._any() & 0x3FFF
        return frame(command, self.chance.randrange(45), count, self._sid(), self._any())

    def write(self) -> bytes:
        """Any type, with more or fewer elements than the payload holds."""
        command = wire.WRITE_NOTIFY if self.chance.random() < 0.5 else wire.WRITE
        count = self.chance.randrange(12) if self.chance.random() < 0.9 else self._any()
        return frame(command, self.chance.randrange(45), count, self._sid(), self._any(), self._payload())

    def subscribe(self) -> bytes:
        """Any type that exists, any mask; the count is seldom too large, which ends the connection."""
        self.subid += 1
        mask = struct.pack(">fffHH", 0, 0, 0, self.chance.choice((1, 2, 4, 5, 8, 15, 0xFFFF)), 0)
        count = self.chance.choice((0, 0, 1)) if self.chance.random() < 0.99 else self._any() & 0xFFFF
        return frame(wire.EVENT_ADD, self.chance.randrange(35), count, self._sid(), self.subid, mask)

    def cancel(self) -> bytes:
        """Of the last subscription: of one that is no more, or of a wrong one, it ends the connection."""
        if not self.subid or self.chance.random() < 0.98:
            return frame(wire.EVENTS_OFF if self.chance.random() < 0.3 else wire.EVENTS_ON, 0, 0, 0, 0)
        return frame(wire.EVENT_CANCEL, self.chance.randrange(35), 1, self._sid(), self.subid)

    def create(self) -> bytes:
        """Names that are there, nearly there, or nonsense."""
        name = self.chance.choice(self.names).encode()
        if self.chance.random() < 0.7:
            name += self.chance.choice((*ENDINGS, self._payload()))
        return frame(wire.CREATE_CHAN, 0, 0, self._any(), 13, name + b"\0" * self.chance.randrange(2))

    def name(self) -> bytes:
        """Who the client is: text or bytes."""
        command = self.chance.choice((wire.CLIENT_NAME, wire.HOST_NAME))
        return frame(command, 0, 0, 0, 0, bytes(self.chance.choices(range(1, 128), k=8)) + b"\0")

    def small(self) -> bytes:
        """Echo and synchronisation, with numbers and payloads that do not belong there."""
        command = self.chance.choice((wire.ECHO, wire.READ_SYNC))
        return frame(command, self.chance.randrange(1 << 16), 0, self._any(), self._any(), self._payload())

    def search(self) -> bytes:
        """By TCP or UDP."""
        reply = self.chance.choice((5, wire.SEARCH_WANTS_NO, self.chance.randrange(1 << 16)))
        name = self.chance.choice(self.names).encode() if self.chance.random() < 0.5 else self._payload()
        return frame(wire.SEARCH, reply, self.chance.randrange(14), self._any(), self._any(), name + b"\0")

    def datagram(self, count: int) -> bytes:
        """Searches as a client sends them, each of them wrong in some way."""
        messages = [frame(wire.VERSION, 0, 13, self._any(), 0)] + [self.search() for _ in range(count - 1)]
        return b"".join(self._damaged(m) if self.chance.random() < 0.1 else m for m in messages)
