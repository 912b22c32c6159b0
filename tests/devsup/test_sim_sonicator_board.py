"""The whole simulated board: registers of both layouts, callbacks, time-outs, deafness, LED."""

import pytest

from devsup.sim.sonicator_board import (
    LAYOUTS,
    Ailment,
    Board,
    BoardConfig,
    Cause,
    State,
    TransducerConfig,
    Trouble,
)
from devsup.sim.sonicator_board.registers import FAILURE, ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refusal

RUNNING, OVERLOAD, LOCK, COMM, FAULT = 1, 2, 4, 8, 16
EVERYBODY = {number: TransducerConfig() for number in (1, 2, 3, 4)}


class Bench:
    """A board and a clock."""

    def __init__(self, layout: str = "documented", **config: object) -> None:
        self.board = Board(BoardConfig(LAYOUTS[layout], **config))  # type: ignore[arg-type]
        self.now = 1000.0
        self.board.advance(self.now)
        self.wait(0.02)

    def wait(self, seconds: float) -> "Bench":
        self.now += seconds
        self.board.advance(self.now)
        return self

    def read(self, address: int, count: int = 1) -> list[int]:
        assert self.board.hears(self.now)
        return self.board.read(address, count)

    def get(self, address: int) -> int:
        return self.read(address)[0]

    def put(self, address: int, value: int) -> None:
        assert self.board.hears(self.now)
        self.board.write(address, value)

    def refused(self, address: int, value: int) -> int:
        with pytest.raises(Refusal) as refusal:
            self.put(address, value)
        return refusal.value.code

    def run(self, base: int = 0x0160) -> "Bench":
        self.put(base, 1)
        return self.talk(0.3)

    def talk(self, seconds: float) -> "Bench":
        """Time passes, and the master asks ten times a second."""
        for _ in range(round(seconds / 0.1)):
            self.wait(0.1)
            self.read(0)
        return self


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The documented layout


def test_a_sonicator_is_started_seen_and_stopped(bench: Bench) -> None:
    bench.put(0x0161, 60)
    bench.run()
    assert bench.read(0x0160, 3) == [1, 60, 0]
    power, frequency, flags, actual = bench.read(0x0170, 4)
    assert power == pytest.approx(360, abs=2)
    assert (frequency, flags, actual) == (20000, RUNNING | LOCK, 60)
    assert bench.read(0x0000, 3) == [1, 1, 0b1000]
    bench.put(0x0160, 0)
    bench.talk(0.3)
    assert bench.read(0x0170, 4) == [0, 20000, LOCK, 0]
    assert bench.read(0x0174, 2) == [State.STOPPING, 60]
    assert bench.get(0x0177) == bench.board.units[4].changed_ms


def test_the_control_registers_show_what_was_taken(bench: Bench) -> None:
    for value in (20, 100):
        bench.put(0x0161, value)
        assert bench.get(0x0161) == value
    for value in (19, 101, 0xFFFF):
        assert bench.refused(0x0161, value) == ILLEGAL_VALUE
    assert bench.get(0x0161) == 100
    assert bench.refused(0x0160, 2) == ILLEGAL_VALUE


def test_one_amplitude_drives_all(bench: Bench) -> None:
    bench = Bench(wired=EVERYBODY)
    bench.run(0x0100).run(0x0160)
    bench.put(0x0121, 40)
    assert [bench.get(0x0101 + 0x20 * place) for place in range(4)] == [40] * 4
    assert bench.get(0x0014) == 40
    bench.talk(0.3)
    assert bench.get(0x0110) == pytest.approx(240, abs=2)
    bench.put(0x0014, 80)
    bench.talk(0.3)
    assert bench.get(0x0170) == pytest.approx(480, abs=2)
    assert bench.read(0x0001, 2) == [2, 0b1001]
    bench.put(0x0100, 0)
    bench.talk(0.3)
    assert bench.get(0x0170) == pytest.approx(480, abs=2)


def test_a_reset_pulses_and_clears_itself(bench: Bench) -> None:
    bench.board.set_load(4, 3.0)
    bench.put(0x0161, 100)
    bench.run()
    assert bench.get(0x0172) == OVERLOAD | FAULT
    assert bench.get(0x0176) == Cause.OVERLOAD
    assert (bench.get(0x0000), bench.get(0x0006)) == (2, 4)
    assert bench.refused(0x0160, 1) == FAILURE
    bench.board.set_load(4, 1.0)
    bench.put(0x0162, 1)
    bench.wait(0.05)
    assert bench.get(0x0162) == 0
    assert bench.get(0x0172) == LOCK
    assert bench.get(0x0174) == 4
    assert bench.get(0x0160) == 0


def test_what_is_not_wired_does_not_start(bench: Bench) -> None:
    assert bench.read(0x0110, 4) == [0, 0, 0, 0]
    assert bench.refused(0x0100, 1) == FAILURE


