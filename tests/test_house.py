"""The laws that a machine can check: who imports whom, what no library does, what documents promise."""

import ast
import configparser
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "__pycache__"}

Tree = ast.Module
Modules = dict[str, Tree]


def files(*patterns: str) -> list[Path]:
    """Files of the repository, without what tools have put there."""
    found = {path for pattern in patterns for path in ROOT.rglob(pattern) if path.is_file()}
    return sorted(path for path in found if not NOT_OURS & set(path.relative_to(ROOT).parts))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: Modules = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in files("*.py")
    if path.relative_to(ROOT).parts[0] in ("devsup", "iocs")
}
SUBSYSTEMS = sorted(name.split(".")[1] for name in MODULES if re.fullmatch(r"iocs\.\w+\.ioc", name))


# Who imports whom


def imports(name: str, tree: Tree) -> Iterator[tuple[str, int]]:
    """Every module that a module imports, wherever it does so, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: a relative import"
            yield from ((target, node.lineno) for target in from_targets(node))


def from_targets(node: ast.ImportFrom) -> list[str]:
    """`from a import b` imports a.b if that is a module, else a."""
    base = node.module or ""
    return [f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names]


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


INSTALLED = {"caproto", "numpy", "pymodbus", "serial", "yaml", "gpiod"}
"""What install_requires and the extras of setup.cfg bring, by the names under which it is imported."""
CODECS = ("devsup.propar", "devsup.alicat", "devsup.modbus_rtu")
LINE = ("devsup.port", "devsup.line", "serial", "socket", "threading", "asyncio")
CLOCKS_AND_DOORS = ("asyncio", "datetime", "os", "random", "socket", "threading", "time")
ALL_SUBSYSTEMS = tuple(f"iocs.{name}" for name in SUBSYSTEMS)
# (who, what it must not import, why)
LAWS: list[tuple[Callable[[str], bool], tuple[str, ...], str]] = [
    (lambda who: within(who, "devsup"), ("caproto", "iocs"), "devsup knows no Channel Access"),
    (lambda who: within(who, *CODECS), LINE, "a codec opens nothing"),
    (
        lambda who: not within(who, "devsup.modbus_rtu", "devsup.sim"),
        ("pymodbus",),
        "one module touches pymodbus",
    ),
    (
        lambda who: within(who, "devsup") and not within(who, "devsup.sim"),
        ("devsup.sim",),
        "real instruments need no simulated ones",
    ),
    (
        lambda who: within(who, "iocs.caserver"),
        ("iocs.common", "devsup", *ALL_SUBSYSTEMS),
        "the server knows no IOC",
    ),
    (lambda who: within(who, "iocs.common"), ALL_SUBSYSTEMS, "what is shared knows no subsystem"),
    (
        lambda who: who in ("iocs.__main__", "iocs.arguments"),
        (*ALL_SUBSYSTEMS, "devsup"),
        "the command line finds its subsystems",
    ),
    (
        lambda who: within(who, *ALL_SUBSYSTEMS),
        ("caproto",),
        "Channel Access reaches a subsystem through iocs.caserver",
    ),
    (
        lambda who: who.endswith(".logic") or ".logic." in who,
        ("caproto", "iocs.caserver", "iocs.common", "devsup.port", "devsup.sim", *CLOCKS_AND_DOORS),
        "logic is pure",
    ),
    (
        lambda who: within(who, "iocs.common.interlock.core", "iocs.common.interlock.rules"),
        ("iocs.caserver", "iocs.common.group", "iocs.common.pv", "devsup", *CLOCKS_AND_DOORS),
        "when an interlock trips is pure",
    ),
    (
        lambda who: who.endswith(".config"),
        ("caproto", "devsup.port", "asyncio"),
        "configuration opens nothing",
    ),
]


def broken_laws(modules: Modules) -> list[str]:
    found = []
    for who, tree in modules.items():
        for target, line in imports(who, tree):
            found += [
                f"{who}:{line} imports {target}: {why}"
                for concerns, forbidden, why in LAWS
                if concerns(who) and within(target, *forbidden)
            ]
            found += [
                f"{who}:{line} imports {target}: subsystems do not know each other"
                for mine in ALL_SUBSYSTEMS
                if within(who, mine) and within(target, *ALL_SUBSYSTEMS) and not within(target, mine)
            ]
            if not within(target, "devsup", "iocs", *INSTALLED, *sys.stdlib_module_names):
                found.append(f"{who}:{line} imports {target}: setup.cfg does not install it with the IOCs")
    return found


def test_imports_run_one_way_only() -> None:
    assert broken_laws(MODULES) == []


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("devsup.new", "import caproto.server"),
        ("devsup.new", "def late():\n    from iocs.common import pv"),
        ("devsup.new", "from devsup.sim.wire import PtyLine"),
        ("devsup.propar.new", "from devsup.port import Port"),
        ("iocs.caserver.new", "from iocs.common.pv import Group"),
        ("iocs.caserver.new", "from devsup import port"),
        ("iocs.common.new", "import iocs.flow.pvs"),
        ("iocs.flow.logic", "import time"),
        ("iocs.flow.new", "from caproto import AlarmStatus"),
        ("iocs.flow.new", "import psutil"),
    ],
)
def test_a_wrong_import_is_noticed(who: str, code: str) -> None:
    assert len(broken_laws({who: ast.parse(code)})) == 1


# What no library does


def offences(tree: Tree, *, library: bool) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("eval", "exec", "compile", "__import__"):
                found.append((node.lineno, node.func.id))
            if node.func.id == "print" and library:
                found.append((node.lineno, "print in a library"))
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append((node.lineno, "bare except"))
    if not ast.get_docstring(tree):
        found.append((1, "no module docstring"))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_module_keeps_the_rules(name: str) -> None:
    assert offences(MODULES[name], library=not name.endswith(".__main__")) == []


def test_an_offence_is_noticed() -> None:
    code = "def f():\n    try:\n        print(eval('1'))\n    except:\n        pass"
    found = sorted(offence for _, offence in offences(ast.parse(code), library=True))
    assert found == ["bare except", "eval", "no module docstring", "print in a library"]


def bare_sleeps(tree: Tree) -> list[int]:
    """Lines that wait for a time instead of a condition; sleep(0) only lets others run."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("time.sleep", "asyncio.sleep", "sleep")
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


