"""An instrument on the simulated line: readings, orders and zero, with and without faults; no waiting."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

import pytest

import devsup.bronkhorst
from devsup import propar
from devsup.bronkhorst import Instrument
from devsup.bronkhorst_values import OBEYS_SETPOINT, Mode, Plate
from devsup.errors import (
    DeviceError,
    DeviceFault,
    FramingError,
    IdentityError,
    Implausible,
    LineLost,
    NoReply,
)
from devsup.propar import Framing
from devsup.sim import propar_talk
from devsup.sim.faults import Fault, Setting
from devsup.sim.propar_node import MODES, Fluid, NodeConfig, ProparNode
from devsup.sim.propar_table import Row, Type
from tests.devsup.sim_line import Bench, is_true

FLUIDS = (Fluid("N2", 100.0, "mln/min"), Fluid("He", 500.0, "mls/min"), Fluid("Ar", 2.0, "ln/min"))
FSETPOINT, MODE, TEMPERATURE, FLUID = (33, 3), (1, 4), (33, 7), (1, 16)
SHOWS = (
    Fault.FOREIGN_NODE,
    Fault.WRONG_INDEX,
    Fault.WRONG_SEQUENCE,
    Fault.NOISE_BEFORE,
    Fault.NOISE_INSIDE,
    Fault.TRUNCATED,
    Fault.ERROR_FRAME,
    Fault.LATE,
    Fault.SLOW,
    Fault.DEAD,
)

EditTable = Callable[..., None]


@pytest.fixture(params=list(Framing), ids=lambda framing: framing.value)
def bench(request: pytest.FixtureRequest) -> Bench:
    nodes = (ProparNode(NodeConfig(address, fluids=FLUIDS, noise=0.002)) for address in (3, 5))
    return Bench(*nodes, framing=request.param)


@pytest.fixture
def n2(bench: Bench) -> Instrument:
    return bench.instruments[3]


@pytest.fixture
def node(bench: Bench) -> ProparNode:
    return bench.sim.node(3)


@pytest.fixture
def edit_table(monkeypatch: pytest.MonkeyPatch) -> EditTable:
    """Change rows of the simulated instruments' parameter table; None removes one."""

    def edit(rows: dict[tuple[int, int], Row | None]) -> None:
        table = {**propar_talk.TABLE, **rows}
        monkeypatch.setattr(propar_talk, "TABLE", {place: row for place, row in table.items() if row})

    return edit


def deaf(place: tuple[int, int]) -> Row:
    """Acknowledges what is written there, and keeps what it had."""
    return replace(propar_talk.TABLE[place], put=lambda node, value: None)


def read_only(place: tuple[int, int]) -> Row:
    return replace(propar_talk.TABLE[place], put=None)


def forty_seconds(bench: Bench) -> None:
    bench.line.let_pass(40.0)


# -- reading ----------------------------------------------------------------------------------


async def test_a_reading_is_what_the_instrument_means(bench: Bench, n2: Instrument, node: ProparNode) -> None:
    await n2.identify()
    await n2.set_flow(60.0)
    for _ in range(50):
        reading = await n2.poll()
        assert is_true(reading, node)
    assert reading.flow == pytest.approx(60.0, abs=5.0)
    assert reading.setpoint == 60.0
    assert reading.valve == pytest.approx(100 * (0.25 + 0.58 * 0.6), abs=0.1)
    assert (reading.alarm, reading.mode) == (0, Mode.BUS)


async def test_a_steady_poll_is_one_exchange(bench: Bench, n2: Instrument) -> None:
    await n2.identify()
    await n2.poll()
    before = bench.line.requests
    for _ in range(10):
        await n2.poll()
    assert bench.line.requests == before + 10


async def test_first_readings_and_jumps_are_read_twice(n2: Instrument, node: ProparNode) -> None:
    await n2.identify()
    await n2.poll()
    assert n2.doubts == 1
    node.alarm_mode, node.power_alarm = 3, True
    assert (await n2.poll()).alarm == 0x20
    assert n2.doubts == 2
    await n2.poll()
    assert n2.doubts == 2


async def test_our_own_setpoint_needs_no_second_reading(bench: Bench, n2: Instrument) -> None:
    await n2.identify()
    await n2.set_flow(20.0)
    forty_seconds(bench)
    await n2.poll()
    await n2.poll()
    before = n2.doubts
    await n2.set_flow(21.0)
    assert (await n2.poll()).setpoint == 21.0
    assert n2.doubts == before


