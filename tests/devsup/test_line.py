"""One open line: exclusive, for every kind of URL; bytes, deadlines, hang-ups."""

import errno
import fcntl
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
import serial.rfc2217

from devsup.errors import LineLost, PortInUse
from devsup.line import Line, LineSettings
from tests.devsup.far_end import FarEnd

LONG_S = 10.0
TIOCGEXCL = 0x80045440  # Linux: is it exclusive?


@pytest.fixture(autouse=True)
def claims_of_this_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two runs on one machine may claim the same imaginary hosts."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


@pytest.fixture
def opened() -> Iterator[Callable[[str], Line]]:
    lines: list[Line] = []

    def open_line(url: str) -> Line:
        line = Line(LineSettings(url))
        lines.append(line)
        line.open()
        return line

    yield open_line
    for line in lines:
        line.close()


def soon() -> float:
    return time.monotonic() + LONG_S


def receive_all(line: Line, count: int) -> bytes:
    data = b""
    deadline = soon()
    while len(data) < count and (chunk := line.receive(deadline)):
        data += chunk
    return data


# -- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "bits"),
    [
        (LineSettings("x"), 10),
        (LineSettings("x", parity="E"), 11),
        (LineSettings("x", bytesize=7, parity="O", stopbits=2), 11),
        (LineSettings("x", stopbits=1.5), 10.5),
    ],
)
def test_a_character_takes_start_data_parity_and_stop_bits(settings: LineSettings, bits: float) -> None:
    assert settings.bits_per_byte == bits


@pytest.mark.parametrize(
    ("url", "device", "claim"),
    [
        ("/dev/ttyUSB0", True, ""),
        ("COM3", True, ""),
        ("socket://Moxa:4001", False, "moxa:4001"),
        ("rfc2217://moxa:4001?timeout=5", False, "moxa:4001"),
        ("loop://", False, ""),
        ("spy:///dev/ttyUSB0", False, ""),
    ],
)
def test_two_spellings_of_a_network_line_are_one_claim(url: str, device: bool, claim: str) -> None:
    settings = LineSettings(url)
    assert (settings.is_device, settings.claim) == (device, claim)


# -- a device ---------------------------------------------------------------------------------


def test_bytes_go_out_and_come_in_and_are_counted(far: FarEnd, opened: Callable[[str], Line]) -> None:
    line = opened(far.url)
    before = time.monotonic()
    line.send(b"hello\n")
    assert before <= line.sent_at <= time.monotonic()
    assert far.expect() == "hello"
    far.send(b"world")
    assert receive_all(line, 5) == b"world"
    assert line.bytes_moved == 11


def test_receive_ends_at_its_deadline(far: FarEnd, opened: Callable[[str], Line]) -> None:
    line = opened(far.url)
    assert line.receive(time.monotonic() + 0.02) == b""
    assert line.receive(time.monotonic() - 1.0) == b""


def test_what_waits_is_received_even_after_the_deadline(far: FarEnd, opened: Callable[[str], Line]) -> None:
    line = opened(far.url)
    far.send_through(b"late")
    assert line.receive(time.monotonic() - 1.0) == b"late"


def test_flush_throws_away_what_has_arrived(far: FarEnd, opened: Callable[[str], Line]) -> None:
    line = opened(far.url)
    assert line.flush() == 0
    far.send_through(b"x" * 1000)
    assert line.flush() == 1000
    assert line.receive(0.0) == b""


def test_drain_listens_until_it_is_quiet(far: FarEnd, opened: Callable[[str], Line]) -> None:
    line = opened(far.url)
    assert line.drain(quiet_s=0.01, limit_s=LONG_S) is None
    far.send_through(b"late reply")
    before = time.monotonic()
    at = line.drain(quiet_s=0.05, limit_s=LONG_S)
    assert at is not None
    assert at >= before
    assert line.receive(0.0) == b""


def test_each_exchange_of_a_transaction_has_as_long_as_the_first() -> None:
    line = Line(LineSettings("x"))
    deadline = time.monotonic() + 100.0
    first = line.renewed(deadline)
    assert first == pytest.approx(deadline, abs=1.0)
    again = line.renewed(deadline)
    assert first <= again
    assert again - time.monotonic() == pytest.approx(100.0, abs=1.0)
    assert line.renewed(deadline + 50.0) == pytest.approx(deadline + 50.0, abs=1.0)


def test_a_hang_up_is_a_lost_line(far: FarEnd, opened: Callable[[str], Line]) -> None:
    line = opened(far.url)
    far.unplug()
    with pytest.raises(LineLost, match="line"):
        line.receive(soon())
    with pytest.raises(LineLost):
        line.send(b"x")
    line.close()
    line.close()
    assert not line.is_open
    with pytest.raises(LineLost):
        line.send(b"x")
    with pytest.raises(LineLost):
        line.receive(soon())


@pytest.mark.parametrize("url", ["/nowhere/at/all", "/dev/null", "nonsense://x", "socket://[::1"])
def test_what_cannot_be_opened_is_a_lost_line(url: str) -> None:
    line = Line(LineSettings(url))
    with pytest.raises(LineLost, match="cannot be opened"):
        line.open()
    assert not line.is_open


