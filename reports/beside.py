"""What real browsers saw beside what we saw, in words: what a row is of, and what sets the two views apart.

No row is marked as differing too much. A few browsers are a few independent values however many readings each takes, so nobody knows
what they differ by among each other; and most rows differ by definition, by amounts that depend on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.titles import direction, title_of
from reports.words import show, signed

TITLE = "Real browsers beside us"
SAME = "nothing: the same definition"
_KERNEL = "ours by the kernel's times of arrival"
APART: Mapping[str, str] = {
    "join_duration_seconds": "theirs from the WebSocket's opening to a picture shown, ours from the scheduled moment to a picture decoded",
    "round_trip_time_seconds": f"each on its own path; {_KERNEL}",
    "jitter_seconds": f"theirs in whole milliseconds; {_KERNEL}",
    "packet_loss_ratio": SAME,
    "residual_loss_ratio": "video: nothing; audio: theirs is what their playout buffer dropped, ours what a model of one would",
    "frame_rate": "theirs counts frames decoded each second, ours frames that arrived, over a whole stay",
    "harmonic_frame_rate": "theirs by the times of showing, ours by those of arrival",
    "frame_assembly_seconds": _KERNEL,
    "freeze_ratio": "one rule: theirs on pictures shown, ours on frames that arrive",
    "migration_duration_seconds": "theirs ends with the server's commit, ours when the old path is closed",
    "migration_video_gap_seconds": "theirs between pictures shown, ours between frames that arrive",
}
"""By metric. What is in words here is defined in docs/metrics.md (ours) and docs/browsers.md (theirs)."""
_CAPITALS = {"rtcp": "RTCP", "stun": "STUN"}


def name_of(row: Mapping[str, Any]) -> str:
    """ "Jitter (video)", "Migration duration (P2P → SFU)"."""
    part = str(row["tag"]).partition("=")[2]
    source, crossed, target = part.partition(">")
    told = direction(source, target) if crossed else _CAPITALS.get(part, part)
    return f"{title_of(row['metric'])} ({told})" if told else title_of(row["metric"])


def figures_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The browsers' mean, ours, and the difference."""
    unit = row["unit"]
    return show(row["browser"], unit), show(row["ours"], unit), signed(row["difference"], unit)


def readings_of(row: Mapping[str, Any]) -> str:
    """How many are behind either mean."""
    return f"{row['browser_count']} / {row['our_count']}"