def test_enable_and_inhibit(bench: Bench) -> None:
    bench.put(0x0013, 0b1000)
    assert bench.refused(0x0160, 1) == FAILURE
    assert bench.refused(0x0013, 0x10) == ILLEGAL_VALUE
    bench.put(0x0013, 0)
    bench.run()
    bench.put(0x0010, 0)
    bench.talk(0.2)
    assert bench.get(0x0172) == LOCK
    assert bench.read(0x0005, 2) == [0b1000, 0]
    assert bench.refused(0x0160, 1) == FAILURE
    bench.put(0x0010, 1)
    bench.talk(0.3)
    assert (bench.get(0x0010), bench.get(0x0172)) == (1, LOCK)


def test_the_emergency_stop_is_immediate_and_latched() -> None:
    bench = Bench(wired=EVERYBODY)
    bench.run(0x0100).run(0x0160)
    bench.put(0x0011, 1)
    assert [unit.state for unit in bench.board.units.values()] == [State.FAULT] * 4
    assert not bench.board.hal.level("PC0")
    assert bench.get(0x0000) & 0x06 == 0x06
    assert bench.read(0x0005, 2) == [0b1001, 3]
    assert bench.refused(0x0160, 1) == FAILURE
    bench.put(0x0011, 0)
    assert bench.refused(0x0160, 1) == FAILURE
    bench.put(0x0162, 1)
    bench.wait(0.05)
    assert bench.get(0x0172) == LOCK
    bench.run()
    assert bench.get(0x0172) == RUNNING | LOCK


@pytest.mark.parametrize("address", [0x0020, 0x00FF, 0x0420, 0xFFFF])
def test_what_does_not_exist_is_refused(bench: Bench, address: int) -> None:
    with pytest.raises(Refusal) as refusal:
        bench.read(address)
    assert refusal.value.code == ILLEGAL_ADDRESS
    assert bench.refused(address, 0) == ILLEGAL_ADDRESS


@pytest.mark.parametrize("address", [0x0000, 0x0004, 0x0110, 0x0172, 0x017F])
def test_what_is_read_only_is_refused(bench: Bench, address: int) -> None:
    assert bench.refused(address, 1) == ILLEGAL_ADDRESS


def test_reserved_words_are_zero_and_take_anything(bench: Bench) -> None:
    bench.put(0x001F, 7)
    bench.put(0x016F, 7)
    assert bench.read(0x0160, 24)[3:16] == [0] * 13
    assert bench.read(0x0200, 2) == [0, 0]
    assert bench.refused(0x0200, 1) == FAILURE
    with pytest.raises(Refusal):
        bench.read(0, 126)


def test_a_system_reset_needs_its_magic(bench: Bench) -> None:
    bench.put(0x0161, 60)
    bench.run()
    bench.put(0x0012, 1)
    assert bench.get(0x0172) & RUNNING
    bench.put(0x0012, 0xA5C3)
    bench.wait(0.02)
    assert (bench.get(0x0172), bench.get(0x0161)) == (LOCK, 80)
    assert bench.read(0x0005, 2) == [0b1000, 0]


def test_a_power_cycle_remembers_who_ran(bench: Bench) -> None:
    bench.run()
    bench.board.power_cycle()
    bench.wait(0.02)
    assert (bench.get(0x0172), bench.read(0x0005, 2)) == (LOCK, [0b1000, 2])


# The deployed layout


def test_the_deployed_layout_is_raw_and_one_word_lower() -> None:
    bench = Bench("deployed")
    bench.put(0x0011, 60)
    bench.run()
    power, frequency, flags, actual = bench.read(0x016F, 4)
    assert power == pytest.approx(360 * 5.44e-3 / 5.0 * 1023, abs=2)
    assert (frequency, flags, actual) == (2000, RUNNING | LOCK, 60)
    bench.board.units[4].fail(Cause.HARDWARE, bench.board.ms)
    assert bench.get(0x0171) == LOCK | 0x20


def test_the_deployed_amplitude_stands_on_the_emergency_stop() -> None:
    bench = Bench("deployed")
    bench.run()
    bench.put(0x0011, 1)
    bench.talk(0.2)
    assert (bench.get(0x0011), bench.board.hal.duty("PD7")) == (1, 0)
    assert bench.get(0x0000) & 0x04
    assert bench.get(0x0171) & RUNNING, "it stops nobody"
    bench.put(0x0011, 200)
    assert bench.board.hal.duty("PD7") == 255


def test_the_deployed_reset_stays_until_it_is_taken_back() -> None:
    bench = Bench("deployed")
    bench.board.units[4].fail(Cause.HARDWARE, bench.board.ms)
    bench.put(0x0161, 1)
    bench.wait(0.05)
    assert (bench.get(0x0161), bench.board.units[4].state) == (1, State.IDLE)
    bench.board.units[4].fail(Cause.HARDWARE, bench.board.ms)
    bench.put(0x0161, 1)
    bench.wait(0.05)
    assert bench.board.units[4].state is State.FAULT, "no edge, no pulse"
    bench.put(0x0161, 0)
    bench.put(0x0161, 1)
    bench.wait(0.05)
    assert bench.board.units[4].state is State.IDLE


