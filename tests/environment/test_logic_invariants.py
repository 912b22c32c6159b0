"""What holds whatever the sensors, the operator and the interlocks do: random histories, checked by a ledger
of its own."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iocs.environment.logic import Blocks, Code, LightMode, LightSettings, Mode, Relay, Settings
from tests.environment.chambers import FAN, HEATER, LIGHT, MIST, Trial, Week

STEP_S = 2.0
WINDOW_S = 1800.0
MINIMUM_S = 30.0
LOST_AFTER_S = 60.0
AT_ONCE = {Code.STOPPED, Code.SAFETY, Code.INTERLOCK, Code.SENSOR_LOST, Code.CONDENSATION, Code.STARTING}
FOLLOWS = {FAN: ("t", "ppm"), MIST: ("rh",), HEATER: ("t",), LIGHT: ()}
LIMITS = {FAN: 0.6, MIST: 0.4}


@dataclass(frozen=True)
class Weather:
    """A stretch of time in which everything stays as it is. None: that sensor gives no reading."""

    duration: float
    t: float | None
    rh: float | None
    ppm: float | None
    mode: Mode
    commands: frozenset[Relay]
    stopped: bool
    interlocked: frozenset[Relay]


def sometimes(values: st.SearchStrategy[float]) -> st.SearchStrategy[float | None]:
    return st.one_of(values, values, values, values, st.none())


def rarely(strategy: st.SearchStrategy[object], usual: object) -> st.SearchStrategy[object]:
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), st.just(usual), strategy)


weathers = st.builds(
    Weather,
    duration=st.floats(4.0, 400.0),
    t=sometimes(st.floats(14.0, 28.0)),
    rh=sometimes(st.floats(78.0, 99.0)),
    ppm=sometimes(st.floats(500.0, 1500.0)),
    mode=rarely(st.sampled_from(Mode), Mode.AUTOMATIC),
    commands=st.frozensets(st.sampled_from(list(Relay))),
    stopped=rarely(st.booleans(), False),
    interlocked=rarely(st.frozensets(st.sampled_from(list(Relay))), frozenset()),
)


@dataclass
class Ledger:
    """What the contacts did, written down independently of the decisions."""

    runs: dict[Relay, list[list[float]]] = field(default_factory=lambda: {relay: [] for relay in Relay})
    changes: dict[Relay, float] = field(default_factory=dict)
    forced_until: float = -1e9

    def change(self, relay: Relay, on: bool, now: float) -> float:
        """Seconds since the change before."""
        if on:
            self.runs[relay].append([now, now])
        since = now - self.changes.get(relay, -1e9)
        self.changes[relay] = now
        return since

    def on_seconds(self, relay: Relay, since: float) -> float:
        return sum(max(0.0, end - max(begin, since)) for begin, end in self.runs[relay])


def live_through(history: list[Weather]) -> None:
    chamber = Trial(Settings(light=LightSettings(mode=LightMode.CYCLE, on_s=600.0, off_s=400.0)))
    ledger, heard = Ledger(), {"t": 0.0, "rh": 0.0, "ppm": 0.0}
    chamber.read()
    for weather in history:
        chamber.mode = weather.mode
        chamber.commands = {relay: relay in weather.commands for relay in Relay}
        interlocks = dict.fromkeys(weather.interlocked, "it")
        chamber.blocks = Blocks("emergency stop" if weather.stopped else "", "", interlocks)
        for _ in range(int(weather.duration / STEP_S)):
            chamber.now += STEP_S
            values = {name: getattr(weather, name) for name in heard}
            fresh = {name: value for name, value in values.items() if value is not None}
            heard |= dict.fromkeys(fresh, chamber.now)
            before = chamber.on()
            for relay in before:
                ledger.runs[relay][-1][1] = chamber.now
            chamber.read_only(lux=0.0, **fresh).decide()
            check(chamber, ledger, before, heard)


def check(chamber: Trial, ledger: Ledger, before: set[Relay], heard: dict[str, float]) -> None:
    now, on, orders = chamber.now, chamber.on(), chamber.decision.orders
    stale = {name for name, at in heard.items() if now - at > LOST_AFTER_S}
    for relay in on ^ before:
        since = ledger.change(relay, relay in on, now)
        at_once = relay in before and orders[relay].reason.code in AT_ONCE
        assert since >= MINIMUM_S or at_once, f"{relay} changed after {since} s: {orders[relay]}"
    if chamber.mode is Mode.SAFETY or chamber.blocks.stopped:
        assert not on
    assert not on & chamber.blocks.interlocks.keys()
    if chamber.state.guard.active:
        assert MIST not in on
    if orders[FAN].reason.code is Code.CONDENSATION:
        assert "rh" not in stale
        ledger.forced_until = now
    if {FAN, HEATER} <= on:
        assert orders[FAN].reason.code is not Code.TOO_WARM
    check_freshness(chamber, on, stale)
    for relay, limit in LIMITS.items():
        if relay is not FAN or now - ledger.forced_until > WINDOW_S:
            used = ledger.on_seconds(relay, now - WINDOW_S)
            assert used <= limit * WINDOW_S + 1e-6, f"{relay}: {used} s of {limit * WINDOW_S}"


def check_freshness(chamber: Trial, on: set[Relay], stale: set[str]) -> None:
    """No relay is on whose sensors are all lost, unless the guard runs the fan on a humidity that is not."""
    for relay in on - {LIGHT}:
        if set(FOLLOWS[relay]) <= stale:
            order = chamber.decision.orders[relay]
            wanted_by_guard = relay is FAN and chamber.state.guard.forces and "rh" not in stale
            assert wanted_by_guard, f"{relay} is on without a sensor: {order}"


QUICK = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@QUICK
@given(st.lists(weathers, min_size=3, max_size=20))
def test_random_histories_keep_the_promises(history: list[Weather]) -> None:
    live_through(history)


@pytest.mark.slow
@settings(QUICK, derandomize=False, max_examples=400)
@given(st.lists(weathers, min_size=10, max_size=40))
def test_more_and_longer_histories(history: list[Weather]) -> None:
    live_through(history)


def test_a_day_in_the_simulated_chamber_stays_within_its_limits() -> None:
    week = Week()
    week.live(3600.0)
    for _ in range(23):
        week.live(3600.0)
        air = week.chamber.air
        assert 17.5 <= week.chamber.air.celsius <= 25.0
        assert 70.0 <= air.humidity <= 95.0
        assert air.ppm <= 1010.0
    assert week.trial.state.light.failures == 0
    assert week.trial.state.light.verdict.name == "VERIFIED"


@pytest.mark.slow
def test_a_week_in_the_simulated_chamber() -> None:
    """In less than 10 s on one quiet core; the benchmark says how much less."""
    week = Week()
    week.live(7 * 86_400.0)
    assert week.trial.state.light.failures == 0
    assert week.thinking_s < 30.0