@pytest.mark.parametrize("path", files("test_*.py", "conftest.py"), ids=relative)
def test_tests_wait_for_conditions_not_for_time(path: Path) -> None:
    assert bare_sleeps(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_a_bare_sleep_is_noticed() -> None:
    assert bare_sleeps(ast.parse("time.sleep(1)\nasyncio.sleep(0)\nawait asyncio.sleep(x)")) == [1, 3]


# The repository


MACHINE = re.compile(
    "|".join([r"/ro" + r"ot/", r"/ho" + r"me/\w", r"/Us" + r"ers/\w", r"/tmp/l" + "ab", r"/wo" + r"rk/\w"])
)
TEXTS = ("*.py", "*.md", "*.cfg", "*.toml", "*.yaml", "*.sh", "*.bob", "*.acf", "run", "demo")


@pytest.mark.parametrize("path", files(*TEXTS), ids=relative)
def test_no_file_knows_the_machine_it_was_written_on(path: Path) -> None:
    assert MACHINE.findall(path.read_text(encoding="utf-8")) == []


LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
MENTION = re.compile(r"`\.?/?((?:iocs|devsup|db|opi|startup|tests)/[\w./-]*\w)`")


def missing_targets(text: str, folder: Path) -> list[str]:
    links = [
        target for target in LINK.findall(text) if "://" not in target and not target.startswith("mailto:")
    ]
    return [
        *(target for target in links if not (folder / target).exists()),
        *(target for target in MENTION.findall(text) if not (ROOT / target).exists()),
    ]


@pytest.mark.parametrize("path", files("*.md"), ids=relative)
def test_what_a_document_points_to_exists(path: Path) -> None:
    assert missing_targets(path.read_text(encoding="utf-8"), path.parent) == []


def test_a_dead_link_is_noticed() -> None:
    text = "[a](nowhere.md) [b](https://example.org) `tests/run` `iocs/nowhere.py`"
    assert missing_targets(text, ROOT) == ["nowhere.md", "iocs/nowhere.py"]


def scripts() -> list[Path]:
    found = [*files("run"), *(path for path in (ROOT / "startup").iterdir() if path.is_file())]
    return [path for path in found if path.read_bytes().startswith(b"#!")]


@pytest.mark.parametrize("path", scripts(), ids=relative)
def test_scripts_are_executable_and_can_be_parsed(path: Path) -> None:
    assert os.access(path, os.X_OK)
    if path.read_text(encoding="utf-8").startswith("#!/bin/sh"):
        subprocess.run(["sh", "-n", path], check=True)


def test_the_scripts_of_the_contract_are_there() -> None:
    assert {"startup/demo", "tests/run", ".ci/run"} <= {relative(path) for path in scripts()}


def test_versions_are_pinned_exactly() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = config["options"]["install_requires"] + config["options.extras_require"]["test"]
    wanted = [line for line in listed.splitlines() if line.strip() and not line.startswith("#")]
    assert len(wanted) > 10
    assert [line for line in wanted if not re.fullmatch(r"[\w-]+==[\w.]+", line.strip())] == []
