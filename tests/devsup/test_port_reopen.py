"""A line that is absent, taken, unplugged, closed by its peer, and comes back."""

import logging
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devsup.errors import LineLost, PortInUse
from devsup.line import Line, LineSettings
from devsup.port import Port
from devsup.reopen import REOPEN_S, Reopening
from tests.devsup.far_end import PATIENCE_S, FarEnd, ask
from tests.devsup.port_rig import QUICK, Rig, port_rig, running
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def claims_of_this_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def rig() -> Iterator[Rig]:
    with port_rig() as rig:
        yield rig


# -- when to try again ------------------------------------------------------------------------


def test_a_line_that_was_open_long_is_tried_again_at_once_then_ever_more_rarely() -> None:
    reopening = Reopening()
    assert reopening.next_at == 0.0
    reopening.opened(0.0)
    reopening.lost(100.0)
    pauses, now = [reopening.next_at - 100.0], 100.0
    for _ in range(7):
        reopening.failed(now)
        pauses.append(reopening.next_at - now)
        now = reopening.next_at
    assert pauses == [*REOPEN_S, REOPEN_S[-1], REOPEN_S[-1]]


def test_a_line_that_falls_over_whenever_it_is_opened_is_not_opened_in_a_loop() -> None:
    reopening, now, openings = Reopening(), 0.0, 0
    while now < 100.0:
        reopening.opened(now)
        openings += 1
        reopening.lost(now)
        assert reopening.next_at > now
        now = reopening.next_at
    assert openings <= 15


def test_having_lasted_ends_the_pauses() -> None:
    reopening = Reopening()
    for _ in range(5):
        reopening.failed(0.0)
    reopening.opened(10.0)
    reopening.lost(11.0)
    assert reopening.next_at == 21.0
    reopening.opened(21.0)
    reopening.lost(40.0)
    assert reopening.next_at == 40.0


# -- a device ---------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again almost at once, and looks at an idle line more often."""
    monkeypatch.setattr("devsup.reopen.REOPEN_S", (0.0, 0.01, 0.02, 0.05))
    monkeypatch.setattr("devsup.keeper.CHECK_S", 0.05)


