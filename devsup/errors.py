"""Everything that can go wrong between an order and an instrument, as types.

`kind` is the counter under which a failure is booked; `recoverable` says whether
trying again can help. Nothing here knows a protocol or a port.
"""


class DeviceFault(Exception):
    """Base of all failures of a transaction."""

    kind = "other"
    recoverable = False


class NoReply(DeviceFault):
    """Nothing that could be a reply arrived before the deadline."""

    kind = "timeout"
    recoverable = True


class FramingError(DeviceFault):
    """Bytes arrived that are not a whole frame: noise, truncation, wrong length."""

    kind = "framing"
    recoverable = True


class IdentityError(DeviceFault):
    """A whole frame arrived that answers another request: node, sequence, index or size differ."""

    kind = "identity"
    recoverable = True


class ChecksumError(DeviceFault):
    """A frame arrived whose checksum is wrong."""

    kind = "checksum"
    recoverable = True


class DeviceError(DeviceFault):
    """The instrument answered that it will not or cannot. `status` is its own code."""

    kind = "device"

    def __init__(self, message: str, status: int = -1) -> None:
        super().__init__(message)
        self.status = status


class Implausible(DeviceFault):
    """A well-formed value that the instrument cannot mean, or that a second reading did not confirm."""

    kind = "implausible"
    recoverable = True


class LineLost(DeviceFault):
    """The port itself failed: unplugged, hung up, refused, not open yet."""

    kind = "io"
    recoverable = True


class Overruled(DeviceFault):
    """A queued order was dropped because one of higher priority for the same thing came first."""

    kind = "overruled"


class GaveWay(Exception):
    """Between two questions, a transaction made room for a more urgent order; it will be begun anew."""


class PortInUse(OSError):
    """The line is already claimed, by this process or another."""
