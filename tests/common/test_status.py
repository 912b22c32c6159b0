"""`$(P)IOC:` as a control room sees it, against what psutil says of the process, and in trouble."""

import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from iocs.caserver import Client
from iocs.common.status import Place, Status, uptime_text
from iocs.common.status_pvs import LONG_TEXT
from tests.caserver.raw import RawClient
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import ROOT, IocProcess
from tests.support.waiting import wait_until

TOY = ROOT / "tests" / "toy"
PREFIX = "T:STAT:"
STOCK_SCREEN = """
    ACCESS APP_DIR1 APP_DIR2 CA_CLNT_CNT CA_CONN_CNT CPU_CNT ENGINEER EPICS_VERS FD_FREE FD_MAX
    GTIM_CUR_SRC GTIM_ERR_CNT GTIM_EVT_SRC GTIM_HI_SRC GTIM_RESET.PROC GTIM_TIME HEARTBEAT HOSTNAME
    IOC_CPU_LOAD KERNEL_VERS LOCATION MEM_FREE MEM_MAX MEM_USED RECORD_CNT STARTTOD ST_SCRIPT1
    ST_SCRIPT2 SUSP_TASK_CNT SYS_CPU_LOAD TOD UPTIME
""".split()
"""Every PV of ioc_stats_soft.bob, the screen of devIocStats for soft IOCs."""
MINOR, MAJOR, INVALID = 1, 2, 3
READ_NOTIFY, CHAR = 15, 4


@dataclass
class Toy:
    """A toy IOC in a process of its own; names are those under IOC:."""

    ioc: IocProcess
    ca: CaClient
    env: dict[str, str]

    def get(self, name: str) -> Any:
        return self.ca.get(f"{PREFIX}IOC:{name}")

    def text(self, name: str) -> str:
        return str(self.ca.get(f"{PREFIX}IOC:{name}.VAL$", as_string=True))


def start(folder: Path, env: dict[str, str], *more: str) -> IocProcess:
    options = ("--prefix", PREFIX, "--state", str(folder / "state"), *more)
    return IocProcess("toy", *options, log=folder / "out", env=env)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    folder = tmp_path_factory.mktemp("status")
    env = {**ca_environment(), "PYTHONPATH": f"{ROOT}:{TOY}", "ENGINEER": "A. Person", "LOCATION": "Hut 3"}
    with start(folder, env) as ioc, CaClient(env) as ca:
        yield Toy(ioc, ca, env)


def test_every_name_of_the_stock_screen_has_a_good_value(toy: Toy) -> None:
    assert len(STOCK_SCREEN) == 32
    wait_until(lambda: toy.get("HEARTBEAT"), what="a heartbeat")
    for name in STOCK_SCREEN:
        pv = f"{PREFIX}IOC:{name}"
        wait_until(lambda pv=pv: toy.ca.read(pv).severity < INVALID, what=f"{name} is known")


def test_the_figures_are_those_of_the_process(toy: Toy) -> None:
    process = psutil.Process(toy.ioc.pid)
    wait_until(lambda: toy.get("HEARTBEAT"), what="a heartbeat")
    assert toy.get("PROCESS_ID") == toy.ioc.pid
    assert toy.get("PARENT_ID") == os.getpid()
    assert toy.get("CPU_CNT") == os.cpu_count()
    assert toy.get("MEM_USED") == pytest.approx(process.memory_info().rss, rel=0.1)
    assert toy.get("MEM_MAX") == psutil.virtual_memory().total
    assert toy.get("FD_MAX") == process.rlimit(psutil.RLIMIT_NOFILE)[0]
    wait_until(lambda: toy.get("FD_CNT") == process.num_fds(), what="open files as psutil counts them")
    assert toy.get("FD_FREE") == process.rlimit(psutil.RLIMIT_NOFILE)[0] - process.num_fds()
    assert toy.get("HOSTNAME") == socket.gethostname()[:39]
    assert abs(toy.get("GTIM_TIME") + 631152000 - time.time()) < 10
    assert 0 <= toy.get("IOC_CPU_LOAD") < 150
    assert 0 <= toy.get("SYS_CPU_LOAD") <= 100