@pytest.mark.usefixtures("impatient")
def test_a_line_that_is_absent_is_tried_until_it_appears(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    plain = Line.open

    def counted(line: Line) -> None:
        tries.append(line)
        plain(line)

    monkeypatch.setattr(Line, "open", counted)
    with FarEnd() as far:
        far.unplug()
        with running(Port("bench", LineSettings(far.url), QUICK)) as port:
            wait_until(lambda: len(tries) > 5)
            assert not port.connected
            far.plug_in()
            wait_until(lambda: port.connected)


@pytest.mark.usefixtures("impatient")
def test_a_line_that_is_absent_at_the_start_is_opened_when_it_appears(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FarEnd() as far:
        far.unplug()
        with running(Port("bench", LineSettings(far.url), QUICK)) as port:
            device = port.device("one")
            assert not port.connected
            for _ in range(3):
                with pytest.raises(LineLost, match="cannot be opened"):
                    port.submit(ask("hello"), device).result(PATIENCE_S)
            assert port.snapshot().last_error.count("one:") == 1, "the message does not grow"
            far.plug_in()
            wait_until(lambda: port.connected, what="opened without anybody asking")
            asked = port.submit(ask("hello"), device, timeout_s=PATIENCE_S)
            assert far.expect() == "hello"
            far.say("here")
            assert asked.result(PATIENCE_S) == "here"
            assert port.snapshot().reconnects == 0
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1, "a state is logged when it changes"


@pytest.mark.usefixtures("impatient")
def test_unplugged_in_flight_the_order_is_repeated_on_the_line_that_came_back(rig: Rig) -> None:
    order = rig.ask("hello")
    assert rig.far.expect() == "hello"
    rig.far.unplug()
    wait_until(lambda: not rig.port.connected)
    rig.far.plug_in()
    wait_until(lambda: rig.port.connected, what="re-opened")
    if not order.done():
        assert rig.serve(1) == ["hello"]
        assert rig.served(order) == ["re hello"]
    rig.settle()
    assert rig.port.snapshot().reconnects == 1


def test_unplugged_for_good_the_order_fails_and_others_fail_at_once(rig: Rig) -> None:
    order = rig.ask("hello")
    assert rig.far.expect() == "hello"
    rig.far.unplug()
    with pytest.raises(LineLost):
        order.result(PATIENCE_S)
    assert rig.one.lost
    with pytest.raises(LineLost):
        rig.ask("again").result(PATIENCE_S)
    seen = rig.port.snapshot()
    assert not seen.connected
    assert seen.failures["io"] == 5, "four attempts, and one for the second order"


@pytest.mark.usefixtures("impatient")
def test_an_idle_line_notices_that_it_hung_up_and_comes_back(rig: Rig) -> None:
    rig.far.unplug()
    wait_until(lambda: not rig.port.connected, what="noticed without an order")
    rig.far.plug_in()
    wait_until(lambda: rig.port.connected, what="re-opened without an order")
    rig.settle()


@pytest.mark.usefixtures("impatient")
def test_instruments_of_a_line_that_came_back_are_asked_at_once(rig: Rig) -> None:
    with pytest.raises(LineLost):
        rig.far.unplug()
        rig.ask("hello").result(PATIENCE_S)
    assert rig.one.lost
    assert not rig.one.due(0.0)
    rig.far.plug_in()
    wait_until(lambda: rig.port.connected and rig.one.due(0.0), what="asked at once")


@pytest.mark.usefixtures("impatient")
def test_hanging_up_while_drained_is_noticed(rig: Rig) -> None:
    unknown = rig.port.device("unknown")
    unknown.late_reply(2.0)  # drained for so long
    order = rig.ask("slow", unknown, timeout_s=0.05, retries=0)
    assert rig.far.expect() == "slow"
    wait_until(lambda: unknown.attempts_failed == 1)
    rig.far.unplug()
    with pytest.raises(Exception, match="no reply"):
        order.result(PATIENCE_S)
    assert not rig.port.connected


# -- one owner --------------------------------------------------------------------------------


def test_a_second_port_of_a_line_is_refused_and_can_start_when_the_first_has_stopped(rig: Rig) -> None:
    second = Port("second", LineSettings(rig.far.device), QUICK)
    with pytest.raises(PortInUse):
        second.start()
    second.stop()
    rig.settle()
    rig.port.stop()
    with running(second):
        assert second.connected


@pytest.mark.usefixtures("impatient")
def test_a_line_taken_while_it_was_away_is_not_shared(rig: Rig) -> None:
    rig.far.unplug()
    wait_until(lambda: not rig.port.connected)
    other = Port("other", LineSettings(rig.far.url), QUICK)
    with running(other):
        rig.far.plug_in()
        wait_until(lambda: rig.port.connected or other.connected)
        assert rig.port.connected != other.connected
        owner, loser = (rig.port, other) if rig.port.connected else (other, rig.port)
        with pytest.raises(LineLost, match="in use|cannot be opened|hung up"):
            loser.submit(ask("hello"), loser.device("x"), retries=0).result(PATIENCE_S)
        owner.stop()
        wait_until(lambda: loser.connected, what="the loser gets its turn")


# -- a socket ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
def test_a_socket_that_closes_is_opened_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with running(Port("moxa", LineSettings(url), QUICK)) as port:
            device = port.device("one")
            for round_ in range(2):
                peer, _ = server.accept()
                with peer:
                    asked = port.submit(ask("hello"), device, timeout_s=PATIENCE_S)
                    assert peer.recv(100) == b"hello\n"
                    peer.sendall(b"here\n")
                    assert asked.result(PATIENCE_S) == "here"
                    assert port.snapshot().reconnects == round_


@pytest.mark.usefixtures("impatient")
def test_a_network_line_that_is_absent_is_opened_when_it_appears(free_port: int) -> None:
    url = f"socket://127.0.0.1:{free_port}"
    with running(Port("moxa", LineSettings(url), QUICK)) as port:
        assert not port.connected
        with socket.create_server(("127.0.0.1", free_port)) as server:
            server.settimeout(PATIENCE_S)
            peer, _ = server.accept()
            with peer:
                wait_until(lambda: port.connected)
