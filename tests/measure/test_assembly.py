"""The assembler: exact tables, and against random loss, reordering, duplication and recovery."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.assembly import TAIL, Frame, FrameAssembler, MediaPacket
from probe.wire.payload import format_for, payloader_for

STEP = 3000  # 30 frames per second at 90 kHz
START = b"\x00\x00\x00\x01"


def encoded(codec: str, index: int, size: int, keyframe: bool) -> bytes:
    """A frame that only `index` has, so that a mix-up would show."""
    body = bytes((index * 7 + place) % 251 + 1 for place in range(size))
    if codec == "VP8":
        return bytes([0x10 if keyframe else 0x11]) + body
    units = [b"\x67\x42sps", b"\x68pps", b"\x65\x88" + body] if keyframe else [b"\x41\x9a" + body]
    return b"".join(START + unit for unit in units)


class Stream:
    """Packets of a sender at a steady frame rate; `frames[i]` are the sequence numbers of frame i."""

    def __init__(self, codec: str, sizes: Sequence[int], keyframes: Sequence[int] = (0,), first: int = 1000) -> None:
        self.format, self.data = format_for(codec), list[bytes]()
        self.packets: dict[int, MediaPacket] = {}
        self.frames: list[list[int]] = []
        payloader, sequence = payloader_for(codec), first
        for index, size in enumerate(sizes):
            data = encoded(codec, index, size, index in keyframes)
            payloads = payloader.packetize(data, 24)
            for place, payload in enumerate(payloads):
                marker = place == len(payloads) - 1
                self.packets[sequence + place] = MediaPacket(sequence + place, index * STEP, marker, payload, 0.0)
            self.frames.append(list(range(sequence, sequence + len(payloads))))
            self.data.append(data)
            sequence += len(payloads)

    def packet(self, sequence: int, arrival: float, recovered: bool = False) -> MediaPacket:
        known = self.packets[sequence]
        return MediaPacket(sequence, known.timestamp, known.marker, known.payload, arrival, recovered)

    def play(self, assembler: FrameAssembler, sequences: Sequence[int], start: float = 0.0) -> list[Frame]:
        """Packets 1 ms apart."""
        frames: list[Frame] = []
        for count, sequence in enumerate(sequences):
            now = start + count * 0.001
            frames += assembler.add(self.packet(sequence, now), now)
        return frames


def indexes(frames: Sequence[Frame]) -> list[int]:
    return [frame.timestamp // STEP for frame in frames]


def three_packet_stream(codec: str = "VP8", keyframes: Sequence[int] = (0,), count: int = 8) -> Stream:
    """Frame i has the packets 1000 + 3 i to 1002 + 3 i (VP8)."""
    return Stream(codec, [50] * count, keyframes)


def test_an_undisturbed_stream_comes_out_at_once() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format)
    frames = stream.play(assembler, sorted(stream.packets))
    assert [frame.data for frame in frames] == stream.data
    assert [frame.keyframe for frame in frames] == [True] + [False] * 7
    assert all(frame.decodable and not frame.recovered and frame.packets == 3 for frame in frames)
    assert (frames[1].first_arrival, frames[1].complete) == (0.003, 0.005)
    assert (assembler.lost_frames, assembler.missing_keyframe, assembler.buffered) == (0, False, 0)


def test_a_recovered_packet_completes_its_frame_and_frees_the_next() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format)
    stream.play(assembler, [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008])
    frames = assembler.add(stream.packet(1004, 0.1, recovered=True), 0.1)
    assert indexes(frames) == [1, 2]
    assert [(frame.recovered, frame.complete) for frame in frames] == [(True, 0.1), (False, 0.1)]
    assert frames[0].first_arrival == 0.003
    assert frames[1].first_arrival == 0.005
    assert all(frame.decodable for frame in frames)
    assert assembler.lost_frames == 0


def test_patience_ends_the_wait_exactly_when_it_should() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format, patience=0.2)
    stream.play(assembler, [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008])  # 1005 comes at 0.004
    assert assembler.poll(0.2039) == []
    assert not assembler.missing_keyframe
    (frame,) = assembler.poll(0.2041)
    assert indexes([frame]) == [2]
    assert (frame.decodable, frame.first_arrival) == (False, 0.005)
    assert frame.complete == pytest.approx(0.204)
    assert (assembler.lost_frames, assembler.missing_keyframe) == (1, True)
    assert assembler.add(stream.packet(1004, 0.3, recovered=True), 0.3) == [], "given up is given up"
    assert assembler.lost_frames == 1


def test_between_frames_the_wait_begins_with_the_first_packet_behind_the_hole() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format, patience=0.2)
    stream.play(assembler, [1000, 1001, 1002, 1006, 1007, 1008])
    assert assembler.poll(0.2029) == []
    assert indexes(assembler.poll(0.2031)) == [2]


def test_a_whole_keyframe_behind_the_hole_ends_the_wait_at_once() -> None:
    stream = three_packet_stream(keyframes=(0, 4))
    assembler = FrameAssembler(stream.format)
    before = stream.play(assembler, [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1012, 1013])
    assert indexes(before) == [0]
    frames = assembler.add(stream.packet(1014, 0.05), 0.05)
    assert indexes(frames) == [2, 4]
    assert [(frame.keyframe, frame.decodable, frame.complete) for frame in frames] == [
        (False, False, 0.05),
        (True, True, 0.05),
    ]
    assert assembler.lost_frames == 2, "frame 1, of which packets came, and frame 3, that vanished whole"
    assert not assembler.missing_keyframe


def test_a_keyframe_with_a_hole_of_its_own_does_not() -> None:
    stream = three_packet_stream(keyframes=(0, 4))
    assembler = FrameAssembler(stream.format)
    assert indexes(stream.play(assembler, [1000, 1001, 1002, 1003, 1005, 1012, 1014, 1015, 1016, 1017])) == [0]
    assert assembler.lost_frames == 0
    assert indexes(assembler.add(stream.packet(1013, 0.1, recovered=True), 0.1)) == [4, 5]
    assert assembler.lost_frames == 3


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_vanished_frames_are_counted_by_timestamps(codec: str) -> None:
    stream = three_packet_stream(codec, count=10)
    gone = {sequence for index in (3, 4, 5) for sequence in stream.frames[index]}
    assembler = FrameAssembler(stream.format, patience=0.1)
    stream.play(assembler, [sequence for sequence in sorted(stream.packets) if sequence not in gone])
    assert indexes(assembler.poll(1.0)) == [6, 7, 8, 9]
    assert assembler.lost_frames == 3


def test_a_pause_is_not_a_loss() -> None:
    """The sender skips 20 frame times; one packet is missing in between: that is one frame at most."""
    packets = [
        MediaPacket(sequence, time * STEP, True, b"\x10\x10" if sequence == 0 else b"\x10\x11", 0.0)
        for sequence, time in ((0, 0), (1, 1), (3, 22))
    ]
    assembler = FrameAssembler(format_for("VP8"), patience=0.1)
    for packet in packets:
        assembler.add(packet, 0.0)
    assert [frame.timestamp // STEP for frame in assembler.poll(0.1)] == [22]
    assert assembler.lost_frames == 1


def test_padding_packets_belong_to_no_frame() -> None:
    assembler = FrameAssembler(format_for("VP8"))
    frames = []
    for sequence, timestamp, marker, payload in (
        (0, 0, True, b"\x10\x10"),
        (1, 0, False, b""),
        (2, 0, False, b""),
        (3, STEP, True, b"\x10\x11"),
    ):
        frames += assembler.add(MediaPacket(sequence, timestamp, marker, payload, sequence * 0.01), sequence * 0.01)
    assert indexes(frames) == [0, 1]
    assert frames[1].decodable
    assert assembler.lost_frames == 0


def test_a_sender_without_markers_ends_frames_by_the_next_timestamp() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format)
    frames: list[Frame] = []
    for sequence in sorted(stream.packets):
        packet = stream.packet(sequence, sequence * 0.001)
        frames += assembler.add(
            MediaPacket(sequence, packet.timestamp, False, packet.payload, packet.arrival), packet.arrival
        )
    assert [frame.data for frame in frames] == stream.data[:-1]
    assert frames[0].complete == pytest.approx(1.003), "only the next frame's packet shows the end"


def test_an_unfinished_last_frame_is_given_up() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format, patience=0.2)
    stream.play(assembler, [1000, 1001, 1002, 1003, 1004])
    assert assembler.poll(TAIL) == []
    assert assembler.lost_frames == 0, "it last grew at 0.004"
    assert assembler.poll(TAIL + 0.01) == []
    assert (assembler.lost_frames, assembler.missing_keyframe, assembler.buffered) == (1, True, 0)
    assert indexes(stream.play(assembler, [1005, 1006, 1007, 1008], start=TAIL + 0.1)) == [2]
    assert assembler.lost_frames == 1


def test_the_rest_of_a_first_keyframe_is_not_waited_for_so_long() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format, patience=0.2)
    stream.play(assembler, [1000, 1001])
    assert assembler.poll(0.2) == []
    assert assembler.poll(0.202) == []
    assert (assembler.lost_frames, assembler.missing_keyframe) == (1, True), "another has to be asked for"


@pytest.mark.parametrize(("came", "complete"), [(0.7, 0.7), (1.05, 1.05), (1.35, None)])
def test_of_a_slow_stream_the_next_frame_shows_that_something_is_missing(came: float, complete: float | None) -> None:
    """A frame a second, patience of 0.3 s: what the second frame lacks comes before the third begins, or is asked for then."""
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format, patience=0.3)
    events = [(1.0 + came if number == 5 else float(number // 3), 1000 + number) for number in range(9)]
    frames: list[Frame] = []
    for now, sequence in sorted(events):
        frames += assembler.add(stream.packet(sequence, now), now)
    frames += assembler.poll(10.0)
    expected = [(0, 0.0, True), (2, 2.3, False)]
    if complete is not None:
        expected = [(0, 0.0, True), (1, 1.0 + complete, True), (2, max(2.0, 1.0 + complete), True)]
    assert [(frame.timestamp // STEP, frame.complete, frame.decodable) for frame in frames] == expected
    assert assembler.lost_frames == (complete is None)


def test_joining_in_the_middle_of_a_frame_loses_nothing_that_was_ours() -> None:
    stream = three_packet_stream(keyframes=(0, 4))
    assembler = FrameAssembler(stream.format, patience=0.1)
    assert indexes(stream.play(assembler, list(range(1004, 1015)))) == [2, 3, 4], "the keyframe ends the wait"
    assert assembler.lost_frames == 0


def test_reordering_at_the_very_start() -> None:
    stream = three_packet_stream()
    assembler = FrameAssembler(stream.format)
    frames = stream.play(assembler, [1001, 1002, 1000, 1003, 1004, 1005])
    assert indexes(frames) == [0, 1]
    assert frames[0].complete == 0.002


def test_no_keyframe_at_the_start_asks_for_one() -> None:
    stream = three_packet_stream(keyframes=())
    assembler = FrameAssembler(stream.format)
    assert not assembler.missing_keyframe
    assert [frame.decodable for frame in stream.play(assembler, [1000, 1001, 1002])] == [False]
    assert assembler.missing_keyframe


def test_lost_parameter_sets_spoil_the_h264_keyframe() -> None:
    """The IDR slice alone could pass for a whole frame: timestamps tell that the missing packet was its own."""
    stream = three_packet_stream("H264", keyframes=(0, 2), count=4)
    assembler = FrameAssembler(stream.format, patience=0.1)
    lost = stream.frames[2][0]
    frames = stream.play(assembler, [sequence for sequence in sorted(stream.packets) if sequence != lost])
    frames += assembler.poll(1.0)
    assert indexes(frames) == [0, 1, 3]
    assert not frames[-1].decodable
    assert assembler.lost_frames == 1


def test_an_h264_keyframe_without_parameter_sets_behind_a_vanished_frame_is_whole() -> None:
    times, payloads = (0, 1, 3), (b"\x67sps", b"\x41\x9aslice", b"\x65\x88idr")
    assembler = FrameAssembler(format_for("H264"), patience=0.1)
    for place, time in enumerate(times):
        assembler.add(MediaPacket(time, time * STEP, True, payloads[place], 0.0), 0.0)
    assert indexes(assembler.poll(0.1)) == [3]
    assert assembler.lost_frames == 1


def test_unreadable_frames_count_as_lost() -> None:
    assembler = FrameAssembler(format_for("VP8"))
    frames = []
    for sequence, payload in enumerate((b"\x10\x10", b"\x00\x11", b"\x10\x11")):
        frames += assembler.add(MediaPacket(sequence, sequence * STEP, True, payload, 0.0), 0.0)
    assert indexes(frames) == [0, 2]
    assert (assembler.lost_frames, frames[1].decodable) == (1, False)


def test_timestamps_may_wrap() -> None:
    assembler = FrameAssembler(format_for("VP8"), patience=0.1)
    for sequence in (0, 1, 4, 5):
        stamp = (2**32 - 2 * STEP + sequence * STEP) % 2**32
        assembler.add(MediaPacket(sequence, stamp, True, b"\x10\x10" if sequence == 0 else b"\x10\x11", 0.0), 0.0)
    assembler.poll(1.0)
    assert assembler.lost_frames == 2


def test_capture_time_is_the_first_that_was_told() -> None:
    assembler = FrameAssembler(format_for("VP8"))
    assembler.add(MediaPacket(0, 0, False, b"\x10\x10", 0.0), 0.0)
    (frame,) = assembler.add(MediaPacket(1, 0, True, b"\x00\x10", 0.0, capture_time=12.5), 0.0)
    assert frame.capture_time == 12.5


def test_a_restarted_sequence_is_followed() -> None:
    assembler = FrameAssembler(format_for("VP8"), max_packets=100)
    assert len(assembler.add(MediaPacket(50_000, 0, True, b"\x10\x10", 0.0), 0.0)) == 1
    assert assembler.add(MediaPacket(50_002, 9, True, b"\x10\x11", 0.0), 0.0) == []
    frames = assembler.add(MediaPacket(20, 777, True, b"\x10\x10", 0.1), 0.1)
    assert [(frame.timestamp, frame.decodable) for frame in frames] == [(9, False), (777, True)]


def test_a_frame_without_end_is_bounded() -> None:
    assembler = FrameAssembler(format_for("VP8"), max_packets=10)
    for sequence in range(100):
        assembler.add(MediaPacket(sequence, 0, False, b"\x10\x10" if sequence == 0 else b"\x00\x10", 0.0), 0.0)
        assert assembler.buffered <= 10
    assert assembler.lost_frames == 1


def is_delivered(stream: Stream, index: int, delivered: set[int]) -> bool:
    return delivered.issuperset(stream.frames[index])


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Frames 0 and 1 come whole, so that the stream has begun and its frame interval is known."""
    sizes = draw(st.lists(st.integers(1, 90), min_size=3, max_size=25))
    keyframes = draw(st.sets(st.integers(2, len(sizes) - 1), max_size=3)) | {0}
    return Stream(draw(st.sampled_from(["VP8", "H264"])), sizes, sorted(keyframes))


