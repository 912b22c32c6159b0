"""One decision of the chamber, read top to bottom: what is known, what is wished for, what is ordered.

`step` is the whole of it; `book` takes note of what the contacts do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from iocs.environment.logic import condensation, demand, duty, light
from iocs.environment.logic.condensation import Guard
from iocs.environment.logic.gate import Blocks, Contact, Order, blocked, gate
from iocs.environment.logic.known import Known, Readings, is_lost, known
from iocs.environment.logic.light import Light
from iocs.environment.logic.settings import RelaySettings, Settings
from iocs.environment.logic.words import Code, Mode, OnLoss, Relay, Wish, seconds, wish

WITH_HEATER = (Code.CO2_HIGH, Code.CONDENSATION, Code.MANUAL)
"""For these reasons the fan may run while the heater does."""


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered from one decision to the next. `started`: when the IOC was."""

    contacts: Mapping[Relay, Contact]
    started: float
    guard: Guard = Guard()
    light: Light = Light()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a decision is made on. `commands`: of the operator; `wall`: the wall clock."""

    readings: Readings = Readings()
    mode: Mode = Mode.AUTOMATIC
    commands: Mapping[Relay, bool] = field(default_factory=dict)
    blocks: Blocks = Blocks()
    wall: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """Orders for every relay. `light_left_s`: until the schedule wants a change; `alert`: the light is not
    as it should be, newly enough to report it."""

    orders: Mapping[Relay, Order]
    light_left_s: float = float("inf")
    alert: str = ""


@dataclass(frozen=True, slots=True)
class Air:
    """The three quantities that relays follow, as far as they are known."""

    temperature: Known
    humidity: Known
    co2: Known

    def of(self, relay: Relay) -> tuple[Known, ...]:
        """What a relay follows."""
        if relay is Relay.FAN:
            return self.temperature, self.co2
        if relay is Relay.MIST:
            return (self.humidity,)
        return (self.temperature,) if relay is Relay.HEATER else ()


def begin(contacts: Mapping[Relay, Contact], now: float, anchor: float = 0.0) -> State:
    """At the start of the IOC: contacts with what is remembered of them, every one open."""
    return State(contacts, now, light=light.changed(Light(anchor=anchor), now))


def step(state: State, seen: Seen, settings: Settings, now: float) -> tuple[State, Decision]:
    """Decide for every relay there is."""
    air = _air(state, seen.readings, settings, now)
    guard = condensation.step(state.guard, air.humidity, settings.guard, now)
    lamp = light.follow_clock(state.light, seen.wall, state.started, now)
    scheduled, light_left_s = light.schedule(lamp, settings.light, now)
    lamp, alert = _look_at_light(state, lamp, seen, settings, now)
    state = State(state.contacts, state.started, guard, lamp)
    waits = not seen.readings.complete and now - state.started <= settings.lost_after_s
    wishes = _wishes(state, seen, settings, air, scheduled)
    orders = {}
    for relay, how in settings.relays.items():
        contact = state.contacts[relay]
        wanted, forced = wishes[relay], _forced(relay, state, seen, settings, air, waits)
        if forced is None:
            wanted, forced = _on_loss(contact, wanted, how, air.of(relay), seen.mode, settings.lost_after_s)
        orders[relay] = gate(contact, wanted, forced, how, settings.window_s, now)
    return state, Decision(orders, light_left_s, alert)


def book(state: State, contacts: Mapping[Relay, bool], now: float) -> State:
    """The contacts are like this now. Times and duty are counted from what they do, whoever switched them."""
    changed = {relay: on for relay, on in contacts.items() if state.contacts[relay].on is not on}
    if not changed:
        return state
    news = {
        relay: Contact(on, now, duty.switched(state.contacts[relay].duty, on, now))
        for relay, on in changed.items()
    }
    lamp = light.changed(state.light, now) if Relay.LIGHT in news else state.light
    return replace(state, contacts={**state.contacts, **news}, light=lamp)


# -- steps of a step -------------------------------------------------------------------------------


def _air(state: State, readings: Readings, settings: Settings, now: float) -> Air:
    after_s, since = settings.lost_after_s, state.started
    return Air(
        known("temperature", readings.temperature, after_s, since, now),
        known("humidity", readings.humidity, after_s, since, now),
        known("CO2", readings.co2, after_s, since, now),
    )


def _look_at_light(
    state: State, lamp: Light, seen: Seen, settings: Settings, now: float
) -> tuple[Light, str]:
    if Relay.LIGHT not in settings.relays:
        return lamp, ""
    on = state.contacts[Relay.LIGHT].on
    level, lost_after_s = seen.readings.light, settings.lost_after_s
    lamp, report = light.verify(lamp, on, level, lost_after_s, settings.light, now)
    return lamp, lamp.problem if report else ""


def _wishes(state: State, seen: Seen, settings: Settings, air: Air, scheduled: Wish) -> dict[Relay, Wish]:
    """What the operator, the air or the schedule wants; fan and heater do not work against each other."""
    if seen.mode is Mode.MANUAL:
        wishes = {relay: _command(relay, seen, settings, air) for relay in settings.relays}
    else:
        wishes = {relay: _automatic(relay, state, settings, air, scheduled) for relay in settings.relays}
    if Relay.HEATER in wishes:
        _exclude(wishes, state, condensation.fan(state.guard, air.humidity, settings.guard))
    return wishes


def _automatic(relay: Relay, state: State, settings: Settings, air: Air, scheduled: Wish) -> Wish:
    on = state.contacts[relay].on
    if relay is Relay.FAN:
        return demand.fan(on, air.temperature, air.co2, settings.limits)
    if relay is Relay.MIST:
        return demand.mist(on, air.humidity, settings.limits)
    if relay is Relay.HEATER:
        return demand.heater(on, air.temperature, settings.limits)
    return scheduled


def _command(relay: Relay, seen: Seen, settings: Settings, air: Air) -> Wish:
    """The operator's; a heater is not run where it is too warm already."""
    on, t = seen.commands.get(relay, False), air.temperature.value
    if relay is Relay.HEATER and on and t is not None and t >= (top := settings.limits.temperature_max):
        return wish(False, Code.TOO_WARM, f"temperature {t:.1f} degC >= {top:g}: no heating")
    return wish(on, Code.MANUAL, f"manual {'on' if on else 'off'}")


