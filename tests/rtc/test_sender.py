"""One outgoing stream, in simulated time: every field of its packets, retransmissions, reports."""

from __future__ import annotations

import random

import pytest

from probe.rtc.sender import MAX_PAYLOAD, MediaUnit, TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.wire import extensions as ext
from probe.wire.rtcp import Nack
from probe.wire.rtp import parse_header, payload
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, FakeClock

IDS = {1: ext.MID, 2: ext.ABS_CAPTURE_TIME}


class Bench:
    def __init__(self, kind: str = "video", extensions: dict[int, str] | None = None, *, rtx: bool = True) -> None:
        self.clock = FakeClock()
        self.sent: list[bytes] = []
        self.wanted = 0
        codecs = OUR_AUDIO if kind == "audio" else OUR_VIDEO if rtx else OUR_VIDEO[:1]
        transceiver = Transceiver(
            kind, "sendonly", SenderInfo(111, 222, "cname", ("s", "t")), mid="7", codecs=list(codecs),
            extensions=IDS if extensions is None else extensions,
        )  # fmt: skip
        self.sender = TrackSender(transceiver, self.clock, self.sent.append, self._want, random.Random(5))

    def _want(self) -> None:
        self.wanted += 1

    def frame(self, number: int, *, size: int = 500, keyframe: bool = False, late: float = 0.0) -> None:
        """Frame `number` of a camera with 30 fps that switched on at START."""
        captured = START + number / 30
        self.clock.time = captured + late
        self.sender.send(MediaUnit("video", bytes(size), keyframe, captured, number, number))

    def audio(self, number: int, late: float = 0.0) -> None:
        self.clock.time = START + number * 0.02 + late
        self.sender.send(MediaUnit("audio", b"opus", True, self.clock.time, number, 0))


def test_video_begins_with_a_keyframe() -> None:
    bench = Bench()
    bench.frame(0)
    bench.frame(1)
    assert (bench.sent, bench.wanted, bench.sender.started) == ([], 2, False)
    bench.frame(2, keyframe=True)
    bench.frame(3)
    assert (len(bench.sent), bench.wanted, bench.sender.started, bench.sender.frames) == (2, 2, True, 2)


def test_the_fields_of_video() -> None:
    bench = Bench()
    bench.frame(0, size=2500, keyframe=True)
    bench.frame(3, size=100, late=0.5)
    headers = [parse_header(packet) for packet in bench.sent]
    assert [h.ssrc for h in headers] == [111] * 4
    assert [h.payload_type for h in headers] == [96] * 4
    assert [h.marker for h in headers] == [False, False, True, True]
    first = headers[0].sequence_number
    assert first < 1 << 15  # RFC 3711: room before the first roll-over
    assert [h.sequence_number - first for h in headers] == [0, 1, 2, 3]
    assert [(h.timestamp - headers[0].timestamp) & 0xFFFFFFFF for h in headers] == [0, 0, 0, 9000]
    assert all(len(payload(packet, h)) <= MAX_PAYLOAD for packet, h in zip(bench.sent, headers, strict=True))
    assert all(h.extensions[1] == b"7" for h in headers)
    captured = [bench.clock.from_ntp(ext.abs_capture_time_decode(h.extensions[2])) for h in headers]
    assert captured == pytest.approx([START, START, START, START + 0.1], abs=1e-6)
    assert bench.sender.wire_bytes == sum(len(packet) for packet in bench.sent)
    assert bench.sender.octets == sum(len(payload(p, h)) for p, h in zip(bench.sent, headers, strict=True))


def test_audio_counts_samples_whatever_the_clock_says() -> None:
    bench = Bench("audio")
    for number, late in ((0, 0.0), (1, 0.013), (2, 0.001), (5, 0.0)):
        bench.audio(number, late)
    headers = [parse_header(packet) for packet in bench.sent]
    assert [(h.timestamp - headers[0].timestamp) & 0xFFFFFFFF for h in headers] == [0, 960, 1920, 4800]
    assert [h.marker for h in headers] == [True, False, False, False]
    assert [h.payload_type for h in headers] == [111] * 4


def test_no_extension_that_was_not_agreed() -> None:
    bench = Bench(extensions={})
    bench.frame(0, keyframe=True)
    assert parse_header(bench.sent[0]).extensions == {}


@pytest.mark.parametrize("extensions", [IDS, {}], ids=["extensions", "none"])
def test_retransmission_wraps_the_packet(extensions: dict[int, str]) -> None:
    bench = Bench(extensions=extensions)
    bench.frame(0, size=2500, keyframe=True)
    original = bench.sent[1]
    before = parse_header(original)
    bench.sender.on_nack(Nack(1, 111, (before.sequence_number, before.sequence_number)))
    one, two = bench.sent[3:]
    for again, number in ((one, 0), (two, 1)):
        header = parse_header(again)
        assert (header.ssrc, header.payload_type, header.timestamp, header.marker) == (222, 97, before.timestamp, False)
        assert header.extensions == before.extensions
        assert header.sequence_number == parse_header(one).sequence_number + number
        body = payload(again, header)
        assert int.from_bytes(body[:2], "big") == before.sequence_number
        assert body[2:] == payload(original, before)
    assert (bench.sender.nacks, bench.sender.retransmitted, bench.sender.packets) == (1, 2, 3)


def test_without_rtx_the_packet_itself_goes_again() -> None:
    bench = Bench(rtx=False)
    bench.frame(0, keyframe=True)
    bench.sender.on_nack(Nack(1, 111, (parse_header(bench.sent[0]).sequence_number,)))
    assert bench.sent[1] == bench.sent[0]


def test_the_history_is_bounded() -> None:
    bench = Bench()
    for number in range(1100):
        bench.frame(number, size=10, keyframe=True)
    first = parse_header(bench.sent[0]).sequence_number
    bench.sender.on_nack(Nack(1, 111, tuple(first + n for n in (0, 75, 76, 1099, 1100))))
    again = [int.from_bytes(payload(p, parse_header(p))[:2], "big") - first for p in bench.sent[1100:]]
    assert again == [76, 1099]


def test_feedback_that_wants_a_keyframe() -> None:
    bench = Bench()
    bench.sender.on_picture_loss()
    assert (bench.wanted, bench.sender.plis) == (1, 1)


def test_a_report_says_what_the_timestamp_is_now() -> None:
    bench = Bench()
    assert bench.sender.report(START) is None
    bench.frame(0, size=2500, keyframe=True)
    bench.frame(3, size=100)
    now = START + 0.1 + 0.25
    report = bench.sender.report(now)
    assert report is not None
    last = parse_header(bench.sent[-1]).timestamp
    assert (report.rtp_timestamp - last) & 0xFFFFFFFF == 22_500
    assert report.ntp == pytest.approx(bench.clock.to_ntp(now), abs=1e-6)
    assert (report.ssrc, report.packet_count, report.octet_count) == (111, 4, bench.sender.octets)
