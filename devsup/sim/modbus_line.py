"""Simulated Modbus units on one line, with their latencies and faults.

Knows who answers, when, and what the faults do to the answer; must not know physics, registers or ptys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from devsup.sim import stations
from devsup.sim.faults import Fault, FaultSwitch, Setting, burst, noise_inside, truncated
from devsup.sim.modbus_bytes import Receiver, sealed
from devsup.sim.modbus_talk import DEVICE_FAILURE, Unit, converse
from devsup.sim.stations import Stations
from devsup.sim.wire import Transmission

BROADCAST = 0
IN_TURN_S = 1e-6  # two answers of a unit are never at the same time
READS = (1, 2, 3, 4)
OTHER: Mapping[int, int] = MappingProxyType({1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 15: 16, 16: 15})
FAULTS = tuple(fault for fault in Fault if fault not in (Fault.STUCK_VALVE, Fault.DRIFT))


@dataclass(slots=True)
class Station(stations.Station):
    unit: Unit
    busy_until: float = float("-inf")  # with its latest answer

    def step(self, elapsed_s: float) -> None:
        self.unit.step(elapsed_s)

    def suffer(self, fault: Fault) -> None:
        """It has none of its own: see FAULTS."""


class ModbusLine(Stations[int, Station]):
    """Server of a line of Modbus units. `receive` is for the line; the rest for any thread.

    A frame is what lies between two silences, so a request without one before it is lost with it.
    `strict`: so is one that comes before the line has been silent for t3.5 after an answer.
    Faults mean here: WRONG_INDEX, another size or, of a write, another address; WRONG_SEQUENCE,
    another function; ERROR_FRAME, exception 4; BIT_FLIP, a bit anywhere, which the CRC shows.
    """

    def __init__(
        self,
        units: Mapping[int, Unit],
        baudrate: float | None = 9600,
        latency_s: float = 0.005,
        seed: int = 0,
        strict: bool = False,
    ) -> None:
        if not units or not all(1 <= address <= 255 for address in units):
            raise ValueError(f"units {sorted(units)}: expected some of 1..255")
        super().__init__(
            {
                address: Station(FaultSwitch(seed + address), latency_s, unit)
                for address, unit in units.items()
            }
        )
        self.strict = strict
        self._receiver = Receiver(baudrate)
        self._busy_until = float("-inf")  # with the latest answer

    # ---- for whoever breaks and mends -----------------------------------------------------

    def unit(self, address: int) -> Unit:
        return self.stations[address].unit

    def set_fault(
        self, who: int, fault: Fault, probability: float = 1.0, delay_s: float | None = None
    ) -> None:
        """As every line. ValueError for what no unit can have."""
        if fault not in FAULTS:
            raise ValueError(f"{fault.name}: no fault of a Modbus unit")
        super().set_fault(who, fault, probability, delay_s)

    def throw(self, who: str, fault: str, probability: float = 1.0, delay_s: float | None = None) -> None:
        """As `set_fault`, from text. KeyError or ValueError for what there is not."""
        self.set_fault(int(who), Fault[fault], probability, delay_s)

    # ---- for the line -------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        with self._lock:
            self._advance(now)
            began = now - len(data) * self._receiver.byte_s
            request = self._receiver.feed(data, now)
            if request is None or (self.strict and began < self._busy_until + self._receiver.silence_s):
                return []
            sent = self._overdue()
            sent += self._serve(request, now)
            self._busy_until = max(
                (now + one.delay_s + len(one.data) * self._receiver.byte_s for one in sent),
                default=self._busy_until,
            )
            return sent

    def _serve(self, request: bytes, now: float) -> list[Transmission]:
        address, message = request[0], request[1:]
        if address == BROADCAST:
            for everybody in self.stations.values():
                converse(everybody.unit, message)
            return []
        station = self.stations.get(address)
        if station is None or not station.unit.hears(now):
            return []
        setting = station.faults.strike()
        if setting.fault is Fault.DEAD:
            return []
        if setting.fault is Fault.OK and station.unit.disturbs(now):
            setting = Setting(Fault.BIT_FLIP)
        answer = converse(station.unit, message)
        wire = self._spoiled(setting.fault, bytes((address,)) + answer, station)
        return self._timed(setting, wire, station, now)

    def _timed(self, setting: Setting, wire: bytes, station: Station, now: float) -> list[Transmission]:
        """A unit answers in turn: nothing overtakes an answer that is still to come."""
        delay_s = self._delay_s(setting, wire, station.latency_s + station.unit.delay_s(now))
        if delay_s is None:
            return []
        delay_s = max(delay_s, station.busy_until + IN_TURN_S - now)
        station.busy_until = now + delay_s
        return [Transmission(delay_s, wire)]

    def _spoiled(self, fault: Fault, answer: bytes, station: Station) -> bytes:
        """Bytes of the answer as the fault leaves them."""
        chance = station.faults.random
        match fault:
            case Fault.FOREIGN_NODE:
                return sealed(bytes((self._somebody_else(answer[0]),)) + answer[1:])
            case Fault.WRONG_INDEX:
                return sealed(mislabelled(answer))
            case Fault.WRONG_SEQUENCE:
                return sealed(other_function(answer))
            case Fault.ERROR_FRAME:
                return sealed(bytes((answer[0], answer[1] | 0x80, DEVICE_FAILURE)))
            case Fault.BIT_FLIP:
                return flipped(sealed(answer), chance.randrange(8 * (len(answer) + 2)))
            case Fault.NOISE_BEFORE:
                return burst(chance) + sealed(answer)
            case Fault.NOISE_INSIDE:
                return noise_inside(sealed(answer), chance)
            case Fault.TRUNCATED:
                return truncated(sealed(answer), chance)
            case _:
                return sealed(answer)

    def _somebody_else(self, address: int) -> int:
        others = [other for other in self.stations if other != address]
        return others[0] if others else address % 247 + 1


def mislabelled(answer: bytes) -> bytes:
    """A read of a different size; a write to a different address; an exception stays as it is."""
    if answer[1] & 0x80:
        return answer
    if answer[1] in READS:
        return answer[:2] + bytes((answer[2] + 2,)) + answer[3:] + b"\0\0"
    return answer[:3] + bytes((answer[3] ^ 1,)) + answer[4:]


def other_function(answer: bytes) -> bytes:
    """Coils for inputs, inputs for holding registers, coils for registers."""
    return bytes((answer[0], OTHER.get(answer[1] & 0x7F, 3) | answer[1] & 0x80)) + answer[2:]


def flipped(frame: bytes, bit: int) -> bytes:
    """One bit of the frame wrong."""
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(frame))
