"""ProPar on a port: one request, the one reply that answers it, everything else turned away.

Knows frames and the line they travel on; knows nothing of what an instrument's values mean.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

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


@dataclass(frozen=True, slots=True)
class Node:
    """A node found by a bus scan."""

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
        decoder = self.framing.decoder()
        fault: DeviceFault = NoReply(f"node {node}: no reply")
        line.send(self.framing.encode(sent))
        while chunk := line.receive(deadline):
            for item in decoder.feed(chunk):
                try:
                    if (data := _answer(item, sent)) is not None:
                        return parse(data)
                except (IdentityError, FramingError, NoReply) as error:
                    line.strays += isinstance(error, IdentityError)
                    fault = error
        if decoder.pending and isinstance(fault, NoReply):
            fault = FramingError(f"node {node}: reply breaks off after {len(decoder.pending)} bytes")
        raise fault

    async def scan(self, last: int = 127) -> list[Node]:
        """Nodes on the line: along the vendor's chain of addresses, or asking each up to `last`.

        Each question is a transaction of its own at background priority, so polling goes on.
        """
        health = Health("scan", Manners(retry_delays_s=(), command_timeout_s=_SCAN_TIMEOUT_S))
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
        asked = (propar.NODE_ADDRESS, propar.IDENT, propar.NEXT_NODE)

        def work(line: Line, deadline: float) -> tuple[Value, ...]:
            return self.read(line, deadline, address, asked)

        try:
            own, ident, following = await self.port.run(
                work,
                health,
                Priority.BACKGROUND,
                timeout_s=_SCAN_TIMEOUT_S,
                retries=0,
                label=f"scan {address}",
            )
        except (NoReply, DeviceError, IdentityError, FramingError):
            return None
        return Node(int(own), str(ident)), int(following)


def _answer(item: Decoded, sent: Frame) -> bytes | None:
    """The data of `item` if it answers `sent`; None for our own echo; raises what it is otherwise."""
    if isinstance(item, Broken):
        raise FramingError(f"node {sent.node}: {item.reason} ({len(item.raw)} bytes)")
    if isinstance(item, ErrorFrame):
        return _error(item, sent)
    if item == sent:
        return None  # a two-wire adapter that hears itself
    if item.seq != sent.seq or (item.node != sent.node and sent.node != ANY_NODE):
        raise IdentityError(f"node {sent.node} #{sent.seq}: answer from node {item.node} #{item.seq}")
    return item.data


def _error(item: ErrorFrame, sent: Frame) -> bytes:
    if item.seq not in (None, sent.seq) or item.node not in (None, sent.node):
        raise IdentityError(f"node {sent.node} #{sent.seq}: error frame for node {item.node} #{item.seq}")
    if item.code in _ABSENT:
        raise NoReply(f"node {sent.node}: {item.text}")
    if item.code in _GARBLED:
        raise FramingError(f"node {sent.node}: {item.text}")
    raise DeviceError(f"node {sent.node}: {item.text}", item.code)
