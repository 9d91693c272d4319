"""When transport-wide feedback goes out, and when nothing does. A timer and a clock of paper."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from probe.measure.records import RECORD, Records
from probe.rtc.transceiver import Transceiver, default_codecs
from probe.rtc.twcc_session import TwccSession
from probe.wire.codecs import Codec
from probe.wire.extensions import MID, TRANSPORT_CC
from probe.wire.rtcp import TransportFeedback, parse_compound
from probe.wire.rtp import RtpHeader, build_packet, parse_header

ID = 5


def _transceiver(kind: str, extensions: dict[int, str], codecs: list[Codec] | None = None) -> Transceiver:
    codecs = list(default_codecs(kind)) if codecs is None else codecs
    return Transceiver(kind, "recvonly", current="recvonly", codecs=codecs, extensions=extensions)


def _header(number: int | None, ssrc: int = 77, width: int = 2) -> RtpHeader:
    value = {} if number is None else {ID: number.to_bytes(2, "big") + bytes(width - 2) if width >= 2 else b"\1"}
    return parse_header(
        build_packet(
            payload_type=96, marker=False, sequence_number=1, timestamp=0, ssrc=ssrc, payload=b"", extensions=value
        )
    )


class Bench:
    """The session with a clock that only `run` moves, and all that it sent as (time, feedback)."""

    def __init__(self, *transceivers: Transceiver, gather: Callable[[], None] | None = None) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[float], None]]] = []
        self.sent: list[tuple[float, TransportFeedback]] = []
        self.session = TwccSession(self._at, lambda: self.now, lambda: 11, self._send, gather)
        self.session.negotiated(transceivers or [_transceiver("video", {ID: TRANSPORT_CC})])

    def _at(self, due: float, callback: Callable[[float], None]) -> None:
        self.timers.append((due, callback))

    def _send(self, data: bytes) -> None:
        [packet] = parse_compound(data)
        assert isinstance(packet, TransportFeedback)
        self.sent.append((round(self.now, 6), packet))

    def run(self, until: float) -> None:
        while self.timers and self.timers[0][0] <= until + 1e-9:
            due, callback = self.timers.pop(0)
            self.now = max(self.now, due)
            callback(due)
        self.now = until

    def packets(self, count: int, every: float, size: int, first: int = 0) -> None:
        start = self.now
        for i in range(count):
            self.run(start + i * every)
            self.session.on_packet(_header(first + i & 0xFFFF), size, self.now)


def test_the_first_feedback_goes_out_after_50_ms() -> None:
    bench = Bench()
    bench.packets(3, 0.01, 1000)
    bench.run(101.0)
    named = ((0, 100.0), (1, 100.01), (2, 100.02))
    assert bench.sent == [(100.05, TransportFeedback(11, 77, 0, 0, named))]
    assert bench.session.feedbacks == 1


def test_nothing_comes_and_nothing_goes() -> None:
    bench = Bench()
    bench.run(110.0)
    assert bench.timers == []
    bench.packets(1, 0.01, 1000)
    bench.run(120.0)
    assert len(bench.sent) == 1
    assert bench.timers == []


@pytest.mark.parametrize(
    ("size", "interval"),
    [(1000, 0.05), (192, 0.1), (40, 0.25)],  # at 100 packets/s: 800, 153.6 and 32 kbit/s
)
def test_the_interval_follows_the_rate(size: int, interval: float) -> None:
    bench = Bench()
    bench.packets(400, 0.01, size)
    times = [time for time, _ in bench.sent[4:]]
    gaps = [later - before for before, later in itertools.pairwise(times)]
    assert min(gaps) >= interval - 0.011  # a packet more or less within an interval moves the next one
    assert max(gaps) <= interval + 0.011
    assert sum(gaps) / len(gaps) == pytest.approx(interval, rel=0.05)


def test_all_is_told_in_order_over_many_feedbacks() -> None:
    bench = Bench()
    bench.packets(500, 0.004, 1000, first=65_400)
    bench.run(bench.now + 1.0)
    told = [named for _, feedback in bench.sent for named in feedback.arrivals]
    assert [sequence for sequence, _ in told] == [65_400 + i & 0xFFFF for i in range(500)]
    assert [arrival for _, arrival in told] == pytest.approx([100.0 + 0.004 * i for i in range(500)], abs=0.000126)
    assert [feedback.feedback_count for _, feedback in bench.sent] == list(range(len(bench.sent)))


def test_after_a_pause_it_begins_as_at_first() -> None:
    bench = Bench()
    bench.packets(20, 0.02, 40)
    bench.run(160.0)
    before = len(bench.sent)
    bench.session.on_packet(_header(20), 1000, 160.0)
    bench.run(170.0)
    assert [time for time, _ in bench.sent[before:]] == [160.05]


def test_the_newest_source_is_the_one_named() -> None:
    bench = Bench()
    bench.session.on_packet(_header(1, ssrc=77), 1000, 100.0)
    bench.session.on_packet(_header(2, ssrc=78), 1000, 100.0)
    bench.run(101.0)
    assert [feedback.media_ssrc for _, feedback in bench.sent] == [78]


def test_packets_without_a_number_are_nothing_to_it() -> None:
    """Such as all packets of our own senders: nothing is armed, nothing flows."""
    bench = Bench()
    bench.session.on_packet(_header(None), 1000, 100.0)
    bench.session.on_packet(_header(0, width=1), 1000, 100.0)
    bench.session.on_packet(_header(0, width=3), 1000, 100.0)
    assert bench.timers == []
    bench.session.on_packet(_header(4, width=4), 1000, 100.0)
    bench.run(101.0)
    assert [feedback.arrivals for _, feedback in bench.sent] == [((4, 100.0),)]


def _records(*packets: tuple[float, int]) -> Records:
    """Of (arrival, transport), 1000 bytes each."""
    rows = [(i, arrival, math.nan, 0, 1000, 0, transport) for i, (arrival, transport) in enumerate(packets)]
    return np.array(rows, RECORD)


class Lane:
    """Two sources that are counted without Python: `arrive` there, and at `gather` the session hears of it."""

    def __init__(self) -> None:
        self.bench = Bench(gather=self.gather)
        self.waiting: dict[int, list[tuple[float, int]]] = {77: [], 78: []}
        self.asked: list[float] = []

    def arrive(self, ssrc: int, number: int) -> None:
        self.waiting[ssrc].append((self.bench.now, 0x10000 | number))

    def gather(self) -> None:
        self.asked.append(round(self.bench.now, 6))
        for ssrc, packets in self.waiting.items():
            self.bench.session.on_records(ssrc, _records(*packets))
            packets.clear()


def test_where_packets_are_counted_elsewhere_it_asks_for_them_ten_times_a_second() -> None:
    lane = Lane()
    bench = lane.bench
    bench.session.on_packet(_header(0, ssrc=77), 1000, 100.0)
    for i in range(1, 50):
        bench.run(100.0 + i / 100)
        lane.arrive(77 + i % 2, i)
    bench.run(110.0)
    assert lane.asked == [100.05, 100.15, 100.25, 100.35, 100.45, 100.55, 100.65]
    assert bench.timers == []  # the last time there was nothing
    told = [named for _, feedback in bench.sent for named in feedback.arrivals]
    assert [sequence for sequence, _ in told] == list(range(50))
    assert [arrival for _, arrival in told] == pytest.approx([100 + i / 100 for i in range(50)], abs=0.000126)


def test_records_that_nobody_asked_for_begin_it_anew() -> None:
    lane = Lane()
    lane.arrive(77, 65535)
    lane.arrive(78, 0)
    lane.bench.run(100.9)
    lane.gather()  # the window of once a second
    lane.bench.run(110.0)
    assert [(time, feedback.arrivals) for time, feedback in lane.bench.sent] == [(100.95, ((65535, 100.0), (0, 100.0)))]


def test_records_without_numbers_are_nothing_to_it() -> None:
    bench = Bench()
    bench.session.on_records(77, _records())
    bench.session.on_records(77, _records((100.0, 0), (100.1, 0)))
    assert bench.timers == []
    bench.session.on_records(77, _records((100.0, 0), (100.1, 0x10005)))
    bench.run(101.0)
    assert [feedback.arrivals for _, feedback in bench.sent] == [((5, 100.1),)]
    never = Bench(_transceiver("video", {1: MID}))
    never.session.on_records(77, _records((100.0, 0x10005)))
    assert never.timers == []


def test_closed_it_sends_nothing_more() -> None:
    bench = Bench()
    bench.session.on_packet(_header(1), 1000, 100.0)
    bench.session.close()
    bench.run(101.0)
    bench.session.on_packet(_header(2), 1000, 101.0)
    assert bench.sent == []
    assert bench.timers == []


OPUS = [Codec(111, "opus", 48000, 2)]


@pytest.mark.parametrize(
    ("transceivers", "found"),
    [
        ([_transceiver("video", {ID: TRANSPORT_CC, 1: MID})], ID),
        ([_transceiver("audio", {1: MID}), _transceiver("video", {ID: TRANSPORT_CC})], ID),
        ([_transceiver("audio", {ID: TRANSPORT_CC}, OPUS), _transceiver("video", {1: MID})], None),
        ([_transceiver("audio", {ID: TRANSPORT_CC}, OPUS)], None),
        ([_transceiver("video", {1: MID})], None),
        ([], None),
    ],
)
def test_feedback_needs_the_extension_and_the_feedback_type(transceivers: list[Transceiver], found: int | None) -> None:
    session = Bench().session
    session.negotiated(transceivers)
    assert session.extension_id == found
