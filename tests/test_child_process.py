"""Children that behave and children that don't, and both ends of the pipes between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probe.child_process import ChildProcess
from probe.model.errors import MeasurementError

_ECHO = """
import asyncio
from probe.lifeline import Lifeline, Voice, leave_signals_to_the_parent

async def main():
    leave_signals_to_the_parent()
    end, voice = asyncio.Event(), Voice()
    Lifeline(end.set, voice.say)
    print("not for the parent")
    voice.say(b"begin\\n")
    await end.wait()
    voice.say(b"end\\n")
    voice.close()

asyncio.run(main())
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules a child can be."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


async def _start(modules: Path, program: str) -> ChildProcess:
    (modules / "the_child.py").write_text(program)
    return await ChildProcess.start("the child", "the_child")


async def test_lines_of_any_length_go_both_ways(modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = await _start(modules, _ECHO)
    assert await child.read(30.0) == b"begin"
    long = b"x" * 3_000_000  # far above what a StreamReader or a pipe would hold
    for line in (b"one", long, b"", b"two"):
        child.send(line + b"\n")
    assert [await child.read(30.0) for _ in range(4)] == [b"one", long, b"", b"two"]
    await child.end()
    assert await child.read(5.0) == b"end"
    assert child.ended.result() == 0
    assert "not for the parent" in capsys.readouterr().err
    with pytest.raises(MeasurementError, match="ended with exit code 0"):
        await child.read(5.0)
    child.send(b"too late\n")
    await child.end()


async def test_signals_are_the_parents_business(modules: Path) -> None:
    child = await _start(modules, _ECHO)
    assert await child.read(30.0) == b"begin"
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(child.pid, number)
    child.send(b"still here\n")
    assert await child.read(30.0) == b"still here"
    await child.end()
    assert child.ended.result() == 0


@pytest.mark.parametrize(
    ("program", "said", "crashed"),
    [
        ("raise SystemExit(3)", "ended with exit code 3", True),
        ("1 / 0", "ended with exit code 1: ZeroDivisionError: division by zero", True),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL", False),
        ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV", True),
    ],
)
async def test_last_words(modules: Path, program: str, said: str, crashed: bool) -> None:
    child = await _start(modules, program)
    for _ in range(2):
        with pytest.raises(MeasurementError) as lost:
            await child.read(30.0)
        assert lost.value.message == said
        assert (lost.value.who, lost.value.phase) == ("the child", "process")
    loss = child.loss(lost.value, "all is gone")
    assert loss.crashed is crashed
    assert loss.message == f"{said}; all is gone"
    await child.end()


async def test_one_that_says_nothing_is_not_waited_for(modules: Path) -> None:
    child = await _start(modules, "import time; time.sleep(60)")
    with pytest.raises(MeasurementError, match=r"said nothing for 0\.1 s") as silent:
        await child.read(0.1)
    assert not child.loss(silent.value).crashed
    await child.kill()
    assert child.ended.result() == -signal.SIGKILL
    await child.end()


async def test_to_kill_does_not_take_away_how_it_ended(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a look at the process would, if it came before asyncio's: its exit code would be 255 then."""
    child = await _start(modules, "print(flush=True)\nimport time; time.sleep(60)")
    assert await child.read(30.0) == b""
    monkeypatch.setattr(subprocess.Popen, "poll", lambda process: pytest.fail("looked"))
    await asyncio.gather(*(child.kill() for _ in range(3)))
    assert child.ended.result() == -signal.SIGKILL
    await child.end()


async def test_one_that_does_not_end_is_killed(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.child_process._END_DEADLINE", 0.1)
    child = await _start(modules, "print(flush=True)\nimport time; time.sleep(60)")
    assert await child.read(30.0) == b""
    await child.end()
    assert child.ended.result() == -signal.SIGKILL


async def test_a_line_without_end_is_not_kept(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.child_process.MAX_LINE", 1 << 20)
    child = await _start(modules, "while True: print('x' * 65536, end='')")
    with pytest.raises(MeasurementError, match="SIGKILL"):
        await child.read(30.0)
    await child.end()


_PARENT = """
import asyncio
from probe.child_process import ChildProcess

async def main():
    child = await ChildProcess.start("the child", "the_child")
    await child.read(30.0)
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""

_HANGING = """
import asyncio, time
import probe.lifeline
probe.lifeline.GRACE = 0.1

async def main():
    voice = probe.lifeline.Voice()
    probe.lifeline.Lifeline(lambda: None)
    voice.say(b"begin\\n")
    await asyncio.sleep(0.05)
    time.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("child", [_ECHO, _HANGING], ids=["well", "hanging"])
def test_nobody_is_orphaned_by_a_parent_who_is_killed(modules: Path, child: str) -> None:
    (modules / "the_child.py").write_text(child)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(modules), *sys.path])}
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _lives(pid)
        parent.kill()
    deadline = time.monotonic() + 20.0
    while _lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
