"""What was sent, overheard behind the packetiser."""

from __future__ import annotations

import pytest

from probe.calibrate.sent_log import SentStream, frame_of
from probe.wire.rtcp import Nack
from probe.wire.rtp import parse_header
from tests.client.fakes import START
from tests.rtc.test_sender import Bench


def overheard(bench: Bench) -> SentStream:
    stream = SentStream("video", "VP8", 90_000, 111, 222, 2, bench.clock.from_ntp)
    bench.sender.listen(stream.hear)
    return stream


def test_frames_come_out_as_they_went_in() -> None:
    bench = Bench()
    stream = overheard(bench)
    bench.frame(0, size=2500, keyframe=True)
    bench.frame(1, size=100)
    frames = stream.frames()
    assert [frame.data for frame in frames] == [bytes(2500), bytes(100)]
    assert [frame.last - frame.first + 1 for frame in frames] == [3, 1]
    assert frames[0].last + 1 == frames[1].first == parse_header(bench.sent[-1]).sequence_number
    assert [frame.capture for frame in frames] == pytest.approx([START, START + 1 / 30], abs=1e-6)
    assert [frame_of(frames, number) for number in range(frames[0].first, frames[1].last + 1)] == [0, 0, 0, 1]


def test_a_retransmission_is_known_by_what_it_carries() -> None:
    bench = Bench()
    stream = overheard(bench)
    bench.frame(0, size=5000, keyframe=True)
    wanted = [stream.packets[3].number, stream.packets[1].number]
    bench.sender.on_nack(Nack(1, 111, tuple(number & 0xFFFF for number in wanted)))
    assert list(stream.repairs.values()) == wanted
    assert len(bench.sent) == len(stream.packets) + 2  # all of it still goes out


def test_a_frame_without_capture_time_is_refused() -> None:
    bench = Bench(extensions={})
    stream = SentStream("video", "VP8", 90_000, 111, 222, None, bench.clock.from_ntp)
    bench.sender.listen(stream.hear)
    bench.frame(0, keyframe=True)
    with pytest.raises(ValueError, match="capture time"):
        stream.frames()
