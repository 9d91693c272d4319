"""The kernel's share: the same datagrams between bare sockets, by a C program of this project's own. No peer can cost less."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from tests.bench.built import built, compile_by
from tests.bench.child import run_json
from tests.bench.pion import VIDEO_PACKETS_PER_SECOND
from tests.bench.row import NotInstalled, Row, row_of_window

INSTALL = "apt-get install gcc libc6-dev"
SOURCES = Path(__file__).parent / "bare_sockets"

_MEASURED = "nothing: datagrams of the same sizes sent, received and discarded, in clear"


def measure(participants: int, seconds: float, *, processes: int = 1) -> Row:
    """Raises NotInstalled, PeerFailed."""
    program = built(SOURCES, _build)
    work = [str(participants), f"{seconds:g}", str(VIDEO_PACKETS_PER_SECOND), str(processes)]
    found = run_json([str(program), *work], deadline=seconds + 30)
    row = row_of_window(
        "sockets" if processes == 1 else f"sockets-{processes}",
        _MEASURED,
        participants=found["participants"],
        seconds=found["seconds"],
        cpu_seconds=found["cpu_seconds"],
        packets_received=found["packets_received"],
        setup_cpu_seconds=0.0,
        grown_bytes=0.0,
    )
    return replace(row, join_cpu_seconds=None, rss_bytes_per_participant=None)  # nobody joins anything


def _build(program: Path) -> None:
    if (compiler := shutil.which("gcc")) is None:
        raise NotInstalled(INSTALL)
    compile_by([compiler, "-O2", "-o", str(program), "main.c"], SOURCES)
