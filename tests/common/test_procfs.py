"""What the operating system says: /proc as written by hand, and as it is here."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from iocs.common import procfs
from iocs.common.procfs import Load, Usage

PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "self").mkdir()
    (tmp_path / "stat").write_text("cpu  100 10 50 800 40 0 0 0 60 5\ncpu0 100 10 50 800 40 0 0 0 60 5\n")
    (tmp_path / "meminfo").write_text(
        "MemTotal:        2000 kB\nMemFree:  1 kB\nMemAvailable:    1500 kB\nHugePages_Total:       0\n"
    )
    (tmp_path / "self" / "statm").write_text("500 20 10 1 0 90 0\n")
    return tmp_path


def test_the_files_are_read(proc: Path) -> None:
    seen = procfs.look(proc)
    assert (seen.host_busy, seen.host_total) == (160, 1000), "guest time stands in user and nice as well"
    assert (seen.memory_max, seen.memory_free) == (2000 * 1024, 1500 * 1024)
    assert seen.memory_used == 20 * PAGE


def test_what_a_system_does_not_tell_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "DESCRIPTORS", (tmp_path / "nowhere",))
    monkeypatch.setattr(sys, "platform", "win32")
    seen = procfs.look(tmp_path)
    assert seen == Usage(cpu_s=seen.cpu_s)
    assert procfs.load(seen, Usage(cpu_s=seen.cpu_s + 0.5), 2.0) == Load(pytest.approx(25.0), None)


def test_load_is_what_was_used_between_two_looks() -> None:
    before = Usage(cpu_s=1.0, host_busy=100.0, host_total=1000.0)
    after = Usage(cpu_s=1.5, host_busy=150.0, host_total=1200.0)
    assert procfs.load(before, after, 1.0) == Load(pytest.approx(50.0), pytest.approx(25.0))
    assert procfs.load(before, before, 1.0) == Load(0.0, None), "no tick has passed: nothing is known"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_it_agrees_with_psutil_about_this_process() -> None:
    seen, same = procfs.look(), psutil.Process()
    assert seen.memory_used == pytest.approx(same.memory_info().rss, rel=0.05)
    assert seen.files_open == same.num_fds() - 1, "psutil counts what it opens to look"
    assert seen.memory_max == psutil.virtual_memory().total
    assert seen.memory_free == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    assert seen.files_max == same.rlimit(psutil.RLIMIT_NOFILE)[0]
