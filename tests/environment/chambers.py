"""Tools to drive the decisions of a chamber by hand: readings in one line, time as a number."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from devsup.sensors.values import Measured, Quality
from devsup.sim.chamber import Chamber, Relays
from iocs.environment.logic import (
    Blocks,
    Contact,
    Decision,
    LightMode,
    LightSettings,
    Mode,
    Order,
    Readings,
    Relay,
    Seen,
    Settings,
    State,
    begin,
    book,
    step,
)

FAN, MIST, LIGHT, HEATER = Relay.FAN, Relay.MIST, Relay.LIGHT, Relay.HEATER
OFF = dict.fromkeys(Relay, False)
LONG_AGO = -1e6


def good(value: float, at: float) -> Measured:
    return Measured(value, at, Quality.GOOD, "")


def readings(
    at: float,
    t: float | None = 21.0,
    rh: float | None = 90.0,
    ppm: float | None = 600.0,
    lux: float | None = 0.0,
) -> Readings:
    """Values measured at a moment; None for a sensor that has never been read."""
    values = [Measured() if value is None else good(value, at) for value in (t, rh, ppm, lux)]
    return Readings(*values)


@dataclass
class Trial:
    """A chamber under trial: contacts do as they are told unless a test says otherwise."""

    settings: Settings = field(default_factory=Settings)
    mode: Mode = Mode.AUTOMATIC
    commands: dict[Relay, bool] = field(default_factory=dict)
    blocks: Blocks = field(default_factory=Blocks)
    now: float = 0.0
    wall_offset: float = 1_700_000_000.0
    seen: Readings = field(default_factory=Readings)
    state: State = field(init=False)
    decision: Decision = field(init=False)

    def __post_init__(self) -> None:
        self.state = begin({relay: Contact() for relay in self.settings.relays}, self.now)
        self.read()

    def read(self, **values: float | None) -> "Trial":
        """All sensors are read now."""
        self.seen = readings(self.now, **values)
        return self

    def read_only(self, **values: float) -> "Trial":
        """Only these sensors are read now; the others stay as old as they are."""
        names = {"t": "temperature", "rh": "humidity", "ppm": "co2", "lux": "light"}
        self.seen = replace(self.seen, **{names[k]: good(v, self.now) for k, v in values.items()})
        return self

    def decide(self, after: float = 0.0) -> Mapping[Relay, Order]:
        """One decision, some time later, carried out."""
        self.now += after
        seen = Seen(self.seen, self.mode, self.commands, self.blocks, self.now + self.wall_offset)
        self.state, self.decision = step(self.state, seen, self.settings, self.now)
        orders = self.decision.orders
        self.state = book(self.state, {r: o.on for r, o in orders.items()}, self.now)
        return orders

    def run(self, duration: float, every: float = 1.0, **values: float | None) -> Mapping[Relay, Order]:
        """Decide again and again on fresh readings of these values."""
        orders = self.decision.orders if hasattr(self, "decision") else {}
        for _ in range(math.ceil(duration / every)):
            self.now += every
            self.read(**values)
            orders = self.decide()
        return orders

    def on(self) -> set[Relay]:
        """Which contacts are closed."""
        return {relay for relay, contact in self.state.contacts.items() if contact.on}


@dataclass
class Week:
    """A simulated chamber and its decisions, hour by hour."""

    trial: Trial = field(default_factory=lambda: Trial(Settings(light=LightSettings(mode=LightMode.CYCLE))))
    chamber: Chamber = field(default_factory=Chamber)
    thoughts_s: list[float] = field(default_factory=list)

    @property
    def thinking_s(self) -> float:
        """What all decisions took."""
        return sum(self.thoughts_s)

    def live(self, duration: float, every: float = 5.0) -> None:
        """Let it live for so many seconds, with a reading and a decision every so many."""
        for _ in range(int(duration / every)):
            on = self.trial.on()
            air = self.chamber.step(every, Relays(FAN in on, MIST in on, LIGHT in on, HEATER in on))
            self.trial.now += every
            self.trial.read(t=air.celsius, rh=air.humidity, ppm=air.ppm, lux=air.lux)
            begin = time.perf_counter()
            self.trial.decide()
            self.thoughts_s.append(time.perf_counter() - begin)
