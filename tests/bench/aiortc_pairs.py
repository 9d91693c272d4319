"""aiortc's row: `RTCPeerConnection` pairs in a child process, at a number of participants that it can carry."""

from __future__ import annotations

import sys

from tests.bench.child import run_json
from tests.bench.row import Row, row_of_window

PARTICIPANTS = 10
"""About a third of a core; its cost per packet hardly depends on the number while one core is enough."""


def measure(participants: int, seconds: float) -> Row:
    """At `participants`, or as many as it can carry. Raises PeerFailed."""
    count = min(participants, PARTICIPANTS)
    command = [
        sys.executable,
        "-m",
        "tests.bench.aiortc_peer",
        "--participants",
        str(count),
        "--seconds",
        f"{seconds:g}",
    ]
    found = run_json(command, deadline=seconds + 120)
    return row_of_window(
        "aiortc",
        "every packet authenticated, decrypted, put in order; nothing decoded",
        participants=found["participants"],
        seconds=found["seconds"],
        cpu_seconds=found["cpu_seconds"],
        packets_received=found["packets_received"],
        setup_cpu_seconds=found["setup_cpu_seconds"],
        grown_bytes=found["rss_bytes"] - found["idle_rss_bytes"],
    )
