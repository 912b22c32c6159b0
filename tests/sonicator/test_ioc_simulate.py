"""`--simulate` with the facility's own file: what the demo serves, and what a trainer can do to it."""

from tests.conftest import RunIoc
from tests.support.ca import CaClient
from tests.support.network import LOOPBACK
from tests.support.waiting import wait_until


def test_a_drill_with_the_faults_of_the_demo(run_ioc: RunIoc, ca: CaClient, prefix: str) -> None:
    run_ioc("sonicator", "--simulate", "--prefix", f"{prefix}SON:", "--interfaces", LOOPBACK)
    son, sim = f"{prefix}SON:SON4:", f"{prefix}SIM:SON:"

    def wait(name: str, value: object) -> None:
        wait_until(lambda: ca.get(name) == value, 10.0, f"{name} is {value!r}")

    wait(f"{prefix}SON:Comm", 0)
    wait_until(lambda: ca.read(f"{son}Power").severity == 0, 10.0, "readings")
    assert ca.get(f"{sim}SON4:Load") == 1.0
    ca.put(f"{son}Start", 1)
    wait(f"{son}State", 2)
    wait(f"{sim}Board:LED", 1)
    wait(f"{sim}Board:PWM", 127)
    wait_until(lambda: ca.get(f"{sim}SON4:Temperature") > 23.0, 10.0, "it warms up")
    ca.put(f"{sim}SON4:Load", 3.0)
    wait(f"{son}State", 4)
    ca.put(f"{sim}SON4:Load", 1.0)
    ca.put(f"{son}OverloadReset", 1)
    ca.put(f"{sim}SON4:Fault", "LOCK_LOST")
    ca.put(f"{sim}SON4:Fault", "OK")
    ca.put(f"{sim}Board:Fault", "DEAF")
    wait(f"{prefix}SON:Comm", 2)
    ca.put(f"{sim}Board:Fault", "OK")
    wait(f"{prefix}SON:Comm", 0)
    ca.put(f"{sim}Board:Deaf", 1)
    ca.put(f"{sim}Board:PowerCycle", 1)
    ca.put(f"{sim}Modbus:Fault", "BIT_FLIP")
    wait(f"{prefix}SON:Comm", 2)
    ca.put(f"{sim}Modbus:Fault", "OK")
    wait(f"{prefix}SON:Comm", 0)
