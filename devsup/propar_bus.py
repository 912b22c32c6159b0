"""ProPar on a port: one request, the one reply that answers it, everything else turned away.

Knows frames and the line they travel on; knows nothing of what an instrument's values mean.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from devsup import propar
from devsup.errors import DeviceError, DeviceFault, FramingError, IdentityError, NoReply
from devsup.health import Health, Manners
from devsup.line import Line
from devsup.port import Port, Priority
from devsup.propar import ANY_NODE, Broken, Decoded, ErrorFrame, Frame, Framing, Parameter, Value

T = TypeVar("T")
_ABSENT = (5, 9)  # interface error codes that mean "that node does not answer"
_GARBLED = (3, 4)  # … and those that mean "your frame arrived damaged"
_SCAN_TIMEOUT_S = 0.05  # the vendor's find-first waits as long for each address
_SCAN = (propar.NODE_ADDRESS, propar.IDENT, propar.NEXT_NODE)
_IDENT_PREFIX = 3  # bytes of an ident string before the serial number
_FLOOD_S = 0.1  # bytes that keep coming are not listened to for longer than this beyond the deadline


@dataclass(frozen=True, slots=True)
class Node:
    """A node found by a bus scan; `ident` is its serial number, empty if it does not tell."""

    address: int
    ident: str


class ProparBus:
    """The ProPar conversation of one line. `read` and `write` run inside a transaction of its port."""

    def __init__(self, port: Port, framing: Framing = Framing.BINARY) -> None:
        self.port = port
        self.framing = framing
        self._seq = 0

    def read(self, line: Line, deadline: float, node: int, params: Sequence[Parameter]) -> tuple[Value, ...]:
        """Values of `params` in one chained exchange.

        Raises NoReply, FramingError or IdentityError when no valid answer came in time, DeviceError
        when the instrument refused.
        """
        request = propar.read_request(params)
        return self._exchange(line, deadline, node, request, lambda data: propar.read_reply(data, params))

    def write(self, line: Line, deadline: float, node: int, *pairs: tuple[Parameter, Value]) -> None:
        """Write in one chained exchange and wait for the acknowledgement. Raises as `read`."""
        request = propar.write_request(pairs)
        self._exchange(line, deadline, node, request, lambda data: propar.check_ack(data, len(request)))

    def _exchange(
        self, line: Line, deadline: float, node: int, request: bytes, parse: Callable[[bytes], T]
    ) -> T:
        self._seq = (self._seq + 1) % 256
        sent = Frame(node, request, self._seq if self.framing is Framing.BINARY else None)
        decoder, deadline = self.framing.decoder(), line.renewed(deadline)
        fault: DeviceFault = NoReply(f"node {node}: no reply")
        line.send(self.framing.encode(sent))
        while time.monotonic() < deadline + _FLOOD_S and (chunk := line.receive(deadline)):
            items = deque(decoder.feed(chunk))
            while items:
                item = items.popleft()
                if item == sent:
                    continue  # a two-wire adapter that hears itself
                try:
                    value = parse(_answer(item, sent))
                    line.strays += len(items)  # came right behind the answer
                    return value
                except (IdentityError, FramingError, NoReply) as error:
                    if _is_final(item, sent):
                        raise
                    line.strays += isinstance(error, IdentityError)
                    fault = error
        if decoder.pending and isinstance(fault, NoReply):
            fault = FramingError(f"node {node}: reply breaks off after {len(decoder.pending)} bytes")
        raise fault

    async def scan(self, last: int = 127) -> list[Node]:
        """Nodes on the line: along the vendor's chain of addresses, or asking each up to `last`.

        Each question is a transaction of its own at background priority, so polling goes on.
        """
        health = Health("scan", Manners(retry_delays_s=(), floor_s=_SCAN_TIMEOUT_S))
        found: dict[int, Node] = {}
        address: int | None = ANY_NODE
        while address is not None:
            answer = await self._who(address, health)
            if answer is None or answer[0].address in found:
                break
            node, following = answer
            found[node.address] = node
            address = following or None
        if len(found) < 2:  # no chain on this interface: ask everybody
            for address in range(1, last + 1):
                if address not in found and (answer := await self._who(address, health)):
                    found[address] = Node(address, answer[0].ident)
        return [found[address] for address in sorted(found)]

    async def _who(self, address: int, health: Health) -> tuple[Node, int] | None:
        """The node that answers at `address`, and the address it names as the next; None if none does."""
        try:
            own, ident, following = await self._ask(address, _SCAN, health)
            return Node(int(own), str(ident)[_IDENT_PREFIX:]), int(following)
        except DeviceError:  # somebody is there, but does not know all of these
            return None if address == ANY_NODE else (Node(address, ""), 0)
        except (NoReply, IdentityError, FramingError):
            return None

    async def _ask(self, address: int, asked: Sequence[Parameter], health: Health) -> tuple[Value, ...]:
        def work(line: Line, deadline: float) -> tuple[Value, ...]:
            return self.read(line, deadline, address, asked)

        return await self.port.run(
            work,
            health,
            Priority.BACKGROUND,
            timeout_s=_SCAN_TIMEOUT_S,
            retries=0,
            label=f"scan {address}",
        )


def _is_ours(item: Frame | ErrorFrame, sent: Frame) -> bool:
    """Does it come from whom we asked, and answer this very request? Error frames in ASCII do not say."""
    if isinstance(item, ErrorFrame) and item.node is None:
        return True
    return item.seq == sent.seq and sent.node in (item.node, ANY_NODE)


def _is_final(item: Decoded, sent: Frame) -> bool:
    """Is it certain that nothing else will answer this request? Only sequence numbers can tell."""
    return sent.seq is not None and not isinstance(item, Broken) and _is_ours(item, sent)


def _answer(item: Decoded, sent: Frame) -> bytes:
    """The data of `item` if it answers `sent`; raises what it is otherwise."""
    if isinstance(item, Broken):
        raise FramingError(f"node {sent.node}: {item.reason} ({len(item.raw)} bytes)")
    if not _is_ours(item, sent):
        raise IdentityError(f"node {sent.node} #{sent.seq}: answer from node {item.node} #{item.seq}")
    if isinstance(item, ErrorFrame):
        _raise_error(item, sent)
    return item.data


def _raise_error(item: ErrorFrame, sent: Frame) -> NoReturn:
    if item.code in _ABSENT:
        raise NoReply(f"node {sent.node}: {item.text}")
    if item.code in _GARBLED:
        raise FramingError(f"node {sent.node}: {item.text}")
    raise DeviceError(f"node {sent.node}: {item.text}", item.code)
