"""One incoming stream, fed packet by packet: what reaches the viewer, and what is asked of the sender."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import numpy as np
import pytest

from probe.measure.assembly import Frame, MediaPacket
from probe.measure.records import MARKER, RECOVERED, Records
from probe.rtc.receiver import ReceiverHooks, TrackReceiver
from probe.rtc.sender import MediaUnit, TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.wire import extensions as ext
from probe.wire.rtcp import Nack, PictureLoss, RtcpPacket
from probe.wire.rtp import build_packet, parse_header
from probe.wire.rtp import payload as payload_of
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, FakeClock

KEY = b"\x10\x00\x00\x9d\x01\x2a\x10\x00\x10\x00" + bytes(20)
DELTA = b"\x11\x00\x00" + bytes(27)


class Bench:
    """A sender and a receiver; what the sender puts out is delivered by hand."""

    def __init__(self, kind: str = "video", *, frames: bool = True) -> None:
        self.clock = FakeClock()
        self.sent: list[bytes] = []
        self.first: list[float] = []
        self.audio: list[MediaPacket] = []
        self.frames: list[Frame] = []
        self.feedback: list[RtcpPacket] = []
        codecs = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
        ids = {1: ext.MID, 2: ext.ABS_CAPTURE_TIME}
        ours = Transceiver(
            kind, "sendonly", SenderInfo(111, 222, "c", ("s", "t")), mid="0", codecs=codecs, extensions=ids
        )
        theirs = Transceiver(kind, "recvonly", mid="0", codecs=codecs, extensions=ids)
        self.sender = TrackSender(ours, self.clock, self.sent.append, lambda: None, random.Random(2))
        self.records: list[Records] = []
        hooks = ReceiverHooks(
            self.first.append, self.audio.append, self.frames.append, self.feedback.extend, self.records.append
        )
        self.receiver = TrackReceiver(theirs, 111, 999, self.clock, hooks, frames=frames)

    def unit(self, number: int, data: bytes, kind: str = "video") -> list[bytes]:
        """The packets of one frame."""
        before = len(self.sent)
        keyframe = kind == "audio" or not data[0] & 1
        self.sender.send(MediaUnit(kind, data, keyframe, START + number / 30, number, number))
        return self.sent[before:]

    def deliver(self, packets: Iterable[bytes], after: float = 0.01) -> None:
        for packet in packets:
            self.clock.time += after
            self.receiver.on_packet(packet, parse_header(packet), self.clock.time)


def test_frames_arrive_whole_with_their_times() -> None:
    bench = Bench()
    bench.deliver(bench.unit(0, KEY + bytes(2000)))
    bench.deliver(bench.unit(1, DELTA))
    assert [(f.packets, f.keyframe, f.decodable, f.recovered) for f in bench.frames] == [
        (2, True, True, False), (1, False, True, False),
    ]  # fmt: skip
    assert bench.frames[0].data == KEY + bytes(2000)
    assert bench.frames[0].capture_time == pytest.approx(START, abs=1e-6)
    assert (bench.frames[0].first_arrival, bench.frames[0].complete) == pytest.approx((START + 0.01, START + 0.02))
    assert bench.first == [pytest.approx(START + 0.01)]
    assert bench.receiver.wire_bytes == sum(map(len, bench.sent))
    bench.receiver.poll(bench.clock.time, 0.0)
    assert bench.feedback == []


@pytest.mark.parametrize("length", [0, 7, 9, 15, 16])
def test_a_capture_time_of_another_length_costs_no_packet(length: int) -> None:
    """The 16 bytes of a server that adds an offset are read, the rest are no clock."""
    bench, told = Bench(), bytes(7) + b"\x01"
    for packet in bench.unit(0, KEY):
        header = parse_header(packet)
        header.extensions[2] = (told + bytes(8))[:length]
        bench.receiver.on_packet(packet, header, START)
    (frame,) = bench.frames
    expected = bench.clock.from_ntp(2.0**-32) if length == 16 else None
    assert frame.capture_time == expected


def test_a_loss_is_asked_for_and_recovered() -> None:
    bench = Bench()
    bench.deliver(bench.unit(0, KEY))
    (lost,) = bench.unit(1, DELTA)
    bench.deliver(bench.unit(2, DELTA))
    assert len(bench.frames) == 1
    bench.receiver.poll(bench.clock.time, 0.05)
    (nack,) = bench.feedback
    assert nack == Nack(999, 111, (parse_header(lost).sequence_number,))
    bench.receiver.poll(bench.clock.time + 0.02, 0.05)
    assert len(bench.feedback) == 1  # the answer may still be on its way
    bench.receiver.poll(bench.clock.time + 0.06, 0.05)
    assert len(bench.feedback) == 2
    before = len(bench.sent)
    bench.sender.on_nack(nack)
    bench.deliver(bench.sent[before:])
    assert [f.recovered for f in bench.frames] == [False, True, False]
    assert all(f.decodable for f in bench.frames)
    stream = bench.receiver.stream
    assert (stream.expected, stream.lost_first, stream.lost_residual) == (3, 1, 0)
    assert (bench.receiver.nacks, bench.receiver.plis, bench.receiver.rtx_packets) == (2, 0, 1)


def test_a_retransmission_that_was_not_needed_changes_nothing() -> None:
    bench = Bench()
    packets = bench.unit(0, KEY)
    bench.deliver(packets)
    bench.sender.on_nack(Nack(1, 111, (parse_header(packets[0]).sequence_number,)))
    bench.deliver(bench.sent[1:])
    assert len(bench.frames) == 1
    assert bench.receiver.stream.lost_first == 0


def test_duplicates_and_replays_are_counted_and_not_shown() -> None:
    bench = Bench("audio")
    packets = bench.unit(0, b"opus", "audio")
    bench.deliver(packets * 2)
    header = parse_header(packets[0], encrypted=True)
    bench.receiver.on_replay(header, 100, bench.clock.time)
    assert len(bench.audio) == 1
    assert bench.receiver.stream.duplicates == 2


def test_padding_alone_is_no_media() -> None:
    bench = Bench()
    bench.deliver(bench.unit(0, KEY))
    for body in (b"", b"\x01"):
        probe = build_packet(payload_type=97, marker=False, sequence_number=1, timestamp=0, ssrc=222, payload=body)
        bench.deliver([probe])
    assert bench.receiver.rtx_packets == 2
    assert len(bench.frames) == 1


def test_unknown_payload_types_are_bytes_and_nothing_else() -> None:
    bench = Bench()
    packet = build_packet(payload_type=50, marker=True, sequence_number=1, timestamp=0, ssrc=111, payload=KEY)
    bench.deliver([packet])
    assert (bench.frames, bench.first, bench.receiver.stream.packets) == ([], [], 0)
    assert bench.receiver.wire_bytes == len(packet)


def test_a_hole_that_stays_asks_for_a_keyframe_every_half_second() -> None:
    bench = Bench()
    for number in range(3):
        bench.deliver(bench.unit(number, DELTA if number else KEY))
    bench.unit(3, DELTA)
    bench.deliver(bench.unit(4, DELTA))
    begin = bench.clock.time
    for step in range(1, 126):  # 2.5 s
        bench.receiver.poll(begin + step * 0.02, 0.02)
    plis = [packet for packet in bench.feedback if isinstance(packet, PictureLoss)]
    assert plis[0] == PictureLoss(999, 111)
    assert len(plis) == bench.receiver.plis
    assert 4 <= len(plis) <= 5  # patience is half a second, then one each half second
    assert bench.receiver.frames_given_up == 1
    assert not bench.frames[-1].decodable
    bench.clock.time = begin + 2.5
    bench.deliver(bench.unit(5, KEY))
    assert bench.frames[-1].decodable
    bench.feedback.clear()
    bench.receiver.poll(begin + 4.0, 0.02)
    assert bench.feedback == []


def test_a_decoder_that_fails_gets_its_keyframe_although_frames_still_come() -> None:
    bench = Bench()
    bench.deliver(bench.unit(0, KEY))
    bench.receiver.need_keyframe()
    bench.deliver(bench.unit(1, DELTA))
    bench.receiver.poll(bench.clock.time, 0.0)
    assert bench.feedback == [PictureLoss(999, 111)]
    bench.deliver(bench.unit(2, KEY))
    bench.receiver.poll(bench.clock.time + 1.0, 0.0)
    assert len(bench.feedback) == 1


def test_headers_alone_become_records() -> None:
    bench = Bench(frames=False)
    sent = [*bench.unit(0, KEY + bytes(2000)), *bench.unit(1, DELTA)]
    bench.deliver(sent)
    bench.receiver.pull()
    records = np.concatenate(bench.records)
    headers = [parse_header(packet) for packet in sent]
    assert records["sequence"].tolist() == [header.sequence_number for header in headers]
    assert records["timestamp"].tolist() == [header.timestamp for header in headers]
    assert records["size"].tolist() == [
        len(packet) - header.header_length for packet, header in zip(sent, headers, strict=True)
    ]
    assert records["flags"].tolist() == [0, MARKER, MARKER]
    assert records["capture"].tolist() == pytest.approx([START, START, START + 1 / 30], abs=1e-6)
    assert records["arrival"].tolist() == pytest.approx([START + 0.01 * n for n in (1, 2, 3)])
    assert bench.receiver.frames_given_up == 0
    assert not bench.frames


def test_records_wait_for_the_window_once_media_flows_unless_something_is_missing() -> None:
    bench = Bench(frames=False)
    told: list[int] = []
    bench.receiver.needs_attention = lambda: told.append(1)
    packets = [packet for number in range(8) for packet in bench.unit(number, KEY)]
    bench.deliver(packets[:4])
    assert [len(records) for records in bench.records] == [1]  # the first frame at once, then nothing to hurry for
    assert not bench.receiver.needs_poll
    bench.deliver(packets[5:6])
    assert [len(records) for records in bench.records] == [1, 4]
    assert told
    assert bench.receiver.needs_poll
    bench.receiver.poll(bench.clock.time, 0.0)
    assert bench.feedback == [Nack(999, 111, (parse_header(packets[4]).sequence_number,))]
    bench.deliver(packets[4:5])
    assert not bench.receiver.needs_poll
    assert np.concatenate(bench.records)["flags"].tolist() == [MARKER] * 6


def test_who_taps_hears_every_new_packet_until_it_is_over() -> None:
    bench, heard = Bench(frames=False), list[MediaPacket]()
    bench.deliver(bench.unit(0, KEY))
    bench.receiver.tap(heard.append)
    packets = bench.unit(1, DELTA) + bench.unit(2, KEY + bytes(2000))
    bench.deliver([*packets, packets[1]])  # one comes twice
    header = parse_header(packets[0])
    assert not bench.receiver.skim(packets[0], header, bench.clock.time)  # it has to be decrypted
    bench.receiver.tap(None)
    bench.deliver(bench.unit(3, DELTA))
    bench.receiver.pull()
    assert [packet.payload for packet in heard[:1]] == [payload_of(packets[0], parse_header(packets[0]))]
    assert [packet.marker for packet in heard] == [True, False, True]
    assert [packet.capture_time for packet in heard] == pytest.approx([START + 1 / 30, *[START + 2 / 30] * 2], abs=1e-6)
    assert sum(map(len, bench.records)) == 5
    assert bench.receiver.skim(packets[0], header, bench.clock.time)


def test_who_looks_deeper_can_not_be_tapped() -> None:
    bench, heard = Bench(frames=True), list[MediaPacket]()
    bench.receiver.tap(heard.append)
    bench.deliver(bench.unit(0, KEY))
    assert heard == []
    assert len(bench.frames) == 1


def test_a_retransmission_is_a_record_too() -> None:
    bench = Bench(frames=False)
    packets = [packet for number in range(3) for packet in bench.unit(number, KEY)]
    bench.deliver([packets[0], packets[2]])
    lost = parse_header(packets[1]).sequence_number
    before = len(bench.sent)
    bench.sender.on_nack(Nack(1, 111, (lost,)))
    bench.deliver(bench.sent[before:])
    records = np.concatenate(bench.records)
    assert records["sequence"].tolist()[-1] == lost
    assert records["flags"].tolist() == [MARKER, MARKER, MARKER | RECOVERED]
    assert records["size"].tolist() == [records["size"][0]] * 3


@pytest.mark.parametrize("noise", [b"", b"\xff" * 30, b"\x90\x80", b"\x00", b"\x80"])
def test_noise_in_a_payload_never_raises(noise: bytes) -> None:
    bench = Bench()
    bench.deliver(bench.unit(0, KEY))
    for _ in range(3):
        unit = bench.sender._last
        assert unit is not None
        before = len(bench.sent)
        bench.sender._emit(noise, 5, True, unit)
        bench.deliver(bench.sent[before:])
    bench.receiver.poll(bench.clock.time + 2.0, 0.0)
    bench.deliver(bench.unit(9, KEY))
    assert bench.frames[-1].decodable


@pytest.mark.parametrize("frames", [True, False])
def test_padding_between_frames_is_no_hole_and_no_frame(frames: bool) -> None:
    """Probes for bandwidth on the media's own numbers (RFC 3550 section 5.1: padding), as senders without RTX make them."""
    bench, sequence = Bench(frames=frames), 65_530
    for number in range(12):
        bodies = [b"\x10" + (DELTA if number else KEY), *((b"", b"") if number == 5 else ())]
        for body in bodies:
            packet = build_packet(
                payload_type=OUR_VIDEO[0].payload_type, marker=bool(body), sequence_number=sequence & 0xFFFF,
                timestamp=number * 3000, ssrc=111, payload=body, padding=0 if body else 255,
            )  # fmt: skip
            sequence += 1
            bench.deliver([packet])
            bench.receiver.poll(bench.clock.time, 0.05)
    bench.receiver.pull()
    assert bench.feedback == []
    assert bench.receiver.stream.lost_first == 0
    if not frames:
        assert [size for part in bench.records for size in part["size"].tolist()].count(0) == 2
        return
    assert [frame.timestamp for frame in bench.frames] == [number * 3000 for number in range(12)]
    assert all(frame.decodable for frame in bench.frames)
    gaps = [after.complete - before.complete for before, after in itertools.pairwise(bench.frames)]
    assert gaps == pytest.approx([0.01] * 5 + [0.03] + [0.01] * 5)


