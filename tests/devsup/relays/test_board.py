"""A Modbus relay board on a simulated line: the bytes of its maker's manual, faults, dead man."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from devsup.errors import DeviceError, NoReply, Overruled
from devsup.health import Manners
from devsup.line import LineSettings
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.relays import DryRelays, ModbusRelays
from devsup.sim.faults import Fault
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.modbus_talk import converse
from devsup.sim.relay_board import RelayBoard
from devsup.sim.relays import RelayFault, SimRelays
from devsup.sim.wire import PtyLine
from tests.support.waiting import until

COILS = {"Fan": 0, "Mist": 1, "Light": 2, "Heater": 3}
RELAYS = tuple(COILS)
OFF = dict.fromkeys(RELAYS, False)
QUICK = Manners(response_timeout_s=0.2, command_timeout_s=0.2, retry_delays_s=(0.01, 0.01, 0.01))


class Rig:
    """A board, its line, and a clock that only the test moves."""

    def __init__(self, **board: Any) -> None:
        self.now = 0.0
        self.relays = SimRelays(RELAYS)
        self.board = RelayBoard(
            self.relays, {c: n for n, c in COILS.items()}, clock=lambda: self.now, **board
        )
        self.server = ModbusLine({1: self.board}, baudrate=None, latency_s=0.0)
        self.requests: list[str] = []
        receive = self.server.receive

        def noted(data: bytes, now: float) -> Any:
            self.requests.append(data.hex(" ").upper())
            return receive(data, now)

        self.server.receive = noted  # type: ignore[method-assign]

    @contextlib.asynccontextmanager
    async def bank(self, coils: dict[str, int] | None = None, **options: Any) -> AsyncIterator[ModbusRelays]:
        with PtyLine(self.server, baudrate=None, name="relays") as wire:
            port = Port("relays", LineSettings(wire.url, 9600), QUICK)
            bank = ModbusRelays(ModbusBus(port), 1, "relays", coils or COILS, **options)
            port.start()
            try:
                await bank.open()
                yield bank
                await bank.close()
            finally:
                port.stop()


async def test_all_coils_go_out_in_one_frame_and_are_read_back() -> None:
    rig = Rig()
    async with rig.bank() as bank:
        wanted = {**OFF, "Fan": True, "Light": True}
        assert await bank.set(wanted) == wanted
        assert rig.relays.closed() == {"Fan", "Light"}
    assert rig.requests == ["01 0F 00 00 00 04 01 05 FE 95", "01 01 00 00 00 04 3D C9"]


async def test_eight_coils_as_in_the_manual() -> None:
    rig = Rig()
    async with rig.bank({str(n): n for n in range(8)}) as bank:
        await bank.set({str(n): True for n in range(8)})
    assert rig.requests == ["01 0F 00 00 00 08 01 FF BE D5", "01 01 00 00 00 08 3D CC"]


async def test_coils_of_others_stay_as_they_are() -> None:
    rig = Rig()
    rig.board.write_coils(1, [True])
    async with rig.bank({"Fan": 0, "Heater": 3}) as bank:
        await bank.set({"Fan": True, "Heater": True})
        assert rig.board.read_coils(0, 8) == [True, True, False, True] + [False] * 4
        await bank.safe()
        assert rig.board.read_coils(0, 8) == [False, True, False, False] + [False] * 4


async def test_safe_is_verified_and_overrules_an_order() -> None:
    rig = Rig()
    async with rig.bank() as bank:
        await bank.set({**OFF, "Fan": True})
        rig.server.set_fault(1, Fault.TRUNCATED, 1.0)
        order = bank.set({**OFF, "Fan": True, "Mist": True})

        waiting = asyncio.ensure_future(order)
        await until(lambda: bank.health.attempts_failed)
        safe = asyncio.ensure_future(bank.safe())
        with pytest.raises(Overruled):
            await waiting
        rig.server.set_fault(1, Fault.OK)
        await safe
        assert rig.relays.closed() == set()


async def test_a_board_that_is_gone_cannot_be_confirmed_and_comes_back() -> None:
    rig = Rig()
    async with rig.bank() as bank:
        rig.server.set_fault(1, Fault.DEAD)
        with pytest.raises(NoReply):
            await bank.safe()
        assert bank.health.lost
        rig.server.set_fault(1, Fault.OK)
        await bank.safe()
        assert not bank.health.lost


async def test_a_board_that_says_yes_and_does_nothing_is_found_out() -> None:
    rig = Rig()
    async with rig.bank() as bank:
        rig.board._switch = lambda channel, on: None  # type: ignore[method-assign]  # noqa: SLF001
        with pytest.raises(DeviceError, match="relays: not obeyed: Mist is off"):
            await bank.set({**OFF, "Mist": True})


async def test_inputs_show_what_the_contacts_do() -> None:
    rig = Rig()
    async with rig.bank(feedback={"Fan": 0, "Light": 2}) as bank:
        rig.relays.faults["Fan"] = RelayFault.WELDED
        assert await bank.set({**OFF, "Fan": True}) == {**OFF, "Fan": True}
        await bank.safe()
        assert await bank.read() == {**OFF, "Fan": True}
        rig.relays.faults["Fan"] = RelayFault.OK
        assert await bank.read() == OFF


async def test_the_dead_man_lets_go_unless_it_is_refreshed() -> None:
    rig = Rig()
    async with rig.bank(dead_man_s=9.0) as bank:
        assert bank.refresh_s == 3.0
        wanted = {**OFF, "Fan": True}
        for _ in range(4):
            assert await bank.set(wanted) == wanted
            rig.now += 3.0
        assert await bank.read() == wanted
        rig.now += 6.1
        assert await bank.read() == OFF
        assert "01 05 02 00 00 5A" in rig.requests[3]
        await bank.set(wanted)
        await bank.safe()
        rig.now += 60.0
        assert await bank.read() == OFF


@pytest.mark.parametrize(
    ("request_frame", "answer"),
    [
        ("05 00 00 FF 00", "05 00 00 FF 00"),
        ("05 00 FF FF 00", "05 00 FF FF 00"),
        ("05 00 00 55 00", "05 00 00 55 00"),
        ("05 02 00 00 07", "05 02 00 00 07"),
        ("05 00 08 FF 00", "85 02"),
        ("05 00 00 12 34", "85 03"),
        ("03 80 00 00 01", "03 02 00 C8"),
        ("03 40 00 00 01", "03 02 00 01"),
        ("03 00 00 00 01", "83 02"),
        ("06 40 00 00 02", "86 01"),
        ("01 00 00 00 09", "81 02"),
    ],
)
def test_what_the_simulated_board_answers(request_frame: str, answer: str) -> None:

    assert converse(Rig().board, bytes.fromhex(request_frame)) == bytes.fromhex(answer)


def test_flashes_end_and_toggles_toggle() -> None:
    rig = Rig(restarts=False)
    rig.board.write_coil_value(0x0200, 7)
    rig.now = 0.5
    rig.board.write_coil_value(0x0200, 7)  # this board does not start the time anew
    rig.now = 0.71
    assert rig.board.read_coils(0, 1) == [True], "nobody has looked yet"
    rig.board.settle()
    assert rig.board.read_coils(0, 1) == [False]
    rig.board.write_coil_value(0x0400 + 1, 7)
    rig.now = 2.0
    rig.board.settle()
    assert rig.board.read_coils(1, 1) == [True]
    rig.board.write_coil_value(0x00FF, 0x5500)
    assert rig.board.read_coils(0, 3) == [True, False, True]


async def test_dry_relays_log_and_remember(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bank = DryRelays("relays", RELAYS)
    await bank.open()
    wanted = {**OFF, "Fan": True}
    assert await bank.set(wanted) == await bank.read() == wanted
    await bank.set(wanted)
    await bank.safe()
    assert await bank.read() == OFF
    await bank.close()
    assert [r.message for r in caplog.records][1:] == ["relays: Fan on", "relays: Fan off"]
