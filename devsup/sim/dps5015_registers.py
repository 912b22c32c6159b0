"""The registers of a simulated DPS supply: addresses, who may write them, memory groups.

Knows counts; must not know physics or frames. Source: RuiDeng, DPS50xx communication protocol V1.2.
"""

from dataclasses import dataclass, field

from devsup.sim.modbus_talk import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refused

U_SET, I_SET, U_OUT, I_OUT, POWER, U_IN, LOCK = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
PROTECT, CV_CC, OUTPUT, BACKLIGHT, MODEL, VERSION = 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C
RECALL = 0x23
GROUPS, GROUP_STEP, GROUP_SIZE, GROUP_COUNT = 0x50, 0x10, 8, 10
# Places in a group: set points, protections, backlight, output kept on recall, output on at power-up.
G_U, G_I, G_OVP, G_OCP, G_OPP, G_BACKLIGHT, G_KEEP, G_ON = range(GROUP_SIZE)
BRIGHTEST = 5


@dataclass(slots=True)
class Registers:
    """Counts as the firmware keeps them. `most_volts`, `most_amps`: highest set points it takes."""

    model: int
    version: int
    most_volts: int
    most_amps: int
    values: dict[int, int] = field(default_factory=dict)  # of what can be written, and of what was measured
    groups: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = dict.fromkeys(range(VERSION + 1), 0) | {
            RECALL: 0,
            BACKLIGHT: BRIGHTEST,
            MODEL: self.model,
            VERSION: self.version,
        }
        # Set points and protections of a fresh unit: 5 V, 1 A, and a little more than it can put out.
        fresh = [500, 100, self.most_volts + 200, self.most_amps + 20, 0xFFFF, BRIGHTEST, 0, 0]
        self.groups = [list(fresh) for _ in range(GROUP_COUNT)]

    @property
    def now(self) -> list[int]:
        """Group M0: what is in force."""
        return self.groups[0]

    def read(self, address: int) -> int:
        if address in (U_SET, I_SET):
            return self.now[address]
        if address in self.values:
            return self.values[address]
        group, place = self._place(address)
        return self.groups[group][place]

    def write(self, address: int, value: int) -> None:
        """What a master or the panel writes; the output is switched by whoever has the physics."""
        self.check(address, value)
        if address in (U_SET, I_SET):
            self.now[address] = value
        elif address in (LOCK, OUTPUT, BACKLIGHT):
            self.values[address] = value
        elif address == RECALL:
            self._recall(value)
        else:
            group, place = self._place(address)
            self.groups[group][place] = value

    def check(self, address: int, value: int) -> None:
        """Refused for what there is not, cannot be written, or is out of range."""
        limits = {
            U_SET: self.most_volts,
            I_SET: self.most_amps,
            LOCK: 1,
            OUTPUT: 1,
            BACKLIGHT: BRIGHTEST,
            RECALL: GROUP_COUNT - 1,
        }
        if address not in limits:
            _, place = self._place(address)
            most = {G_U: self.most_volts, G_I: self.most_amps, G_BACKLIGHT: BRIGHTEST, G_KEEP: 1, G_ON: 1}
            limits[address] = most.get(place, 0xFFFF)
        if value > limits[address]:
            raise Refused(ILLEGAL_VALUE)

    def _recall(self, number: int) -> None:
        self.groups[0] = list(self.groups[number])
        self.values[RECALL] = number
        if not self.now[G_KEEP]:
            self.values[OUTPUT] = 0

    def _place(self, address: int) -> tuple[int, int]:
        group, place = divmod(address - GROUPS, GROUP_STEP)
        if not (0 <= group < GROUP_COUNT and place < GROUP_SIZE):
            raise Refused(ILLEGAL_ADDRESS)
        return group, place
