"""Parameters as PVs: what the file says at first, what is refused, and what a start mends."""

from dataclasses import replace

import pytest

from iocs.caserver import Refused
from iocs.common.guard import Guard
from iocs.environment.chamber import Chamber
from iocs.environment.logic import Limits, OnLoss, Relay, RelaySettings, Settings
from iocs.environment.logic.settings import default_relays
from iocs.environment.parameters import Parameters
from iocs.environment.pvs import FollowingRelayPVs, GuardPVs, LightPVs, LimitPVs, RelayPVs

START = Settings(
    limits=Limits(temperature_min=17.0, co2_max=900.0),
    relays={**default_relays(), Relay.FAN: RelaySettings(0.5, 20.0, OnLoss.HOLD)},
    window_s=3600.0,
)


class Panel:
    """Parameters with their groups."""

    def __init__(self) -> None:
        self.chamber = Chamber("X:", Guard([]), list(Relay))
        self.limits = LimitPVs("X:")
        self.light = LightPVs("X:Light:")
        relays: dict[Relay, RelayPVs] = {relay: FollowingRelayPVs(f"X:{relay.value}:") for relay in Relay}
        relays[Relay.LIGHT] = RelayPVs("X:Lamp:")
        guard = GuardPVs("X:CondensationGuard:")
        self.parameters = Parameters(self.chamber, self.limits, guard, self.light, relays, START)
        self.told = 0
        self.parameters.on_change = self.tell

    def tell(self) -> None:
        self.told += 1


def test_what_the_file_says_is_what_the_records_say() -> None:
    assert Panel().parameters.settings() == START


async def test_a_put_is_checked_with_all_the_others() -> None:
    panel = Panel()
    record = panel.limits.temperature_max
    assert record.putter is not None
    with pytest.raises(Refused, match="minimum 17 is not below maximum 16"):
        await record.putter(16.0)
    assert panel.told == 0
    await record.putter(26.0)
    assert panel.told == 1


def test_saved_settings_that_contradict_themselves_give_way_to_the_file() -> None:
    panel = Panel()
    assert panel.parameters.mend() == ""
    panel.limits.temperature_min.set_ok(23.0)
    assert "those of the file hold" in panel.parameters.mend()
    assert panel.parameters.settings() == START


def test_settings_are_read_where_they_are_used() -> None:
    panel = Panel()
    panel.limits.co2_max.set_ok(800.0)
    changed = panel.parameters.settings()
    assert changed == replace(START, limits=replace(START.limits, co2_max=800.0))
