"""The condensation guard: very humid for too long, so ventilate and stop the mist.

Its timer runs on through gaps in the readings; while humidity is lost the guard neither begins nor ends,
keeps the mist off, and does not run the fan on an old value.
"""

from dataclasses import dataclass

from iocs.environment.logic.known import Known
from iocs.environment.logic.settings import GuardSettings
from iocs.environment.logic.words import Code, Wish, wish


@dataclass(frozen=True, slots=True)
class Guard:
    """`since`: how long it has been too humid already, as a moment. `forces`: it runs the fan."""

    active: bool = False
    since: float | None = None
    forces: bool = False

    def elapsed_s(self, now: float) -> float:
        """Seconds at or above the threshold; 0 when it is not."""
        return 0.0 if self.since is None else now - self.since


def step(guard: Guard, humidity: Known, settings: GuardSettings, now: float) -> Guard:
    """Look at the humidity."""
    rh = humidity.value
    if rh is None:
        return Guard(guard.active, guard.since, False)
    since = None if rh < settings.threshold else now if guard.since is None else guard.since
    begins = since is not None and now - since >= settings.duration_s
    stays = guard.active and rh > settings.threshold - settings.hysteresis
    return Guard(begins or stays, since, begins or stays)


def fan(guard: Guard, humidity: Known, settings: GuardSettings) -> Wish | None:
    """What the guard wants of the fan."""
    if not guard.forces:
        return None
    return wish(True, Code.CONDENSATION, f"condensation guard: {_until(humidity, settings)}")


def mist(guard: Guard, humidity: Known, settings: GuardSettings) -> Wish | None:
    """What the guard wants of the mist."""
    if not guard.active:
        return None
    text = f"condensation guard: {_until(humidity, settings)}"
    return wish(False, Code.CONDENSATION, text, urgent=True)


def _until(humidity: Known, settings: GuardSettings) -> str:
    back = settings.threshold - settings.hysteresis
    now = "humidity lost" if humidity.value is None else f"humidity {humidity.value:.1f} %RH"
    return f"{now}, until <= {back:g}"
