"""Rows of two views."""

from __future__ import annotations

from probe.browser.comparison import COMPARED, compare, joined
from probe.measure.summary import Summary
from probe.model.metrics import METRICS
from probe.model.samples import Sample


def summary(*samples: tuple[str, float, dict[str, str]]) -> Summary:
    found = Summary()
    for metric, value, tags in samples:
        found.add(Sample(metric, value, 1.0, tags))
    return found


def test_rows_are_of_what_both_have_seen() -> None:
    browsers = summary(
        ("frame_rate", 29.0, {}),
        ("frame_rate", 30.0, {}),
        ("jitter_seconds", 0.25, {"kind": "audio"}),
        ("jitter_seconds", 0.5, {"kind": "video"}),
        ("freeze_ratio", 0.0, {}),
    )
    ours = summary(("frame_rate", 30.0, {}), ("jitter_seconds", 0.125, {"kind": "audio"}), ("burst_ratio", 1.0, {}))
    rows = [row.to_dict() for row in compare(browsers, ours)]
    assert rows == [
        {
            "metric": "jitter_seconds", "tag": "kind=audio", "unit": "seconds", "browser": 0.25, "ours": 0.125,
            "browser_count": 1, "our_count": 1, "difference": 0.125,
        },
        {
            "metric": "frame_rate", "tag": "", "unit": "fps", "browser": 29.5, "ours": 30.0,
            "browser_count": 2, "our_count": 1, "difference": -0.5,
        },
    ]  # fmt: skip


def test_what_is_compared_exists_and_has_those_tags() -> None:
    for name, tag in COMPARED.items():
        assert not tag or tag in METRICS[name].tags


def test_who_told_how_long_it_took_has_joined() -> None:
    assert joined(summary(("frame_rate", 29.0, {}))) == 0
    assert joined(summary(*[("join_duration_seconds", 0.25, {"topology": "p2p"})] * 3)) == 3
