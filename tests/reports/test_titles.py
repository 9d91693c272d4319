"""Names for people."""

from __future__ import annotations

import pytest

from probe.model.metrics import METRICS
from reports.titles import direction, title_of, unit_of


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("round_trip_time_seconds", "Round trip time"),
        ("send_bitrate_bps", "Send bitrate"),
        ("audio_mos_lq", "Audio MOS LQ"),
        ("join_p95_seconds", "Join p95"),
        ("p2p_usage_ratio", "P2P usage"),
        ("packet_loss_ratio", "Packet loss"),
        ("http_response_seconds", "HTTP response"),
        ("_", ""),
    ],
)
def test_titles(name: str, title: str) -> None:
    assert title_of(name) == title


def test_every_metric_has_a_title_of_its_own() -> None:
    assert len({title_of(name) for name in METRICS}) == len(METRICS)


def test_units() -> None:
    assert [unit_of(name) for name in ("jitter_seconds", "join_p50_seconds", "failures", "burst_ratio", "x_bps")] == [
        "seconds", "seconds", "count", "ratio", "bits_per_second",
    ]  # fmt: skip
    assert direction("p2p", "sfu") == "P2P → SFU"
