"""The pseudo-terminal line: pace by injected time, life cycle and line faults on a real pty."""

import errno
import os
import select
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devsup.sim.faults import LineFault
from devsup.sim.pace import Pacer, Sleeper
from devsup.sim.wire import PtyLine, Transmission
from tests.support.waiting import wait_until

BYTE_S = 10 / 38400


class Echo:
    """Answers every chunk with itself, `delay_s` later."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.heard = bytearray()

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        self.heard += data
        return [Transmission(self.delay_s, data)]


class Master:
    """The other end of the pty, without pyserial in between."""

    def __init__(self, url: str) -> None:
        self.fd = os.open(url, os.O_RDWR | os.O_NOCTTY)

    def __enter__(self) -> "Master":
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self.fd)

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)

    def read(self, count: int, timeout_s: float = 5.0) -> bytes:
        """Up to `count` bytes; fewer when the time is over."""
        seen, deadline = b"", time.monotonic() + timeout_s
        while len(seen) < count and (left := deadline - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                seen += os.read(self.fd, count - len(seen))
        return seen


@pytest.fixture
def line() -> Iterator[PtyLine]:
    with PtyLine(Echo(), baudrate=None, name="echo") as running:
        yield running


# ---- pace --------------------------------------------------------------------------------


def test_an_answer_is_there_when_request_delay_and_answer_have_crossed() -> None:
    pacer = Pacer(38400)
    crossed = pacer.arrived(12, now=100.0)
    pacer.send(bytes(14), crossed + 0.002)
    due = pacer.due()
    assert due == pytest.approx(100.0 + 26 * BYTE_S + 0.002)
    assert due is not None and pacer.take(due - 1e-6) is None
    assert pacer.take(due) == bytes(14) and pacer.due() is None


def test_bytes_that_come_in_one_gulp_cross_one_after_the_other() -> None:
    pacer = Pacer(38400)
    assert pacer.arrived(10, 1.0) == pytest.approx(1.0 + 10 * BYTE_S)
    assert pacer.arrived(10, 1.0) == pytest.approx(1.0 + 20 * BYTE_S)
    assert pacer.arrived(10, 9.0) == pytest.approx(9.0 + 10 * BYTE_S)


def test_answers_do_not_overlap_on_the_line() -> None:
    pacer = Pacer(38400)
    pacer.send(b"a" * 10, 1.0)
    pacer.send(b"b" * 10, 1.0)
    assert pacer.take(1.0 + 10 * BYTE_S) == b"a" * 10
    assert pacer.due() == pytest.approx(1.0 + 20 * BYTE_S)


def test_a_slow_answer_does_not_hold_up_a_quick_one() -> None:
    pacer = Pacer(38400)
    pacer.send(b"slow", 5.0)
    pacer.send(b"quick", 1.0)
    assert [pacer.take(9.0), pacer.take(9.0)] == [b"quick", b"slow"]


def test_without_a_baud_rate_only_the_delay_counts() -> None:
    pacer = Pacer(None)
    assert pacer.arrived(1000, 7.0) == 7.0
    pacer.send(bytes(1000), 7.5)
    assert pacer.due() == 7.5


def test_what_waits_is_forgotten_on_clear() -> None:
    pacer = Pacer(9600)
    pacer.send(b"x", 1.0)
    pacer.clear()
    assert pacer.due() is None and pacer.take(99.0) is None


def test_the_line_is_never_faster_than_its_baud_rate() -> None:
    """One-sided: a loaded machine may only make it slower."""
    with PtyLine(Echo(delay_s=0.01), baudrate=9600, name="paced") as line, Master(line.url) as master:
        begin = time.monotonic()
        master.send(bytes(48))
        assert master.read(48) == bytes(48)
        assert time.monotonic() - begin > 96 * 10 / 9600 + 0.01 - 0.001


def test_a_sleeper_learns_how_late_it_wakes_and_stays_within_bounds() -> None:
    sleeper = Sleeper()
    for _ in range(5):
        assert sleeper.wait([], time.monotonic() + 0.001) == []
    assert 0.0 < sleeper.lateness_s <= 0.0005
    learnt = sleeper.lateness_s
    assert sleeper.wait([], time.monotonic() - 1.0) == []
    assert sleeper.lateness_s == learnt, "a moment that has passed teaches nothing"


# ---- life cycle --------------------------------------------------------------------------


def test_start_and_stop_may_be_repeated_and_leave_nothing(tmp_path: Path) -> None:
    line = PtyLine(Echo(), baudrate=None, link=tmp_path / "tty")
    for _ in range(2):
        line.start()
        line.start()
        with Master(line.url) as master:
            master.send(b"hello")
            assert master.read(5) == b"hello"
        line.stop()
        line.stop()
        assert not line.running and not line.up and list(tmp_path.iterdir()) == []


def test_the_thread_bears_the_name_of_the_line(line: PtyLine) -> None:
    assert any(thread.name == "line-echo" and thread.daemon for thread in threading.enumerate())


def test_every_byte_passes_unchanged(line: PtyLine) -> None:
    with Master(line.url) as master:
        master.send(bytes(range(256)))
        assert master.read(256) == bytes(range(256))


def test_a_link_left_by_a_crash_is_replaced_but_a_file_is_not(tmp_path: Path) -> None:
    stale = tmp_path / "tty"
    stale.symlink_to("/nowhere")
    with PtyLine(Echo(), None, stale) as line, Master(line.url) as master:
        master.send(b"x")
        assert master.read(1) == b"x"
    stale.write_text("precious")
    with pytest.raises(FileExistsError, match="not a link"):
        PtyLine(Echo(), None, stale).start()
    assert stale.read_text() == "precious"


def test_a_link_that_was_taken_over_is_left_alone(tmp_path: Path) -> None:
    with PtyLine(Echo(), None, tmp_path / "tty") as line:
        os.unlink(line.url)
        os.symlink("/elsewhere", line.url)
    assert os.readlink(tmp_path / "tty") == "/elsewhere"


def test_a_peer_that_never_reads_does_not_stop_the_line(line: PtyLine) -> None:
    with Master(line.url) as master:
        for _ in range(40):
            master.send(bytes(1024))
        heard = line.server
        assert isinstance(heard, Echo)
        wait_until(lambda: len(heard.heard) == 40 * 1024, what="everything heard")


def test_a_peer_that_flushes_what_it_sent_does_not_stop_the_line(line: PtyLine) -> None:
    with Master(line.url) as master:
        for _ in range(50):
            master.send(b"x")
            termios.tcflush(master.fd, termios.TCIOFLUSH)
        master.send(b"y")
        assert master.read(1000, 0.2).endswith(b"y")


def test_a_server_that_fails_hangs_up_and_can_still_be_stopped(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty:
        def receive(self, data: bytes, now: float) -> list[Transmission]:
            raise RuntimeError("broken simulator")

    with PtyLine(Faulty(), None) as line, Master(line.url) as master:
        master.send(b"x")
        wait_until(lambda: not line.up)
        line.hang_up()
    assert "simulator failed" in caplog.text and not line.running


# ---- faults of the line ------------------------------------------------------------------


def test_hang_up_fails_the_open_descriptor_and_removes_the_path(line: PtyLine) -> None:
    with Master(line.url) as master:
        line.hang_up()
        assert line.fault is LineFault.HUNG_UP and not line.up
        with pytest.raises(OSError) as seen:
            os.write(master.fd, b"x")
        assert seen.value.errno == errno.EIO
        assert not Path(line.url).exists()
        with pytest.raises(FileNotFoundError):
            Master(line.url)


def test_a_line_that_comes_back_is_a_new_pty_under_the_same_path(line: PtyLine) -> None:
    before = os.readlink(line.url)
    with Master(line.url):  # holds the old device, so that its number is not used again
        line.hang_up()
        line.hang_up()
        line.come_back()
        line.come_back()
        assert os.readlink(line.url) != before and line.fault is LineFault.OK
        with Master(line.url) as master:
            master.send(b"again")
            assert master.read(5) == b"again"


def test_a_line_hung_up_before_it_starts_stays_so(tmp_path: Path) -> None:
    line = PtyLine(Echo(), None, tmp_path / "tty")
    line.hang_up()
    with line:
        assert not line.up
        line.come_back()
        assert line.up


def test_what_is_under_way_is_lost_with_the_line() -> None:
    with PtyLine(Echo(delay_s=0.05), None) as line:
        with Master(line.url) as master:
            master.send(b"lost")
            server = line.server
            assert isinstance(server, Echo)
            wait_until(lambda: bytes(server.heard) == b"lost")
            line.set_fault(LineFault.HUNG_UP)
        line.set_fault(LineFault.OK)
        with Master(line.url) as master:
            assert master.read(4, 0.1) == b""


def test_a_silent_line_carries_nothing_in_either_direction(line: PtyLine) -> None:
    server = line.server
    assert isinstance(server, Echo)
    with Master(line.url) as master:
        line.set_fault(LineFault.SILENT)
        master.send(b"unheard")
        assert master.read(1, 0.05) == b"" and not server.heard
        line.set_fault(LineFault.OK)
        master.send(b"heard")
        assert master.read(5) == b"heard"


def test_noise_is_added_to_what_is_sent_and_is_reproducible() -> None:
    def once() -> bytes:
        with PtyLine(Echo(), None, seed=7) as line, Master(line.url) as master:
            line.set_fault(LineFault.NOISE)
            master.send(b"message")
            return master.read(64, 0.1)

    first = once()
    assert len(first) > len(b"message") and first == once()


def test_noise_may_be_rare(line: PtyLine) -> None:
    line.set_fault(LineFault.NOISE, probability=0.0)
    with Master(line.url) as master:
        master.send(b"clean")
        assert master.read(64, 0.05) == b"clean"
