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
APART: Mapping[str, str] = {
    "join_duration_seconds": "theirs ends with a picture on the screen, ours with a decoded one",
    "round_trip_time_seconds": "each of its own way to the server or the other; theirs is timed when the browser reads, ours by the kernel",
    "jitter_seconds": "Chromium tells whole milliseconds, timed when it reads; ours is timed by the kernel",
    "packet_loss_ratio": SAME,
    "residual_loss_ratio": "of audio theirs is what Chromium's playout buffer dropped, ours that of a model; of video nothing",
    "frame_rate": "theirs counts frames decoded, ours frames that arrived whole",
    "harmonic_frame_rate": "theirs is of the times at which pictures are shown, ours of those at which frames arrive",
    "frame_assembly_seconds": "theirs is timed when the browser reads, ours by the kernel",
    "freeze_ratio": "one rule: theirs by the pictures shown, after a playout buffer, ours by the frames that arrive",
    "migration_duration_seconds": "theirs ends with the server's commit, ours with the old path closed",
    "migration_video_gap_seconds": "theirs is between pictures shown, ours between frames that arrive",
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
