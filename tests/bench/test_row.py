"""A row from what a peer counted."""

from __future__ import annotations

import pytest

from tests.bench.row import REFERENCE, PeerFailed, Row, row_of_window


def test_figures_are_divided_by_packets_seconds_and_participants() -> None:
    row = row_of_window(
        "pion",
        "read",
        participants=100,
        seconds=10.0,
        cpu_seconds=5.0,
        packets_received=100_000,
        setup_cpu_seconds=0.5,
        grown_bytes=130e6,
    )
    assert row == Row(
        "pion",
        "read",
        100,
        cpu_us_per_packet=50.0,
        cpu_core_per_participant=0.005,
        join_cpu_seconds=0.005,
        rss_bytes_per_participant=1.3e6,
        packets_per_second=100.0,
        reference=REFERENCE,
    )


@pytest.mark.parametrize(("packets", "seconds"), [(0, 10.0), (-1, 10.0), (10, 0.0)])
def test_calls_without_media_are_a_failure_not_a_figure(packets: int, seconds: float) -> None:
    with pytest.raises(PeerFailed, match="its calls carry no media"):
        row_of_window(
            "aiortc",
            "read",
            participants=2,
            seconds=seconds,
            cpu_seconds=1.0,
            packets_received=packets,
            setup_cpu_seconds=1.0,
            grown_bytes=1.0,
        )