def test_a_stream_that_begins_with_padding_waits_for_nothing_before_it() -> None:
    bench = Bench()
    video = OUR_VIDEO[0].payload_type
    for sequence, body in enumerate((b"", b"\x10" + DELTA)):
        packet = build_packet(
            payload_type=video,
            marker=bool(body),
            sequence_number=sequence,
            timestamp=0,
            ssrc=111,
            payload=body,
            padding=9,
        )
        bench.deliver([packet])
    assert [frame.complete for frame in bench.frames] == [bench.clock.time]


def test_a_source_that_begins_anew_is_not_waited_for() -> None:
    """Its numbers are thousands further, its timestamps anywhere: nothing of what lies between was ever sent."""
    bench = Bench()
    numbers = [*range(10), *range(20_000, 20_010)]
    for place, sequence in enumerate(numbers):
        packet = build_packet(
            payload_type=OUR_VIDEO[0].payload_type, marker=True, sequence_number=sequence,
            timestamp=place * 3000 + (place >= 10) * 10**9, ssrc=111, payload=b"\x10" + (DELTA if place % 11 else KEY),
        )  # fmt: skip
        bench.deliver([packet])
    assert [(f.timestamp % 10**9) // 3000 for f in bench.frames] == [n for n in range(20) if n != 10]
    assert bench.frames[-1].complete == bench.clock.time
    assert bench.frames[10].keyframe
    assert bench.receiver.frames_given_up == 0
    assert bench.receiver.stream.restarts == 1
