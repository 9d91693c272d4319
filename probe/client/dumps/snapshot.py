"""The statistics of one path at one moment, from its peer, its receivers and its senders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from probe.measure import webrtc_stats as w3c
from probe.measure.rtt import RttEstimator
from probe.measure.webrtc_stats import Report, Stats, Stream, Trips
from probe.rtc.clock import Clock
from probe.rtc.fast_sender import AnySender
from probe.rtc.receiver import TrackReceiver
from probe.rtc.transceiver import Transceiver
from probe.wire.rtcp import FullIntraRequest, ReceiverReport, ReportBlock, RtcpPacket, SenderReport

if TYPE_CHECKING:
    from probe.client.dumps.path import DumpedPath, RecordedPeer

Size = tuple[int, int] | None


class Heard:
    """What RTCP told about streams: the last report block and the round trips of each of ours, the last sender report of each of
    the other side's, and how often a keyframe was asked for by FIR. Blocks and reports stand with their arrival, in
    milliseconds since 1970: W3C dates what the other side told so."""

    def __init__(self, clock: Clock) -> None:
        self.blocks: dict[int, tuple[float, ReportBlock]] = {}
        self.trips: dict[int, Trips] = {}
        self.reports: dict[int, tuple[float, SenderReport]] = {}
        self.firs: Counter[int] = Counter()
        self._clock = clock
        self._estimator = RttEstimator()

    def listen(self, packets: list[RtcpPacket], arrival: float) -> None:
        """Some RTCP arrived at monotonic `arrival`."""
        at = w3c.milliseconds(self._clock.to_ntp(arrival))
        for packet in packets:
            if isinstance(packet, SenderReport):
                self.reports[packet.ssrc] = at, packet
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.reports:
                    self._block(block, arrival)
            elif isinstance(packet, FullIntraRequest):
                self.firs.update(ssrc for ssrc, _ in packet.requests)

    def _block(self, block: ReportBlock, arrival: float) -> None:
        self.blocks[block.ssrc] = w3c.milliseconds(self._clock.to_ntp(arrival)), block
        trip = self._estimator.on_report_block(block, self._clock.to_ntp(arrival))
        if trip is not None:
            before = self.trips.get(block.ssrc, Trips(0.0, 0.0, 0))
            self.trips[block.ssrc] = Trips(trip, before.total + trip, before.count + 1)


def snapshot(
    at: float, path: DumpedPath, peer: RecordedPeer, heard: Heard, controlling: bool, size: tuple[int, int] | None
) -> Report:
    """All that is known of the path `at` that time (milliseconds since 1970). `size`: the pictures that are sent, in pixels."""
    return w3c.report(_entries(at, path, peer, heard, controlling, size))


def _entries(
    at: float, path: DumpedPath, peer: RecordedPeer, heard: Heard, controlling: bool, size: Size
) -> Iterator[Stats]:
    yield w3c.peer_connection(at)
    (sent, received), (dtls_sent, dtls_received) = path.bytes_on_wire, peer.dtls_bytes
    transport = w3c.Transport(
        controlling, peer.dtls_role, peer.connected, sent + dtls_sent, received + dtls_received, path.readings.last_stun
    )
    yield from w3c.transport(at, transport, peer.pairs())
    sections = {transceiver.mid: transceiver for transceiver in peer.transceivers}
    for transceiver in sections.values():
        if transceiver.codecs:
            yield w3c.codec(at, transceiver.mid, transceiver.codec())
    for receiver in path.rtcp.receivers.values():
        if receiver.mid in sections:
            yield from _incoming(at, receiver, sections[receiver.mid], heard)
    by_ssrc = {transceiver.sender.ssrc: transceiver for transceiver in sections.values() if transceiver.sender}
    for ssrc, sender in path.rtcp.senders.items():
        if ssrc in by_ssrc:
            yield from _outgoing(at, sender, by_ssrc[ssrc], heard, size)


def _incoming(at: float, receiver: TrackReceiver, section: Transceiver, heard: Heard) -> Iterator[Stats]:
    ssrc, counted = receiver.ssrc, receiver.stream
    track = section.remote_msid[1] if section.remote_msid is not None else None
    rtx = next((rtx for rtx, media in section.remote_rtx.items() if media == ssrc), None)
    stream = Stream(ssrc, receiver.kind, receiver.mid, section.codec().payload_type, track, rtx)
    got = w3c.Received(
        packets=counted.packets,
        duplicates=counted.duplicates,
        retransmitted=receiver.rtx_packets,
        expected=counted.expected,
        jitter=counted.jitter_seconds if counted.packets > 1 else None,
        payload_bytes=receiver.payload_bytes,
        wire_bytes=receiver.wire_bytes,
        nacks=receiver.nacks,
        plis=receiver.plis,
        frames=receiver.frames if receiver.assembles else None,
    )
    told = heard.reports.get(ssrc)
    yield w3c.inbound_rtp(at, stream, got, told is not None)
    if told is not None:
        yield w3c.remote_outbound_rtp(told[0], stream, told[1])


def _outgoing(at: float, sender: AnySender, section: Transceiver, heard: Heard, size: Size) -> Iterator[Stats]:
    assert section.sender is not None
    codec, ssrc = section.codec(), sender.ssrc
    rtx = sender.rtx_ssrc if section.rtx_payload_type() is not None else None
    stream = Stream(ssrc, sender.kind, section.mid, codec.payload_type, section.sender.msid[1], rtx)
    sent = w3c.Sent(
        packets=sender.packets,
        payload_bytes=sender.octets,
        wire_bytes=sender.wire_bytes,
        retransmitted=sender.retransmitted,
        retransmitted_wire_bytes=sender.retransmitted_bytes,
        frames=sender.frames,
        nacks=sender.nacks,
        plis=max(0, sender.plis - heard.firs[ssrc]),  # the sender counts both
        firs=heard.firs[ssrc],
    )
    block = heard.blocks.get(ssrc)
    yield w3c.media_source(at, stream, size)
    yield w3c.outbound_rtp(at, stream, sent, size, remote_known=block is not None)
    if block is not None:
        yield w3c.remote_inbound_rtp(block[0], stream, block[1], codec.clock_rate, heard.trips.get(ssrc))
