"""What one path has to say: attempts, round trips, rates, totals."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from probe.client.path_readings import PathReadings
from probe.rtc.receiver import ReceiverHooks, TrackReceiver
from probe.rtc.transceiver import Transceiver
from probe.wire.rtp import build_packet, parse_header
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, Bench

HOOKS = ReceiverHooks(lambda time: None, lambda packet: None, lambda frame: None, lambda packets: None)


def _receiver(bench: Bench, ssrc: int, kind: str) -> TrackReceiver:
    codecs = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
    return TrackReceiver(Transceiver(kind, "recvonly", codecs=codecs), ssrc, 1, bench.clock, HOOKS, frames=False)


def _feed(bench: Bench, receiver: TrackReceiver, sequences: range | list[int]) -> int:
    size = 0
    for sequence in sequences:
        packet = build_packet(
            payload_type=111 if receiver.kind == "audio" else 96, marker=False, sequence_number=sequence,
            timestamp=sequence * 960, ssrc=receiver.ssrc, payload=bytes(88),
        )  # fmt: skip
        receiver.on_packet(packet, parse_header(packet), START + sequence * 0.02)
        size += len(packet)
    return size


@pytest.mark.parametrize(("topology", "p2p"), [("p2p", [1.0, 0.0]), ("sfu", [])])
def test_attempts(topology: str, p2p: list[float]) -> None:
    bench = Bench()
    readings = PathReadings(bench.context, topology, "me")
    readings.connection(True, "host/relay")
    readings.connection(False, "failed: ice_connected")
    assert bench.values("connection_success_ratio", topology=topology) == [1.0, 0.0]
    assert bench.values("p2p_connection_success_ratio") == p2p
    assert [s.detail["outcome"] for s in bench.samples if s.metric == "connection_success_ratio"] == [
        "host/relay", "failed: ice_connected",
    ]  # fmt: skip


def test_round_trips_by_source() -> None:
    bench = Bench()
    readings = PathReadings(bench.context, "sfu", "me")
    readings.stun_round_trip(0.01)
    readings.rtcp_round_trip("video", 0.02)
    assert bench.values("round_trip_time_seconds", source="stun") == [0.01]
    assert bench.values("round_trip_time_seconds", source="rtcp", kind="video") == [0.02]
    assert readings.last_rtt == 0.02


def test_bitrates_by_window() -> None:
    bench = Bench()
    readings = PathReadings(bench.context, "p2p", "me")
    audio = _receiver(bench, 1, "audio")
    readings.add(audio, "you")
    sender: Any = SimpleNamespace(kind="video", wire_bytes=0)
    size = _feed(bench, audio, range(50))
    readings.window(START + 1.0, [sender])
    assert bench.values("receive_bitrate_bps") == []  # the first window has no beginning
    more = _feed(bench, audio, range(50, 100))
    sender.wire_bytes = 125_000
    readings.window(START + 3.0, [sender])
    readings.window(START + 4.0, [sender])
    assert size == more
    assert bench.values("receive_bitrate_bps", kind="audio") == [more * 8 / 2, 0.0]  # nothing came: that is a reading
    assert bench.values("send_bitrate_bps", kind="video") == [500_000.0, 0.0]
    assert bench.values("receive_bitrate_bps", kind="video") == []  # there never was any
    assert len(bench.values("jitter_seconds", kind="audio")) == 2, "in the last window nothing came"


def test_a_stream_that_ended_makes_no_negative_rate() -> None:
    bench = Bench()
    readings = PathReadings(bench.context, "sfu", "me")
    one, two = _receiver(bench, 1, "audio"), _receiver(bench, 2, "audio")
    for receiver in (one, two):
        readings.add(receiver, "you")
        _feed(bench, receiver, range(10))
    readings.window(START + 1.0, [])
    readings.finish(one)
    readings.window(START + 2.0, [])
    assert bench.values("receive_bitrate_bps") == []
    size = _feed(bench, two, range(10, 20))
    readings.window(START + 3.0, [])
    assert bench.values("receive_bitrate_bps") == [size * 8]


def test_loss_of_each_second() -> None:
    bench = Bench()
    readings = PathReadings(bench.context, "p2p", "me")
    audio = _receiver(bench, 1, "audio")
    readings.add(audio, "you")
    _feed(bench, audio, [0, 1, 2, 3, 5, 6, 8, 9])
    readings.window(START + 1.0, [])
    _feed(
        bench, audio, [10, 11, 7, 12, 13]
    )  # 7 came after all: this second has lost nothing, and less than nothing is none
    readings.window(START + 2.0, [])
    readings.window(START + 3.0, [])  # nothing was due
    assert bench.values("window_loss_ratio", topology="p2p", kind="audio") == [pytest.approx(0.2), 0.0]


def test_totals_of_a_stream() -> None:
    bench = Bench()
    readings = PathReadings(bench.context, "sfu", "me")
    audio, video = _receiver(bench, 1, "audio"), _receiver(bench, 2, "video")
    readings.add(audio, "you")
    readings.add(video, "you")
    assert readings.loss_ratio is None
    _feed(bench, audio, [0, 1, 2, 2, 4, 3, 5, 8, 9])
    _feed(bench, video, range(10))
    assert readings.loss_ratio == pytest.approx(2 / 20)
    assert readings.receiver("you", "video") is video
    assert readings.receiver("me", "video") is None
    readings.finish_all()
    readings.finish_all()
    tags = {"topology": "sfu", "kind": "audio"}
    assert bench.values("packet_loss_ratio", **tags) == [pytest.approx(0.2)]
    assert bench.values("packets_duplicated", **tags) == [1]
    assert bench.values("packets_reordered", **tags) == [1]
    assert bench.values("residual_loss_ratio", kind="video") == [0.0]
    assert bench.values("residual_loss_ratio", kind="audio") == []  # the playout buffer tells it
    assert len(bench.values("burst_ratio")) == 2
    assert readings.receiver("you", "video") is None


def test_a_stream_without_packets_says_nothing() -> None:
    bench = Bench()
    readings = PathReadings(bench.context, "sfu", "me")
    readings.add(_receiver(bench, 1, "video"), "you")
    readings.finish_all()
    assert bench.samples == []


def test_refused_datagrams_are_errors_with_their_number() -> None:
    bench = Bench()
    PathReadings(bench.context, "sfu", "me").malformed(Counter({"RtpError": 3, "SRTP: auth": 2}))
    assert sorted(bench.context.errors.values()) == [2, 3]
    assert {(phase, who) for phase, who, _ in bench.context.errors} == {("packets", "me")}
