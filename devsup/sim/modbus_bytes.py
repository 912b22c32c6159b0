"""Modbus RTU frames as an instrument sees them: what lies between two silences, if its CRC fits.

Independent of `devsup.modbus_rtu` on purpose. Damaged requests vanish, as at an instrument that does
not understand.
"""

POLYNOMIAL, START = 0xA001, 0xFFFF
SHORTEST, LONGEST = 4, 256
SILENCE_BITS = 3.5 * 11  # of t3.5; above FAST a fixed time
FAST, FAST_SILENCE_S = 19200.0, 0.00175
UNPACED_SILENCE_S = 0.05


def crc(data: bytes) -> bytes:
    """Both bytes as they go on the wire."""
    rest = START
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (POLYNOMIAL if rest & 1 else 0)
    return bytes((rest & 0xFF, rest >> 8))


def sealed(body: bytes) -> bytes:
    """A frame: unit, function and data, closed by their CRC."""
    return body + crc(body)


def opened(frame: bytes) -> bytes | None:
    """Unit, function and data of a frame whose CRC fits."""
    if not SHORTEST <= len(frame) <= LONGEST or crc(frame[:-2]) != frame[-2:]:
        return None
    return frame[:-2]


def silence_s(baudrate: float | None) -> float:
    """What separates two frames; generous on a line that has no pace."""
    if not baudrate:
        return UNPACED_SILENCE_S
    return FAST_SILENCE_S if baudrate > FAST else SILENCE_BITS / baudrate


class Receiver:
    """Takes bytes with the time at which the last of them has crossed; gives whole requests."""

    def __init__(self, baudrate: float | None) -> None:
        self.byte_s = 10.0 / baudrate if baudrate else 0.0
        self.silence_s = silence_s(baudrate)
        self._heard = b""
        self._end = float("-inf")

    def feed(self, data: bytes, now: float) -> bytes | None:
        """Unit, function and data of the request that `data` completes."""
        began = now - len(data) * self.byte_s
        if began - self._end >= self.silence_s:
            self._heard = b""
        self._heard = (self._heard + data)[: LONGEST + 1]
        self._end = now
        request = opened(self._heard)
        if request is not None:
            self._heard = b""
        return request
