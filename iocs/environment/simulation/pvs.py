"""What a trainer sees of the simulated chamber, and what can be broken in it, as PVs."""

from dataclasses import replace

from devsup.sim.relays import RELAY_FAULT_NAMES, RelayFault, SimRelays
from devsup.sim.sysfs import FAULT_NAMES, SensorFault
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.ticks import Ticks
from iocs.environment.simulation.living import LivingChamber
from iocs.environment.simulation.sensors import Simulated

SHOW_S = 1.0


class SimulatedChamber(Group):
    """What the trainer sees and can do; the truth, where the sensors only have an opinion."""

    temperature = pv.readback("Temperature", "True temperature", unit="degC", precision=2)
    humidity = pv.readback("Humidity", "True humidity", unit="%RH", precision=1)
    co2 = pv.readback("CO2", "True CO2", unit="ppm", precision=0)
    light = pv.readback("LightLevel", "True light", unit="lx", precision=0)
    film = pv.readback("Film", "Water condensed on the walls", unit="g", precision=1)
    clock = pv.readback("Clock", "Hour of the day in the chamber", unit="h", precision=2)
    speed = pv.setpoint("Speed", "How much faster than real it lives", precision=1, drive=(0.1, 1000))
    room = pv.setpoint("Room", "Mean temperature of the room", unit="degC", precision=1, drive=(-20, 50))
    lamp = pv.choice("Lamp", "The lamp", ["OK", "BURNT_OUT"], initial=0)
    in_mist = pv.choice("SensorPlace", "Where the sensor hangs", ["Well placed", "In the mist"], initial=0)

    def __init__(self, prefix: str, chamber: LivingChamber) -> None:
        super().__init__(prefix)
        self._chamber = chamber
        self.speed.set_ok(chamber.speed)
        self.room.set_ok(chamber.physics.room.celsius)

    async def put_speed(self, value: float) -> None:
        self._chamber.speed = value

    async def put_room(self, value: float) -> None:
        physics = self._chamber.physics
        physics.room = replace(physics.room, celsius=value)

    async def put_lamp(self, index: int) -> None:
        self._chamber.lamp_works = not index

    async def put_in_mist(self, index: int) -> None:
        self._chamber.senses.in_mist = bool(index)

    async def run(self) -> None:
        """Show the truth, for ever."""
        ticks = Ticks(SHOW_S)
        while True:
            await ticks.next()
            air, clock_s = self._chamber.physics.air, self._chamber.physics.clock_s
            self.temperature.set_ok(air.celsius)
            self.humidity.set_ok(air.humidity)
            self.co2.set_ok(air.ppm)
            self.light.set_ok(air.lux)
            self.film.set_ok(air.film)
            self.clock.set_ok(clock_s / 3600.0 % 24.0)


class SimulatedRelay(Group):
    """What can be wrong with a relay."""

    fault = pv.choice("Fault", "What is wrong with the relay", RELAY_FAULT_NAMES, initial=0)
    contact = pv.flag("Contact", "What the contact really does")

    def __init__(self, prefix: str, relays: SimRelays, name: str) -> None:
        super().__init__(f"{prefix}{name}:")
        self._relays = relays
        self._name = name

    async def put_fault(self, index: int) -> None:
        self._relays.faults[self._name] = list(RelayFault)[index]

    def show(self) -> None:
        """What the contact does."""
        self.contact.set_ok(int(self._relays.contact(self._name)))


class SimulatedSensor(Group):
    """What can be wrong with a sensor."""

    fault = pv.choice("Fault", "What is wrong with the sensor", FAULT_NAMES, initial=0)

    def __init__(self, prefix: str, sensor: Simulated) -> None:
        super().__init__(f"{prefix}SENSOR:{sensor.name}:")
        self._sensor = sensor

    async def put_fault(self, index: int) -> None:
        self._sensor.set_fault(list(SensorFault)[index])