@st.composite
def deliveries(draw: st.DrawFn, stream: Stream) -> list[tuple[float, int]]:
    """(time, sequence), sorted: each packet lost, in time, late, or recovered; some twice; the first two frames whole."""
    safe = set(stream.frames[0] + stream.frames[1])
    events: list[tuple[float, int]] = []
    for place, sequence in enumerate(sorted(stream.packets)):
        sent = place * 0.001
        fate = (
            "fine" if sequence in safe else draw(st.sampled_from(["fine"] * 6 + ["lost", "late", "twice", "recovered"]))
        )
        if fate in ("fine", "twice"):
            events.append((sent, sequence))
        if fate != "fine" and fate != "lost":
            events.append((sent + draw(st.floats(0.0005, 0.004 if fate == "late" else 0.3)), sequence))
    return sorted(events)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_frame_comes_out_as_sent_or_is_counted_lost(data: st.DataObject) -> None:
    """Whatever the network does: in order, byte-identical, none invented, none unaccounted, none waiting too long."""
    stream = data.draw(streams())
    events = data.draw(deliveries(stream))
    patience = data.draw(st.sampled_from([0.0, 0.005, 0.05, 0.5]))
    assembler = FrameAssembler(stream.format, patience=patience)
    frames: list[Frame] = []
    longest = max(map(len, stream.frames))
    for now, sequence in events:
        frames += assembler.poll(now)
        recent = {other for time, other in events if time <= now < time + patience}
        assert assembler.buffered <= len(recent) + longest, "older are only the first packets of a frame still growing"
        frames += assembler.add(stream.packet(sequence, now), now)
    end = events[-1][0] + TAIL
    frames += assembler.poll(end)
    assert assembler.buffered == 0

    out = indexes(frames)
    assert out == sorted(set(out))
    assert [frame.data for frame in frames] == [stream.data[index] for index in out]
    assert [frame.packets for frame in frames] == [len(stream.frames[index]) for index in out]
    delivered = {sequence for _, sequence in events}
    assert all(is_delivered(stream, index, delivered) for index in out)
    last_seen = max(stream.packets[sequence].timestamp for sequence in delivered) // STEP
    assert len(out) + assembler.lost_frames == last_seen + 1
    check_times(stream, frames, events)
    check_decodable(stream, frames, assembler)


