"""`--simulate`: the board on a pseudo-terminal instead of the real line, and what can go wrong as PVs.

The configuration stays the same; only what is at the other end of the line is replaced.
"""

from dataclasses import replace
from functools import partial

from devsup.sim.modbus_line import ModbusLine
from devsup.sim.sonicator_board import (
    LAYOUTS,
    Ailment,
    Board,
    BoardConfig,
    BoardUnit,
    TransducerConfig,
    Trouble,
)
from devsup.sim.wire import PtyLine
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.simulated import SimulatedInstrument, SimulatedLine, sim_prefix
from iocs.common.ticks import Ticks
from iocs.sonicator.config import PlantConfig, SonicatorConfig

DEAF_AFTER_S = 1.0
SHOW_S = 0.1


class SimulatedBoard(Group):
    """What the trainer can do to the board."""

    fault = pv.choice("Fault", "What is wrong with the board", [one.name for one in Trouble], initial=0)
    deaf = pv.flag("Deaf", "Goes deaf after 1 s without a request", ("Never", "After 1 s"))
    power_cycle = pv.command("PowerCycle", "Off and on again")
    led = pv.flag("LED", "Its status LED", ("Dark", "Lit"), initial=0)
    pwm = pv.integer("PWM", "Duty of the amplitude drive, 0 to 255", initial=0)

    def __init__(self, prefix: str, board: Board) -> None:
        super().__init__(prefix)
        self._board = board
        self.deaf.set_ok(int(board.deaf_after_s is not None))

    async def put_fault(self, index: int) -> None:
        self._board.set_trouble(list(Trouble)[index])

    async def put_deaf(self, value: int) -> None:
        self._board.deaf_after_s = DEAF_AFTER_S if value else None

    async def put_power_cycle(self, value: int) -> None:
        self._board.power_cycle()

    def show(self) -> None:
        """What can be seen on the board itself."""
        self.led.set_ok(int(self._board.led))
        self.pwm.set_ok(self._board.system.amplitude.duty)


class SimulatedSonicator(Group):
    """What the trainer can do to one generator and its transducer."""

    fault = pv.choice("Fault", "What is wrong with it", [one.name for one in Ailment], initial=0)
    load = pv.setpoint("Load", "Load; 1 is what it is rated for", precision=2, drive=(0, 10), initial=1.0)
    temperature = pv.readback("Temperature", "Of the transducer", unit="degC", precision=1, deadband=0.1)

    def __init__(self, prefix: str, board: Board, number: int) -> None:
        super().__init__(prefix)
        self._board = board
        self._number = number

    async def put_fault(self, index: int) -> None:
        self._board.set_ailment(self._number, list(Ailment)[index])

    async def put_load(self, value: float) -> None:
        self._board.set_load(self._number, value)

    def show(self) -> None:
        """What no pin shows."""
        self.temperature.set_ok(self._board.transducers[self._number].temperature_degc)


class Simulation:
    """The board at the other end of the line."""

    def __init__(self, config: PlantConfig, prefix: str) -> None:
        wired = {one.number: _transducer(one) for one in config.sonicators if one.simulated.wired}
        board, settings = config.board, config.settings
        self.board = Board(
            BoardConfig(
                LAYOUTS[board.map.name],
                wired,
                all(one.tuning.lock_first for one in config.sonicators),
                DEAF_AFTER_S if board.simulated.deaf else None,
            )
        )
        line = ModbusLine({board.unit: BoardUnit(self.board)}, settings.baudrate, board.simulated.latency_s)
        self._wire = PtyLine(line, settings.baudrate, name="board")
        root = sim_prefix(prefix)
        sonicators = [
            SimulatedSonicator(f"{root}{one.name}:", self.board, one.number)
            for one in config.sonicators
            if one.simulated.wired
        ]
        board_group = SimulatedBoard(f"{root}Board:", self.board)
        self._shown: list[SimulatedBoard | SimulatedSonicator] = [board_group, *sonicators]
        self.groups: list[Group] = [
            SimulatedLine(f"{root}PORT:board:", self._wire),
            SimulatedInstrument(f"{root}Modbus:", partial(line.set_fault, board.unit)),
            board_group,
            *sonicators,
        ]

    def config(self, config: PlantConfig) -> PlantConfig:
        """The same installation with its line leading here."""
        settings = replace(config.settings, url=self._wire.url, rs485=False, rtscts=False)
        return replace(config, settings=settings)

    async def run(self) -> None:
        """Show what no register shows, for ever."""
        ticks = Ticks(SHOW_S)
        while True:
            await ticks.next()
            for group in self._shown:
                group.show()

    def start(self) -> None:
        self._wire.start()

    def stop(self) -> None:
        self._wire.stop()


def _transducer(one: SonicatorConfig) -> TransducerConfig:
    return TransducerConfig(
        rated_w=one.simulated.rated_w,
        locks_idle=one.tuning.lock_first,
        noise=0.002,
        seed=one.number,
    )
