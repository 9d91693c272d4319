"""The kernel's share, by the real program where a compiler is: everything that is sent arrives, at the rate of the work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bench import sockets
from tests.bench.row import NotInstalled


def test_without_a_compiler_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEETPROBE_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NotInstalled, match="apt-get install gcc libc6-dev"):
        sockets.measure(100, 1.0)


@pytest.mark.skipif(shutil.which("gcc") is None, reason=sockets.INSTALL)
@pytest.mark.parametrize("processes", [1, 2])
def test_the_work_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    monkeypatch.setenv("MEETPROBE_CACHE", str(tmp_path))
    row = sockets.measure(11, 1.0, processes=processes)
    assert (row.name, row.participants) == ("sockets" if processes == 1 else "sockets-2", 10)
    assert row.packets_per_second == pytest.approx(57 + 50, rel=0.05)
    assert 0 < row.cpu_us_per_packet < 1000
    assert (row.join_cpu_seconds, row.rss_bytes_per_participant) == (None, None)
