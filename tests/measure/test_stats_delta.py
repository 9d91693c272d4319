"""Differences of reports, and back."""

from __future__ import annotations

from probe.measure.stats_delta import delta, restored
from probe.measure.webrtc_stats import Report

FIRST: Report = {
    "T": {"id": "T", "timestamp": 1.0, "type": "transport", "bytesSent": 5},
    "I1": {"id": "I1", "timestamp": 1.0, "type": "inbound-rtp", "ssrc": 1, "packetsReceived": 3},
}
SECOND: Report = {
    "T": {"id": "T", "timestamp": 2.0, "type": "transport", "bytesSent": 5, "iceState": "connected"},
    "O2": {"id": "O2", "timestamp": 2.0, "type": "outbound-rtp", "ssrc": 2},
}


def test_the_first_is_whole_but_for_the_ids() -> None:
    assert delta({}, FIRST) == {
        "T": {"timestamp": 1.0, "type": "transport", "bytesSent": 5},
        "I1": {"timestamp": 1.0, "type": "inbound-rtp", "ssrc": 1, "packetsReceived": 3},
    }


def test_what_changed_what_came_and_what_went() -> None:
    assert delta(FIRST, SECOND) == {
        "T": {"timestamp": 2.0, "iceState": "connected"},
        "O2": {"timestamp": 2.0, "type": "outbound-rtp", "ssrc": 2},
        "I1": None,
    }


def test_there_and_back() -> None:
    first = restored({}, delta({}, FIRST))
    assert first == FIRST
    assert restored(first, delta(FIRST, SECOND)) == SECOND
    assert restored(SECOND, delta(SECOND, SECOND)) == SECOND
