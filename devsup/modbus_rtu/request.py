"""One Modbus question, how its answer is found among what was heard, and what it was if there is none.

Knows frames; must not know functions beyond their numbers, a line, or a clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from devsup.errors import ChecksumError, DeviceError, DeviceFault, FramingError, IdentityError, NoReply
from devsup.modbus_rtu.frames import (
    CRC_SIZE,
    REFUSAL,
    REFUSAL_SIZE,
    exception_text,
    is_whole,
    whole_frames,
)

T = TypeVar("T")
SILENT_TARGET = 0x0B  # exception of a gateway whose instrument does not answer


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """`frame` goes out; the answer begins with `head` and is `size` bytes long, CRC included.

    `read` takes the data of the answer (behind the function code). Answers to requests that agree
    in `head` cannot be told apart.
    """

    frame: bytes
    head: bytes
    size: int
    read: Callable[[bytes], T]

    @property
    def unit(self) -> int:
        return self.frame[0]

    @property
    def function(self) -> int:
        return self.frame[1]

    def find(self, heard: bytes) -> slice | None:
        """Where in `heard` the first whole answer is, an exception included."""
        for at in range(len(heard) - REFUSAL_SIZE + 1):
            if heard[at] == self.unit:
                size = REFUSAL_SIZE if heard[at + 1] == self.function | REFUSAL else self.size
                frame = heard[at : at + size]
                if (size == REFUSAL_SIZE or self._fits(frame)) and is_whole(frame):
                    return slice(at, at + size)
        return None

    def value(self, answer: bytes) -> T:
        """What a whole answer says. Raises DeviceError for an exception (NoReply, if a gateway says so)."""
        if answer[1] == self.function:
            return self.read(answer[2:-CRC_SIZE])
        code = answer[2]
        text = f"unit {self.unit}: {exception_text(code)} to function {self.function}"
        raise NoReply(text) if code == SILENT_TARGET else DeviceError(text, code)

    def is_damaged(self, heard: bytes) -> bool:
        """Is the answer there in its full length, but not as it was sent?"""
        return any(self._fits(heard[at : at + self.size]) for at in range(len(heard) - self.size + 1))

    def fault(self, heard: bytes) -> DeviceFault:
        """What `heard` is, in which there is no answer."""
        who = f"unit {self.unit}"
        if not heard:
            return NoReply(f"{who}: no reply to function {self.function}")
        if self.is_damaged(heard):
            return ChecksumError(f"{who}: CRC of a reply to function {self.function} is wrong")
        if strangers := whole_frames(heard):
            other = strangers[-1]
            return IdentityError(
                f"{who} function {self.function}, {self.size} bytes expected:"
                f" answer from unit {other[0]} function {other[1]}, {len(other)} bytes"
            )
        return FramingError(f"{who}: {len(heard)} bytes are no reply of {self.size} bytes")

    def _fits(self, frame: bytes) -> bool:
        return len(frame) == self.size and frame.startswith(self.head)
