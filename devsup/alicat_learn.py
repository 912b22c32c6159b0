"""Getting to know an Alicat instrument: name plate, firmware, what stands where in its frames, its range.

Knows the order of the questions and what to do without an answer; each is a transaction of its own, so that
orders come in between. The tables take long (0.2 s and 0.7 s of the line at 19200 baud), so they are not
booked on the instrument, whose patience would grow by them.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from devsup import alicat
from devsup.alicat import DataFrame, Layout, Maker, Quantity, Source
from devsup.alicat_talk import Talk
from devsup.alicat_values import Plate
from devsup.errors import DeviceError, DeviceFault, FramingError, Implausible, LineLost, NoReply
from devsup.health import Health
from devsup.line import Line
from devsup.port import Priority

T = TypeVar("T")
READINGS = 4  # of something that must be the same twice running


class Learner:
    """The questions. `learn` leaves commands, layout and plate of `talk` as they are if it fails."""

    def __init__(self, talk: Talk, health: Health) -> None:
        self._talk = talk
        self._health = health
        self._tables = Health(f"{health.name} tables", health.manners)

    async def learn(self) -> Plate:
        """Raises DeviceError for what is no flow instrument, and what went wrong on the line."""
        talk = self._talk
        await self._run(lambda line, deadline: talk.ask(line, deadline, talk.commands.poll(), str))
        self._tables.answered(self._health.latency_s, time.monotonic())  # it is there: no need to stand back
        maker = await self._twice(self._maker)
        fresh = Talk(talk.bus, talk.commands.unit, talk.name)
        fresh.commands = replace(talk.commands, firmware=maker.firmware)
        fresh.layout = await self._layout(fresh)
        if fresh.layout.column(Quantity.MASS) is None:
            raise DeviceError(f"{talk.name}: is no flow instrument, there is no mass flow in its frames")
        plate = await self._plate(fresh, maker, fresh.layout)
        talk.commands, talk.layout, talk.plate, talk.shape = fresh.commands, fresh.layout, plate, ()
        return plate

    async def gases(self) -> dict[int, str]:
        """The instrument's own list of gases; at 19200 baud it takes a second of the line."""
        command = self._talk.commands.gas_table()
        return await self._table(command, alicat.gases_from)

    async def renew_range(self) -> None:
        """Ask for the full scale again: it may be another for another gas."""
        talk = self._talk
        if talk.layout is not None:
            full_scale = await self._full_scale(talk, Maker(talk.plate.model), talk.layout)
            talk.plate = replace(talk.plate, full_scale=full_scale)

    # -- in steps -----------------------------------------------------------------------------

    async def _maker(self) -> Maker:
        commands = self._talk.commands
        try:
            maker = await self._table(commands.maker_table(), alicat.maker_from, alicat.maker_complete)
        except (DeviceError, NoReply, FramingError):
            maker = Maker()  # some do not tell, or in words of their own
        if not maker.firmware.known:
            try:
                version = await self._ask(self._talk, commands.version(), alicat.version_from)
                maker = replace(maker, firmware=version)
            except LineLost:
                raise
            except DeviceFault:
                pass  # nor that: then only what all firmware knows is ever said to it
        return maker

    async def _layout(self, fresh: Talk) -> Layout:
        """The layout, if a frame fits it; else one that is told twice, because it may have been misread."""
        layout = await self._table(fresh.commands.frame_table(), alicat.layout_from)
        try:
            frame = await self._ask(
                fresh, fresh.commands.poll(), lambda text: alicat.parse_frame(text, layout)
            )
        except FramingError:
            frame = None
        if frame is None or not _fits(layout, frame):
            again = await self._table(fresh.commands.frame_table(), alicat.layout_from)
            if again != layout:
                raise Implausible(f"{fresh.name}: frame table is changing, or was misread")
        return layout

    async def _plate(self, fresh: Talk, maker: Maker, layout: Layout) -> Plate:
        setpoint = layout.column(Quantity.SETPOINT)
        source = Source.UNKNOWN
        if setpoint is not None:
            source = await self._run(fresh.source)
        gp = maker.firmware.gp
        return Plate(
            model=maker.model,
            serial=maker.serial,
            firmware=maker.firmware,
            dialect=(alicat.Dialect.GP if gp else layout.dialect).value,
            full_scale=await self._full_scale(fresh, maker, layout),
            flow_unit=layout.unit(Quantity.MASS),
            volumetric_unit=layout.unit(Quantity.VOLUMETRIC),
            pressure_unit=layout.unit(Quantity.PRESSURE),
            temperature_unit=layout.unit(Quantity.TEMPERATURE),
            total_unit=layout.unit(Quantity.TOTAL),
            has_setpoint=setpoint is not None,
            has_total=layout.column(Quantity.TOTAL) is not None,
            controls=setpoint.controls.value if setpoint else "",
            source=source,
            shows=layout.codes,
            gases=self._talk.plate.gases,
        )

    async def _full_scale(self, fresh: Talk, maker: Maker, layout: Layout) -> float:
        """As the instrument tells it in the unit of its frames; else as its table or its model number do."""
        unit = layout.unit(Quantity.MASS)
        if fresh.commands.firmware.since(6, 0):
            command = fresh.commands.full_scale()
            try:
                told = await self._twice(lambda: self._ask(fresh, command, alicat.full_scale_from))
            except (DeviceError, FramingError):
                told = None  # not this one
            if told and unit in ("", told[1]):
                return told[0]
        column = layout.column(Quantity.MASS)
        if column is not None and column.high is not None:
            return column.high
        named = alicat.full_scale_in(maker.model)
        return named[0] if named and named[1] == unit else float("nan")

    async def _twice(self, read: Callable[[], Awaitable[T]]) -> T:
        """What two readings in a row agree on."""
        before = await read()
        for _ in range(READINGS - 1):
            now = await read()
            if now == before:
                return now
            before = now
        raise Implausible(f"{self._talk.name}: does not say the same twice")

    # -- transactions -------------------------------------------------------------------------

    async def _ask(self, talk: Talk, command: bytes, parse: Callable[[str], T]) -> T:
        return await self._run(lambda line, deadline: talk.ask(line, deadline, command, parse))

    async def _run(self, work: Callable[[Line, float], T]) -> T:
        return await self._talk.bus.port.run(
            work, self._health, Priority.POLL, label=f"{self._talk.name} identify"
        )

    async def _table(
        self,
        command: bytes,
        parse: Callable[[list[str]], T],
        complete: Callable[[list[str]], bool] = lambda rows: False,
    ) -> T:
        bus, manners = self._talk.bus, self._health.manners

        def work(line: Line, deadline: float) -> T:
            return parse(bus.table(line, deadline, command, complete))

        return await bus.port.run(
            work,
            self._tables,
            Priority.POLL,
            timeout_s=manners.command_timeout_s,
            retries=len(manners.retry_delays_s),
            label=f"{self._talk.name} table",
        )


def _fits(layout: Layout, frame: DataFrame) -> bool:
    """Are the decimals those that the table announces?"""
    return all(
        column.decimals in (None, frame.decimals.get(column.quantity, column.decimals))
        for column in layout.columns
        if frame.values.get(column.quantity) is not None
    )
