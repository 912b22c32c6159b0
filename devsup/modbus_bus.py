"""Modbus RTU on a port: one question, the one answer to it, everything else turned away.

Knows frames and the line they travel on; knows nothing of what a register means.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from devsup import modbus_rtu
from devsup.errors import ChecksumError, DeviceError, DeviceFault, IdentityError
from devsup.line import Line, LineSettings
from devsup.modbus_debts import LateAnswers
from devsup.modbus_rtu import Request
from devsup.port import Port

T = TypeVar("T")
Build = Callable[[int, int, int], Request[T]]  # of unit, address and count

# Between two frames (Modbus over serial line V1.02, 2.5.1.1): in characters of so many bits,
SILENCE_CHARACTERS, BITS = 3.5, 11
FAST_BAUD, FAST_SILENCE_S = 19200, 0.00175  # but a fixed time above this rate.
_QUIET_S = 0.02  # after an answer that is all there but damaged
_FLOOD_S = 0.1  # bytes that keep coming are not listened to for longer than this beyond the deadline


def silence_s(settings: LineSettings) -> float:
    """The silence that separates two frames (t3.5)."""
    if settings.baudrate > FAST_BAUD:
        return FAST_SILENCE_S
    return SILENCE_CHARACTERS * BITS / settings.baudrate


class ModbusBus:
    """The Modbus conversation of one line; one per port. All but the constructor runs inside a transaction
    of the port.

    Reads and writes raise NoReply, FramingError, ChecksumError or IdentityError when no valid answer came in
    time, DeviceError when the unit refused (`status` is the exception code), ValueError for what does not
    fit in a frame. An acknowledged write says that the unit understood; only reading back says what it did.

    `gap_s`: silence before each request; t3.5 by default. `longest_reply_s`: how late an answer may still
    come; by default the response time-out of the port. `hears_itself`: a two-wire adapter that returns what
    it sends (an answer to a write looks just like that).
    """

    def __init__(
        self,
        port: Port,
        *,
        gap_s: float | None = None,
        longest_reply_s: float | None = None,
        hears_itself: bool = False,
    ) -> None:
        self.port = port
        self.gap_s = silence_s(port.settings) if gap_s is None else gap_s
        self.longest_reply_s = port.manners.response_timeout_s if longest_reply_s is None else longest_reply_s
        self.hears_itself = hears_itself
        self.catch_ups = 0  # questions asked only to be sure that nothing old can come
        self._byte_s = port.settings.bits_per_byte / port.settings.baudrate
        self._late = LateAnswers()

    # -- reading ------------------------------------------------------------------------------

    def read_holding(
        self, line: Line, deadline: float, unit: int, address: int, count: int
    ) -> tuple[int, ...]:
        """`count` holding registers from `address` on."""
        return self._read(line, deadline, modbus_rtu.read_holding, unit, address, count)

    def read_input(self, line: Line, deadline: float, unit: int, address: int, count: int) -> tuple[int, ...]:
        """`count` input registers from `address` on."""
        return self._read(line, deadline, modbus_rtu.read_input, unit, address, count)

    def read_coils(
        self, line: Line, deadline: float, unit: int, address: int, count: int
    ) -> tuple[bool, ...]:
        """`count` coils from `address` on."""
        return self._read(line, deadline, modbus_rtu.read_coils, unit, address, count)

    def read_discrete_inputs(
        self, line: Line, deadline: float, unit: int, address: int, count: int
    ) -> tuple[bool, ...]:
        """`count` discrete inputs from `address` on."""
        return self._read(line, deadline, modbus_rtu.read_discrete_inputs, unit, address, count)

    # -- writing ------------------------------------------------------------------------------

    def write_register(self, line: Line, deadline: float, unit: int, address: int, value: int) -> None:
        """One holding register; the answer must repeat address and value."""
        self.exchange(line, deadline, modbus_rtu.write_register(unit, address, value))

    def write_registers(
        self, line: Line, deadline: float, unit: int, address: int, values: Sequence[int]
    ) -> None:
        """Holding registers from `address` on, at once; the answer must repeat address and count."""
        self.exchange(line, deadline, modbus_rtu.write_registers(unit, address, values))

    def write_coil(self, line: Line, deadline: float, unit: int, address: int, on: bool) -> None:
        """One coil; the answer must repeat address and state."""
        self.exchange(line, deadline, modbus_rtu.write_coil(unit, address, on))

    def write_coil_value(self, line: Line, deadline: float, unit: int, address: int, value: int) -> None:
        """One coil with a value of the maker's own (toggle, flash). Its order must have `retries=0` if the
        effect depends on the state before."""
        self.exchange(line, deadline, modbus_rtu.write_coil_value(unit, address, value))

    def write_coils(
        self, line: Line, deadline: float, unit: int, address: int, states: Sequence[bool]
    ) -> None:
        """Coils from `address` on, at once; the answer must repeat address and count."""
        self.exchange(line, deadline, modbus_rtu.write_coils(unit, address, states))

    # -- one exchange -------------------------------------------------------------------------

    def exchange(self, line: Line, deadline: float, request: Request[T]) -> T:
        """Ask, and return what the one valid answer says. The time the bytes themselves take on the wire
        comes on top of the deadline."""
        self._await_silence(line)
        wire_s = (len(request.frame) + request.size) * self._byte_s
        deadline = line.renewed(deadline) + wire_s
        line.send(request.frame)
        heard, place = self._listen(line, deadline, request)
        if place is None:
            raise self._missed(line, request, heard)
        answer, others = heard[place], (heard[: place.start], heard[place.stop :])
        line.strays += sum(len(modbus_rtu.whole_frames(data)) for data in others if data)
        self._late.answered(request, line.sent_at, refused=answer[1] != request.function)
        return request.value(answer)

    def _missed(self, line: Line, request: Request[T], heard: bytes) -> DeviceFault:
        """Why there is no answer. One that came damaged will not come again."""
        fault = request.fault(heard)
        if isinstance(fault, IdentityError):
            line.strays += len(modbus_rtu.whole_frames(heard))
        if not isinstance(fault, ChecksumError):
            self._late.missed(request, line.sent_at)
        return fault

    def _await_silence(self, line: Line) -> None:
        """Keep the gap between frames. What comes meanwhile is nobody's answer; a line that never falls
        silent is not waited for."""
        limit = time.monotonic() + _FLOOD_S
        line.strays += bool(line.flush())
        while line.heard_at + self.gap_s > time.monotonic() < limit:
            line.rest(line.heard_at + self.gap_s)
            line.strays += bool(line.flush())

    def _listen(self, line: Line, deadline: float, request: Request[T]) -> tuple[bytes, slice | None]:
        """Everything that was heard until the answer was among it, and where that is; or until none could be
        expected any more."""
        heard = answers = b""
        while time.monotonic() < deadline + _FLOOD_S and (chunk := line.receive(deadline)):
            heard += chunk
            answers = self._without_echo(request, heard)
            if place := request.find(answers):
                return answers, place
            if request.is_damaged(answers):
                deadline = min(deadline, time.monotonic() + _QUIET_S)
        return answers, None

    def _without_echo(self, request: Request[T], heard: bytes) -> bytes:
        return heard.partition(request.frame)[2] if self.hears_itself else heard

    # -- late answers -------------------------------------------------------------------------

    def _read(self, line: Line, deadline: float, build: Build[T], unit: int, address: int, count: int) -> T:
        """Ask for `count` values, once it is certain that no late answer can be taken for theirs."""
        request = build(unit, address, count)
        if self._late.passes_for(request):
            self.catch_ups += 1
            fewer = (build(unit, address, some) for some in range(1, count))
            other = next((one for one in fewer if not self._late.passes_for(one)), None)
            if other is None:
                self._outwait(line, request)
            else:
                self._ask_besides(line, deadline, other)
        return self.exchange(line, deadline, request)

    def _ask_besides(self, line: Line, deadline: float, other: Request[T]) -> None:
        """Units answer in turn: once this is answered, be it refused, nothing older can come."""
        with suppress(DeviceError):
            self.exchange(line, deadline, other)

    def _outwait(self, line: Line, request: Request[T]) -> None:
        """No question of this size is answered differently: listen until a late one has come or cannot."""
        until, heard = self._late.asked_at(request) + self.longest_reply_s, b""
        while time.monotonic() < until and not request.find(heard):
            heard += line.receive(until)
        line.strays += bool(heard)
        self._late.settle(request.unit)
