"""Access rules of an IOC: conditions, reloading, broken files, and what clients and logs are told."""

import json
import signal
import struct
from pathlib import Path

import pytest

from iocs.caserver import AccessRights, AlarmStatus, Client
from iocs.caserver.wire import ECA_NOWTACCESS
from iocs.common.access.acf import AcfError, read
from iocs.common.access.security import Security
from iocs.common.group import Group
from iocs.common.pv import setpoint
from tests.caserver.raw import RawClient
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

ANN, EVE = Client("ann", "desk", ""), Client("eve", "desk", "")
RULES = """
UAG(crew) { ann }
ASG(DEFAULT) { RULE(1, READ) }
ASG(OPERATE) { INPA("$(P)Key") RULE(1, READ) RULE(0, WRITE) { UAG(crew) CALC("A=1") } RULE(1, WRITE) { UAG(crew) CALC("A=2") } }
"""  # noqa: E501


class Plant(Group):
    key = setpoint("Key", "Key switch", writable=True, initial=0)
    demand = setpoint("Setpoint", "Demand", access="OPERATE", writable=True)


def secured(tmp_path: Path, text: str = RULES) -> tuple[Plant, Security, Path]:
    plant, file = Plant("X:"), tmp_path / "access.acf"
    file.write_text(text)
    return plant, Security("X:", plant.pvdb, file), file


def test_a_put_is_judged_by_what_holds_at_that_moment(tmp_path: Path) -> None:
    plant, _, _ = secured(tmp_path)
    assert not plant.demand.writable_by(ANN)
    plant.key.set_ok(1)
    assert plant.demand.writable_by(ANN) and not plant.demand.writable_by(EVE)
    assert not plant.demand.get_field("HIHI").writable_by(ANN)
    plant.key.set_ok(2)
    assert plant.demand.get_field("HIHI").writable_by(ANN)
    plant.key.set_invalid(AlarmStatus.COMM)
    assert plant.demand.rights_of(ANN) == AccessRights.READ


def test_without_a_file_everybody_may_do_everything() -> None:
    plant = Plant("X:")
    security = Security("X:", plant.pvdb)
    assert plant.demand.writable_by(EVE)
    assert security.status.label == "Off"


def test_a_broken_file_at_the_start_is_an_error_with_every_line(tmp_path: Path) -> None:
    with pytest.raises(AcfError) as error:
        first = "ASG(OPERATE) { RULE(1, WRITE) { UAG(nobody) } }"
        secured(tmp_path, f"{first}\nASG(X) {{ RULE(1, FLY) }}\nHAG(a) {{ b c }}\n")
    assert [(problem.line, problem.message) for problem in error.value.problems] == [
        (1, "there is no UAG(nobody)"),
        (2, "expected RULE(0 or 1, NONE or READ or WRITE[, TRAPWRITE])"),
        (3, "',' is expected, not 'c'"),
    ]


def test_an_undefined_macro_is_an_error() -> None:
    with pytest.raises(AcfError, match=r"test.acf:2: macro \$\(NOBODY\) is not defined"):
        read("ASG(DEFAULT) { RULE(1, READ) }\nUAG(crew) { $(NOBODY) }", "test.acf", {})


def test_a_rule_that_asks_for_something_new_is_left_out_and_said(tmp_path: Path) -> None:
    plant, security, _ = secured(tmp_path, 'ASG(OPERATE) { RULE(1, WRITE) { METHOD("x509") } RULE(1, READ) }')
    assert plant.demand.rights_of(ANN) == AccessRights.READ
    assert "rule ignored: METHOD" in security.message.value


# -- a whole IOC ----------------------------------------------------------------------------------

GATED = """
ASG(DEFAULT) { RULE(1, READ) RULE(1, WRITE) }
ASG(OPERATE) { INPA("%s") RULE(1, READ) RULE(1, WRITE) { CALC("A>0") } }
"""


