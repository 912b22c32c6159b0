"""Relays on a gpiochip: through a stand-in for gpiod, and for real where the kernel has gpio-sim."""

import contextlib
import errno
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devsup.errors import DeviceError, LineLost, PortInUse
from devsup.relays import CannotClaim, GpioRelays
from devsup.relays import gpio as driver
from devsup.sim import gpio as stand_in
from devsup.sim.gpio import SimGpio
from devsup.sim.relays import RelayFault, SimRelays

LINES = {"Fan": 17, "Mist": 27, "Light": 22, "Heater": 23}
RELAYS = tuple(LINES)
OFF = dict.fromkeys(RELAYS, False)


def chip(**options: Any) -> SimGpio:
    relays = SimRelays(RELAYS)
    inputs = {5: "Fan", 6: "Mist", 13: "Light", 19: "Heater"}
    return SimGpio(relays, {line: name for name, line in LINES.items()}, inputs, **options)


@contextlib.asynccontextmanager
async def opened(gpiod: SimGpio, **options: Any) -> Any:
    bank = GpioRelays("relays", "/dev/gpiochip0", LINES, gpiod=gpiod, **options)
    await bank.open()
    yield bank
    await bank.close()


@pytest.mark.parametrize("active_low", [True, False])
async def test_every_line_is_off_from_its_first_moment_as_an_output(active_low: bool) -> None:
    gpiod = chip(wired_low=active_low)
    async with opened(gpiod, active_low=active_low) as bank:
        assert gpiod.levels == [(line, active_low) for line in LINES.values()], (
            "one level each, never the other"
        )
        assert await bank.read() == OFF
    assert sum(gpiod.relays.operations.values()) == 0


@pytest.mark.parametrize("active_low", [True, False])
async def test_relays_are_switched_and_read_back(active_low: bool) -> None:
    gpiod = chip(wired_low=active_low)
    async with opened(gpiod, active_low=active_low) as bank:
        wanted = {**OFF, "Fan": True, "Light": True}
        assert await bank.set(wanted) == wanted
        assert gpiod.relays.closed() == {"Fan", "Light"}
        await bank.safe()
        assert gpiod.relays.closed() == set()
        assert bank.health.good == 3


async def test_a_wrong_polarity_is_what_it_is_in_the_world() -> None:
    """The driver cannot see it; the set-up guide asks to try each relay once."""
    gpiod = chip(wired_low=True)
    async with opened(gpiod, active_low=False):
        assert gpiod.relays.closed() == set(RELAYS)


async def test_the_lines_are_ours_alone_and_are_given_back() -> None:
    gpiod = chip()
    async with opened(gpiod):
        with pytest.raises(PortInUse, match="in use by another program"):
            await GpioRelays("other", "/dev/gpiochip0", {"Fan": 17}, gpiod=gpiod).open()
    async with opened(gpiod):
        pass


async def test_a_released_line_keeps_its_level_and_is_not_taken_again() -> None:
    gpiod = chip()
    async with opened(gpiod) as bank:
        await bank.set({**OFF, "Heater": True})
    with pytest.raises(LineLost, match="given back"):
        await bank.read()
    assert gpiod.relays.closed() == {"Heater"}, "which is why a stop switches off before it gives back"


async def test_feedback_shows_the_contact_not_the_line() -> None:
    gpiod = chip()
    feedback = {"Fan": 5, "Mist": 6}
    async with opened(gpiod, feedback=feedback) as bank:
        gpiod.relays.faults["Fan"] = RelayFault.STUCK_OPEN
        assert await bank.set({**OFF, "Fan": True, "Mist": True}) == {**OFF, "Mist": True}
        gpiod.relays.faults["Mist"] = RelayFault.WELDED
        await bank.read()
        await bank.safe()  # the lines are off, and more cannot be done
        assert await bank.read() == {**OFF, "Mist": True}


async def test_a_line_that_does_not_take_its_level_is_named() -> None:
    gpiod = chip()
    async with opened(gpiod) as bank:
        gpiod.relays.drive = lambda name, on: None  # type: ignore[method-assign]
        with pytest.raises(DeviceError, match="relays: not obeyed: Fan is off"):
            await bank.set({**OFF, "Fan": True})
        assert not bank.health.lost, "it answers"


async def test_a_chip_that_goes_and_comes_back_starts_with_everything_off() -> None:
    gpiod = chip()
    async with opened(gpiod) as bank:
        await bank.set({**OFF, "Fan": True})
        gpiod.problem = errno.ENODEV
        with pytest.raises(LineLost):
            await bank.set({**OFF, "Fan": True, "Mist": True})
        assert bank.health.lost
        gpiod.problem = None
        assert await bank.read() == OFF
        assert not bank.health.lost


