"""getStats() of a real Chromium in a meeting of three, recorded twice two seconds apart, in our metrics; and what it did not show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from probe.browser.stats_map import PathReport, Reading, path_report, totals, window
from probe.model.errors import MeasurementError
from probe.model.metrics import METRICS

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
BEFORE, AFTER = path_report(RECORDED["before"]), path_report(RECORDED["after"])
ANN, BEN = "u6fb86e02", "u6034749e"
SFU = {"topology": "sfu"}


def changed(report: PathReport, entry: str, **members: Any) -> PathReport:
    """With other members in one entry; None takes one away."""
    stats = dict(report.stats)
    values = {**stats[entry], **members}
    stats[entry] = {name: value for name, value in values.items() if value is not None}
    return PathReport(report.path, report.topology, report.owners, stats)


def find(readings: list[Reading], metric: str, remote: str = "", **tags: str) -> float:
    [found] = [r for r in readings if r.metric == metric and r.remote == remote and dict(r.tags) == SFU | tags]
    return found.value


@pytest.mark.parametrize(
    ("metric", "remote", "tags", "value"),
    [
        # by hand from the recording: differences of counters over differences of timestamps
        ("round_trip_time_seconds", "", {"source": "stun"}, "stun"),
        ("round_trip_time_seconds", "", {"source": "rtcp", "kind": "video"}, "rtcp"),
        ("jitter_seconds", ANN, {"kind": "audio"}, 0.001),
        ("jitter_seconds", BEN, {"kind": "video"}, 0.0),
        ("frame_rate", BEN, {}, "frames"),
        ("frame_assembly_seconds", BEN, {}, "assembly"),
        ("send_bitrate_bps", "", {"kind": "video"}, "sent"),
        ("receive_bitrate_bps", "", {"kind": "video"}, "received"),
    ],
)
def test_a_window_of_the_recording(metric: str, remote: str, tags: Mapping[str, str], value: float | str) -> None:
    expected = value if isinstance(value, float) else _by_hand(value)
    assert find(list(window(BEFORE, AFTER)), metric, remote, **tags) == pytest.approx(expected, rel=1e-12)


VIDEO_OF_BEN = "IT01V3278909149"
VIDEO_OF_ANN = "IT01V3345593817"
AUDIO_OF_ANN = "IT01A3312816733"
OUR_VIDEO = "OT01V3959104737"
PAIR = "CPDLPCYWK7_uqIrGLsi"
TOLD = "RIV3959104737"


def _grown(entry: str, *members: str) -> float:
    return sum(float(AFTER.stats[entry][member] - BEFORE.stats[entry][member]) for member in members)


def _by_hand(what: str) -> float:
    rate = {entry: 1000 / _grown(entry, "timestamp") for entry in (VIDEO_OF_BEN, VIDEO_OF_ANN, OUR_VIDEO)}
    received = ("bytesReceived", "headerBytesReceived")
    return {
        "stun": _grown(PAIR, "totalRoundTripTime") / _grown(PAIR, "responsesReceived"),
        "rtcp": _grown(TOLD, "totalRoundTripTime") / _grown(TOLD, "roundTripTimeMeasurements"),
        "frames": _grown(VIDEO_OF_BEN, "framesDecoded") * rate[VIDEO_OF_BEN],
        "assembly": _grown(VIDEO_OF_BEN, "totalAssemblyTime") / _grown(VIDEO_OF_BEN, "framesReceived"),
        "sent": _grown(OUR_VIDEO, "bytesSent", "headerBytesSent") * 8 * rate[OUR_VIDEO],
        "received": sum(_grown(one, *received) * 8 * rate[one] for one in (VIDEO_OF_BEN, VIDEO_OF_ANN)),
    }[what]


def test_the_recording_is_a_call_of_20_frames_per_second_on_this_machine() -> None:
    readings = list(window(BEFORE, AFTER))
    assert find(readings, "frame_rate", ANN) == pytest.approx(20, abs=0.5)
    assert find(readings, "round_trip_time_seconds", source="stun") < 0.005
    assert 700_000 < find(readings, "receive_bitrate_bps", kind="video") < 900_000  # two of 400 kbit/s


def test_all_names_and_tags_are_the_registrys() -> None:
    readings = [*window(BEFORE, AFTER), *(r for one in AFTER.of_type("inbound-rtp") for r in totals(AFTER, one))]
    for reading in readings:
        assert set(reading.tags) <= set(METRICS[reading.metric].tags), reading


@pytest.mark.parametrize(
    ("entry", "members", "metric", "tags", "value"),
    [
        # 90 came, 10 did not at first, 7 came again: 3 are missing. By RFC 3550 A.3 of an SSRC without retransmissions.
        (
            VIDEO_OF_BEN,
            {"packetsReceived": 90, "packetsLost": 10, "retransmittedPacketsReceived": 7},
            "packet_loss_ratio",
            {"kind": "video"},
            0.1,
        ),
        (
            VIDEO_OF_BEN,
            {"packetsReceived": 90, "packetsLost": 10, "retransmittedPacketsReceived": 7},
            "residual_loss_ratio",
            {"kind": "video"},
            0.03,
        ),
        # Repeated on its own SSRC: what was repaired counts as received.
        (
            VIDEO_OF_BEN,
            {"packetsReceived": 99, "packetsLost": 1, "rtxSsrc": None},
            "residual_loss_ratio",
            {"kind": "video"},
            0.01,
        ),
        (AUDIO_OF_ANN, {"packetsReceived": 95, "packetsLost": 5}, "packet_loss_ratio", {"kind": "audio"}, 0.05),
        (
            AUDIO_OF_ANN,
            {"packetsReceived": 95, "packetsLost": 5, "packetsDiscarded": 3},
            "residual_loss_ratio",
            {"kind": "audio"},
            0.08,
        ),
        # More came than were sent: duplicates. That is no loss.
        (AUDIO_OF_ANN, {"packetsReceived": 100, "packetsLost": -2}, "packet_loss_ratio", {"kind": "audio"}, 0.0),
        (VIDEO_OF_BEN, {"nackCount": 4}, "nack_count", {"kind": "video"}, 4),
        (VIDEO_OF_BEN, {"pliCount": 2}, "pli_count", {"kind": "video"}, 2),
        (VIDEO_OF_BEN, {"freezeCount": 3}, "freeze_count", {}, 3),
        (VIDEO_OF_BEN, {"totalFreezesDuration": 2.0, "totalInterFrameDelay": 10.0}, "freeze_ratio", {}, 0.2),
        # ten intervals of 50 ms: 0.5 s, squares 0.025 s²
        (
            VIDEO_OF_BEN,
            {"totalInterFrameDelay": 0.5, "totalSquaredInterFrameDelay": 0.025},
            "harmonic_frame_rate",
            {},
            20.0,
        ),
    ],
)
def test_what_a_stream_comes_to(
    entry: str, members: dict[str, Any], metric: str, tags: dict[str, str], value: float
) -> None:
    report = changed(AFTER, entry, **members)
    remote = report.owner(report.stats[entry])
    assert find(list(totals(report, report.stats[entry])), metric, remote, **tags) == pytest.approx(value)


def test_without_retransmissions_on_their_own_ssrc_the_first_loss_is_unknown() -> None:
    report = changed(AFTER, VIDEO_OF_BEN, rtxSsrc=None)
    assert "packet_loss_ratio" not in {one.metric for one in totals(report, report.stats[VIDEO_OF_BEN])}


def test_a_stream_of_which_nothing_came_says_nothing() -> None:
    report = changed(AFTER, VIDEO_OF_BEN, packetsReceived=0)
    assert list(totals(report, report.stats[VIDEO_OF_BEN])) == []


def test_a_source_that_was_replaced_begins_anew() -> None:
    readings = list(window(changed(BEFORE, VIDEO_OF_BEN, ssrc=1), AFTER))
    assert [r.remote for r in readings if r.metric == "frame_rate"] == [ANN]


def test_a_counter_that_was_reset_says_nothing() -> None:
    readings = list(window(changed(BEFORE, VIDEO_OF_BEN, framesDecoded=10_000), AFTER))
    assert [r.remote for r in readings if r.metric == "frame_rate"] == [ANN]


def test_a_browser_without_optional_members_gives_what_it_has() -> None:
    """Firefox has neither transports nor assembly times."""
    report = changed(AFTER, VIDEO_OF_BEN, totalAssemblyTime=None, freezeCount=None, totalSquaredInterFrameDelay=None)
    del report.stats["T01"]  # type: ignore[attr-defined]
    readings = [*window(BEFORE, report), *totals(report, report.stats[VIDEO_OF_BEN])]
    of_ben = {one.metric for one in readings if one.remote == BEN}
    assert of_ben == {
        "jitter_seconds", "frame_rate", "packet_loss_ratio", "residual_loss_ratio", "nack_count", "pli_count",
    }  # fmt: skip
    assert not [one for one in readings if one.tags.get("source") == "stun"]


@pytest.mark.parametrize("raw", [{}, {"path": "p", "kind": "sfu", "owners": {}, "stats": [{"id": "x"}]}, {"stats": 3}])
def test_what_is_no_report_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(MeasurementError, match="not a report of the meeting page"):
        path_report(raw)
