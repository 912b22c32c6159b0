"""The PV groups of the chamber and what connects them: readings to control, decisions to displays.

Knows who tells whom; opens nothing and decides nothing.
"""

import logging
import time
from collections.abc import Callable, Sequence

from devsup.relays import RelayBank
from devsup.sensors import Feed, Quantity
from iocs.common.group import Group
from iocs.common.guard import Guard
from iocs.common.interlock import Interlocks
from iocs.common.interlock import Sample as InterlockSample
from iocs.common.memory import Memory
from iocs.environment.chamber import Chamber
from iocs.environment.config import Backend, EnvironmentConfig
from iocs.environment.control import Control, Facts, Watchers
from iocs.environment.display import ValueGroup, show_guard, show_light
from iocs.environment.history import Action
from iocs.environment.light import LightGroup
from iocs.environment.logic import Decision, Mode, Readings, Relay, Settings, State
from iocs.environment.parameters import Parameters
from iocs.environment.pvs import BankPVs, GuardPVs, LimitPVs
from iocs.environment.relay import FollowingRelayGroup, RelayGroup
from iocs.environment.sensors import SensorGroup

T, RH, PPM, LUX = Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.CO2, Quantity.LIGHT
NAMES = {"temperature": T, "humidity": RH, "co2": PPM, "light": LUX}

log = logging.getLogger("environment")


class Assembly:
    """Everything of the chamber that has PVs."""

    def __init__(
        self, prefix: str, config: EnvironmentConfig, bank: RelayBank, feeds: Sequence[Feed], guard: Guard,
        memory: Memory,
    ) -> None:  # fmt: skip
        self._memory = memory
        self._bank = bank
        self._values = {value.quantity: ValueGroup(prefix, value) for value in config.values}
        self._relays = {relay: _relay_group(prefix, relay) for relay in config.relays.places}
        self._light = LightGroup(prefix, memory, config.anchor)
        self._guard_pvs = GuardPVs(f"{prefix}CondensationGuard:")
        self._bank_pvs = BankPVs(f"{prefix}RELAYS:")
        limits = LimitPVs(prefix)
        self.plant = Chamber(prefix, guard, list(self._relays))
        self.parameters = Parameters(
            self.plant, limits, self._guard_pvs, self._light, self._relays, config.settings
        )
        facts = Facts(self._readings, lambda: self.plant.now_mode, self.plant.blocks)
        self.control = Control(bank, guard, self.parameters, facts, memory)
        self.interlocks = self._make_interlocks(prefix, config)
        values = list(self._values.values())
        self.sensors = [
            SensorGroup(prefix, sensor, feed, values, self._news)
            for sensor, feed in zip(config.sensors, feeds, strict=True)
        ]
        self.groups: list[Group] = [
            self.plant, limits, *values, *self._relays.values(), self._light, self._guard_pvs,
            *self.sensors, self._bank_pvs, *self.interlocks.groups,
        ]  # fmt: skip
        self._connect(config, guard)

    def _connect(self, config: EnvironmentConfig, guard: Guard) -> None:
        plant, control = self.plant, self.control
        plant.control, plant.interlocks = control, self.interlocks
        plant.show_commands = self._show_commands
        self._light.control = control
        for group in self._relays.values():
            group.control = control
        self.parameters.on_change = control.hurry
        control.watchers = Watchers(self._done, self._decided, plant.say)
        guard.confirmed[self._bank.name] = lambda _: control.all_open()
        self._bank_pvs.backend.set_ok(config.relays.backend.value)
        dry = config.relays.backend is Backend.SIMULATED
        plant.simulation.set_ok(1 if dry else 0)

    def _make_interlocks(self, prefix: str, config: EnvironmentConfig) -> Interlocks:
        quantities = {name: self._sampler(quantity) for name, quantity in NAMES.items()}
        plant = self.plant
        return Interlocks(prefix, config.interlocks, quantities, plant.interlock_tripped, plant.say)

    # -- the start and the end ----------------------------------------------------------------

    def begin(self) -> None:
        """Saved PVs and memory are there: take them over. A stop that was latched stays so."""
        if problem := self.parameters.mend():
            log.warning("%s", problem)
            self.plant.say(problem)
        file = self._memory.beside
        history = file.with_name(f"{file.name}-history.jsonl") if file else None
        self.plant.history.open(history, time.time())
        self.plant.show_history()
        self.interlocks.restore()
        self.control.begin(self._light.begin())
        for relay, group in self._relays.items():
            group.life = self.control.lives[relay]
        if self.plant.latched:
            self.plant.mode.set_ok(int(Mode.SAFETY))
        self._show_commands()

    def remember(self) -> None:
        """The last things before the end."""
        self.control.remember()
        self._light.remember()

    # -- who tells whom -----------------------------------------------------------------------

    def _readings(self) -> Readings:
        values = self._values
        return Readings(*(values[what].measured for what in (T, RH, PPM, LUX)))

    def _news(self) -> None:
        self.interlocks.look()
        self.control.hurry()

    def _sampler(self, quantity: Quantity) -> Callable[[float], InterlockSample]:
        group = self._values[quantity]

        def sample(now: float) -> InterlockSample:
            measured = group.measured
            if measured.at is None:
                return InterlockSample(problem=measured.problem)
            return InterlockSample(measured.at, measured.value)

        return sample

    def _show_commands(self) -> None:
        for group in self._relays.values():
            group.show_command()

    def _done(self, action: Action) -> None:
        self.plant.done(action)
        self._relays[Relay(action.relay)].show_change(action.time)

    def _decided(self, state: State, decision: Decision, settings: Settings, now: float) -> None:
        """A turn is over: show all of it."""
        wall, health = time.time(), self._bank.health
        for relay, group in self._relays.items():
            contact, order = state.contacts[relay], decision.orders[relay]
            group.show_order(contact, order, settings.relays[relay], settings.window_s, now)
            if not health.lost:
                group.show_contact(contact, order, now)
            else:
                group.set_invalid()
        show_light(self._light, state, decision, wall)
        show_guard(self._guard_pvs, state, now)
        for value in self._values.values():
            value.show_age(state.started, now)
        self._bank_pvs.show_link(health, sees=not health.lost)
        self._bank_pvs.retries.set_ok(self.control.repeats)
        self.plant.decisions.set_ok(self.control.decisions)
        self.plant.decision_time.set_ok(1e6 * self.control.thought_s)
        self._light.remember()  # written when it has moved


def _relay_group(prefix: str, relay: Relay) -> RelayGroup:
    return RelayGroup(prefix, relay) if relay is Relay.LIGHT else FollowingRelayGroup(prefix, relay)
