"""What the operating system says of this process and this machine."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from probe.model.errors import MeasurementError

_SPARE_FILES = 100
_PROC = Path("/proc")


def cpu_seconds() -> float:
    """CPU time of this process with all its threads, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss_bytes() -> int:
    """Memory of this process that is resident now; where no /proc tells, the most that it ever was."""
    try:
        return int((_PROC / "self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def available_memory() -> int | None:
    """Bytes that could be taken without swapping; None where nothing tells."""
    try:
        lines = (_PROC / "meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def busy_seconds() -> float | None:
    """CPU time of all processes and the kernel, on all processors, since the machine's start; None where nothing tells."""
    try:
        fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, interrupt, soft, _stolen = map(int, fields)
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of(pid: int) -> float | None:
    """CPU time of another process so far; None where nothing tells, or it is gone."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_seconds() -> float | None:
    """Time so far in which this process's main thread, the event loop, could have run and had no processor; None where nothing
    tells."""
    try:
        return int((_PROC / "self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return None


def processors() -> int:
    """Those that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def raise_file_limit() -> int:
    """Allow this process as many open files as it may allow itself; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):
            pass  # some systems have a lower limit of their own than they say: what there is must do
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def files_needed(participants: int, processes: int, paths: int) -> int:
    """Open files of the process that needs most: a participant has its WebSocket, a socket for each of its `paths`, and one
    more while it joins; the server has all WebSockets, and on an SFU as many media sockets."""
    share = -(-participants // processes)
    return max(share * (2 + paths), 2 * participants) + _SPARE_FILES


def check_files(participants: int, processes: int, paths: int) -> None:
    """Raises MeasurementError where the limit on open files is too low."""
    limit, needed = raise_file_limit(), files_needed(participants, processes, paths)
    if needed > limit:
        raise MeasurementError(
            f"{participants} participants need {needed} open files in one process, and only {limit} are allowed",
            phase="capacity",
            hint="raise the limit: `ulimit -Hn` shows it, /etc/security/limits.conf or the service's LimitNOFILE sets it",
        )
