"""A set of simulated ProPar instruments on one line, with their latencies and faults.

Knows who answers, when, and what the faults do to the answer; must not know physics or ptys.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from devsup.sim import stations
from devsup.sim.faults import Fault, FaultSwitch, burst, noise_inside, truncated
from devsup.sim.propar_bytes import Message, Receiver, error_to_wire, to_wire
from devsup.sim.propar_node import ProparNode
from devsup.sim.propar_talk import converse
from devsup.sim.stations import DRIFT_PER_S, Stations
from devsup.sim.wire import Transmission

ANY_NODE = 0x80
NODE_REJECTED, PROTOCOL_ERROR = 0x05, 0x04
OTHER_LABEL = 0x07  # turns fMeasure's index into that of temperature
VALUE_FROM = 3  # first byte of a reply's first value


@dataclass(slots=True)
class Station(stations.Station):
    node: ProparNode

    def step(self, elapsed_s: float) -> None:
        self.node.step(elapsed_s)

    def suffer(self, fault: Fault) -> None:
        self.node.stuck_valve = fault is Fault.STUCK_VALVE
        self.node.drift_per_s = DRIFT_PER_S if fault is Fault.DRIFT else 0.0


class ProparLine(Stations[int, Station]):
    """Server of a line of ProPar instruments. `receive` is for the line; the rest for any thread.

    Node 0x80 reaches the first instrument given. Absent nodes are silent, or, where the first
    instrument is host of a FLOW-BUS (`rejects_absent`), answered by error 5.
    """

    def __init__(
        self,
        nodes: Iterable[ProparNode],
        latency_s: float = 0.002,
        seed: int = 0,
        rejects_absent: bool = False,
    ) -> None:
        super().__init__(
            {
                node.config.address: Station(FaultSwitch(seed + node.config.address), latency_s, node)
                for node in nodes
            }
        )
        if not self.stations:
            raise ValueError("a line needs at least one instrument")
        self._host = next(iter(self.stations))
        self._rejects_absent = rejects_absent
        self._receiver = Receiver()
        self._link_addresses()

    def _link_addresses(self) -> None:
        order = sorted(self.stations)
        for address, following in zip(order, [*order[1:], 0], strict=True):
            self.stations[address].node.next_address = following

    # ---- for whoever breaks and mends -----------------------------------------------------

    def node(self, address: int) -> ProparNode:
        return self.stations[address].node

    def throw(self, who: str, fault: str, probability: float = 1.0, delay_s: float | None = None) -> None:
        """As `set_fault`, from text. KeyError or ValueError for what there is not."""
        self.set_fault(int(who), Fault[fault], probability, delay_s)

    # ---- for the line -------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        with self._lock:
            self._advance(now)
            sent: list[Transmission] = []
            for request in self._receiver.feed(data):
                sent += self._overdue()
                sent += self._serve(request)
            return sent

    def _serve(self, request: Message) -> list[Transmission]:
        station = self.stations.get(self._host if request.node == ANY_NODE else request.node)
        if station is None:
            return [Transmission(0.0, error_to_wire(request, NODE_REJECTED))] if self._rejects_absent else []
        setting = station.faults.strike()
        if setting.fault is Fault.DEAD:
            return []
        data = converse(station.node, request.data)
        if data is None:
            return []
        wire = self._spoiled(setting.fault, replace(request, data=data), station)
        delay_s = self._delay_s(setting, wire, station.latency_s)
        return [] if delay_s is None else [Transmission(delay_s, wire)]

    def _spoiled(self, fault: Fault, answer: Message, station: Station) -> bytes:
        """Bytes of the answer as the fault leaves them."""
        chance = station.faults.random
        match fault:
            case Fault.FOREIGN_NODE:
                return to_wire(replace(answer, node=self._somebody_else(answer.node)))
            case Fault.WRONG_INDEX:
                return to_wire(replace(answer, data=mislabelled(answer.data)))
            case Fault.WRONG_SEQUENCE:
                return to_wire(replace(answer, seq=(answer.seq + chance.randint(1, 255)) % 256))
            case Fault.BIT_FLIP:
                return to_wire(replace(answer, data=flipped(answer.data, chance.randrange(8))))
            case Fault.ERROR_FRAME:
                return error_to_wire(answer, PROTOCOL_ERROR, length=chance.randint(0, 1))
            case Fault.NOISE_BEFORE:
                return burst(chance) + to_wire(answer)
            case Fault.NOISE_INSIDE:
                return noise_inside(to_wire(answer), chance)
            case Fault.TRUNCATED:
                return truncated(to_wire(answer), chance)
            case _:
                return to_wire(answer)

    def _somebody_else(self, node: int) -> int:
        others = [address for address in self.stations if address != node]
        return others[0] if others else node % 127 + 1


def mislabelled(data: bytes) -> bytes:
    """A reply with another index byte; a status, which has none, acknowledges another length."""
    return data[:2] + bytes((data[2] ^ OTHER_LABEL,)) + data[3:]


def flipped(data: bytes, bit: int) -> bytes:
    """One bit of the first value wrong. A status has no value: it stays as it is."""
    if len(data) <= VALUE_FROM:
        return data
    return data[:VALUE_FROM] + bytes((data[VALUE_FROM] ^ 1 << bit,)) + data[VALUE_FROM + 1 :]
