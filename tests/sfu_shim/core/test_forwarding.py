"""The forwarding core with made packets: exact numbers in, exact numbers out, in simulated time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.extensions import ABS_CAPTURE_TIME, MID, TRANSPORT_CC
from probe.wire.rtcp import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    parse_compound,
)  # fmt: skip
from probe.wire.rtp import RtpHeader, build_packet, parse_header, payload
from probe.wire.sdp import Codec
from sfu_shim.core.audience import Transmit
from sfu_shim.core.forwarding import Forwarder
from sfu_shim.core.history import MAX_PACKETS, Packet, PacketHistory
from sfu_shim.core.keyframes import KeyframeThrottle
from sfu_shim.core.mapping import codecs_for, map_extensions, map_payload_types, map_rtx
from sfu_shim.core.outgoing import MID_PACKETS, OutgoingSpec
from sfu_shim.core.sections import Slot, plan
from sfu_shim.core.stats import ForwardingStats
from sfu_shim.core.track import TrackSpec

KEY = b"\x10\x00\x00\x9d\x01\x2a\x10\x00\x10\x00"
DELTA = b"\x10\x01\x00\x00"
VP8, RTX = Codec(96, "VP8", 90000), Codec(97, "rtx", 90000, parameters=(("apt", "96"),))
OPUS = Codec(111, "opus", 48000, channels=2)
VIDEO = TrackSpec("video", "1", (VP8, RTX), {3: ABS_CAPTURE_TIME, 4: TRANSPORT_CC, 5: MID}, (1000,), {1001: 1000})
AUDIO = TrackSpec("audio", "0", (OPUS,), {5: MID}, (500,), {})
OUT = OutgoingSpec(
    ssrc=7000,
    rtx_ssrc=7001,
    clock_rate=90000,
    payload_types={96: 120},
    rtx={120: 121},
    extensions={3: 9},
    mid=(2, b"4"),
)
OUT_AUDIO = OutgoingSpec(
    ssrc=8000, rtx_ssrc=8001, clock_rate=48000, payload_types={111: 109}, rtx={}, extensions={}, mid=None
)  # fmt: skip


class Bench:
    """A publisher "a" with both kinds, subscribers as asked for."""

    def __init__(self, *subscribers: str) -> None:
        self.stats = ForwardingStats()
        self.core = Forwarder(random.Random(5), self.stats, 2_000_000)
        self.core.add_endpoint("a", "cname-a")
        self.core.publish("a", VIDEO)
        self.core.publish("a", AUDIO)
        for name in subscribers:
            self.core.add_endpoint(name, f"cname-{name}")
            self.core.subscribe(("a", "1"), name, OUT)
            self.core.subscribe(("a", "0"), name, OUT_AUDIO)

    def video(
        self, sequence: int, body: bytes = DELTA, *, now: float = 0.0, ssrc: int = 1000, timestamp: int | None = None,
        extensions: dict[int, bytes] | None = None, payload_type: int = 96, padding: int = 0,
    ) -> list[Transmit]:  # fmt: skip
        data = build_packet(
            payload_type=payload_type, marker=True, sequence_number=sequence & 0xFFFF,
            timestamp=(sequence * 3000 if timestamp is None else timestamp) & 0xFFFFFFFF, ssrc=ssrc, payload=body,
            extensions=extensions or {}, padding=padding,
        )  # fmt: skip
        return self.core.on_rtp("a", data, parse_header(data), now)

    def rtcp(self, endpoint: str, *packets: RtcpPacket, now: float = 0.0) -> list[Transmit]:
        return self.core.on_rtcp(endpoint, packets, now, 3.9e9 + now)


def rtp(sent: list[Transmit], endpoint: str = "b") -> list[tuple[RtpHeader, bytes]]:
    found = [t.data for t in sent if t.endpoint == endpoint and not t.rtcp]
    return [(header := parse_header(data), payload(data, header)) for data in found]


def feedback(sent: list[Transmit], endpoint: str = "a") -> list[RtcpPacket]:
    found = [packet for t in sent if t.endpoint == endpoint and t.rtcp for packet in parse_compound(t.data)]
    return [packet for packet in found if isinstance(packet, (Nack, PictureLoss))]


def test_video_starts_with_a_keyframe_that_is_asked_for() -> None:
    bench = Bench("b")
    sent = bench.video(10)
    assert rtp(sent) == []
    (asked,) = feedback(sent)
    assert isinstance(asked, PictureLoss)
    assert asked.media_ssrc == 1000
    assert feedback(bench.video(11, now=0.2)) == []  # throttled
    assert len(feedback(bench.video(12, now=0.31))) == 1
    assert [body for _, body in rtp(bench.video(13, KEY, now=0.4))] == [KEY]
    assert [body for _, body in rtp(bench.video(14, now=0.43))] == [DELTA]
    assert (bench.stats.packets_withheld, bench.stats.plis_relayed, bench.stats.packets_sent) == (3, 2, 2)


def test_numbers_are_rewritten_by_constants() -> None:
    bench = Bench("b")
    sequences = [65534, 65535, 65537, 65536, 65540]  # wraps, one reordered, two lost
    headers = [rtp(bench.video(s, KEY if s == 65534 else DELTA))[0][0] for s in sequences]
    first = headers[0]
    assert [(h.sequence_number - first.sequence_number) & 0xFFFF for h in headers] == [0, 1, 3, 2, 6]
    assert [(h.timestamp - first.timestamp) & 0xFFFFFFFF for h in headers] == [0, 3000, 9000, 6000, 18000]
    assert {(h.ssrc, h.payload_type, h.marker) for h in headers} == {(7000, 120, True)}


def test_extensions_are_mapped_and_hop_by_hop_ones_dropped() -> None:
    assert map_extensions(VIDEO.extensions, {9: ABS_CAPTURE_TIME, 2: MID, 1: TRANSPORT_CC}) == {3: 9}
    bench = Bench("b")
    given = {3: b"12345678", 4: b"\x00\x01", 5: b"1"}
    (first, _), *_ = rtp(bench.video(0, KEY, extensions=given))
    assert first.extensions == {9: b"12345678", 2: b"4"}
    for sequence in range(1, MID_PACKETS + 2):
        (last, _), *_ = rtp(bench.video(sequence, extensions=given))
    assert last.extensions == {9: b"12345678"}


def test_padding_stays_padding() -> None:
    bench = Bench("b")
    bench.video(0, KEY)
    (header, body), *_ = rtp(bench.video(1, b"", padding=200))
    assert (header.padding_length, body) == (200, b"")


def test_a_new_source_continues_behind_the_last_packet() -> None:
    bench = Bench("b")
    (before, _), *_ = rtp(bench.video(100, KEY, now=1.0))
    assert rtp(bench.video(40000, ssrc=2000, now=1.5, extensions={5: b"1"})) == []  # a delta frame: withheld
    (after, _), *_ = rtp(bench.video(40001, KEY, ssrc=2000, now=2.0, timestamp=77))
    assert (after.sequence_number - before.sequence_number) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 90000
    assert after.ssrc == 7000
    assert bench.video(101, now=2.1) == []  # the old source is over
    assert bench.stats.packets_unknown == 1


def test_duplicates_and_late_packets_are_not_forwarded() -> None:
    bench = Bench("b")
    bench.video(0, KEY)
    assert bench.video(0, KEY) == []
    bench.video(MAX_PACKETS + 5)
    assert bench.video(2) == []
    assert bench.video(3, payload_type=50) == []
    assert (bench.stats.packets_duplicate, bench.stats.packets_late, bench.stats.packets_unknown) == (1, 1, 1)


def test_unknown_ssrcs_are_found_by_mid_or_by_payload_type() -> None:
    bench = Bench("b")
    assert len(rtp(bench.video(0, KEY, ssrc=42, extensions={5: b"1"}))) == 1
    other = Bench("b")
    assert len(rtp(other.video(0, KEY, ssrc=43))) == 1
    assert other.video(0, KEY, ssrc=44, payload_type=13) == []
    assert other.stats.packets_unknown == 1


def test_nack_is_answered_by_rtx() -> None:
    bench = Bench("b", "c")
    (first, _), *_ = rtp(bench.video(50, KEY))
    bench.video(51, DELTA + b"x")
    bench.video(52)
    asked = tuple((first.sequence_number + n) & 0xFFFF for n in (0, 1))
    sent = bench.rtcp("b", Nack(1, 7000, asked))
    assert rtp(sent, "c") == []
    (one, body), (two, other) = rtp(sent)
    assert (one.ssrc, one.payload_type, one.timestamp) == (7001, 121, first.timestamp)
    assert body == asked[0].to_bytes(2, "big") + KEY
    assert other == asked[1].to_bytes(2, "big") + DELTA + b"x"
    assert (two.sequence_number - one.sequence_number) & 0xFFFF == 1
    assert (bench.stats.retransmitted_rtx, bench.stats.nacked_packets) == (2, 2)


def test_nack_without_rtx_repeats_the_packet() -> None:
    bench = Bench("b")
    data = build_packet(payload_type=111, marker=False, sequence_number=9, timestamp=5, ssrc=500, payload=b"opus")
    (original,) = bench.core.on_rtp("a", data, parse_header(data), 0.0)
    header = parse_header(original.data)
    assert bench.rtcp("b", Nack(1, 8000, (header.sequence_number,))) == [original]
    assert bench.stats.retransmitted_plain == 1


def test_nack_for_what_never_came_goes_upstream_once_per_interval() -> None:
    bench = Bench("b")
    (first, _), *_ = rtp(bench.video(10, KEY))
    bench.video(13)
    lost = Nack(1, 7000, tuple((first.sequence_number + n) & 0xFFFF for n in (1, 2)))
    (asked,) = feedback(bench.rtcp("b", lost, now=0.0))
    assert isinstance(asked, Nack)
    assert (asked.media_ssrc, asked.sequence_numbers) == (1000, (11, 12))
    assert bench.rtcp("b", lost, now=0.05) == []
    (again,) = feedback(bench.rtcp("b", lost, now=0.11))
    assert isinstance(again, Nack)
    rtx = build_packet(
        payload_type=97, marker=True, sequence_number=1, timestamp=11 * 3000, ssrc=1001, payload=b"\x00\x0b" + DELTA
    )
    (late, body), *_ = rtp(bench.core.on_rtp("a", rtx, parse_header(rtx), 0.15))
    assert (late.sequence_number - first.sequence_number) & 0xFFFF == 1
    assert body == DELTA
    (plain, _), *_ = rtp(bench.video(12, now=0.16))
    assert (plain.sequence_number - first.sequence_number) & 0xFFFF == 2
    assert bench.rtcp("b", Nack(1, 7000, ((first.sequence_number - 1) & 0xFFFF,))) == []  # before its beginning
    assert bench.rtcp("b", Nack(1, 4711, (1,))) == []
    assert bench.stats.nacks_relayed == 4


def test_old_history_is_no_history() -> None:
    bench = Bench("b")
    (first, _), *_ = rtp(bench.video(0, KEY, now=0.0))
    bench.video(1, now=2.5)
    assert rtp(bench.rtcp("b", Nack(1, 7000, (first.sequence_number,)), now=2.5)) == []


def test_pli_and_fir_are_throttled_per_source() -> None:
    bench = Bench("b", "c")
    bench.video(0, KEY)
    assert len(feedback(bench.rtcp("b", PictureLoss(1, 7000), now=1.0))) == 1
    assert bench.rtcp("c", FullIntraRequest(1, ((7000, 1),)), now=1.1) == []
    assert len(feedback(bench.video(1, now=1.35))) == 1  # the one that waited
    bench.rtcp("c", PictureLoss(1, 7000), now=1.4)
    bench.video(2, KEY, now=1.5)  # a keyframe answers it before its time
    assert feedback(bench.video(3, now=1.9)) == []
    assert (bench.stats.plis_received, bench.stats.plis_relayed) == (3, 2)


def test_sender_reports_translate_the_publishers_clock() -> None:
    bench = Bench("b")
    # The publisher's NTP clock is 1000 s behind ours; its second report waited 50 ms longer on the way.
    bench.video(0, KEY, now=0.0, timestamp=90_000)
    (first, _), *_ = rtp(bench.video(1, now=0.0, timestamp=90_000))
    bench.rtcp("a", SenderReport(1000, 3.9e9 - 1000.0, 90_000, 1, 1), now=0.0)
    bench.rtcp("a", SenderReport(1000, 3.9e9 - 999.0, 180_000, 1, 1), now=1.05)
    reports = [p for t in bench.core.reports(2.0, 3.9e9 + 2.0) if t.endpoint == "b" for p in parse_compound(t.data)]
    (report,) = [p for p in reports if isinstance(p, SenderReport)]
    assert report.ssrc == 7000
    assert report.ntp == pytest.approx(3.9e9 + 2.0, abs=1e-6)
    assert (report.rtp_timestamp - first.timestamp) & 0xFFFFFFFF == pytest.approx(180_000, abs=1)
    assert (report.packet_count, report.octet_count) == (2, len(KEY) + len(DELTA))


def test_sender_report_before_the_publishers_first() -> None:
    bench = Bench("b")
    (first, _), *_ = rtp(bench.video(0, KEY, now=1.0))
    reports = [p for t in bench.core.reports(1.5, 3.9e9) if t.endpoint == "b" for p in parse_compound(t.data)]
    (report,) = [p for p in reports if isinstance(p, SenderReport)]
    assert (report.rtp_timestamp - first.timestamp) & 0xFFFFFFFF == 45_000


def test_receiver_reports_and_remb_go_to_the_publisher() -> None:
    bench = Bench("b")
    for sequence in (0, 1, 3):
        bench.video(sequence, KEY, now=sequence * 0.01)
    bench.rtcp("a", SenderReport(1000, 3.9e9 + 0.5, 0, 3, 30), now=0.5)
    sent = [p for t in bench.core.reports(1.0, 3.9e9 + 1.0) if t.endpoint == "a" for p in parse_compound(t.data)]
    (report,) = [p for p in sent if isinstance(p, ReceiverReport)]
    (block,) = report.reports
    assert isinstance(block, ReportBlock)
    assert (block.ssrc, block.cumulative_lost, block.highest_sequence, block.fraction_lost) == (1000, 1, 3, 0.25)
    assert block.delay_since_last_sr == pytest.approx(0.5, abs=1e-4)
    (remb,) = [p for p in sent if isinstance(p, Remb)]
    assert remb.ssrcs == (1000,)
    assert remb.bitrate_bps == pytest.approx(2_000_000, rel=1e-5)


def test_leaving_takes_everything_along() -> None:
    bench = Bench("b", "c")
    bench.video(0, KEY)
    bench.core.remove_endpoint("b")
    assert {t.endpoint for t in bench.video(1)} == {"c"}
    assert bench.rtcp("b", PictureLoss(1, 7000)) == []
    bench.core.remove_endpoint("a")
    assert bench.video(2) == []
    assert bench.rtcp("c", PictureLoss(1, 7000)) == []
    assert bench.core.reports(1.0, 3.9e9) == []


def test_many_reports_are_split() -> None:
    core = Forwarder(random.Random(1), ForwardingStats(), 1e6)
    core.add_endpoint("sub", "sub")
    for number in range(40):
        core.add_endpoint(f"p{number}", "p")
        core.publish(f"p{number}", TrackSpec("audio", "0", (OPUS,), {}, (number + 1,), {}))
        core.subscribe((f"p{number}", "0"), "sub", OutgoingSpec(9000 + number, 1, 48000, {111: 111}, {}, {}))
        data = build_packet(
            payload_type=111, marker=False, sequence_number=1, timestamp=0, ssrc=number + 1, payload=b"x"
        )
        assert len(core.on_rtp(f"p{number}", data, parse_header(data), 0.0)) == 1
    sent = [t.data for t in core.reports(1.0, 3.9e9) if t.endpoint == "sub"]
    assert [sum(isinstance(p, SenderReport) for p in parse_compound(data)) for data in sent] == [16, 16, 8]
    assert max(map(len, sent)) < 1200


def test_payload_types_by_codec() -> None:
    def h264(number: int, level: str, mode: str = "1") -> Codec:
        parameters = (("profile-level-id", level), ("packetization-mode", mode))
        return Codec(number, "H264", 90000, parameters=parameters)

    ours = (VP8, RTX, h264(102, "42e01f"), h264(104, "64001f"))
    theirs = (h264(126, "42c033"), Codec(98, "vp8", 90000), Codec(99, "rtx", 90000, parameters=(("apt", "98"),)))
    assert map_payload_types(ours, theirs) == {96: 98, 102: 126}
    assert map_rtx(theirs) == {98: 99}
    assert codecs_for((VP8, RTX), theirs) == [theirs[1], theirs[2]]
    assert codecs_for((OPUS,), theirs) == []
    assert map_payload_types((h264(102, "42e01f", "0"),), theirs) == {}


def test_sections_are_reused_by_kind() -> None:
    slots = [Slot("audio", "a0"), Slot("video", "a1"), Slot("audio", None)]
    changes = plan(slots, {"b0": "audio", "b1": "video", "c0": "audio", "c1": "video"})
    assert (changes.free, changes.reuse, changes.add) == (
        (0, 1), ((0, "b0"), (1, "b1"), (2, "c0")), (("video", "c1"),),
    )  # fmt: skip
    assert not plan(slots, {"a0": "audio", "a1": "video"})


def made(sequence: int, arrival: float) -> Packet:
    return Packet(1, sequence, 0, False, 96, b"", 0, {}, arrival)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.0, 1.0)), max_size=200))
def test_history_is_bounded_and_true(steps: list[tuple[int, float]]) -> None:
    history, now = PacketHistory(max_packets=8, max_age=2.0), 0.0
    newest: dict[int, float] = {}
    for sequence, pause in steps:
        now += pause
        if history.add(made(sequence, now)):
            newest[sequence] = now
            assert history.get(sequence, now) is not None
        assert len(history) <= 8
        for known, arrival in newest.items():
            found = history.get(known, now)
            assert found is None or (found.sequence, found.arrival) == (known, arrival)
            assert found is None or arrival >= now - 2.0


def test_throttle() -> None:
    throttle = KeyframeThrottle(0.3)
    assert not throttle.due(0.0)
    throttle.want()
    assert throttle.due(0.0)
    throttle.want()
    assert not throttle.due(0.29)
    assert throttle.due(0.3)
    assert not throttle.due(9.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=80), st.integers(0, 65535))
def test_whatever_comes_is_sent_at_most_once_and_in_its_place(steps: list[tuple[int, bool]], start: int) -> None:
    bench = Bench("b")
    seen: dict[int, int] = {}
    for index, (offset, key) in enumerate(steps):
        for header, _ in rtp(bench.video(start + offset, KEY if key else DELTA, now=index * 0.01)):
            assert header.sequence_number not in seen.values()
            seen[offset] = header.sequence_number
    shifts = {(out - start - offset) & 0xFFFF for offset, out in seen.items()}
    assert len(shifts) <= 1
