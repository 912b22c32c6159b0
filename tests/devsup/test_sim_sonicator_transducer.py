"""Physics of the simulated generator and transducer, moved on by step(dt) alone."""

import pytest

from devsup.sim.sonicator_board.transducer import Ailment, Transducer, TransducerConfig


def run(
    transducer: Transducer,
    seconds: float,
    *,
    start: bool = True,
    reset: bool = False,
    amplitude: float = 0.6,
    dt_s: float = 0.001,
) -> Transducer:
    for _ in range(round(seconds / dt_s)):
        transducer.step(dt_s, start=start, reset=reset, amplitude=amplitude)
    return transducer


def make(**changes: object) -> Transducer:
    return Transducer(TransducerConfig(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("amplitude", "load", "watts"), [(1.0, 1.0, 600), (0.5, 1.0, 300), (0.5, 0.4, 120)])
def test_power_follows_amplitude_and_load(amplitude: float, load: float, watts: float) -> None:
    transducer = make()
    transducer.load = load
    assert run(transducer, 0.3, amplitude=amplitude).power_w == pytest.approx(watts, rel=1e-3)
    assert transducer.power_volts == pytest.approx(watts * 5.44e-3, rel=1e-3)
    assert run(transducer, 0.3, start=False).power_w == pytest.approx(0.0, abs=0.01)


def test_the_result_does_not_depend_on_the_size_of_the_step() -> None:
    fine, coarse = run(make(), 0.05), run(make(), 0.05, dt_s=0.01)
    assert fine.power_w == pytest.approx(coarse.power_w, rel=1e-6)


def test_the_resonance_falls_as_it_warms_and_stays_in_its_range() -> None:
    transducer = run(make(), 300.0, amplitude=1.0, dt_s=0.1)
    assert transducer.temperature_degc > 60.0
    assert 18000 < transducer.frequency_hz < 19700
    assert run(transducer, 1200.0, start=False, dt_s=0.1).frequency_hz == pytest.approx(20000, abs=5)


def test_one_that_locks_when_driven_is_mute_before() -> None:
    transducer = make(locks_idle=False)
    assert (transducer.locked, transducer.frequency_hz) == (False, 0.0)
    run(transducer, 0.02)
    assert (transducer.locked, transducer.power_w) == (False, 0.0)
    run(transducer, 0.3)
    assert transducer.locked and transducer.power_w > 300


def test_too_much_load_is_an_overload_until_a_long_enough_reset() -> None:
    transducer = make()
    transducer.load = 3.0
    run(transducer, 0.2)
    assert transducer.overload and not transducer.locked
    assert transducer.power_w < 10.0
    transducer.load = 1.0
    assert run(transducer, 0.01, start=False, reset=True).overload
    assert run(transducer, 0.02, start=False, reset=False).overload
    assert not run(transducer, 0.02, start=False, reset=True).overload


def test_an_overload_that_lasts_cannot_be_reset() -> None:
    transducer = make()
    transducer.ailment = Ailment.OVERLOAD
    assert run(transducer, 0.05, start=False, reset=True).overload
    transducer.ailment = Ailment.OK
    assert not run(transducer, 0.05, start=False, reset=True).overload


@pytest.mark.parametrize(
    ("ailment", "locked", "watts"),
    [
        (Ailment.LOCK_LOST, False, 0.0),
        (Ailment.TRANSDUCER_DEAD, True, 0.0),
        (Ailment.UNPLUGGED, False, 0.0),
        (Ailment.OK, True, 360.0),
    ],
)
def test_ailments(ailment: Ailment, locked: bool, watts: float) -> None:
    transducer = run(make(), 0.3)
    transducer.ailment = ailment
    run(transducer, 0.3)
    assert transducer.locked is locked
    assert transducer.power_w == pytest.approx(watts, abs=0.1)


def test_one_that_is_stuck_goes_on_without_start() -> None:
    transducer = make()
    transducer.ailment = Ailment.STUCK_ON
    assert run(transducer, 0.3, start=False, amplitude=0.2).power_w == pytest.approx(120.0, rel=1e-3)


def test_a_frequency_that_hunts_is_beside_the_resonance() -> None:
    transducer = make()
    transducer.ailment = Ailment.LOCK_LOST
    assert run(transducer, 0.01).frequency_hz == pytest.approx(20700, abs=10)


def test_noise_comes_from_a_seed() -> None:
    readings = [run(make(noise=0.02, seed=seed), 0.3).power_w for seed in (1, 1, 2)]
    assert readings[0] == readings[1] != readings[2]
