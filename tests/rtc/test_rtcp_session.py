"""RTCP of a connection in simulated time: two sessions, a path of known delay between them."""

from __future__ import annotations

import random

import pytest

from probe.measure.assembly import Frame, MediaPacket
from probe.rtc.receiver import ReceiverHooks, TrackReceiver
from probe.rtc.rtcp_session import RtcpSession
from probe.rtc.sender import MediaUnit, TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.wire.rtcp import (
    FullIntraRequest,
    Goodbye,
    Nack,
    PictureLoss,
    ReceiverReport,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    parse_compound,
)  # fmt: skip
from probe.wire.rtp import build_packet, parse_header
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, FakeChores, FakeClock, FakeWheel

HOOKS = ReceiverHooks(lambda time: None, lambda packet: None, lambda frame: None, lambda packets: None)


class End:
    """One session; what it sends arrives at `other` after `delay` seconds."""

    def __init__(self, clock: FakeClock, wheel: FakeWheel, name: str, delay: float) -> None:
        self.clock, self.wheel, self.delay = clock, wheel, delay
        self.sent: list[bytes] = []
        self.trips: list[tuple[str, float]] = []
        self.other: End | None = None
        self.session = RtcpSession(name, clock, FakeChores(wheel), self._send, self._trip, random.Random(name))

    def _trip(self, kind: str, seconds: float) -> None:
        self.trips.append((kind, seconds))

    def _send(self, data: bytes) -> None:
        self.sent.append(data)
        other = self.other
        if other is not None:
            packets = parse_compound(data)
            self.wheel.at(self.clock.now() + self.delay, lambda due: other.session.on_rtcp(packets, due))

    def add_sender(self, kind: str, ssrc: int) -> TrackSender:
        codecs = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
        transceiver = Transceiver(kind, "sendonly", SenderInfo(ssrc, ssrc + 1, "c", ("s", "t")), mid="0", codecs=codecs)
        sender = TrackSender(transceiver, self.clock, lambda packet: None, lambda: None, random.Random(1))
        self.session.senders[ssrc] = sender
        return sender

    def add_receiver(self, ssrc: int, kind: str = "audio") -> TrackReceiver:
        codecs = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
        receiver = TrackReceiver(Transceiver(kind, "recvonly", codecs=codecs), ssrc, 1, self.clock, HOOKS, frames=False)
        self.session.receivers[ssrc] = receiver
        return receiver

    def heard(self) -> list[list[RtcpPacket]]:
        return [parse_compound(data) for data in self.sent]


def _packet(ssrc: int, sequence: int = 1, payload_type: int = 111) -> bytes:
    return build_packet(
        payload_type=payload_type, marker=False, sequence_number=sequence, timestamp=0, ssrc=ssrc, payload=b"x"
    )


def _hear(receiver: TrackReceiver, now: float) -> None:
    packet = _packet(receiver.ssrc)
    receiver.on_packet(packet, parse_header(packet), now)


def _pair(there: float, back: float) -> tuple[FakeClock, FakeWheel, End, End]:
    clock = FakeClock()
    wheel = FakeWheel(clock)
    a, b = End(clock, wheel, "a", there), End(clock, wheel, "b", back)
    a.other, b.other = b, a
    return clock, wheel, a, b


def _unit(number: int, time: float) -> MediaUnit:
    return MediaUnit("audio", b"x", True, time, number, 0)


@pytest.mark.parametrize(("there", "back"), [(0.03, 0.07), (0.0, 0.0), (0.4, 0.2)])
def test_round_trips_are_the_sum_of_both_ways(there: float, back: float) -> None:
    clock, wheel, a, b = _pair(there, back)
    sender = a.add_sender("audio", 10)
    sender.send(_unit(0, clock.now()))
    _hear(b.add_receiver(10), clock.now())
    wheel.run_until(START + 6.0)
    assert len(a.trips) >= 3
    assert {kind for kind, _ in a.trips} == {"audio"}
    assert [seconds for _, seconds in a.trips] == pytest.approx([there + back] * len(a.trips), abs=1e-3)
    assert a.session.rtt == pytest.approx(there + back, abs=1e-3)
    assert b.trips == []