def check_times(stream: Stream, frames: Sequence[Frame], events: Sequence[tuple[float, int]]) -> None:
    first: dict[int, float] = {}
    for time, sequence in events:
        first.setdefault(sequence, time)
    for frame in frames:
        arrivals = [first[sequence] for sequence in stream.frames[frame.timestamp // STEP]]
        assert frame.first_arrival == min(arrivals)
        assert frame.complete >= max(arrivals)
    assert [frame.complete for frame in frames] == sorted(frame.complete for frame in frames)


def check_decodable(stream: Stream, frames: Sequence[Frame], assembler: FrameAssembler) -> None:
    previous, intact = -1, False
    for frame in frames:
        index = frame.timestamp // STEP
        intact = frame.keyframe or (intact and index == previous + 1)
        assert frame.decodable == intact
        previous = index
    if not intact:
        assert assembler.missing_keyframe


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_with_patience_every_delivered_frame_comes_out(data: st.DataObject) -> None:
    """One keyframe and endless patience: exactly the frames of which everything arrived, however late."""
    stream = Stream(
        data.draw(st.sampled_from(["VP8", "H264"])), data.draw(st.lists(st.integers(1, 90), min_size=3, max_size=20))
    )
    events = data.draw(deliveries(stream))
    assembler = FrameAssembler(stream.format, patience=10.0)
    frames: list[Frame] = []
    for now, sequence in events:
        frames += assembler.add(stream.packet(sequence, now), now)
    frames += assembler.poll(100.0)
    delivered = {sequence for _, sequence in events}
    assert indexes(frames) == [index for index in range(len(stream.frames)) if is_delivered(stream, index, delivered)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 5), st.booleans(), st.binary(max_size=6), st.floats(0, 0.2)),
        max_size=120,
    ),
    st.sampled_from(["VP8", "H264", "opus"]),
)
def test_rubbish_is_bounded_and_ordered(packets: list[tuple[int, int, bool, bytes, float]], codec: str) -> None:
    assembler = FrameAssembler(format_for(codec), patience=0.3, max_packets=20)
    now, given_times, completes = 0.0, 0, []
    for sequence, timestamp, marker, payload, pause in packets:
        now += pause
        frames = assembler.add(MediaPacket(sequence, timestamp, marker, payload, now), now) + assembler.poll(now)
        completes += [frame.complete for frame in frames]
        given_times += sum(frame.packets for frame in frames)
        assert assembler.buffered <= 20
    assert given_times <= len(packets)
    assert completes == sorted(completes)
    assembler.poll(now + 0.3)
    assert assembler.buffered == 0
