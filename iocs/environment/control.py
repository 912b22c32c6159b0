"""Control of the chamber: contacts read, a decision taken, orders carried out, second by second.

Thin: logic decides, the bank switches, display.py shows. Knows when; why is logic's affair.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from devsup.errors import DeviceFault, LineLost
from devsup.relays import RelayBank
from devsup.relays.bank import Contacts
from iocs.common.guard import Guard
from iocs.common.memory import Memory
from iocs.environment import logic, remembered
from iocs.environment.history import Action
from iocs.environment.logic import Blocks, Decision, Mode, Relay, Seen, Settings, State
from iocs.environment.parameters import Parameters

Wanted = Mapping[Relay, bool]
OUTSIDE = "not ordered: the contact changed by itself"


@dataclass(slots=True)
class Watchers:
    """Who is told: of actions, of a decision that was carried out, of an alert, of what went wrong."""

    action: Callable[[Action], None]
    decided: Callable[[State, Decision, Settings, float], None]
    say: Callable[[str], None]


@dataclass(slots=True)
class Facts:
    """What the rest of the IOC tells control. `blocks` gives what keeps relays off, now."""

    readings: Callable[[], logic.Readings]
    mode: Callable[[], Mode]
    blocks: Callable[[], Blocks]
    commands: dict[Relay, bool] = field(default_factory=dict)


class Control:
    """The loop, and the state between its turns. One turn at a time."""

    def __init__(
        self, bank: RelayBank, guard: Guard, parameters: Parameters, facts: Facts, memory: Memory
    ) -> None:
        self.bank = bank
        self.facts = facts
        self.decisions = 0
        self.thought_s = 0.0
        self.repeats = 0
        self.lives: dict[Relay, remembered.Life] = {}
        self.watchers: Watchers
        self._guard = guard
        self._parameters = parameters
        self._memory = memory
        self._relays = [Relay(name) for name in bank.relays]
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()
        self._ordered_at = self._noted_at = 0.0
        self.orders: Mapping[Relay, logic.Order] = {}  # of the last decision
        self._log = logging.getLogger("environment.control")
        self.state: State

    def begin(self, anchor: float) -> None:
        """Take over what is remembered. Every contact counts as open."""
        now, wall = time.monotonic(), time.time()
        contacts = remembered.restore_contacts(self._memory, self._relays, now, wall)
        self.lives = remembered.restore_lives(self._memory, self._relays)
        self.state = logic.begin(contacts, now, anchor)
        self._note(now)

    async def run(self, period_s: float) -> None:
        """Decide, period by period and whenever there is news, for ever."""
        while True:
            self._news.clear()
            try:
                await self.act()
            except DeviceFault as fault:
                self._log.debug("%s", fault)  # shown by the bank's own PVs, logged when its state changes
            try:
                async with asyncio.timeout(period_s):
                    await self._news.wait()
            except TimeoutError:
                pass

    def hurry(self) -> None:
        """There is news: decide at once."""
        self._news.set()

    async def act(self) -> None:
        """One turn. Raises DeviceFault when the contacts could not be read or do not follow."""
        async with self._lock:
            if self._guard.must_act(self.bank, at_rest=True):
                await self._guard.pay(self.bank)
            problem = await self._look()
            decision, settings = self._decide()
            problem = await self._carry_out(decision) or problem
            now = time.monotonic()
            self.watchers.decided(self.state, decision, settings, now)
            self._note_life(now)
        if problem is not None:
            raise problem

    def refuse(self, relay: Relay, on: bool) -> str:
        """Why a relay would not do this now; empty if it would."""
        now = time.monotonic()
        return logic.refuse_command(self.state, self._seen(), self._parameters.settings(), relay, on, now)

    def set_anchor(self, anchor: float) -> None:
        """A time on of the light began at this moment (UNIX seconds)."""
        self.state = replace(self.state, light=replace(self.state.light, anchor=anchor))
        self.hurry()

    def reset_failures(self) -> None:
        """The light's failed verifications are counted anew."""
        self.state = replace(self.state, light=replace(self.state.light, failures=0))
        self.hurry()

    def all_open(self) -> None:
        """The bank has confirmed that every relay is off."""
        decision, settings = self._decide()  # whoever is told of it wants to know why
        now = time.monotonic()
        self._book(dict.fromkeys(self._relays, False), now)
        self.watchers.decided(self.state, decision, settings, now)

    def remember(self) -> None:
        """Note how everything stands, now."""
        self._note(time.monotonic())

    # -- steps of a turn ----------------------------------------------------------------------

    def _seen(self) -> Seen:
        facts = self.facts
        return Seen(facts.readings(), facts.mode(), facts.commands, facts.blocks(), time.time())

    def _decide(self) -> tuple[Decision, Settings]:
        settings, started = self._parameters.settings(), time.perf_counter()
        self.state, decision = logic.step(self.state, self._seen(), settings, time.monotonic())
        self.thought_s = time.perf_counter() - started
        self.decisions += 1
        self.orders = decision.orders
        if decision.alert:
            self._log.warning("%s", decision.alert)
            self.watchers.say(decision.alert)
        return decision, settings

    async def _look(self) -> DeviceFault | None:
        """What do the contacts do? One that is silent is asked as often as its line can afford."""
        health = self.bank.health
        if health.lost and not health.due(time.monotonic()):
            return LineLost(f"{self.bank.name} do not answer: {health.last_error}")
        return await self._attempt(self.bank.read())

    async def _carry_out(self, decision: Decision) -> DeviceFault | None:
        """Switch what is not as it should be; renew what lets go by itself."""
        wanted = {relay: order.on for relay, order in decision.orders.items()}
        differs = any(self.state.contacts[relay].on is not on for relay, on in wanted.items())
        refresh_s, now = self.bank.refresh_s, time.monotonic()
        due = refresh_s is not None and now - self._ordered_at >= refresh_s and any(wanted.values())
        if self.bank.health.lost or not (differs or due):
            return None
        self._ordered_at = now
        return await self._attempt(self.bank.set({relay.value: on for relay, on in wanted.items()}))

    async def _attempt(self, work: Awaitable[Contacts]) -> DeviceFault | None:
        """Do something with the bank and book what its contacts do. Returns what went wrong."""
        try:
            contacts = await work
        except DeviceFault as fault:
            self.repeats += 1
            return fault
        self._book({Relay(name): on for name, on in contacts.items()}, time.monotonic())
        return None

    def _book(self, contacts: Wanted, now: float) -> None:
        """Contacts are like this now: count, and tell of every one that changed."""
        before = self.state.contacts
        self.state = logic.book(self.state, contacts, now)
        changed = [relay for relay in self._relays if self.state.contacts[relay] is not before[relay]]
        for relay in changed:
            on, life = self.state.contacts[relay].on, self.lives[relay]
            life.switches += on
            life.on_s += 0.0 if on else now - before[relay].changed_at
            self._tell(relay, on)
        if changed:
            self._note(now)

    def _tell(self, relay: Relay, on: bool) -> None:
        order = self.orders.get(relay)
        expected = order is not None and order.on is on
        text = order.reason.text if order is not None and expected else OUTSIDE
        code = int(order.reason.code) if order is not None else 0
        self._log.info("%s %s: %s", relay.value, "on" if on else "off", text)
        self.watchers.action(Action(time.time(), relay.value, on, code, text))

    # -- memory -------------------------------------------------------------------------------

    def _note_life(self, now: float) -> None:
        """While something is on, note now and then that we are alive."""
        is_on = any(contact.on for contact in self.state.contacts.values())
        if is_on and now - self._noted_at >= remembered.ALIVE_S:
            self._note(now)

    def _note(self, now: float) -> None:
        self._noted_at = now
        remembered.remember(self._memory, self.state.contacts, self.lives, now, time.time())