def test_reports_go_out_about_once_a_second_and_are_whole() -> None:
    clock, wheel, a, _ = _pair(0.01, 0.01)
    a.add_sender("audio", 10).send(_unit(0, clock.now()))
    a.add_sender("audio", 20).send(_unit(0, clock.now()))
    _hear(a.add_receiver(77), clock.now())
    wheel.run_until(START + 20.0)
    assert 14 <= len(a.sent) <= 30
    for packets in a.heard():
        first, second, description = packets
        assert isinstance(first, SenderReport)
        assert isinstance(second, SenderReport)
        assert ([b.ssrc for b in first.reports], second.reports) == ([77], ())
        assert description == SourceDescription(((10, "a"),))


def test_who_only_listens_reports_too() -> None:
    clock, wheel, a, _ = _pair(0.01, 0.01)
    receiver = a.add_receiver(77)
    wheel.run_until(START + 3.0)
    assert a.sent == []  # nothing to say yet
    _hear(receiver, clock.now())
    wheel.run_until(START + 6.0)
    report, description = a.heard()[0]
    assert isinstance(report, ReceiverReport)
    assert report.ssrc == a.session.own_ssrc
    assert description == SourceDescription(((a.session.own_ssrc, "a"),))


def test_more_sources_than_a_report_holds_take_turns() -> None:
    clock, wheel, a, _ = _pair(0.01, 0.01)
    for ssrc in range(100, 170):
        _hear(a.add_receiver(ssrc), clock.now())
    wheel.run_until(START + 8.0)
    told: list[int] = []
    for packets in a.heard():
        report = packets[0]
        assert isinstance(report, ReceiverReport)
        assert len(report.reports) == 31
        told += [block.ssrc for block in report.reports]
    assert set(told[: 31 * 3]) == set(range(100, 170))


def test_feedback_finds_its_sender() -> None:
    _, _, a, _ = _pair(0.01, 0.01)
    one, two = a.add_sender("video", 10), a.add_sender("video", 20)
    a.session.on_rtcp(
        [Nack(5, 20, (1,)), PictureLoss(5, 10), FullIntraRequest(5, ((10, 1), (20, 2), (30, 3))), PictureLoss(5, 99),
         Nack(5, 99, (1,)), Goodbye((10,))],
        START,
    )  # fmt: skip
    assert (one.nacks, one.plis, two.nacks, two.plis) == (0, 2, 1, 1)
    assert a.session.received == {"Nack": 2, "PictureLoss": 2, "FullIntraRequest": 1, "Goodbye": 1}


def test_feedback_is_sent_alone_and_from_a_source_of_ours() -> None:
    _, _, a, _ = _pair(0.01, 0.01)
    own = a.session.own_ssrc
    assert 0 < own < 1 << 32
    a.add_sender("video", 10)
    assert a.session.own_ssrc == 10
    a.session.feedback([PictureLoss(10, 7), Nack(10, 7, (1, 2))])
    assert a.heard() == [[PictureLoss(10, 7), Nack(10, 7, (1, 2))]]


def test_blocks_of_strangers_prove_nothing() -> None:
    clock, wheel, a, b = _pair(0.01, 0.01)
    a.add_sender("audio", 10).send(_unit(0, clock.now()))
    _hear(b.add_receiver(11), clock.now())
    wheel.run_until(START + 4.0)
    assert b.sent
    assert a.trips == []


def test_closing_ends_the_reports() -> None:
    clock, wheel, a, _ = _pair(0.01, 0.01)
    a.add_sender("audio", 10).send(_unit(0, clock.now()))
    wheel.run_until(START + 2.0)
    count = len(a.sent)
    assert count
    a.session.close()
    wheel.run_until(START + 10.0)
    assert len(a.sent) == count


def test_polling_asks_by_the_hooks_of_each_receiver() -> None:
    clock, _, a, _ = _pair(0.01, 0.01)
    asked: list[list[RtcpPacket]] = []
    frames: list[Frame | MediaPacket] = []
    codecs = list(OUR_VIDEO)
    hooks = ReceiverHooks(lambda time: None, frames.append, frames.append, asked.append)
    receiver = TrackReceiver(Transceiver("video", "recvonly", codecs=codecs), 7, 1, clock, hooks, frames=False)
    a.session.receivers[7] = receiver
    for sequence in (1, 3):
        packet = _packet(7, sequence, 96)
        receiver.on_packet(packet, parse_header(packet), clock.now())
    a.session.poll(clock.now())
    assert asked == [[Nack(1, 7, (2,))]]