@pytest.fixture
def toy(tmp_path: Path, toy_env: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """A folder with the toy's configuration, and variables of an IOC of this test alone."""
    (tmp_path / "toy.yaml").write_text("channels: {A: {highest: 50}, B: {highest: 50}}")
    return tmp_path, {**toy_env, **ca_environment()}


def start(folder: Path, env: dict[str, str], prefix: str, name: str = "ioc") -> IocProcess:
    options = ("--db", str(folder / "toy.yaml"), "--prefix", prefix, "--interfaces", LOOPBACK)
    return IocProcess("toy", *options, "--put-log", str(folder), log=folder / f"{name}.log", env=env)


def rights(ca: CaClient) -> str:
    """As the client has been told them."""
    told = ca.info("T:A:Setpoint")
    return ("read/write" if told["write"] else "read-only") if told["read"] else "none"


def put_all_the_same(port: int) -> int:
    """What a client hears that does not care for its rights, as libca does."""
    with RawClient(port) as client:
        client.greet()
        sid = client.connect("T:A:Setpoint")
        client.send(19, 6, 1, sid, 1, struct.pack(">d", 5.0))
        return client.expect(19).first


def test_rights_change_at_run_time_with_a_condition_and_with_the_file(
    toy: tuple[Path, dict[str, str]],
) -> None:
    folder, env = toy
    (folder / "access.acf").write_text(GATED % "$(P)B:Level")
    with start(folder, env, "T:") as ioc, CaClient(env) as ca:

        def may_write() -> bool:
            return rights(ca) == "read/write"

        assert not may_write()
        assert put_all_the_same(int(env["EPICS_CAS_SERVER_PORT"])) == ECA_NOWTACCESS
        log = folder / "T-puts.json"
        wait_until(log.exists, what="it is logged")
        entry = json.loads(wait_until(log.read_text, what="it is written"))
        assert (entry["pv"], entry["refused"]) == ("T:A:Setpoint", "no write access")

        (folder / "access.acf").write_text("ASG(DEFAULT) { RULE(1, READ) RULE(1, WRITE) }")
        ioc.signal(signal.SIGHUP)
        wait_until(may_write, what="the new file is in force, and the client was told")
        ca.put("T:A:Setpoint", 5)

        (folder / "access.acf").write_text("ASG(DEFAULT) { RULE(1, READ")
        with pytest.raises(Refused):
            ca.put("T:IOC:Access:Reload", 1)
        assert ca.get("T:IOC:Access:Status", as_string=True) == "Old rules kept"
        assert "access.acf:1: " in ca.get("T:IOC:Access:Message.VAL$", as_string=True)
        assert may_write()

        (folder / "access.acf").write_text(GATED % "$(P)B:Level")
        ca.put("T:IOC:Access:Reload", 1)
        wait_until(lambda: not may_write(), what="the gate is shut again")
        assert ca.get("T:IOC:Access:Status", as_string=True) == "OK"


def test_a_condition_may_be_a_pv_of_another_ioc(toy: tuple[Path, dict[str, str]]) -> None:
    folder, env = toy
    other = ca_environment()
    both = {**env, "EPICS_CA_ADDR_LIST": f"127.0.0.1:{other['EPICS_CAS_SERVER_PORT']}"}
    with start(folder, {**env, **other}, "K:", "key") as key, CaClient(other) as hand:
        (folder / "access.acf").write_text(GATED % "K:A:Level")
        with start(folder, both, "T:") as _, CaClient(env) as ca:
            assert rights(ca) == "read-only"
            hand.put("K:A:Setpoint", 1)
            wait_until(lambda: rights(ca) == "read/write", what="the other IOC opens it")
            key.kill()
            wait_until(lambda: rights(ca) == "read-only", what="fails closed when that IOC is gone")


def test_an_access_file_of_no_use_ends_the_ioc_with_status_2(toy: tuple[Path, dict[str, str]]) -> None:
    folder, env = toy
    (folder / "access.acf").write_text("ASG(DEFAULT) {\n  RULE(1, WRTE)\n}")
    ioc = start(folder, env, "T:")
    try:
        assert ioc.wait() == 2
        assert "access.acf:2: expected RULE" in ioc.output()
    finally:
        ioc.kill()


def test_a_hangup_without_a_file_is_not_the_end(toy: tuple[Path, dict[str, str]]) -> None:
    folder, env = toy
    with start(folder, env, "T:") as ioc, CaClient(env) as ca:
        assert not (folder / "access.acf").exists()
        ioc.signal(signal.SIGHUP)
        ioc.wait_for("there is no access file to read again")
        ca.put("T:A:Setpoint", 5)
        with pytest.raises(Refused):
            ca.put("T:IOC:Access:Reload", 1)
        assert ioc.is_running()
