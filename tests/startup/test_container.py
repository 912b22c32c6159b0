"""The image's recipe and the compose file: what can be said of them without building, and the health check.

Building needs a registry for the base image; that is not tried here.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from iocs.common.subsystem import known
from tests.conftest import RunIoc
from tests.support.processes import ROOT

FOLDER = ROOT / "startup" / "container"
COMPOSE = FOLDER / "compose.yaml"
HEALTHY = ROOT / "startup" / "healthy"
TOY = ROOT / "tests" / "toy"


def instructions() -> list[tuple[str, str]]:
    """Instruction and argument of each step."""
    text = (FOLDER / "Containerfile").read_text().replace("\\\n", " ")
    steps = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in steps]


def test_what_the_image_copies_and_runs_is_there() -> None:
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {"iocs", "devsup", "db", "startup", "setup.cfg"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not set(sources) & set(ignored)
    programs = re.findall(r"(?:/opt/lab-iocs|\./?)/?(startup/\w+)", (FOLDER / "Containerfile").read_text())
    assert {"startup/setup", "startup/ioc", "startup/healthy"} <= set(programs)
    assert [program for program in programs if not (ROOT / program).exists()] == []


def test_the_image_runs_one_ioc_as_no_root_and_gets_its_signals() -> None:
    steps = dict(instructions())
    assert steps["USER"] == "ioc"
    assert steps["ENTRYPOINT"] == '["/opt/lab-iocs/startup/ioc"]', "no shell that keeps SIGTERM to itself"
    assert "STOPSIGNAL" not in steps


def test_there_is_one_service_per_ioc_each_on_its_own_port_and_state() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert set(known()) <= set(services)
    for name, service in services.items():
        assert service["command"] == [name]
        assert service["network_mode"] == "host"
        assert service["volumes"][0] == f"{name}-state:/var/lib/lab-iocs"
    ports = [service["environment"]["EPICS_CAS_SERVER_PORT"] for service in services.values()]
    assert len(set(ports)) == len(ports)


def composer() -> list[str]:
    """A compose that works here, if any."""
    for command in (["docker", "compose"], ["docker-compose"], ["podman-compose"]):
        if shutil.which(command[0]):
            asked = subprocess.run([*command, "version"], capture_output=True)
            if asked.returncode == 0:
                return command
    return []


@pytest.mark.skipif(not composer(), reason="neither docker compose nor docker-compose is installed")
def test_compose_understands_its_file(tmp_path: Path) -> None:
    asked = subprocess.run([*composer(), "-f", COMPOSE, "config"], capture_output=True, text=True, timeout=30)
    assert asked.returncode == 0, asked.stderr
    assert set(known()) <= set(yaml.safe_load(asked.stdout)["services"])


# Whether it serves


def ask(env: dict[str, str], *prefix: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HEALTHY, *prefix], env=env, capture_output=True, text=True, timeout=30)


def test_an_ioc_that_serves_is_healthy_and_one_that_does_not_is_not(
    run_ioc: RunIoc, ca_env: dict[str, str], prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**ca_env, "PYTHONPATH": f"{ROOT}:{TOY}", "PATH": "/usr/bin:/bin"}
    env.pop("EPICS_CA_ADDR_LIST")  # as in a container
    ioc = run_ioc("toy", "--prefix", prefix, env=env)
    served = ask(env, prefix)
    assert (served.returncode, served.stderr) == (0, "")
    assert served.stdout.startswith(f"{prefix}IOC:HEARTBEAT ")
    assert ask({**env, "IOC_PREFIX": prefix}).returncode == 0
    ioc.terminate()
    gone = ask(env, prefix)
    assert gone.returncode == 1
    assert gone.stderr.startswith(f"{prefix}IOC:HEARTBEAT: ")


def test_it_must_know_which(ca_env: dict[str, str]) -> None:
    asked = ask({**ca_env, "PATH": "/usr/bin:/bin"})
    assert asked.returncode == 1
    assert "which prefix?" in asked.stderr
