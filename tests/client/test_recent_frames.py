"""Frames lost across a migration, by the numbers of those that were seen."""

from __future__ import annotations

import pytest

from probe.client.recent_frames import RecentFrames


@pytest.mark.parametrize(
    ("seen", "lost"), [
        ([(9.9, 0), (10.0, 1), (10.1, 2), (10.2, 3)], 0),
        ([(9.9, 0), (10.0, 1), (10.2, 3)], 1),
        ([(9.9, 0), (10.5, 6), (10.6, 7)], 5),  # a break before the first path is open: what was lost then counts
        ([(9.8, 0), (9.9, 1), (10.1, 4), (10.0, 3)], 1),  # in whatever order they come
        ([(9.8, 0), (9.9, 3), (10.0, 2), (10.1, 4)], 0),  # a late one, from before what was seen before
        ([(10.0, 4), (10.3, 7)], 2),  # none before: nothing is known of what was before
        ([(9.9, 3)], None),
        ([(11.5, 3)], None),
        ([], None),
    ],
)  # fmt: skip
def test_lost_between_two_times(seen: list[tuple[float, int]], lost: int | None) -> None:
    frames = RecentFrames()
    for shown, tick in seen:
        frames.on_frame(shown, tick)
    assert frames.lost(10.0, 11.0) == lost
