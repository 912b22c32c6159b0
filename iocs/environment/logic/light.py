"""When the light is on, and whether it really is: schedule and verification with the photoresistor.

A cycle is counted from an anchor in wall-clock seconds, so it keeps its phase over restarts. The
plants do not follow a clock that is set: a step of it moves the anchor along, except shortly after the
start, when a machine without a battery-backed clock gets the right time.
"""

import math
from dataclasses import dataclass, replace
from enum import IntEnum

from devsup.sensors.values import Measured
from iocs.environment.logic.settings import LightMode, LightSettings
from iocs.environment.logic.words import Code, Wish, seconds, wish

STEP_S = 2.0  # less is drift, which the cycle follows
SETTLING_S = 600.0  # after the start, a step sets the clock right


class Verdict(IntEnum):
    """What the photoresistor says of the light. The order is that of the PV's states."""

    PENDING = 0
    VERIFIED = 1
    FAILED = 2
    NO_READING = 3


@dataclass(frozen=True, slots=True)
class Light:
    """Phase and verification. `anchor`: wall-clock second at which a time on began. `offset`: of the
    wall clock to `now`. `looked`: when it was verified last, or switched since. `alerted`: when a failure was
    last reported."""

    anchor: float = 0.0
    offset: float | None = None
    verdict: Verdict = Verdict.PENDING
    looked: float = -math.inf
    failures: int = 0
    alerted: float = -math.inf
    problem: str = ""


# -- schedule --------------------------------------------------------------------------------------


def follow_clock(light: Light, wall: float, started: float, now: float) -> Light:
    """Note how the wall clock stands; after a step, keep the phase."""
    offset = wall - now
    step = 0.0 if light.offset is None else offset - light.offset
    if abs(step) <= STEP_S or now - started < SETTLING_S:
        step = 0.0
    return replace(light, offset=offset, anchor=light.anchor + step)


def schedule(light: Light, settings: LightSettings, now: float) -> tuple[Wish, float]:
    """What the schedule wants, and in how many seconds it will want something else."""
    if settings.mode is not LightMode.CYCLE:
        on = settings.mode is LightMode.ON
        return wish(on, Code.SCHEDULE, f"light mode {settings.mode.name}"), math.inf
    period_s = settings.on_s + settings.off_s
    phase_s = (now + (light.offset or 0.0) - light.anchor) % period_s
    on = phase_s < settings.on_s
    left_s = (settings.on_s if on else period_s) - phase_s
    left_s = math.inf if period_s in (settings.on_s, settings.off_s) else left_s
    return wish(on, Code.SCHEDULE, f"cycle: {'on' if on else 'off'} for {seconds(left_s)}"), left_s


# -- verification ----------------------------------------------------------------------------------


def changed(light: Light, now: float) -> Light:
    """The light was switched: look at it when it has settled."""
    return replace(light, verdict=Verdict.PENDING, looked=now, problem="")


def verify(
    light: Light, on: bool, level: Measured, lost_after_s: float, settings: LightSettings, now: float
) -> tuple[Light, bool]:
    """Look at the light if it is time; whether a failure is to be reported now.

    Only a reading taken since the light has settled counts. One that is not there is no failure.
    """
    pending = light.verdict is Verdict.PENDING
    due = light.looked + (settings.verify_after_s if pending else settings.verify_every_s)
    if now < due:
        return light, False
    if level.at is None or level.at < due:
        if now - due <= lost_after_s:
            return light, False  # it may still come
        return replace(light, verdict=Verdict.NO_READING, looked=now, problem="no light reading"), False
    problem = _mismatch(on, level.value, settings)
    if not problem:
        return replace(light, verdict=Verdict.VERIFIED, looked=now, problem=""), False
    report = now - light.alerted >= settings.verify_every_s
    failed = replace(
        light, verdict=Verdict.FAILED, looked=now, problem=problem, failures=light.failures + 1,
        alerted=now if report else light.alerted,
    )  # fmt: skip
    return failed, report


def _mismatch(on: bool, level: float, settings: LightSettings) -> str:
    if on and level < settings.bright:
        return f"light is on, but {level:.0f} < {settings.bright:g}: lamp or relay?"
    if not on and level > settings.dark:
        return f"light is off, but {level:.0f} > {settings.dark:g}: welded contact, or light from outside?"
    return ""
