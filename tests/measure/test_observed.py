"""The sentences about what was sampled."""

from __future__ import annotations

from collections import Counter

from probe.measure.observed import (
    AUTHENTICATED,
    PACKETS,
    PICTURE_MILLISECONDS,
    PICTURE_SAMPLES,
    REFUSED,
    VIDEO_STREAMS,
    statement,
)


def test_where_all_was_looked_at_there_is_nothing_to_say() -> None:
    assert statement({}) == []


def test_shares_and_samples() -> None:
    counts = Counter(
        {PACKETS: 20_000, AUTHENTICATED: 211, VIDEO_STREAMS: 40, PICTURE_SAMPLES: 3, PICTURE_MILLISECONDS: 28_600}
    )
    assert statement(counts) == [
        "headers only: 20000 packets read from their clear headers, 1.05 % of them authenticated, none refused",
        "picture quality is a sample: 3 looks at 40 video streams, 29 s of pictures in all",
    ]


def test_what_was_refused_and_what_was_not_looked_at() -> None:
    first, second = statement({PACKETS: 100, AUTHENTICATED: 100, REFUSED: 2, VIDEO_STREAMS: 1})
    assert first.endswith("100.00 % of them authenticated, of which 2 were refused")
    assert second.startswith("no pictures were decoded")
