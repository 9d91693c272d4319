"""A process and all that it started: what it costs, by /proc, and how it ends with us (Linux)."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_LEASH = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL):
    sys.exit(os.strerror(ctypes.get_errno()))
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def leashed(command: Sequence[str]) -> list[str]:
    """The command as a child of this process that the system kills when this process ends, however that ends (prctl(2)).

    It is a program of its own because code between fork and exec is not safe beside threads; the setting survives exec."""
    return [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *command]


@dataclass(frozen=True)
class Usage:
    """Of a whole tree. `memory_bytes` is the proportional set size: a page that processes share counts once."""

    cpu_seconds: float
    memory_bytes: int


def tree(pid: int, proc: Path = _PROC) -> list[int]:
    """The process and its descendants, parents first; those that end meanwhile may stand in it or not."""
    found, waiting = [], [pid]
    while waiting:
        found.append(current := waiting.pop(0))
        for listing in (proc / str(current) / "task").glob("*/children"):
            waiting += [int(child) for child in _text(listing).split() if int(child) not in found]
    return found


def cpu_seconds(pid: int, proc: Path = _PROC) -> float:
    """User and system time of the tree, of ended processes too: who waited for them has theirs on its own account."""
    return sum(_ticks(_text(proc / str(one) / "stat")) for one in tree(pid, proc)) / _TICKS_A_SECOND


def memory_bytes(pid: int, proc: Path = _PROC) -> int:
    """Proportional set size of the tree."""
    return sum(_proportional_bytes(_text(proc / str(one) / "smaps_rollup")) for one in tree(pid, proc))


def usage(pid: int) -> Usage:
    """CPU first: reading the memory maps takes time."""
    return Usage(cpu_seconds(pid), memory_bytes(pid))


def kill_tree(pid: int) -> None:
    """End the process, which is a child of ours and not yet waited for, and all that it started."""
    for one in tree(pid):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue  # ended by itself, or with its parent


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # the process has just ended


def _ticks(stat: str) -> int:
    """utime, stime, cutime and cstime: fields 14 to 17 of proc(5), the name before them may hold spaces and brackets."""
    return sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])


def _proportional_bytes(rollup: str) -> int:
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