async def test_the_name_plate_and_the_range(n2: Instrument) -> None:
    assert math.isnan(n2.plate.capacity)
    assert await n2.identify() == Plate(
        capacity=100.0,
        unit="mln/min",
        fluid=1,
        fluid_name="N2",
        identification=7,
        device_type="DMFC",
        model="F-201CV-1K0-AAD-22-V",
        serial="M22200003A",
        firmware="V1.23",
        user_tag="USERTAG",
    )


async def test_a_range_that_is_what_it_was_is_read_once_a_new_one_twice(
    bench: Bench, n2: Instrument, node: ProparNode
) -> None:
    await n2.identify()
    before = bench.line.requests
    await n2.read_range()
    assert bench.line.requests == before + 1
    node.fluid_index = 1
    assert (await n2.read_range()).capacity == 500.0
    assert bench.line.requests == before + 3


async def test_a_range_that_does_not_stand_still_is_not_believed(
    n2: Instrument, edit_table: EditTable
) -> None:
    capacities = iter((100.0, 6400.0, 100.0))
    edit_table({(1, 13): Row(Type.FLOAT, lambda node: next(capacities))})
    with pytest.raises(Implausible, match="misread"):
        await n2.read_range()


@pytest.mark.parametrize("capacity", [0.0, -5.0, math.inf, math.nan])
async def test_an_impossible_capacity_is_not_believed(
    n2: Instrument, edit_table: EditTable, capacity: float
) -> None:
    edit_table({(1, 13): Row(Type.FLOAT, lambda node: capacity)})
    with pytest.raises(Implausible, match="capacity"):
        await n2.read_range()


async def test_the_counter(n2: Instrument, node: ProparNode) -> None:
    node.counter = 12.5
    assert await n2.read_counter() == 12.5


# -- what an instrument does not have ---------------------------------------------------------


async def test_a_missing_temperature_is_learned_by_the_first_poll(
    bench: Bench, n2: Instrument, edit_table: EditTable
) -> None:
    edit_table({TEMPERATURE: None})
    reading = await n2.poll()
    assert reading.temperature is None
    assert reading.valve is not None
    before = bench.line.requests
    assert (await n2.poll()).temperature is None
    assert bench.line.requests == before + 1, "and not asked for again"


async def test_missing_values_are_learned_when_it_is_identified(
    n2: Instrument, edit_table: EditTable
) -> None:
    edit_table({TEMPERATURE: None, (114, 1): None, (1, 20): None, MODE: None, (1, 31): None, (113, 6): None})
    plate = await n2.identify()
    assert (plate.unit, plate.user_tag, plate.serial) == ("", "", "M22200003A")
    reading = await n2.poll()
    assert (reading.temperature, reading.valve, reading.alarm, reading.mode) == (None, None, None, None)
    assert await n2.set_flow(5.0) == 5.0
    await n2.safe()


async def test_what_has_no_flow_is_no_flow_instrument(n2: Instrument, edit_table: EditTable) -> None:
    edit_table({(33, 0): None})
    with pytest.raises(DeviceError, match="no flow instrument"):
        await n2.poll()


async def test_a_value_refused_for_another_reason_is_not_taken_for_missing(
    n2: Instrument, edit_table: EditTable
) -> None:
    def busy(node: ProparNode) -> float:
        raise propar_talk.Refused(0x01)

    plain = propar_talk.TABLE[TEMPERATURE]
    edit_table({TEMPERATURE: Row(Type.FLOAT, busy)})
    with pytest.raises(DeviceError, match="claimed"):
        await n2.poll()
    with pytest.raises(DeviceError, match="claimed"):
        await n2.identify()
    edit_table({TEMPERATURE: plain})
    assert (await n2.poll()).temperature is not None


# -- setpoint ---------------------------------------------------------------------------------


async def test_a_setpoint_is_acknowledged_and_read_back(n2: Instrument, node: ProparNode) -> None:
    assert await n2.set_flow(33.3) == pytest.approx(33.3)
    assert node.setpoint == pytest.approx(0.333)


@pytest.mark.parametrize("mode", sorted(set(MODES) - OBEYS_SETPOINT))
async def test_a_setpoint_that_the_control_mode_ignores_is_refused(
    n2: Instrument, node: ProparNode, mode: int
) -> None:
    await n2.identify()
    node.control_mode = mode
    with pytest.raises(DeviceError, match=r"control mode .* does not obey"):
        await n2.set_flow(33.3)


