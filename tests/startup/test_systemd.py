"""The files for systemd, logrotate and udev, by the tools that read them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from iocs.common.subsystem import known
from tests.support.processes import ROOT

UNITS = ("ioc@.service", "ioc-procserv@.service")
INSTALLED = "/opt/lab-iocs"
EXPOSURE = 2.5
"""systemd's own figure, 0 to 10: 9.6 without any of the unit's restrictions."""
FOLDER = ROOT / "startup" / "systemd"

analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=30)


def instance(folder: Path, unit: str, name: str) -> Path:
    """A unit as it would be installed here: checked programs must exist."""
    text = (FOLDER / unit).read_text().replace(INSTALLED, str(ROOT))
    file = folder / unit.replace("@", f"@{name}")
    file.write_text(text)
    return file


def settings(unit: str, section: str) -> dict[str, list[str]]:
    """What a unit says, each key with all its values."""
    found: dict[str, list[str]] = {}
    part = (FOLDER / unit).read_text().partition(f"[{section}]\n")[2].partition("\n[")[0]
    for line in part.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@analyze
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(tmp_path: Path, unit: str) -> None:
    for name in known():
        seen = run("systemd-analyze", "verify", instance(tmp_path, unit, name))
        assert (seen.returncode, seen.stderr) == (0, "")


@analyze
def test_systemd_would_say_what_is_wrong(tmp_path: Path) -> None:
    file = instance(tmp_path, UNITS[0], "flow")
    file.write_text(file.read_text().replace("Type=notify", "Type=notified\nNoSuchKey=1"))
    assert "NoSuchKey" in run("systemd-analyze", "verify", file).stderr


@analyze
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_as_closed_as_it_claims(tmp_path: Path, unit: str) -> None:
    seen = run("systemd-analyze", "security", "--offline=true", instance(tmp_path, unit, "flow"))
    level = re.search(r"Overall exposure level for \S+ ([\d.]+)", seen.stdout)
    assert level, seen.stdout + seen.stderr
    assert float(level[1]) <= EXPOSURE


@pytest.mark.parametrize("unit", UNITS)
def test_lines_relays_and_sensors_stay_open(unit: str) -> None:
    service = settings(unit, "Service")
    assert "PrivateDevices" not in service
    allowed = " ".join(service["DeviceAllow"])
    for kind in ("ttyUSB", "ttyACM", "ttyS", "gpiochip", "i2c", "spi", "pts"):
        assert f"char-{kind} rw" in allowed
    assert service["User"] == ["ioc"]
    assert {"dialout", "gpio"} <= set(service["SupplementaryGroups"][0].split())


def test_the_unit_does_what_the_ioc_expects() -> None:
    service = settings(UNITS[0], "Service")
    assert service["Type"] == ["notify"]
    assert service["ExecStart"] == [f"{INSTALLED}/startup/ioc %i"]
    assert service["ExecStopPost"] == [f"{INSTALLED}/startup/ioc --off %i"]
    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert "KillSignal" not in service, "SIGTERM, systemd's own choice, is what an IOC stops at"
    assert int(service["TimeoutStopSec"][0]) >= 10 + 10, "the IOC's own way out, and the fail-safe's"
    assert 5 <= int(service["WatchdogSec"][0]) <= 60


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed")
def test_the_user_and_its_groups_can_be_made() -> None:
    seen = run("systemd-sysusers", "--dry-run", FOLDER / "lab-iocs.conf")
    assert seen.returncode == 0, seen.stderr
    unknown = "unrecognized option"
    assert "Failed" not in seen.stderr and unknown not in seen.stderr


def test_every_group_of_the_units_is_made() -> None:
    lines = (FOLDER / "lab-iocs.conf").read_text().splitlines()
    made = {line.split()[1] for line in lines if line.startswith("g ")}
    member = {line.split()[2] for line in lines if line.startswith("m ioc ")}
    for unit in UNITS:
        wanted = set(settings(unit, "Service")["SupplementaryGroups"][0].split())
        assert wanted <= made and wanted <= member


@pytest.mark.skipif(not shutil.which("logrotate"), reason="logrotate is not installed")
def test_logrotate_moves_logs_away_and_keeps_the_console_open(tmp_path: Path) -> None:
    logs = tmp_path / "flow"
    logs.mkdir(mode=0o755)
    (logs / "flow.log").write_text("old\n")
    console = logs / "flow.console"
    console.write_text("old\n")
    inode = console.stat().st_ino
    text = (ROOT / "startup" / "etc" / "logrotate").read_text()
    config = tmp_path / "logrotate.conf"
    config.write_text(text.replace("/var/log/lab-iocs", str(tmp_path)).replace("    su ioc ioc\n", ""))
    config.chmod(0o644)
    seen = run(shutil.which("logrotate") or "", "--force", "--state", tmp_path / "state", config)
    assert seen.returncode == 0, seen.stderr
    assert "error" not in seen.stderr
    assert (logs / "flow.log.1").read_text() == "old\n" and not (logs / "flow.log").exists()
    assert console.read_text() == "" and console.stat().st_ino == inode


@pytest.mark.parametrize("name", ["common.env", "flow.env"])
def test_the_example_variables_are_read_alike_by_systemd_and_the_launcher(name: str) -> None:
    for line in (ROOT / "startup" / "etc" / name).read_text().splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r'[A-Z0-9_]+=("[^"]*"|[^"\'\\\s]*)', line), (
            line
        )


def test_udev_rules_are_well_formed() -> None:
    part = re.compile(r'[A-Z]+(\{\w+\})?(==|\+=|=)"[^"]+"')
    rules = (ROOT / "startup" / "etc" / "99-lab-iocs.rules").read_text().splitlines()
    parts = [
        each for line in rules if line and not line.startswith("# ") for each in line.strip("#").split(", ")
    ]
    assert len(parts) > 10
    assert [each for each in parts if not part.fullmatch(each)] == []
