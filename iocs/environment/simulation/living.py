"""The simulated chamber as it lives: physics, relays and sensors together, in a thread of their own.

Knows real time and how much faster the chamber lives; knows no PV.
"""

import threading
import time

from devsup.sim.chamber import Chamber, Relays
from devsup.sim.chamber_sensors import Senses
from devsup.sim.relay_board import RelayBoard
from devsup.sim.relays import SimRelays
from iocs.environment.config import SimulatedConfig
from iocs.environment.logic import Relay
from iocs.environment.simulation.sensors import Sensors

PERIOD_S = 0.25  # of real time
ORDER = [relay.value for relay in Relay]


class LivingChamber:
    """Physics, relays and sensors together, living in a thread of their own."""

    def __init__(self, config: SimulatedConfig, relays: SimRelays, sensors: Sensors) -> None:
        self.physics = Chamber(config.hour * 3600.0)
        self.senses = Senses(self.physics.air)
        self.speed = config.speed
        self.lamp_works = True
        self.board: RelayBoard | None = None
        self._relays = relays
        self._sensors = sensors
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to live; the sensors can be read when this returns."""
        self._live(PERIOD_S)
        self._thread = threading.Thread(target=self._run, name="sim-chamber", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop living."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for sensor in self._sensors.all:
            sensor.close()

    def _run(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(PERIOD_S):
            now = time.monotonic()
            self._live((now - before) * self.speed)
            before = now

    def _live(self, dt: float) -> None:
        if self.board is not None:
            self.board.settle()
        closed = self._relays.closed()
        fan, mist, light, heater = (name in closed for name in ORDER)
        relays = Relays(fan, mist, light, heater, self.lamp_works)
        air = self.physics.step(dt, relays)
        felt = self.senses.step(dt, air, relays)
        for sensor in self._sensors.all:
            sensor.feel(felt)