@pytest.mark.parametrize("mode", [Mode.VALVE_CLOSED, Mode.ZERO])
async def test_a_setpoint_of_zero_is_fine_where_nothing_flows(
    n2: Instrument, node: ProparNode, mode: Mode
) -> None:
    node.control_mode = int(mode)
    assert await n2.set_flow(0.0) == 0.0


async def test_a_setpoint_that_is_kept_elsewhere_is_refused(n2: Instrument, edit_table: EditTable) -> None:
    edit_table({FSETPOINT: deaf(FSETPOINT)})
    with pytest.raises(DeviceError, match="setpoint 50 not taken, it reads back 0 .control mode bus"):
        await n2.set_flow(50.0)


async def test_a_setpoint_that_reads_back_as_no_number_is_refused(
    n2: Instrument, edit_table: EditTable
) -> None:
    edit_table({FSETPOINT: Row(Type.FLOAT, lambda node: math.nan, lambda node, value: None)})
    with pytest.raises(DeviceError, match="nan"):
        await n2.set_flow(50.0)


async def test_a_setpoint_beyond_the_range_is_the_instruments_to_refuse(n2: Instrument) -> None:
    with pytest.raises(DeviceError, match="value not allowed"):
        await n2.set_flow(250.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e39])
async def test_what_is_no_setpoint_is_never_sent(bench: Bench, n2: Instrument, value: float) -> None:
    with pytest.raises(ValueError, match="fSetpoint"):
        await n2.set_flow(value)
    assert bench.line.requests == 0


async def test_a_setpoint_damaged_on_its_way_is_written_again(
    n2: Instrument, node: ProparNode, edit_table: EditTable
) -> None:
    plain = propar_talk.TABLE[FSETPOINT]
    damage = [0.25]  # what arrives at the first time

    def put(node: ProparNode, value: float) -> None:
        assert plain.put is not None
        plain.put(node, value * damage.pop() if damage else value)

    edit_table({FSETPOINT: replace(plain, put=put)})
    assert await n2.set_flow(80.0) == pytest.approx(80.0)
    assert node.setpoint == pytest.approx(0.8)


# -- zero -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", sorted(MODES))
async def test_safe_stops_the_flow_in_every_control_mode(
    bench: Bench, n2: Instrument, node: ProparNode, mode: int
) -> None:
    node.setpoint, node.analog_input, node.valve_safe_state, node.drive = 0.7, 0.9, 1, 0.8
    forty_seconds(bench)
    node.control_mode = mode
    await n2.safe()
    await n2.safe()
    await bench.instruments[5].poll()  # time passes for all
    forty_seconds(bench)
    reading = await n2.poll()
    assert reading.flow == pytest.approx(0.0, abs=1.0)
    assert node.drive == 0.0
    assert n2.zeros == 2


async def test_safe_leaves_the_mode_of_one_that_obeys(n2: Instrument, node: ProparNode) -> None:
    node.setpoint, node.control_mode = 0.5, int(Mode.RS232)
    await n2.safe()
    assert (node.setpoint, node.control_mode) == (0.0, Mode.RS232)


async def test_safe_closes_the_valve_of_one_that_refuses_a_setpoint(
    n2: Instrument, node: ProparNode, edit_table: EditTable
) -> None:
    edit_table({FSETPOINT: read_only(FSETPOINT)})
    node.setpoint = 0.5
    await n2.safe()
    assert node.control_mode == Mode.VALVE_CLOSED


async def test_safe_closes_the_valve_of_one_that_keeps_its_setpoint(
    n2: Instrument, node: ProparNode, edit_table: EditTable
) -> None:
    edit_table({FSETPOINT: deaf(FSETPOINT)})
    node.setpoint = 0.5
    await n2.safe()
    assert node.control_mode == Mode.VALVE_CLOSED


async def test_safe_that_is_not_confirmed_is_a_failure(
    n2: Instrument, node: ProparNode, edit_table: EditTable
) -> None:
    edit_table({MODE: deaf(MODE)})
    node.control_mode = int(Mode.VALVE_OPEN)
    with pytest.raises(DeviceError, match="zero not confirmed, control mode valve open"):
        await n2.safe()
    assert n2.zeros == 0


@pytest.mark.parametrize("fault", SHOWS)
async def test_safe_under_faults_is_confirmed_or_fails_and_works_afterwards(
    bench: Bench, n2: Instrument, node: ProparNode, fault: Fault
) -> None:
    node.setpoint = 0.5
    bench.set_fault(fault)
    harmless = fault is Fault.NOISE_BEFORE or (
        fault is Fault.WRONG_SEQUENCE and n2.bus.framing is Framing.ASCII
    )
    if harmless:
        await n2.safe()
    else:
        with pytest.raises(DeviceFault):
            await n2.safe()
        bench.set_fault(Fault.OK)
        await n2.safe()
    assert node.setpoint == 0.0


