"""The client of recsync: tells ChannelFinder, through a RecCeiver, which records this IOC serves.

`wire` is the protocol, `entries` what is told, `client` the conversation and its PVs.
"""

from iocs.common.recsync.client import RecSync
from iocs.common.recsync.wire import ANNOUNCEMENT_PORT

__all__ = ["ANNOUNCEMENT_PORT", "RecSync"]
