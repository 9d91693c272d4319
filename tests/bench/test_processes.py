"""Process trees, on a made-up /proc and on this process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.processes import cpu_seconds, leashed, memory_bytes, tree

TICK = 1 / os.sysconf("SC_CLK_TCK")


def _process(proc: Path, pid: int, children: dict[int, str], ticks: str = "0 0 0 0", pss: int = 0) -> None:
    """`children`: by thread. utime, stime, cutime and cstime are the fields 14 to 17 of stat."""
    for thread, listing in children.items():
        folder = proc / str(pid) / "task" / str(thread)
        folder.mkdir(parents=True)
        (folder / "children").write_text(listing)
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "stat").write_text(f"{pid} (Chromium) (a 1) S 1 1 1 0 -1 4194560 1 2 3 4 {ticks} 20 0 9")
    (proc / str(pid) / "smaps_rollup").write_text(
        f"00-ff ---p [rollup]\nRss: 99999 kB\nPss: {pss} kB\nPss_Dirty: 7 kB\n"
    )


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """10 has 11 and 12 by one thread, 13 by another; 12 has 14; 13 has ended meanwhile; 99 is a stranger."""
    _process(tmp_path, 10, {10: "11 12 ", 20: "13 "}, "1 2 3 4", 100)
    _process(tmp_path, 11, {11: ""}, "10 20 0 0", 200)
    _process(tmp_path, 12, {12: "14 "}, "0 0 0 500", 300)
    _process(tmp_path, 14, {14: ""}, "1000 0 0 0", 400)
    _process(tmp_path, 99, {99: ""}, "7777 0 0 0", 7777)
    return tmp_path


def test_a_tree_is_all_descendants_parents_first(proc: Path) -> None:
    found = tree(10, proc)
    assert sorted(found) == [10, 11, 12, 13, 14]
    assert found[0] == 10
    assert found.index(12) < found.index(14)


def test_cpu_is_that_of_the_tree_with_the_children_it_has_waited_for(proc: Path) -> None:
    assert cpu_seconds(10, proc) == pytest.approx((10 + 30 + 500 + 1000) * TICK)
    assert cpu_seconds(13, proc) == 0


def test_memory_is_the_proportional_set_size(proc: Path) -> None:
    assert memory_bytes(10, proc) == 1000 * 1024


def test_this_process_is_read() -> None:
    assert tree(os.getpid())[0] == os.getpid()
    assert cpu_seconds(os.getpid()) > 0
    assert memory_bytes(os.getpid()) > 1e6


def test_a_leashed_command_ends_when_its_parent_is_killed() -> None:
    code = (
        "import os, signal, subprocess\n"
        "from tests.bench.processes import leashed\n"
        "child = subprocess.Popen(leashed(['sh', '-c', 'echo up; exec sleep 60 >&2']), stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"  # so the command itself runs by now
        "print(child.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert parent.stdout is not None
    with parent.stdout as output:
        pid = int(output.readline())
    assert parent.wait(20) == -signal.SIGKILL
    assert _ends(pid, seconds=20)


def _ends(pid: int, seconds: float) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def test_a_leashed_command_is_the_command() -> None:
    done = subprocess.run(leashed(["sh", "-c", "echo $$ $1; exit 5", "sh", "a b"]), stdout=subprocess.PIPE, text=True)
    assert done.returncode == 5
    assert done.stdout.split(maxsplit=1)[1] == "a b\n"