def test_what_a_vanishing_device_raises_while_it_is_configured_is_a_lost_line(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(*args: object) -> None:
        raise termios.error(errno.EIO, "Input/output error")

    monkeypatch.setattr(termios, "tcflush", vanish)
    with pytest.raises(LineLost, match="Input/output error"):
        Line(LineSettings(far.url)).open()


def test_rs485_without_the_hardware_is_said(far: FarEnd) -> None:
    with pytest.raises(LineLost, match="RS485"):
        Line(LineSettings(far.url, rs485=True)).open()


# -- exclusive --------------------------------------------------------------------------------


def test_a_second_claim_is_refused_by_path_and_by_link(far: FarEnd, opened: Callable[[str], Line]) -> None:
    opened(far.url)
    for url in (far.url, far.device):
        with pytest.raises(PortInUse, match="in use by another"):
            Line(LineSettings(url)).open()


def test_a_refused_claim_does_not_disturb_the_owner(far: FarEnd, opened: Callable[[str], Line]) -> None:
    line = opened(far.url)
    far.send(b"reply")
    with pytest.raises(PortInUse):
        Line(LineSettings(far.url)).open()
    assert receive_all(line, 5) == b"reply"


def test_a_line_that_was_given_back_can_be_claimed(far: FarEnd, opened: Callable[[str], Line]) -> None:
    opened(far.url).close()
    opened(far.device)


CLAIM = """
import sys
from devsup.errors import PortInUse
from devsup.line import Line, LineSettings
line = Line(LineSettings(sys.argv[1]))
try:
    line.open()
except PortInUse as error:
    print("refused", error)
else:
    print("opened", flush=True)
    sys.stdin.read()
"""


def claim_elsewhere(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIM, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_claim_of_another_process_is_refused_and_respected(
    far: FarEnd, opened: Callable[[str], Line]
) -> None:
    with claim_elsewhere(far.url) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "opened\n"
        with pytest.raises(PortInUse):
            opened(far.device)
        other.kill()
    opened(far.url)
    with claim_elsewhere(far.device) as other:
        assert "refused" in other.communicate(timeout=LONG_S)[0]


def test_a_real_terminal_is_closed_to_terminal_programs(
    far: FarEnd, opened: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.open(far.device, os.O_RDWR | os.O_NOCTTY)
    try:
        opened(far.url)
        assert not exclusive(descriptor), "a pty would stay closed after a crash"
        monkeypatch.setattr(os.path, "realpath", lambda path: "/dev/ttyUSB7")
        line = Line(LineSettings(far.url))
        with pytest.raises(PortInUse):
            line.open()
    finally:
        os.close(descriptor)


def test_exclusive_mode_of_a_real_terminal_ends_with_the_claim(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "realpath", lambda path: "/dev/ttyUSB7")
    descriptor = os.open(far.device, os.O_RDWR | os.O_NOCTTY)
    line = Line(LineSettings(far.url))
    try:
        line.open()
        assert exclusive(descriptor)
        line.close()
        assert not exclusive(descriptor)
    finally:
        os.close(descriptor)


def exclusive(descriptor: int) -> bool:
    (on,) = struct.unpack("i", fcntl.ioctl(descriptor, TIOCGEXCL, b"\0" * 4))
    return bool(on)


def test_a_descriptor_above_1023_works(far: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    """select() would refuse it; a line that is re-opened in a busy server gets such numbers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip("this machine allows no descriptor that high")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    line = Line(LineSettings(far.url))
    high = -1
    try:
        plain = serial.serialposix.Serial.fileno
        monkeypatch.setattr(
            serial.serialposix.Serial, "fileno", lambda port: fcntl.fcntl(plain(port), fcntl.F_DUPFD, 2000)
        )
        line.open()
        far.send(b"here")
        assert receive_all(line, 4) == b"here"
    finally:
        line.close()
        for high in range(2000, 2010):
            try:
                os.close(high)
            except OSError:
                break
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# -- other systems ----------------------------------------------------------------------------


def test_without_poll_select_will_do(
    far: FarEnd, opened: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    line = opened(far.url)
    assert line.receive(time.monotonic() + 0.01) == b""
    far.send_through(b"here")
    assert line.receive(soon()) == b"here"


@pytest.mark.parametrize("url", ["COM3", "socket://moxa:4001"])
def test_on_windows_everything_is_read_in_slices_and_exclusive_by_itself(
    fake: "FakeSerial", opened: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    line = opened(url)
    fake.arriving = b"here"
    assert line.receive(soon()) == b"here"


def test_on_windows_a_taken_port_denies_access(fake: "FakeSerial", monkeypatch: pytest.MonkeyPatch) -> None:
    def taken() -> None:
        raise serial.SerialException("could not open port 'COM3': PermissionError(13, 'Access is denied.')")

    monkeypatch.setattr(sys, "platform", "win32")
    fake.open = taken  # type: ignore[method-assign]
    with pytest.raises(PortInUse):
        Line(LineSettings("COM3")).open()


# -- network ----------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(LONG_S)
        yield listening


def port_of(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def test_a_socket_carries_bytes_and_its_end_is_a_lost_line(
    server: socket.socket, opened: Callable[[str], Line]
) -> None:
    line = opened(f"socket://127.0.0.1:{port_of(server)}")
    peer, _ = server.accept()
    with peer:
        line.send(b"hello")
        assert peer.recv(100) == b"hello"
        peer.sendall(b"world")
        assert receive_all(line, 5) == b"world"
    with pytest.raises(LineLost, match="hung up"):
        line.receive(soon())


def test_a_network_line_has_one_owner_however_it_is_spelled(
    server: socket.socket, opened: Callable[[str], Line]
) -> None:
    port = port_of(server)
    first = opened(f"socket://LOCALHOST:{port}")
    peer, _ = server.accept()
    with peer:
        for url in (f"socket://localhost:{port}", f"rfc2217://localhost:{port}"):
            with pytest.raises(PortInUse, match="in use"):
                opened(url)
    first.close()
    opened(f"socket://localhost:{port}")


def test_the_claim_another_user_left_behind_is_no_claim(
    server: socket.socket, opened: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"socket://127.0.0.1:{port_of(server)}"
    opened(url).close()
    plain = os.open

    def protected(path: Any, flags: int, *mode: int) -> int:
        """As fs.protected_regular has it for files of others in a sticky folder."""
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain(path, flags, *mode)

    monkeypatch.setattr(os, "open", protected)
    opened(url)
    with pytest.raises(PortInUse):
        opened(url)


def test_a_claim_that_cannot_be_made_is_no_claim_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "missing"))
    with pytest.raises(LineLost, match="cannot be opened"):
        Line(LineSettings("socket://127.0.0.1:1")).open()


# -- back-ends without a descriptor -----------------------------------------------------------


def test_every_loop_is_a_line_of_its_own(opened: Callable[[str], Line]) -> None:
    for _ in range(2):
        opened("loop://").send(b"x")


def test_loop_is_read_in_slices(opened: Callable[[str], Line]) -> None:
    line = opened("loop://")
    assert line.receive(time.monotonic() + 0.03) == b""
    line.send(b"echo")
    assert receive_all(line, 4) == b"echo"
    line.send(b"stale")
    assert line.flush() == 5
    assert line.flush() == 0


class FakeSerial:
    """A back-end whose settings must not change while it is open, and that may be in a flood."""

    def __init__(self) -> None:
        self.arriving = b""
        self.flooded = False
        self.open_now = False

    def open(self) -> None:
        self.open_now = True

    def close(self) -> None:
        self.open_now = False

    def __setattr__(self, name: str, value: object) -> None:
        assert name != "timeout" or not getattr(self, "open_now", False), "negotiates all settings anew"
        super().__setattr__(name, value)

    @property
    def in_waiting(self) -> int:
        return 50 if self.flooded else len(self.arriving)

    def read(self, count: int) -> bytes:
        if self.flooded:
            return b"x" * count
        data, self.arriving = self.arriving[:count], self.arriving[count:]
        return data


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSerial:
    port = FakeSerial()
    monkeypatch.setattr(serial, "serial_for_url", lambda *args, **settings: port)
    return port


def test_settings_of_an_open_port_are_left_alone(fake: FakeSerial, opened: Callable[[str], Line]) -> None:
    line = opened("fake://x")
    fake.arriving = b"abc"
    assert line.receive(soon()) == b"abc"
    assert line.receive(time.monotonic() + 0.01) == b""


def test_a_flood_holds_neither_flush_nor_drain(fake: FakeSerial, opened: Callable[[str], Line]) -> None:
    line = opened("fake://x")
    fake.flooded = True
    assert line.flush() > 0
    assert line.drain(quiet_s=1.0, limit_s=0.05) is not None


class Rfc2217Server:
    """A serial server of RFC 2217 that answers every line of text in capitals."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._thread = threading.Thread(target=self._serve, name="rfc2217-server")

    def __enter__(self) -> "Rfc2217Server":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._thread.join(LONG_S)

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        connection.settimeout(LONG_S)
        with connection, serial.serial_for_url("loop://", timeout=0) as port:
            manager = serial.rfc2217.PortManager(port, Telnet(connection))
            while data := connection.recv(1024):
                if text := b"".join(manager.filter(data)):
                    connection.sendall(b"".join(manager.escape(text.upper())))


class Telnet:
    def __init__(self, connection: socket.socket) -> None:
        self.write = connection.sendall


@pytest.mark.filterwarnings("ignore:set.*is deprecated:DeprecationWarning")  # in pyserial
def test_rfc2217_opens_and_carries_bytes(server: socket.socket) -> None:
    with Rfc2217Server(server):
        line = Line(LineSettings(f"rfc2217://127.0.0.1:{port_of(server)}"))
        line.open()
        try:
            line.send(b"hello\n")
            assert receive_all(line, 6) == b"HELLO\n"
            assert line.receive(time.monotonic() + 0.02) == b""
        finally:
            line.close()
