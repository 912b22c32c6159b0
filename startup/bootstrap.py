"""Makes .venv at the repository root with the versions pinned in setup.cfg, then becomes the given command.

Standard library only. A stamp inside .venv is written last, so whatever was interrupted is made anew;
a lock on the repository folder lets one setup run at a time.

Usage: bootstrap.py EXTRA COMMAND [ARGUMENT...]     (EXTRA may be empty)
"""

import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
INDEX_ANSWER_S = 10
# Settings of a user's pip that would send packages somewhere else than into .venv.
ELSEWHERE = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH")


class SetupFailed(Exception):
    """Setting up .venv did not work; the text says what to do."""


def main(arguments: list[str]) -> None:
    extra, command = arguments[0], arguments[1:]
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    os.environ["PYTHONNOUSERSITE"] = "1"
    for name in ELSEWHERE:
        os.environ.pop(name, None)
    with lock() as held:
        if not is_current(extra):
            install(extra, held)
    become(command)


def become(command: list[str]) -> None:
    """Replaces this process by the command, with .venv active."""
    os.environ["VIRTUAL_ENV"] = str(VENV)
    os.environ["PATH"] = f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)


@contextlib.contextmanager
def lock() -> Iterator[int]:
    """One setup at a time. The lock goes with the last process that holds it, however that ends."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this repository is running; waiting for it")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(folder)


def is_current(extra: str) -> bool:
    """Whether .venv is complete, with the pins of today and the extra."""
    if not is_complete():
        return False
    _, pins, *extras = STAMP.read_text().splitlines()
    return pins == hash_of_pins() and extra in ["", *extras]


def is_complete() -> bool:
    """Whether .venv was finished, here and with the Python that is in it or is asked for by $PYTHON."""
    version = venv_version()
    wanted = sys.version if "PYTHON" in os.environ else version
    return STAMP.is_file() and version == wanted != "" and STAMP.read_text().startswith(origin(version))


def venv_version() -> str:
    """The version of the Python in .venv; empty when there is none that runs."""
    ask = [PYTHON, "-c", "import sys; print(sys.version)"]
    try:
        return subprocess.run(ask, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def origin(version: str) -> str:
    """The line of the stamp that says where .venv was made and with what: it works nowhere else."""
    return f"{ROOT} {' '.join(version.split())}\n"


def hash_of_pins() -> str:
    """Changes with what is to be installed."""
    seen = hashlib.sha256()
    for name in ("setup.cfg", "pyproject.toml"):
        seen.update((ROOT / name).read_bytes())
    return seen.hexdigest()


def install(extra: str, held: int) -> None:
    """Makes .venv from nothing, or brings a complete one up to date."""
    begun = time.monotonic()
    complete = is_complete()
    say(f"updating {VENV}" if complete else f"making {VENV} with Python {sys.version.split()[0]}")
    STAMP.unlink(missing_ok=True)
    if not complete:
        make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
        run(make, held, "could not make the virtual environment")
    what = f"{ROOT}[{extra}]" if extra else str(ROOT)
    pip = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--retries", "2"]
    run([*pip, "--editable", what], held, "could not install the packages pinned in setup.cfg")
    write_stamp(extra)
    say(f"done in {time.monotonic() - begun:.0f} s")


def write_stamp(extra: str) -> None:
    """Marks .venv as complete, in one step."""
    draft = STAMP.with_suffix(".new")
    draft.write_text(f"{origin(venv_version())}{hash_of_pins()}\n{extra}\n")
    draft.replace(STAMP)


def run(command: list[str], held: int, failure: str) -> None:
    """Runs a step in a process group of its own, which ends with this process. It shares the lock."""
    step = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True, pass_fds=[held]
    )
    try:
        status = step.wait()
    except BaseException:
        end(step)
        raise
    if status:
        raise SetupFailed(f"{failure}; the reason is in the lines above.{network_advice()}")


def end(step: subprocess.Popen[bytes]) -> None:
    """Ends a step and everything that it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(step.pid, kind)
        with contextlib.suppress(subprocess.TimeoutExpired):
            step.wait(timeout=5)


def network_advice() -> str:
    """What to do about the network, if the package index does not answer."""
    if index_answers():
        return ""
    index = os.environ.get("PIP_INDEX_URL", "that pip uses")
    return (
        f"\nThe package index {index} cannot be reached."
        "\nCheck the network, a proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL), then run this again."
    )


def index_answers() -> bool:
    """Whether pip, with whatever it is configured to use, gets an answer about itself."""
    python = PYTHON if PYTHON.exists() else sys.executable
    limits = ["--retries", "0", "--timeout", str(INDEX_ANSWER_S), "--disable-pip-version-check"]
    question = [str(python), "-m", "pip", *limits, "index", "versions", "pip"]
    asked = subprocess.run(question, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return asked.returncode == 0


def stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def say(text: str) -> None:
    sys.stderr.write(f"set-up: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetupFailed as error:
        sys.exit(f"set-up: {error}")
