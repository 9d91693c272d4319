"""Other work on this machine, made on purpose: what the readings are worth when the generator has to fight for its CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SPIN = """
import sys, time
share, limit = float(sys.argv[1]), time.monotonic() + float(sys.argv[2])
while (now := time.monotonic()) < limit:
    while time.monotonic() < now + 0.02 * share:
        pass
    time.sleep(0.02 * (1 - share))
"""


@contextmanager
def busy(share: float = 0.9, processes: int | None = None, limit: float = 600.0) -> Iterator[None]:
    """As many processes as there are processors (or so many), each busy for that share of the time; they end with the context,
    and by themselves after `limit` seconds."""
    count = processes if processes is not None else os.cpu_count() or 1
    command = [sys.executable, "-c", _SPIN, str(share), str(limit)]
    spinners = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.terminate()
        for spinner in spinners:
            spinner.wait()
