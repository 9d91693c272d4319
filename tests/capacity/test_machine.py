"""What the system says, held against what is known."""

from __future__ import annotations

import os
import resource
import time

import pytest

from probe.capacity import machine
from probe.model.errors import MeasurementError


def spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_cpu_time_is_ours() -> None:
    before, machine_before, listed_before = (
        machine.cpu_seconds(),
        machine.busy_seconds(),
        machine.cpu_seconds_of(os.getpid()),
    )
    spin(0.1)
    assert 0.09 < machine.cpu_seconds() - before < 1.0
    busy, listed = machine.busy_seconds(), machine.cpu_seconds_of(os.getpid())
    if busy is None or machine_before is None or listed is None or listed_before is None:
        pytest.skip("no /proc here")
    assert busy - machine_before > 0.05
    assert listed - listed_before == pytest.approx(0.1, abs=0.05)
    assert machine.cpu_seconds_of(2**22 + 1) is None


def test_waiting_is_counted() -> None:
    first = machine.waited_seconds()
    if first is None:
        pytest.skip("no /proc here")
    spin(0.01)
    assert 0 <= first <= (machine.waited_seconds() or 0.0)


def test_memory_grows_with_what_is_held() -> None:
    before = machine.rss_bytes()
    held = bytearray(os.urandom(1)) * 40_000_000
    grown = machine.rss_bytes() - before
    assert grown > 20_000_000
    assert len(held) == 40_000_000
    free = machine.available_memory()
    assert free is None or free > 0


def test_files() -> None:
    assert machine.files_needed(1000, 1, 1) == 3100
    assert machine.files_needed(1000, 4, 1) == 2100  # the server has a WebSocket for each, and perhaps a media socket
    assert machine.files_needed(100, 1, 9) == 1200
    assert machine.raise_file_limit() >= min(64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def test_too_few_files_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "raise_file_limit", lambda: 1024)
    machine.check_files(300, 1, 1)
    with pytest.raises(
        MeasurementError, match="1000 participants need 3100 open files in one process, and only 1024"
    ) as told:
        machine.check_files(1000, 1, 1)
    assert "ulimit" in told.value.hint