@pytest.mark.parametrize(
    ("problem", "error", "words"),
    [
        (errno.EACCES, CannotClaim, "permission denied; add the user to the group"),
        (errno.EPERM, CannotClaim, "permission denied"),
        (errno.ENOENT, CannotClaim, "/dev/gpiochip0: No such file"),
        (errno.EBUSY, PortInUse, "in use"),
    ],
)
async def test_why_lines_cannot_be_claimed(problem: int, error: type[Exception], words: str) -> None:
    gpiod = chip()
    gpiod.problem = problem
    with pytest.raises(error, match=words):
        await GpioRelays("relays", "/dev/gpiochip0", LINES, gpiod=gpiod).open()


async def test_a_line_that_the_chip_does_not_have() -> None:
    with pytest.raises(CannotClaim, match="unknown line 99"):
        await GpioRelays("relays", "/dev/gpiochip0", {"Fan": 99}, gpiod=chip()).open()


async def test_without_the_module_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(CannotClaim, match=r"install the extra \[gpio\]"):
        await GpioRelays("relays", "/dev/gpiochip0", LINES).open()


def test_a_chip_is_found_by_its_label_whatever_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"/dev/gpiochip0": "brcmvirt-gpio", "/dev/gpiochip4": "pinctrl-rp1"}
    gpiod = chip()
    monkeypatch.setattr(driver, "gpiochips", lambda _: sorted(labels))
    monkeypatch.setattr(gpiod, "Chip", lambda path: stand_in.SimChip(labels[path]))
    assert driver.find_chip(gpiod, "pinctrl-*") == "/dev/gpiochip4"
    assert driver.find_chip(gpiod, "/dev/gpiochip7") == "/dev/gpiochip7"
    with pytest.raises(CannotClaim, match=r"labelled gpio-sim; there is /dev/gpiochip0 \(brcmvirt-gpio\), "):
        driver.find_chip(gpiod, "gpio-sim")


def test_gpiochips_are_found_in_the_folder_of_devices(tmp_path: Path) -> None:
    for name in ("gpiochip4", "gpiochip0", "gpiomem"):
        (tmp_path / name).touch()
    assert driver.gpiochips(tmp_path) == [str(tmp_path / "gpiochip0"), str(tmp_path / "gpiochip4")]
    with pytest.raises(CannotClaim, match="there is none"):
        driver.find_chip(chip(), "pinctrl-*", tmp_path / "nowhere")


# -- the real thing, where it is -------------------------------------------------------------------


def test_the_stand_in_has_the_surface_of_the_module() -> None:
    gpiod = pytest.importorskip("gpiod", reason="the extra [gpio] is not installed")
    for ours, real in (
        (SimGpio.request_lines, gpiod.request_lines),
        (stand_in.SimRequest.set_values, gpiod.LineRequest.set_values),
        (stand_in.SimRequest.get_values, gpiod.LineRequest.get_values),
        (stand_in.SimRequest.release, gpiod.LineRequest.release),
    ):
        names = [n for n in inspect.signature(ours).parameters if n != "self"]
        assert set(names) <= set(inspect.signature(real).parameters)
    assert set(inspect.signature(stand_in.LineSettings).parameters) <= set(
        inspect.signature(gpiod.LineSettings).parameters
    )
    for ours, real in ((stand_in.Direction, gpiod.line.Direction), (stand_in.Value, gpiod.line.Value)):
        assert {each.name: each.value for each in ours} == {each.name: each.value for each in real}


CONFIGFS = Path("/sys/kernel/config/gpio-sim")


@pytest.fixture
def kernel_chip() -> Iterator[tuple[str, Path]]:
    """A chip of the kernel's gpio-sim: the path of its device, and of its lines' attributes."""
    if not CONFIGFS.is_dir():
        pytest.skip("this kernel has no gpio-sim, or configfs is not mounted, or we are not root")
    device, bank = CONFIGFS / "lab-iocs", CONFIGFS / "lab-iocs" / "bank"
    device.mkdir()
    try:
        bank.mkdir()
        (bank / "num_lines").write_text("32")
        (device / "live").write_text("1")
        name = (bank / "chip_name").read_text().strip()
        (home,) = Path("/sys/devices/platform").glob(f"gpio-sim.*/{name}")
        yield f"/dev/{name}", home
    finally:
        (device / "live").write_text("0")
        bank.rmdir()
        device.rmdir()


async def test_on_the_kernels_own_simulated_chip(kernel_chip: tuple[str, Path]) -> None:
    pytest.importorskip("gpiod", reason="the extra [gpio] is not installed")
    path, home = kernel_chip

    def levels() -> dict[str, str]:
        return {n: (home / f"sim_gpio{line}/value").read_text().strip() for n, line in LINES.items()}

    bank = GpioRelays("relays", path, LINES)
    await bank.open()
    assert levels() == dict.fromkeys(RELAYS, "1"), "active low: high is off"
    wanted = {**OFF, "Fan": True}
    assert await bank.set(wanted) == wanted
    assert levels() == {**dict.fromkeys(RELAYS, "1"), "Fan": "0"}
    with pytest.raises(PortInUse):
        await GpioRelays("other", path, {"Fan": 17}).open()
    await bank.safe()
    await bank.close()
