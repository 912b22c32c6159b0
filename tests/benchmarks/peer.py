"""Libraries that are compared with ours but never installed with it: each in an environment of its own.

`tests/benchmarks/run --peers` makes them; without, what needs one says so and goes on. They are GPL: only
a script that their own interpreter runs, in a process of its own, imports them.
"""

import configparser
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.benchmarks.scene import NEAR_CORE, ROOT, Urgency, on_core

FOLDER = ROOT / ".venv" / "peers"
PEERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"alicat": ("alicat==0.9.0",), "python3.13": ("caproto", "numpy", "softioc")}
)
"""What each needs, in the version of setup.cfg unless given. One named after an interpreter runs on it."""
HOW_TO = "not measured: `tests/benchmarks/run --peers` sets it up"


def make() -> None:
    """Environments of all peers that are not there yet. CalledProcessError if one cannot be installed."""
    for name, packages in PEERS.items():
        interpreter = shutil.which(name) if name.startswith("python") else sys.executable
        if interpreter is None:
            sys.stderr.write(f"{name} is not on the PATH: left out\n")
        elif not is_there(name):
            sys.stderr.write(f"{name}: {' '.join(packages)} …\n")
            _make(name, interpreter, [_pinned(package) for package in packages])


def _make(name: str, interpreter: str, packages: list[str]) -> None:
    subprocess.run([interpreter, "-m", "venv", str(FOLDER / name)], check=True)
    pip = [str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*pip, *packages], check=True)
    except subprocess.CalledProcessError:
        python(name).unlink()
        raise


def _pinned(package: str) -> str:
    """With the version that setup.cfg names, unless it has one."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = config["options"]["install_requires"] + config["options.extras_require"]["test"]
    return next((line for line in listed.split() if line.startswith(f"{package}==")), package)


def is_there(name: str) -> bool:
    return python(name).exists()


def run(name: str, script: str, within_s: float = 120.0, **job: Any) -> Any:
    """What `script` of this folder prints as JSON, run by the interpreter of a peer, which does not see
    this folder: a module of ours may be called as the library is."""
    command = [str(python(name)), "-P", str(Path(__file__).with_name(script)), json.dumps(job)]
    with on_core(NEAR_CORE, Urgency.FIRST):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=within_s, check=True)
    return json.loads(done.stdout)


def python(name: str) -> Path:
    """The interpreter of a peer."""
    return FOLDER / name / "bin" / "python"
