"""Alicat devices against simulated units of every generation: what is read, ordered and refused."""

import itertools
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from devsup import alicat_mfc
from devsup.alicat import FeatureMissing, Misshapen, NotSupported, NotUnderstood, Source
from devsup.alicat_mfc import Alicat
from devsup.alicat_talk import NotTaken
from devsup.errors import DeviceError, Implausible, NoReply
from devsup.sim import alicat_talk as words
from devsup.sim.alicat_firmware import GENERATIONS
from devsup.sim.alicat_unit import AlicatUnit, Condition, Hold
from devsup.sim.faults import Fault
from tests.devsup.alicat_bench import Bench, is_true, meant, single

CONTROLLERS = [name for name in GENERATIONS if name != "10v04"]
OLD = ("GP", "5v12", "6v21", "7v09")
HOLDERS = [name for name in CONTROLLERS if name not in ("GP", "5v12")]  # show that they hold


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes by asking here, not by waiting."""
    monkeypatch.setattr(alicat_mfc, "RAMP_LOOK_S", 0.0)
    monkeypatch.setattr(alicat_mfc, "RAMP_WATCH_S", 0.1)
    monkeypatch.setattr(alicat_mfc, "GAS_SETTLE_S", 0.0)


async def known(firmware: str, **config: object) -> Bench:
    bench = single(firmware, **config)
    await bench.device.identify()
    return bench


# -- identification --------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", GENERATIONS)
async def test_every_generation_is_identified(firmware: str) -> None:
    bench = single(firmware, gas=1)
    plate, made = await bench.device.identify(), GENERATIONS[firmware]
    assert plate == bench.device.plate
    assert plate.firmware.text == made.text
    assert plate.dialect == ("GP" if made.gp else "modern" if made.modern_table else "legacy")
    assert (plate.full_scale, plate.flow_unit, plate.volumetric_unit) == (100.0, "sccm", "ccm")
    assert (plate.pressure_unit, plate.temperature_unit) == ("psia", "degC")
    assert plate.shows == ("ADC", *made.codes)
    assert plate.has_setpoint is (firmware != "10v04") and not plate.has_total
    assert plate.controls == ("mass flow" if plate.has_setpoint else "")
    assert plate.source is (Source.SAVED if firmware == "10v20" else Source.UNKNOWN)
    assert plate.model.endswith("-100SCCM-D") and plate.serial == "120065"


@pytest.mark.parametrize("firmware", GENERATIONS)
@pytest.mark.parametrize("totalizer", [False, True])
async def test_every_generation_is_read(firmware: str, totalizer: bool) -> None:
    bench = single(firmware, totalizer=totalizer, gas=11)
    reading = await bench.device.poll()
    assert is_true(reading, bench.unit) and reading.gas == "O2"
    assert bench.device.plate.total_unit == ("scc" if totalizer else "")
    if firmware != "10v04":
        await bench.device.set_flow(40.0)
    bench.let_pass(60.0)
    reading = await bench.device.poll()
    assert is_true(reading, bench.unit)
    assert reading.flow == pytest.approx(50.0 if firmware == "10v04" else 40.0)
    assert (reading.total is None) is not totalizer


@pytest.mark.parametrize("firmware", OLD)
async def test_nothing_that_is_said_in_a_whole_life_locks_an_old_panel(firmware: str) -> None:
    bench = await known(firmware, totalizer=True)
    device = bench.device
    orders: list[Callable[[], Awaitable[object]]] = [
        device.poll, lambda: device.set_flow(50.0), device.safe, device.close_valve,
        lambda: device.hold(False), device.cancel_hold, lambda: device.set_gas("Ar"), device.tare_flow,
        device.tare_pressure, device.reset_total, device.setpoint_source, device.read_gases,
    ]  # fmt: skip
    bench.let_pass(10.0)
    total = bench.unit.total
    for order in orders:
        with suppress(DeviceError):
            await order()
        assert not bench.unit.locked
    assert bench.unit.total >= total, "nor does a tare reset its total"


async def test_a_name_plate_that_is_not_told_leaves_what_everybody_understands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mute(unit: object, match: object) -> None:
        return None

    silent = tuple(
        replace(word, act=mute) if word.form.pattern in ("VE", r"\?\?M(\*|\d)") else word
        for word in words.WORDS
    )
    monkeypatch.setattr(words, "WORDS", silent)
    bench = single("10v20")
    plate = await bench.device.identify()
    assert not plate.firmware.known and plate.model == ""
    assert math.isnan(plate.full_scale), "neither the table nor a model number tells"
    assert await bench.device.set_flow(30.0) == 30.0
    assert is_true(await bench.device.poll(), bench.unit)
    with pytest.raises(NotSupported):
        await bench.device.close_valve()


async def test_a_pressure_controller_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_pressure(unit: object, match: object) -> list[str]:
        rows = words.alicat_frame.frame_table(bench.unit)
        return [row.replace("005 Mass Flow", "099 Else     ") for row in rows]

    bench = single("10v20")
    other = tuple(
        replace(word, act=only_pressure) if word.form.pattern == r"\?\?D\*" else word for word in words.WORDS
    )
    monkeypatch.setattr(words, "WORDS", other)
    with pytest.raises(DeviceError, match="no flow instrument"):
        await bench.device.identify()


async def test_a_setpoint_that_is_a_pressure_is_not_given_a_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressure(unit: object, match: object) -> list[str]:
        return [row.replace("037 Mass", "034 Mass") for row in words.alicat_frame.frame_table(bench.unit)]

    bench = single("10v20")
    other = tuple(
        replace(word, act=pressure) if word.form.pattern == r"\?\?D\*" else word for word in words.WORDS
    )
    monkeypatch.setattr(words, "WORDS", other)
    assert (await bench.device.identify()).controls == "pressure"
    with pytest.raises(DeviceError, match="no flow, it sets pressure"):
        await bench.device.set_flow(10.0)


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.NOISE_INSIDE, Fault.FOREIGN_NODE, Fault.BIT_FLIP])
async def test_identification_on_a_bad_line_is_right_or_fails(fault: Fault) -> None:
    good = 0
    for seed in range(12):
        bench = Bench(seed=seed)
        bench.set_fault(fault, probability=0.15)
        for name, device in bench.devices.items():
            try:
                plate = await device.identify()
            except (Implausible, DeviceError, NoReply, Misshapen):
                continue
            except Exception as error:
                assert getattr(error, "recoverable", False), error
                continue
            good += 1
            assert plate.full_scale == bench.sim.unit(name).config.full_scale
            assert plate.firmware.version == (10, 20)
            assert (plate.flow_unit, plate.controls) == ("sccm", "mass flow")
    assert good > 3


async def test_identification_that_fails_leaves_what_was_known() -> None:
    bench = await known("10v20")
    before = bench.device.plate
    bench.set_fault(Fault.DEAD)
    with pytest.raises(NoReply):
        await bench.device.identify()
    bench.set_fault(Fault.OK)
    assert bench.device.plate == before
    assert is_true(await bench.device.poll(), bench.unit)


# -- setpoint --------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", CONTROLLERS)
async def test_a_setpoint_is_taken_in_one_exchange(firmware: str) -> None:
    bench = await known(firmware)
    asked = bench.line.requests
    assert await bench.device.set_flow(42.5) == 42.5
    assert bench.line.requests == asked + 1
    assert bench.unit.setpoint == pytest.approx(0.425)
    assert await bench.device.set_flow(0.0) == 0.0


async def test_a_setpoint_is_rounded_to_what_the_instrument_shows() -> None:
    bench = await known("5v12")
    assert await bench.device.set_flow(42.47) == 42.5
    bench = await known("10v20", decimals=3, full_scale=10.0)
    assert await bench.device.set_flow(4.2474) == 4.247


@pytest.mark.parametrize("firmware", ["9v05", "10v20"])
async def test_under_a_ramp_the_setpoint_asked_for_is_confirmed(firmware: str) -> None:
    bench = await known(firmware, ramp_per_s=0.01)
    assert await bench.device.set_flow(80.0) == 80.0
    reading = await bench.device.poll()
    assert reading.setpoint is not None and reading.setpoint < 2.0, "it is on its way"


async def test_before_that_could_be_asked_a_ramp_is_seen_by_its_moving() -> None:
    bench = await known("8v30", ramp_per_s=0.02)
    assert await bench.device.set_flow(80.0) == 80.0
    bench.unit.source = "A"  # moves elsewhere
    bench.unit.analog_input = 1.0
    bench.let_pass(10.0)  # beyond 10: the first look shows it, not the last of as many as there is time for
    with pytest.raises(NotTaken):
        await bench.device.set_flow(10.0)


async def test_an_analog_input_that_flickers_is_no_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await known("8v30")
    bench.unit.analog_input = 0.3
    bench.sim.set_condition("A", Condition.ANALOG_SOURCE)
    flicker = itertools.cycle((0.3, 0.3001, 0.3002, 0.3001))

    def step(dt_s: float) -> None:
        bench.unit.demand = next(flicker)

    monkeypatch.setattr(bench.unit, "step", step)
    with pytest.raises(NotTaken):
        await bench.device.set_flow(80.0)


@pytest.mark.parametrize("firmware", CONTROLLERS)
async def test_an_analog_source_that_ignores_setpoints_is_noticed(firmware: str) -> None:
    bench = await known(firmware)
    bench.unit.analog_input = 0.3
    bench.sim.set_condition("A", Condition.ANALOG_SOURCE)
    with pytest.raises(DeviceError, match="analog"):
        await bench.device.set_flow(50.0)
    assert bench.unit.setpoint == 0.0
    if firmware == "10v20":
        assert await bench.device.setpoint_source() is Source.ANALOG
        assert bench.device.plate.source is Source.ANALOG


async def test_an_analog_source_is_noticed_even_where_the_order_is_kept_in_mind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = await known("10v20")
    bench.sim.set_condition("A", Condition.ANALOG_SOURCE)
    saying(monkeypatch, f"LS(?:{words.NUMBER})?", lambda unit, match: [" +000.00 +050.00 12 SCCM"])
    with pytest.raises(NotTaken, match="analog"):
        await bench.device.set_flow(50.0)


async def test_what_is_no_setpoint_is_not_sent() -> None:
    bench = await known("10v20")
    asked = bench.line.requests
    for value in (math.nan, math.inf, 102.5, -103.0):
        with pytest.raises(ValueError, match="range|setpoint"):
            await bench.device.set_flow(value)
    assert bench.line.requests == asked
    with pytest.raises(DeviceError):  # in range, and refused by a controller that has no reverse
        await bench.device.set_flow(-50.0)
    assert bench.unit.setpoint == 0.0


async def test_a_meter_is_told_nothing_and_is_safe() -> None:
    bench = await known("10v04")
    asked = bench.line.requests
    with pytest.raises(DeviceError, match="meter"):
        await bench.device.set_flow(1.0)
    await bench.device.safe()
    assert bench.line.requests == asked


# -- safe ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", CONTROLLERS)
@pytest.mark.parametrize("identified", [True, False])
async def test_safe_is_zero_in_every_generation_known_or_not(firmware: str, identified: bool) -> None:
    bench = single(firmware, totalizer=True)
    if identified:
        await bench.device.identify()
    bench.unit.order(0.8)
    bench.let_pass(5.0)
    asked = bench.line.requests
    await bench.device.safe()
    assert bench.unit.setpoint == 0.0 and bench.unit.hold is Hold.NONE
    assert bench.device.zeros == 1
    assert bench.line.requests == asked + (2 if firmware == "GP" and not identified else 1)


@pytest.mark.parametrize("firmware", HOLDERS)
async def test_where_zero_is_not_obeyed_the_valve_is_held_closed(firmware: str) -> None:
    bench = await known(firmware)
    bench.unit.analog_input = 0.3
    bench.sim.set_condition("A", Condition.ANALOG_SOURCE)
    bench.let_pass(5.0)
    asked = bench.line.requests
    await bench.device.safe()
    assert bench.unit.hold is Hold.CLOSED
    assert bench.line.requests <= asked + 5, "and soon"
    bench.let_pass(5.0)
    reading = await bench.device.poll()
    assert reading.flow == 0.0 and "HLD" in reading.codes


async def test_what_cannot_show_that_it_holds_is_told_to_and_not_called_safe() -> None:
    bench = await known("5v12")
    bench.unit.analog_input = 0.3
    bench.sim.set_condition("A", Condition.ANALOG_SOURCE)
    with pytest.raises(DeviceError, match="zero not confirmed.*no status"):
        await bench.device.safe()
    assert bench.unit.hold is Hold.CLOSED and bench.device.zeros == 0


async def test_what_cannot_be_told_is_not_called_safe() -> None:
    bench = await known("GP")
    bench.unit.analog_input = 0.3
    bench.sim.set_condition("A", Condition.ANALOG_SOURCE)
    with pytest.raises(DeviceError, match="zero not confirmed"):
        await bench.device.safe()


async def test_a_ramp_goes_down_by_itself_where_that_can_be_asked_else_the_valve_is_closed() -> None:
    new, old = await known("10v20", ramp_per_s=0.01), await known("8v30", ramp_per_s=0.01)
    for bench in (new, old):
        bench.unit.setpoint = bench.unit.demand = 0.8
        bench.let_pass(1.0)
        await bench.device.safe()
        assert bench.unit.setpoint == 0.0
    assert (new.unit.hold, old.unit.hold) == (Hold.NONE, Hold.CLOSED)


async def test_safe_is_repeated_until_it_is_confirmed() -> None:
    bench = await known("10v20")
    bench.unit.order(0.5)
    bench.set_fault(Fault.DEAD)
    bench.line.once_sent(lambda: bench.set_fault(Fault.OK))
    await bench.device.safe()
    assert bench.unit.setpoint == 0.0


# -- other orders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", HOLDERS)
async def test_hold_and_let_go(firmware: str) -> None:
    bench = await known(firmware)
    for order, state in (
        (bench.device.close_valve, Hold.CLOSED),
        (bench.device.cancel_hold, Hold.NONE),
        (lambda: bench.device.hold(closed=False), Hold.PRESENT),
        (lambda: bench.device.hold(closed=True), Hold.CLOSED),
        (bench.device.cancel_hold, Hold.NONE),
    ):
        await order()
        assert bench.unit.hold is state


async def test_a_setpoint_is_taken_while_the_valve_is_held_and_followed_later() -> None:
    bench = await known("10v20")
    await bench.device.close_valve()
    assert await bench.device.set_flow(50.0) == 50.0
    bench.let_pass(5.0)
    assert (await bench.device.poll()).flow == 0.0
    await bench.device.cancel_hold()
    bench.let_pass(5.0)
    assert (await bench.device.poll()).flow == pytest.approx(50.0)


@pytest.mark.parametrize("firmware", GENERATIONS)
async def test_lock_and_unlock(firmware: str) -> None:
    bench = await known(firmware)
    await bench.device.lock()
    assert bench.unit.locked
    await bench.device.unlock()
    assert not bench.unit.locked


@pytest.mark.parametrize("firmware", GENERATIONS)
async def test_a_gas_by_number_and_by_name(firmware: str) -> None:
    bench = await known(firmware)
    assert await bench.device.set_gas("ar") == "Ar"
    assert bench.unit.gas == 1
    assert await bench.device.set_gas(7) == "He"
    assert (await bench.device.poll()).gas == "He"


async def test_a_gas_that_the_instrument_calls_otherwise_is_not_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = await known("8v30")
    monkeypatch.setattr(words.alicat_frame, "gas_table", lambda: [" G01 N2", " G08 Ar"])  # misread
    await bench.device.read_gases()
    with pytest.raises(DeviceError, match="number 1 of its list, but it shows Ar"):
        await bench.device.set_gas("N2")


async def test_a_gas_that_it_has_not() -> None:
    bench = await known("10v20")
    with pytest.raises(ValueError, match="Unobtainium"):
        await bench.device.set_gas("Unobtainium")  # its own list is looked at first
    assert "NO" not in bench.device.plate.gases.values(), "the list it told"
    with pytest.raises(NotUnderstood):
        await bench.device.set_gas(200)
    assert bench.unit.gas == 8


@pytest.mark.parametrize("firmware", GENERATIONS)
async def test_tare_of_the_flow(firmware: str) -> None:
    bench = await known(firmware)
    bench.unit.zero_offset = 0.02
    if firmware == "10v04":
        bench.unit.supply = 0.0
    else:
        bench.unit.order(0.3)
        with pytest.raises(DeviceError, match="no tare while the setpoint is 30"):
            await bench.device.tare_flow()
        await bench.device.set_flow(0.0)
        bench.let_pass(10.0)
    assert bench.unit.tare_offset == 0.0
    await bench.device.tare_flow()
    bench.let_pass(1.0)
    assert abs((await bench.device.poll()).flow) < 0.1 or firmware == "10v04"
    assert bench.unit.tare_offset != 0.0


async def test_tare_with_the_new_letter_where_the_old_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(word for word in words.WORDS if word.form.pattern not in ("V", "P"))
    monkeypatch.setattr(words, "WORDS", kept)
    bench = await known("10v20")
    bench.unit.zero_offset = 0.02
    bench.let_pass(1.0)
    await bench.device.tare_flow()
    await bench.device.tare_pressure()
    assert bench.unit.tare_offset > 0.0 and bench.unit.pressure_tare_psia > 0.0
    bench = await known("8v30", totalizer=True)
    bench.let_pass(1.0)
    with pytest.raises(NotSupported):
        await bench.device.tare_flow()


async def test_the_total_is_reset_where_the_word_means_that() -> None:
    bench = await known("10v20", totalizer=True)
    await bench.device.set_flow(50.0)
    bench.let_pass(60.0)
    await bench.device.poll()
    await bench.device.reset_total()
    assert bench.unit.total < 1.0 and bench.unit.tare_offset == 0.0
    assert is_true(await bench.device.poll(), bench.unit)


@pytest.mark.parametrize("firmware", ["GP", "5v12", "7v09", "8v30", "9v05"])
async def test_the_total_is_not_reset_where_it_might_mean_a_tare(firmware: str) -> None:
    bench = await known(firmware, totalizer=True)
    bench.unit.total = 100.0
    asked = bench.line.requests
    with pytest.raises(NotSupported, match="10v00"):
        await bench.device.reset_total()
    assert bench.line.requests == asked and bench.unit.total >= 100.0


async def test_without_a_totalizer_there_is_nothing_to_reset() -> None:
    bench = await known("10v20")
    with pytest.raises(DeviceError, match="no totalizer"):
        await bench.device.reset_total()


async def test_a_unit_that_streams_is_told_to_stop() -> None:
    bench = await known("10v20")
    bench.sim.set_condition("A", Condition.STREAMING)
    with pytest.raises(NoReply):
        await bench.device.poll()
    await bench.device.stop_streaming()
    assert is_true(await bench.device.poll(), bench.unit)


# -- complaints ------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["6v21", "10v20"])
async def test_a_question_mark_is_believed_the_second_time(firmware: str) -> None:
    bench = await known(firmware)
    await bench.device.poll()
    bench.set_fault(Fault.ERROR_FRAME)
    bench.line.once_sent(lambda: bench.set_fault(Fault.OK))
    assert is_true(await bench.device.poll(), bench.unit)
    bench.set_fault(Fault.ERROR_FRAME)
    with pytest.raises(NotUnderstood):
        await bench.device.poll()
    bench.set_fault(Fault.OK)
    assert is_true(await bench.device.poll(), bench.unit), "nothing is left on the line"


async def test_a_feature_that_is_not_there() -> None:
    bench = await known("5v12")
    talk = bench.bus.ask
    with pytest.raises(FeatureMissing):
        talk(bench.line, 1.0, b"AZCA\r", str)


# -- doubts ----------------------------------------------------------------------------------------


async def settled(firmware: str = "10v20", **config: object) -> tuple[Bench, Alicat]:
    """At 50, read so often that nothing is new."""
    bench = await known(firmware, **config)
    await bench.device.set_flow(50.0)
    bench.let_pass(10.0)
    await bench.device.poll()
    await bench.device.poll()
    return bench, bench.device


async def test_a_steady_instrument_is_read_once() -> None:
    bench, device = await settled()
    doubts, asked = device.doubts, bench.line.requests
    for _ in range(10):
        await device.poll()
    assert (device.doubts, bench.line.requests) == (doubts, asked + 10)


@pytest.mark.parametrize(
    "happens",
    [
        lambda bench: setattr(bench.unit, "gas", 3),
        lambda bench: bench.sim.set_condition("A", Condition.PANEL_LOCKED),
        lambda bench: setattr(bench.unit, "flow", 0.8),
        lambda bench: setattr(bench.unit, "temperature_degc", 35.0),
        lambda bench: setattr(bench.unit, "supply", 0.5),
    ],
)
async def test_what_has_really_changed_is_read_twice_and_believed(happens: Callable[[Bench], None]) -> None:
    bench, device = await settled()
    doubts = device.doubts
    happens(bench)
    reading = await device.poll()
    assert is_true(reading, bench.unit)
    assert device.doubts == doubts + 1


async def test_our_own_setpoint_needs_no_second_reading() -> None:
    bench, device = await settled()
    doubts = device.doubts
    await device.set_flow(50.5)
    assert is_true(await device.poll(), bench.unit)
    assert device.doubts == doubts


async def test_a_flipped_digit_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, device = await settled()
    doubts = device.doubts
    monkeypatch.setattr(
        "devsup.sim.alicat_line.flipped", lambda wire, chance: wire.replace(b"+050.00", b"+010.00", 1)
    )
    bench.set_fault(Fault.BIT_FLIP)
    bench.line.once_sent(lambda: bench.set_fault(Fault.OK))
    reading = await device.poll()  # retried, and then it is right
    assert is_true(reading, bench.unit) and reading.flow == 50.0
    assert device.doubts > doubts


async def test_a_misshapen_frame_is_read_again_at_once() -> None:
    bench, device = await settled()
    attempts, doubts = bench.port.attempts, device.doubts
    bench.set_fault(Fault.WRONG_INDEX)
    bench.line.once_sent(lambda: bench.set_fault(Fault.OK))
    assert is_true(await device.poll(), bench.unit)
    assert (bench.port.attempts, device.doubts) == (attempts + 1, doubts + 1), "without a new attempt"


async def test_a_layout_that_has_changed_is_learned_again() -> None:
    bench, device = await settled()
    unit = bench.unit
    unit.config = replace(unit.config, totalizer=True)
    failed = 0
    while failed < 10:
        try:
            reading = await device.poll()
            break
        except Misshapen:
            failed += 1
    assert failed == alicat_mfc.STRANGE
    assert device.plate.has_total and is_true(reading, unit)


async def test_other_decimals_are_believed_when_they_stay() -> None:
    bench, device = await settled()
    unit = bench.unit
    unit.config = replace(unit.config, decimals=1)
    asked = bench.line.requests
    assert is_true(await device.poll(), unit)
    assert bench.line.requests == asked + 3, "three times the same"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (Condition.SURGE, "MOV"),
        (Condition.HOT, "TOV"),
        (Condition.SENSOR_ERROR, "ADC"),
        (Condition.HELD, "HLD"),
        (Condition.PANEL_LOCKED, "LCK"),
    ],
)
async def test_what_is_the_matter_is_in_the_codes(condition: Condition, code: str) -> None:
    bench, device = await settled()
    bench.sim.set_condition("A", condition)
    bench.let_pass(20.0)
    assert code in (await device.poll()).codes
    bench.sim.set_condition("A", Condition.OK)
    bench.let_pass(200.0)
    reading = await device.poll()
    assert reading.codes == () and meant(bench.unit)["codes"] == ()


async def test_an_empty_bottle_and_a_stuck_valve_are_seen_in_the_flow() -> None:
    bench, device = await settled()
    bench.sim.set_condition("A", Condition.BOTTLE_EMPTY)
    bench.let_pass(30.0)
    reading = await device.poll()
    assert reading.flow < 1.0 and reading.setpoint == 50.0
    bench, device = await settled()
    bench.set_fault(Fault.STUCK_VALVE)
    await device.safe()
    bench.let_pass(30.0)
    reading = await device.poll()
    assert reading.flow == pytest.approx(50.0) and reading.setpoint == 0.0


# -- instruments that do other than they say ---------------------------------------------------------


def saying(monkeypatch: pytest.MonkeyPatch, form: str, act: words.Act) -> None:
    """One word of the simulated units means something else now."""
    kept = tuple(replace(word, act=act) if word.form.pattern == form else word for word in words.WORDS)
    assert kept != words.WORDS
    monkeypatch.setattr(words, "WORDS", kept)


async def test_the_version_is_asked_for_where_the_name_plate_does_not_tell_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saying(monkeypatch, r"\?\?M(\*|\d)", lambda unit, match: None)
    plate = await single("10v20").device.identify()
    assert plate.firmware.version == (10, 20) and plate.model == ""
    assert plate.full_scale == 100.0


async def test_a_full_scale_that_is_refused_is_taken_from_the_model_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saying(monkeypatch, r"FPF (\d+)", lambda unit, match: ["   Feature Not Enabled"])
    assert (await single("10v20").device.identify()).full_scale == 100.0


async def test_a_table_that_does_not_fit_the_frames_is_believed_if_it_is_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = words.alicat_frame.frame_table

    def other_decimals(unit: AlicatUnit, match: object) -> list[str]:
        return [row.replace("7/2 012", "7/1 012") for row in real(unit)]

    saying(monkeypatch, r"\?\?D\*", other_decimals)
    bench = single("10v20")
    await bench.device.identify()
    assert is_true(await bench.device.poll(), bench.unit)
    told = iter(("7/1 012", "7/3 012"))

    def another_each_time(unit: AlicatUnit, match: object) -> list[str]:
        decimals = next(told)
        return [row.replace("7/2 012", decimals) for row in real(unit)]

    saying(monkeypatch, r"\?\?D\*", another_each_time)
    with pytest.raises(Implausible, match="frame table"):
        await single("10v20").device.identify()


async def test_a_gas_may_take_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, coming = await known("8v30"), iter((8, 1))

    def slowly(unit: AlicatUnit, match: object) -> list[str]:
        unit.gas = next(coming)
        return [f"   046 = {unit.gas}"]

    saying(monkeypatch, r"G\s*(\d+)", words.shown)
    saying(monkeypatch, r"[RW]46(?:=(\d+))?", slowly)
    assert await bench.device.set_gas("Ar") == "Ar"
    bench, coming = await known("8v30"), iter((8, 8))
    with pytest.raises(NotTaken, match="shows number 8"):
        await bench.device.set_gas("Ar")


async def test_an_order_that_is_acknowledged_and_not_carried_out_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = await known("10v20", totalizer=True)
    bench.unit.total = 50.0
    for form in ("HP|HC", "C", "L|U", r"T( 1)?"):
        saying(monkeypatch, form, words.shown)
    saying(monkeypatch, r"GS(?:\s+(\d+))?", lambda unit, match: [" 8 N2 Nitrogen"])
    device = bench.device
    for order in (device.close_valve, device.lock, device.reset_total, lambda: device.set_gas(1)):
        with pytest.raises(NotTaken):
            await order()
    bench.unit.hold = Hold.PRESENT
    with pytest.raises(NotTaken, match="HLD is still shown"):
        await device.cancel_hold()


async def test_a_setpoint_that_is_not_shown_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await known("8v30")
    frame = words.alicat_frame.frame
    monkeypatch.setattr(
        words.alicat_frame, "frame", lambda unit: frame(unit).replace("+050.00     N2", "-------     N2")
    )
    with pytest.raises(DeviceError, match="shows no setpoint"):
        await bench.device.set_flow(50.0)


async def test_a_setpoint_in_a_frame_of_another_width_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, device = await settled()
    frame, widths = words.alicat_frame.frame, itertools.chain(["+0040.00"], itertools.repeat("+040.00"))
    monkeypatch.setattr(
        words.alicat_frame, "frame", lambda unit: frame(unit).replace("+040.00     ", f"{next(widths)}     ")
    )
    attempts = bench.port.attempts
    assert await device.set_flow(40.0) == 40.0
    assert bench.port.attempts == attempts + 2