# -- other orders -----------------------------------------------------------------------------


async def test_a_control_mode_is_confirmed(n2: Instrument, node: ProparNode, edit_table: EditTable) -> None:
    assert await n2.set_mode(Mode.VALVE_CLOSED) is Mode.VALVE_CLOSED
    assert node.control_mode == 3
    edit_table({MODE: deaf(MODE)})
    with pytest.raises(DeviceError, match="control mode stayed valve closed"):
        await n2.set_mode(Mode.BUS)


async def test_a_mode_the_instrument_does_not_know_is_refused(n2: Instrument) -> None:
    with pytest.raises(DeviceError, match="value not allowed"):
        await n2.set_mode(99)  # type: ignore[arg-type]


async def test_the_user_tag_is_read_back(n2: Instrument, node: ProparNode) -> None:
    assert await n2.set_user_tag("Chamber 2 ") == "Chamber 2"
    assert n2.plate.user_tag == "Chamber 2"
    with pytest.raises(ValueError, match="Latin-1"):
        await n2.set_user_tag("\N{SNOWMAN}")


async def test_wink_and_reset_reach_the_instrument(n2: Instrument, node: ProparNode) -> None:
    await n2.wink(7)
    assert node.wink_s == pytest.approx(7.0)
    for seconds in (0, 10):
        with pytest.raises(ValueError, match="1..9"):
            await n2.wink(seconds)
    node.power_alarm = True
    await n2.reset_alarm()
    assert node.alarm_info == 0


@pytest.mark.parametrize("order", [Instrument.wink, Instrument.reset_alarm])
async def test_wink_and_reset_are_never_repeated(
    bench: Bench, n2: Instrument, order: Callable[[Instrument], object]
) -> None:
    await n2.poll()
    bench.set_fault(Fault.DEAD)
    before = bench.line.requests
    with pytest.raises(NoReply):
        await order(n2)  # type: ignore[misc]
    assert bench.line.requests == before + 1


# -- fluid ------------------------------------------------------------------------------------


