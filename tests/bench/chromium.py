"""Chromium's row: one call between two peer connections of a page, encoded, decoded and shown."""

from __future__ import annotations

import shutil
import sys
import tempfile

from tests.bench.child import run_json
from tests.bench.row import NotInstalled, Row, row_of_window

INSTALL = "apt-get install chromium"
PARTICIPANTS = 2
"""One call is about what one core carries."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def measure(participants: int, seconds: float) -> Row:
    """At two participants, whatever is asked for. Raises NotInstalled, PeerFailed."""
    browser = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if browser is None:
        raise NotInstalled(INSTALL)
    count = min(participants, PARTICIPANTS)
    command = [sys.executable, "-m", "tests.bench.chromium_peer", "--browser", browser]
    command += ["--participants", str(count), "--seconds", f"{seconds:g}"]
    with tempfile.TemporaryDirectory(prefix="bench-chromium-", ignore_cleanup_errors=True) as profile:
        found = run_json([*command, "--profile", profile], deadline=seconds + 90)
    frames = found["frames_decoded"] / found["seconds"] / found["participants"]
    return row_of_window(
        "chromium",
        "640×360 encoded, decoded and shown",
        participants=found["participants"],
        seconds=found["seconds"],
        cpu_seconds=found["cpu_seconds"],
        packets_received=found["packets_received"],
        setup_cpu_seconds=found["setup_cpu_seconds"],
        grown_bytes=found["rss_bytes"] - found["idle_rss_bytes"],
        note=f"{frames:.0f} pictures/s each; the idle browser takes {found['idle_rss_bytes'] / 1e6:.0f} MB more",
    )