def test_the_texts_are_true(toy: Toy) -> None:
    assert re.fullmatch(r"\d\d:\d\d:\d\d", str(toy.get("UPTIME")))
    assert re.fullmatch(r"caproto \d+\.\d+\.\d+", str(toy.get("EPICS_VERS")))
    assert "no EPICS base" in toy.text("EPICS_VERSION")
    assert (toy.get("ENGINEER"), toy.get("LOCATION")) == ("A. Person", "Hut 3")
    assert toy.text("APP_DIR") == str(ROOT)
    assert f"-m iocs toy --prefix {PREFIX}" in toy.text("ST_SCRIPT")
    assert toy.text("ST_SCRIPT").startswith(f"{toy.get('ST_SCRIPT1')}{toy.get('ST_SCRIPT2')}")


def test_clients_and_their_channels_are_counted(toy: Toy) -> None:
    with CaClient(toy.env) as another:
        another.wait_connected(f"{PREFIX}A:Level")
        another.wait_connected(f"{PREFIX}B:Level")
        wait_until(lambda: toy.get("CA_CLNT_CNT") == 2, what="two clients")
        wait_until(lambda: toy.get("CA_CONN_CNT") >= 4, what="their channels")
    wait_until(lambda: toy.get("CA_CLNT_CNT") == 1, what="one client again")


def test_the_limits_of_the_stock_screen_are_live(toy: Toy) -> None:
    clients = f"{PREFIX}IOC:CA_CLNT_CNT"
    assert [toy.ca.get(f"{clients}.{field}") for field in ("HIGH", "HIHI")] == [100, 175]
    toy.ca.put(f"{clients}.HIHI", 1)
    assert toy.ca.read(clients).severity == MAJOR
    toy.ca.put(f"{clients}.HIHI", 175)
    assert toy.ca.read(clients).severity == 0


def test_nobody_restarts_the_ioc_unless_rules_say_so(toy: Toy) -> None:
    reset = f"{PREFIX}IOC:SYSRESET"
    assert toy.ca.info(reset)["write"] is False
    for name in (reset, f"{reset}.PROC", f"{reset}.VAL"):
        with pytest.raises(Refused):
            toy.ca.put(name, 1)
    assert "where rules grant it" in str(toy.ca.get(f"{reset}.DESC"))
    assert toy.ioc.is_running()


def test_a_standstill_is_counted_and_alarmed(toy: Toy) -> None:
    before = toy.get("LOOP_STALL_CNT")
    toy.ca.put(f"{PREFIX}Block", 1.3)
    wait_until(lambda: toy.get("LOOP_STALL_CNT") == before + 1, what="a standstill is counted")
    lag = toy.ca.read(f"{PREFIX}IOC:LOOP_LAG")
    assert lag.severity == MAJOR and lag.value > 1.0
    assert toy.get("LOOP_LAG_MAX") >= lag.value
    assert "the event loop stood still" in toy.ioc.output()


def test_a_client_that_does_not_read_is_shown_with_its_address(toy: Toy) -> None:
    with RawClient(int(toy.env["EPICS_CAS_SERVER_PORT"]), receive_buffer=4096) as deaf:
        deaf.greet()
        channel = deaf.connect(f"{PREFIX}IOC:ST_SCRIPT.VAL$")
        for number in range(20000):
            deaf.send(READ_NOTIFY, CHAR, LONG_TEXT, channel, number)
        wait_until(lambda: toy.get("CA_STALL_CNT") == 1, what="a client is seen not to read")
        assert toy.ca.read(f"{PREFIX}IOC:CA_STALL_CNT").severity == MINOR
        assert toy.get("CA_STALL_BYTES") > 0
        own = "{}:{}".format(*deaf.sock.getsockname())
        wait_until(lambda: toy.text("CA_STALL_ADDR") == f"ann@desk {own}", what="whose client it is")
    wait_until(lambda: toy.get("CA_STALL_CNT") == 0, what="it is gone")
    assert toy.text("CA_STALL_ADDR") == ""