def _exclude(wishes: dict[Relay, Wish], state: State, guard: Wish | None) -> None:
    """Cooling by the fan and heating never run together: who is still on has to be off first."""
    fan, heater = guard or wishes[Relay.FAN], wishes[Relay.HEATER]
    fan_is_on, heater_is_on = state.contacts[Relay.FAN].on, state.contacts[Relay.HEATER].on
    fan_for_other = fan.on and fan.reason.code in WITH_HEATER
    if heater.on and not heater_is_on and (fan_is_on or fan.on) and not fan_for_other:
        wishes[Relay.HEATER] = wish(False, Code.EXCLUDED, f"waits for the fan; wants {heater.reason.text}")
    elif fan.on and heater_is_on and fan.reason.code is Code.TOO_WARM:
        wishes[Relay.FAN] = wish(False, Code.EXCLUDED, f"waits for the heater; wants {fan.reason.text}")


def _forced(relay: Relay, state: State, seen: Seen, settings: Settings, air: Air, waits: bool) -> Wish | None:
    """What safety wants, whatever anybody else does."""
    if seen.mode is Mode.SAFETY and not seen.blocks.stopped:
        return wish(False, Code.SAFETY, seen.blocks.safety or "safety mode", urgent=True)
    if stop := blocked(relay, seen.blocks):
        return stop
    if waits:
        return wish(False, Code.STARTING, "waits for the first readings", urgent=True)
    if relay is Relay.MIST:
        return condensation.mist(state.guard, air.humidity, settings.guard)
    return condensation.fan(state.guard, air.humidity, settings.guard) if relay is Relay.FAN else None


def _on_loss(
    contact: Contact,
    wanted: Wish,
    settings: RelaySettings,
    follows: tuple[Known, ...],
    mode: Mode,
    lost_after_s: float,
) -> tuple[Wish, Wish | None]:
    """What is done without a sensor. In MANUAL the operator's word counts as long as any of them is there,
    in AUTOMATIC what the others ask for."""
    lost = [what for what in follows if is_lost(what, lost_after_s)]
    if not lost or (mode is Mode.MANUAL and len(lost) < len(follows)):
        return wanted, None
    if wanted.on and mode is Mode.AUTOMATIC:
        return wanted, None
    text = ", ".join(f"{what.name} lost for {seconds(what.silent_s)}" for what in lost)
    if settings.on_loss is OnLoss.OFF:
        return wanted, wish(False, Code.SENSOR_LOST, f"{text}: off", urgent=True)
    if mode is Mode.MANUAL:
        return wanted, None
    on = contact.on or settings.on_loss is OnLoss.ON
    action = "on" if settings.on_loss is OnLoss.ON else "stays as it is"
    return wish(on, Code.SENSOR_LOST, f"{text}: {action}"), None


# -- what operators may do -------------------------------------------------------------------------


def refuse_mode(now: Mode, wanted: Mode, blocks: Blocks) -> str:
    """Why the mode cannot be left for this one; empty if it can. SAFETY is refused to nobody."""
    if wanted is Mode.SAFETY or now is not Mode.SAFETY:
        return ""
    return blocks.stopped or blocks.safety


def refuse_command(state: State, seen: Seen, settings: Settings, relay: Relay, on: bool, now: float) -> str:
    """Why a relay does not do what the operator wants; empty if it does. OFF may have to wait, but counts."""
    if seen.mode is not Mode.MANUAL:
        return f"mode is {seen.mode.name}: Mode MANUAL first"
    if not on:
        return ""
    asked = replace(seen, commands={**seen.commands, relay: on})
    order = step(state, asked, settings, now)[1].orders[relay]
    return "" if order.on else order.reason.text