@pytest.fixture
def quick_fluid(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of the line's time between two looks, and none of ours."""
    monkeypatch.setattr(devsup.bronkhorst, "FLUID_POLL_S", 0.0)


@pytest.fixture
def hasty_fluid(quick_fluid: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one that is not to settle in time."""
    monkeypatch.setattr(devsup.bronkhorst, "FLUID_SETTLE_S", 0.3)


@pytest.mark.usefixtures("quick_fluid")
async def test_a_fluid_is_settled_when_its_range_shows_twice(n2: Instrument, node: ProparNode) -> None:
    await n2.identify()
    plate = await n2.set_fluid(2)
    assert (plate.fluid, plate.fluid_name, plate.capacity, plate.unit) == (2, "He", 500.0, "mls/min")
    assert plate.serial == "M22200003A"
    assert n2.plate == plate
    assert not node.changing_fluid


@pytest.mark.usefixtures("quick_fluid")
async def test_a_fluid_change_survives_odd_and_missing_answers(bench: Bench, n2: Instrument) -> None:
    await n2.identify()
    bench.sim.set_fault(3, Fault.TRUNCATED, probability=0.5)
    for _ in range(3):
        try:
            plate = await n2.set_fluid(3)
        except (FramingError, IdentityError, NoReply):
            continue  # the order itself was not acknowledged
        assert plate.fluid_name == "Ar"
        return
    pytest.fail("no order came through")


@pytest.mark.usefixtures("hasty_fluid")
async def test_a_fluid_that_never_settles_is_a_failure(n2: Instrument, edit_table: EditTable) -> None:
    await n2.identify()
    edit_table({FLUID: deaf(FLUID)})
    with pytest.raises(DeviceError, match="fluid 2 not settled"):
        await n2.set_fluid(2)
    assert n2.plate.fluid == 1


@pytest.fixture
def after_fluid(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Let something happen once the order to change the fluid is acknowledged."""

    def arrange(happen: Callable[[], None]) -> None:
        plain = bench.port.run

        async def run(work: object, *args: object, **options: object) -> object:
            if options.get("label") == "node 3 fluid":
                result = await plain(work, *args, **options)  # type: ignore[arg-type]
                happen()
                return result
            return await plain(work, *args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(bench.port, "run", run)

    return arrange


@pytest.mark.usefixtures("hasty_fluid")
async def test_a_fluid_that_makes_it_mute_is_said(
    bench: Bench, n2: Instrument, after_fluid: Callable[[Callable[[], None]], None]
) -> None:
    await n2.identify()
    after_fluid(lambda: bench.set_fault(Fault.DEAD))
    with pytest.raises(DeviceError, match="fluid 2 not settled after 0.3 s .node 3: no reply"):
        await n2.set_fluid(2)


@pytest.mark.usefixtures("quick_fluid")
async def test_a_line_lost_during_the_change_ends_it(
    bench: Bench,
    n2: Instrument,
    after_fluid: Callable[[Callable[[], None]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unplugged(data: bytes) -> None:
        raise LineLost("unplugged")

    await n2.identify()
    after_fluid(lambda: monkeypatch.setattr(bench.line, "send", unplugged))
    with pytest.raises(LineLost):
        await n2.set_fluid(2)


async def test_fluids_that_do_not_exist(bench: Bench, n2: Instrument) -> None:
    for fluid in (0, 9):
        with pytest.raises(ValueError, match="fluid number"):
            await n2.set_fluid(fluid)
    with pytest.raises(DeviceError, match="value not allowed"):
        await n2.set_fluid(8)


# -- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", SHOWS)
async def test_a_fault_that_shows_spoils_no_reading(bench: Bench, fault: Fault) -> None:
    """Always, then by chance: what comes back is true, or nothing does. Afterwards all is well.

    ASCII has no sequence number: there, a late answer to the same question passes for the next one.
    """
    stale_passes = fault in (Fault.LATE, Fault.SLOW) and bench.bus.framing is Framing.ASCII
    for instrument in bench.instruments.values():
        await instrument.identify()
        await instrument.set_flow(50.0)
    for probability in (1.0, 0.3):
        bench.set_fault(fault, probability)
        for turn in range(40):
            address = (3, 5)[turn % 2]
            try:
                reading = await bench.instruments[address].poll()
            except DeviceFault:
                continue
            assert stale_passes or is_true(reading, bench.sim.node(address))
    bench.set_fault(Fault.OK)
    forty_seconds(bench)
    for address, instrument in bench.instruments.items():
        assert is_true(await instrument.poll(), bench.sim.node(address))


async def test_noise_before_a_reply_costs_nothing(bench: Bench, n2: Instrument, node: ProparNode) -> None:
    await n2.identify()
    bench.set_fault(Fault.NOISE_BEFORE)
    attempts = bench.port.attempts
    for _ in range(50):
        assert is_true(await n2.poll(), node)
    assert bench.port.attempts == attempts + 50


async def test_a_flipped_bit_is_doubted_where_it_shows(
    bench: Bench, n2: Instrument, node: ProparNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sign and exponent of the flow are hit, in every other answer: no two readings run are both wrong."""
    await n2.identify()
    await n2.set_flow(50.0)
    forty_seconds(bench)
    await n2.poll()
    before = n2.doubts
    settings = cycle((Setting(Fault.BIT_FLIP), Setting()))
    monkeypatch.setattr(bench.sim.stations[3].faults, "strike", lambda: next(settings))
    unconfirmed = 0
    for _ in range(100):
        try:
            assert is_true(await n2.poll(), node)
        except Implausible as fault:
            unconfirmed += 1
            assert "second reading did not confirm" in str(fault)
    assert n2.doubts > before
    assert unconfirmed > 0


async def test_a_setpoint_is_never_called_confirmed_when_it_is_not(
    bench: Bench, n2: Instrument, node: ProparNode
) -> None:
    await n2.identify()
    confirmed = 0
    for fault in SHOWS:
        bench.set_fault(fault, probability=0.5)
        for wanted in (10.0, 70.0, 35.0):
            try:
                held = await n2.set_flow(wanted)
            except DeviceFault:
                continue
            confirmed += 1
            assert held == pytest.approx(wanted, rel=1e-3)
            assert node.setpoint * 100.0 == pytest.approx(wanted, rel=1e-3)
        bench.set_fault(Fault.OK)
        bench.line.let_pass(2.0)
    assert confirmed > 5


def test_the_fast_group_is_what_the_protocol_document_asks_for() -> None:
    assert devsup.bronkhorst.FAST == (
        propar.FMEASURE,
        propar.FSETPOINT,
        propar.TEMPERATURE,
        propar.VALVE_OUTPUT,
        propar.ALARM_INFO,
        propar.CONTROL_MODE,
    )
