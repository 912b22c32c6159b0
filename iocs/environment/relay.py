"""One relay behind its PVs: shows itself, and takes the operator's command in MANUAL."""

from devsup.errors import DeviceFault
from iocs.caserver import Refused
from iocs.environment.control import Control
from iocs.environment.display import RelayDisplay
from iocs.environment.logic import Relay
from iocs.environment.pvs import FollowingRelayPVs


class RelayGroup(RelayDisplay):
    """`$(P)Light:` and, below, the others."""

    control: Control

    def __init__(self, prefix: str, relay: Relay) -> None:
        super().__init__(f"{prefix}{relay.value}:")
        self.relay = relay
        self.last_change.set_ok("")

    async def put_command(self, value: int) -> None:
        """Done when the contact is as wanted. Off is not refused, but may wait for the minimum time."""
        control, on = self.control, bool(value)
        if refusal := control.refuse(self.relay, on):
            raise Refused(refusal)
        before = control.facts.commands.get(self.relay, False)
        control.facts.commands[self.relay] = on
        try:
            await control.act()
        except DeviceFault as fault:
            control.facts.commands[self.relay] = before
            raise Refused(str(fault)) from fault

    def show_command(self) -> None:
        """What the operator wants of it."""
        self.command.set_ok(int(self.control.facts.commands.get(self.relay, False)))


class FollowingRelayGroup(RelayGroup, FollowingRelayPVs):
    """A relay that follows a sensor."""