def test_an_answer_must_fit_the_deployed_buffer() -> None:
    bench = Bench("deployed")
    assert len(bench.read(0x0100, 60)) == 60
    with pytest.raises(Refusal):
        bench.read(0x0100, 61)


# Silence, deafness, a main loop that hangs


def test_two_seconds_without_a_request_stop_what_runs(bench: Bench) -> None:
    bench.run()
    bench.wait(1.99)
    assert bench.board.units[4].running
    bench.wait(0.02)
    assert bench.board.units[4].causes is Cause.COMM_TIMEOUT
    assert bench.get(0x0172) & (COMM | FAULT) == COMM | FAULT
    bench.wait(0.01)
    assert (bench.get(0x0172), bench.get(0x0176)) == (LOCK, Cause.COMM_TIMEOUT)
    bench.talk(1.0)
    assert not bench.board.hal.level("PC0")


def test_a_deaf_board_needs_its_power_cycled() -> None:
    bench = Bench(deaf_after_s=1.0)
    bench.run()
    bench.wait(0.99)
    assert bench.get(0x0172) & RUNNING
    bench.wait(1.01)
    assert not bench.board.hears(bench.now)
    bench.wait(2.0)
    assert bench.board.units[4].causes is Cause.COMM_TIMEOUT
    assert not bench.board.hal.level("PC0")
    bench.board.power_cycle()
    bench.wait(0.02)
    assert bench.get(0x0172) == LOCK


def test_deafness_and_stall_as_troubles(bench: Bench) -> None:
    bench.run()
    bench.board.set_trouble(Trouble.DEAF)
    assert not bench.board.hears(bench.now)
    bench.board.set_trouble(Trouble.OK)
    assert bench.get(0x0172) & RUNNING
    bench.board.set_trouble(Trouble.STALLED)
    bench.wait(0.9)
    assert not bench.board.hears(bench.now)
    bench.wait(0.2)
    bench.board.set_trouble(Trouble.OK)
    bench.wait(0.001)
    assert bench.board.units[4].causes is Cause.WATCHDOG
    assert (bench.get(0x0003), bench.get(0x0006)) == (0, 1)
    assert bench.board.trouble is Trouble.OK


def test_broken_inputs_fail_everybody(bench: Bench) -> None:
    bench.run()
    bench.board.set_trouble(Trouble.BROKEN_INPUTS)
    bench.wait(0.001)
    assert bench.board.units[4].causes is Cause.HARDWARE
    bench.board.set_trouble(Trouble.OK)
    bench.put(0x0162, 1)
    bench.wait(0.05)
    assert bench.get(0x0172) == LOCK


def test_a_sensor_that_cannot_be_read_shows_zero(bench: Bench) -> None:
    bench.run()
    bench.board.hal.broken = {"PA7", "PB0"}
    assert bench.read(0x0170, 2) == [0, 0]


def test_a_reset_that_the_pin_does_not_obey_is_refused(bench: Bench) -> None:
    bench.board.hal.broken = {"PC1"}
    assert bench.refused(0x0162, 1) == FAILURE
    bench.put(0x0162, 0)


def test_a_long_pause_is_not_lived_through_millisecond_by_millisecond(bench: Bench) -> None:
    bench.run()
    bench.wait(86400.0)
    assert bench.board.ms > 86_400_000
    assert bench.board.units[4].causes is Cause.COMM_TIMEOUT
    bench.talk(0.2)
    assert bench.get(0x0172) == LOCK
    bench.board.set_trouble(Trouble.STALLED)
    bench.wait(100.0)
    bench.board.set_trouble(Trouble.OK)
    bench.wait(0.001)
    assert bench.board.units[4].causes == Cause.WATCHDOG | Cause.COMM_TIMEOUT


def test_what_it_refuses_is_counted(bench: Bench) -> None:
    bench.refused(0x0161, 19)
    bench.refused(0x0172, 1)
    assert bench.get(0x0004) == 2


# LED


def test_the_led_blinks_in_fault_and_is_steady_while_it_runs(bench: Bench) -> None:
    assert not bench.board.led
    bench.run()
    assert bench.board.led
    bench.board.set_ailment(4, Ailment.LOCK_LOST)
    bench.wait(0.05)
    pattern = []
    for _ in range(40):
        bench.wait(0.01)
        pattern.append(bench.board.led)
    flips = sum(one != two for one, two in zip(pattern, pattern[1:], strict=False))
    assert (sum(pattern), flips) == (20, pytest.approx(4, abs=1))
