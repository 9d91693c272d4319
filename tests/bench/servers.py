"""The servers' rows: what forwarding a packet costs the test SFU and Janus, on the same meeting (tests/bench/forwarding.py)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from tests.bench.child import run_json
from tests.bench.row import NotInstalled, PeerFailed, Row

REFERENCE = "shim"
_PROFILE = "SRTP_AES128_CM_SHA1_80"
"""What Janus chooses where its clients leave it the choice; both servers get the same."""


def measure(name: str, seconds: float) -> Row:
    """`name`: "shim" or "janus". Raises NotInstalled, PeerFailed."""
    if importlib.util.find_spec("tests.bench.forwarding") is None:
        raise NotInstalled("tests/bench/forwarding.py, which is not in this tree")
    if name != REFERENCE:
        _need_janus()
    command = [sys.executable, "-m", "tests.bench.forwarding", "--rounds", "1", "--seconds", f"{seconds:g}"]
    rows = run_json([*command, "--only", name, "--profile", _PROFILE, "--json"], deadline=seconds + 90)
    if len(rows) != 1:
        raise PeerFailed(f"{len(rows)} rows where one was asked for")
    return row_of(name, rows[0])


def _need_janus() -> None:
    from tests.bench import janus_server

    if (reason := janus_server.why_not()) is not None:
        raise NotInstalled(reason)


def row_of(name: str, found: Mapping[str, Any]) -> Row:
    """CPU of the server alone, over the packets that its subscribers received."""
    if not found["forwarded"]:
        raise PeerFailed("nothing was forwarded")
    lost = found["lost"] + found["wrong"]
    return Row(
        name=name,
        measured=f"forwarded to {found['subscribers']} subscribers",
        participants=found["subscribers"] + 1,
        cpu_us_per_packet=found["cpu_us_per_packet"],
        reference=REFERENCE,
        note=f"{lost} packets lost or wrong" if lost else "",
    )
