"""Load is made, and ends."""

from __future__ import annotations

import resource
import time

from probe.calibrate.load import busy


def test_processes_are_busy_for_their_share_and_end_with_the_context() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with busy(0.5, processes=1):
        time.sleep(0.6)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime  # of children that have ended and were waited for: it has
    assert 0.02 < spent < 0.6
