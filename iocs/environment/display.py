"""What the chamber shows: values with age and quality, relays with their reasons, light and guard.

Publishes what it is given; asks nobody and decides nothing.
"""

import math
import time
from dataclasses import replace

from devsup.sensors import Measured, Quality, Quantity
from iocs.caserver import AlarmStatus
from iocs.common.group import Group
from iocs.environment.logic import Contact, Decision, Order, RelaySettings, State
from iocs.environment.logic import duty as duties
from iocs.environment.pvs import AGE, OFFSET, PROBLEM, QUALITY, VALUE, GuardPVs, LightPVs, RelayPVs
from iocs.environment.remembered import Life
from iocs.environment.sensor_config import ValueConfig

STAMP = "%Y-%m-%d %H:%M:%S"
CONTACT_S = 3.0  # for a contact to follow its order
NEVER_S = 1e9  # shown for a time that does not come
NAMES = {
    Quantity.TEMPERATURE: ("Temperature", "Temperature of the chamber", "degC", 2, (0.0, 40.0), 0.02),
    Quantity.HUMIDITY: ("Humidity", "Relative humidity of the chamber", "%RH", 1, (0.0, 100.0), 0.1),
    Quantity.CO2: ("CO2", "Carbon dioxide in the chamber", "ppm", 0, (0.0, 5000.0), 1.0),
    Quantity.LIGHT: ("LightLevel", "Light in the chamber", "lx", 0, (0.0, 2000.0), 0.5),
}


class ValueGroup(Group):
    """One quantity of the chamber."""

    def __init__(self, prefix: str, config: ValueConfig) -> None:
        super().__init__(prefix)
        self.config = config
        self.measured = Measured()
        name, desc, unit, precision, display, deadband = NAMES[config.quantity]
        self.value = self.add(
            "value", VALUE, name=name, desc=desc, unit=unit, precision=precision, display=display,
            deadband=deadband, hyst=10 * deadband, **config.alarms,
        )  # fmt: skip
        self.age = self.add("age", AGE, name=f"{name}:Age")
        self.quality = self.add("quality", QUALITY, name=f"{name}:Quality")
        self.problem = self.add("problem", PROBLEM, name=f"{name}:Problem")
        self.offset = self.add("offset", OFFSET, name=f"{name}:Offset", unit=unit)
        self.offset.set_ok(config.offset)
        self.quality.set_ok(int(Quality.NONE))
        self.problem.set_ok(self.measured.problem)

    def take(self, measured: Measured, now: float) -> None:
        """A reading has come, or has not."""
        self.measured = replace(measured, value=measured.value + self.offset.value)
        if measured.quality is Quality.GOOD and measured.at is not None:
            self.value.set_ok(self.measured.value, timestamp=time.time() - (now - measured.at))
        else:
            failed = measured.quality is not Quality.DOUBTFUL
            self.value.set_invalid(AlarmStatus.COMM if failed else AlarmStatus.READ)
        self.quality.set_ok(int(measured.quality))
        self.problem.set_ok(measured.problem[:119])

    def show_age(self, started: float, now: float) -> None:
        """How old the last good reading is; before the first, how long it has not been there."""
        age_s = self.measured.age_s(now)
        self.age.set_ok(age_s if math.isfinite(age_s) else now - started)


class RelayDisplay(RelayPVs):
    """Base of a relay that shows itself."""

    life: Life
    _off_since: float | None = None  # its contact has not followed since

    def show_contact(self, contact: Contact, order: Order, now: float) -> None:
        """What the contact does, and whether it follows."""
        self.state.set_ok(int(contact.on))
        follows = contact.on is order.on
        self._off_since = None if follows else now if self._off_since is None else self._off_since
        fault = self._off_since is not None and now - self._off_since >= CONTACT_S
        self.contact_fault.set_ok(int(fault))

    def show_order(
        self, contact: Contact, order: Order, how: RelaySettings, window_s: float, now: float
    ) -> None:  # noqa: E501
        """What was decided, and how the account of the duty stands."""
        self.demand.set_ok(int(order.demand))
        self.reason.set_ok(order.reason.text[:159])
        self.reason_code.set_ok(int(order.reason.code))
        self.interlocked.set_ok(int(order.held))
        self.duty_percent.set_ok(100.0 * duties.share(contact.duty, window_s, now))
        free_s = 0.0
        if not contact.on:
            free_s = duties.free_in(contact.duty, how.duty, window_s, how.minimum_s, now)
        self.free_in.set_ok(min(free_s, NEVER_S))
        running_s = now - contact.changed_at if contact.on else 0.0
        self.on_time.set_ok((self.life.on_s + running_s) / 3600.0)
        self.switches.set_ok(self.life.switches)

    def show_change(self, wall: float) -> None:
        """The contact changed."""
        self.last_change.set_ok(time.strftime(STAMP, time.localtime(wall)))


def show_light(group: LightPVs, state: State, decision: Decision, wall: float) -> None:
    """What comes next, and what the photoresistor says."""
    left_s = decision.light_left_s
    comes = math.isfinite(left_s)
    group.next_change.set_ok(time.strftime(STAMP, time.localtime(wall + left_s)) if comes else "never")
    group.time_to_change.set_ok(left_s if comes else NEVER_S)
    group.verified.set_ok(int(state.light.verdict))
    group.verify_failures.set_ok(state.light.failures)


def show_guard(group: GuardPVs, state: State, now: float) -> None:
    """Whether it acts, and how long it has been humid."""
    group.active.set_ok(int(state.guard.active))
    group.elapsed.set_ok(state.guard.elapsed_s(now))
