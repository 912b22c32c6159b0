"""Libraries that are compared with ours but never installed with it: each in an environment of its own.

`tests/benchmarks/run --peers` makes them; without, what needs one says so and goes on. They are GPL: only
a script that their own interpreter runs, in a process of its own, imports them.
"""

import json
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.benchmarks.scene import NEAR_CORE, ROOT, Urgency, on_core

FOLDER = ROOT / ".venv" / "peers"
PEERS: Mapping[str, str] = MappingProxyType({"alicat": "alicat==0.9.0"})
HOW_TO = "not measured: `tests/benchmarks/run --peers` sets it up"


def make() -> None:
    """Environments of all peers that are not there yet. CalledProcessError if one cannot be installed."""
    for name, package in PEERS.items():
        if _python(name).exists():
            continue
        sys.stderr.write(f"{package} …\n")
        venv.create(FOLDER / name, with_pip=True)
        pip = [str(_python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            subprocess.run([*pip, package], check=True)
        except subprocess.CalledProcessError:
            _python(name).unlink()
            raise


def is_there(name: str) -> bool:
    return _python(name).exists()


def run(name: str, script: str, within_s: float = 120.0, **job: Any) -> Any:
    """What `script` of this folder prints as JSON, run by the interpreter of a peer, which does not see
    this folder: a module of ours may be called as the library is."""
    command = [str(_python(name)), "-P", str(Path(__file__).with_name(script)), json.dumps(job)]
    with on_core(NEAR_CORE, Urgency.FIRST):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=within_s, check=True)
    return json.loads(done.stdout)


def _python(name: str) -> Path:
    return FOLDER / name / "bin" / "python"
