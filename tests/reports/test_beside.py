"""The two views in words."""

from __future__ import annotations

import pytest

from probe.browser.comparison import COMPARED
from reports.beside import APART, figures_of, name_of, readings_of
from tests.reports.full import beside


def test_everything_that_is_compared_says_what_sets_the_views_apart() -> None:
    assert set(APART) == set(COMPARED)


@pytest.mark.parametrize(
    ("metric", "tag", "name"),
    [
        ("join_duration_seconds", "", "Join duration"),
        ("jitter_seconds", "kind=video", "Jitter (video)"),
        ("round_trip_time_seconds", "source=stun", "Round trip time (STUN)"),
        ("migration_video_gap_seconds", "transition=sfu>p2p", "Migration video gap (SFU → P2P)"),
    ],
)
def test_names(metric: str, tag: str, name: str) -> None:
    assert name_of(beside(metric, 1.0, 2.0, tag)) == name


def test_figures() -> None:
    row = beside("frame_rate", 19.5, 20.0, unit="fps")
    assert figures_of(row) == ("19.5 fps", "20 fps", "-0.5 fps")
    assert readings_of(row) == "3 / 40"