def test_who_breaks_the_protocol_is_counted(toy: Toy) -> None:
    errors, datagrams = toy.get("CA_ERR_CNT"), toy.get("CA_UDP_ERR_CNT")
    port = int(toy.env["EPICS_CAS_SERVER_PORT"])
    with socket.create_connection((LOOPBACK, port)) as bad, socket.socket(type=socket.SOCK_DGRAM) as worse:
        bad.sendall(struct.pack(">HHHHII", 99, 0, 0, 0, 0, 0))
        worse.sendto(struct.pack(">HHHHII", 6, 4000, 0, 0, 0, 0), (LOOPBACK, port))
        wait_until(lambda: toy.get("CA_ERR_CNT") == errors + 1, what="a protocol error is counted")
        wait_until(lambda: toy.get("CA_UDP_ERR_CNT") == datagrams + 1, what="a bad datagram is counted")


def test_starts_are_counted_and_the_use_is_kept_over_a_restart(tmp_path: Path, toy: Toy) -> None:
    env = toy.env | ca_environment()
    with start(tmp_path, env), CaClient(env) as ca:
        wait_until(lambda: ca.get(f"{PREFIX}IOC:START_CNT") == 1, what="the first start")
        ca.put(f"{PREFIX}IOC:ACCESS", "Test")
    with start(tmp_path, env), CaClient(env) as ca:
        wait_until(lambda: ca.get(f"{PREFIX}IOC:START_CNT") == 2, what="the second start")
        assert ca.get(f"{PREFIX}IOC:ACCESS", as_string=True) == "Test"
        assert ca.read(f"{PREFIX}IOC:ACCESS").severity == MINOR


def test_only_a_restart_is_reserved_for_rules_to_grant() -> None:
    somebody = Client("ann", "desk", "127.0.0.1:1")
    writable = [record for group in Status("X:").groups for record in group.pvdb.values() if record.writable]
    assert [record.name for record in writable if not record.writable_by(somebody)] == ["X:IOC:SYSRESET"]


async def test_a_clock_that_goes_backwards_is_counted_until_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    place, now = Place("X:"), 2e9
    monkeypatch.setattr("iocs.common.status.time.time", lambda: now)
    place.show()
    now -= 5
    place.show()
    assert (place.clock_errors.value, place.clock_errors.severity) == (1, MAJOR)
    assert place.clock.value == now - 631152000
    assert place.clock_reset.process is not None
    await place.clock_reset.process()  # what the button of the stock screen does
    assert (place.clock_errors.value, place.clock_errors.severity) == (0, 0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "00:00:05"), (86400 + 3661, "1 day, 01:01:01"), (2 * 86400, "2 days, 00:00:00")]
)
def test_the_uptime_reads_as_on_the_stock_screen(seconds: float, text: str) -> None:
    assert uptime_text(seconds) == text


# The restart, where rules grant it


def rules(folder: Path, text: str) -> Path:
    file = folder / "rules.acf"
    file.write_text(text)
    return file


def test_a_file_that_forgets_the_restart_does_not_grant_it(tmp_path: Path, toy: Toy) -> None:
    env = toy.env | ca_environment()
    everything = rules(tmp_path, "ASG(DEFAULT) { RULE(1, READ) RULE(1, WRITE) }")
    with start(tmp_path, env, "--access", str(everything)), CaClient(env) as ca:
        assert ca.info(f"{PREFIX}A:Setpoint")["write"] is True
        assert ca.info(f"{PREFIX}IOC:SYSRESET")["write"] is False


def test_who_may_restarts_the_ioc(tmp_path: Path, toy: Toy) -> None:
    env = toy.env | ca_environment()
    granted = rules(tmp_path, "ASG(DEFAULT) { RULE(1, READ) } ASG(RESTART) { RULE(1, READ) RULE(1, WRITE) }")
    with start(tmp_path, env, "--access", str(granted)) as ioc, CaClient(env) as ca:
        ca.put(f"{PREFIX}IOC:SYSRESET", 1)
        assert ioc.wait() == 3
        assert "Traceback" not in ioc.output()
