"""What the bench's participants do: one sends steady audio and video, each of the others counts and reports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from probe.measure.rtp_stream import StreamReceiver
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer
from probe.rtc.transceiver import Transceiver
from probe.wire.extensions import MID
from probe.wire.rtcp import FullIntraRequest, PictureLoss, ReceiverReport, RtcpPacket, SenderReport, SourceDescription
from probe.wire.rtp import RtpHeader, build_packet

REPORT_SECONDS = 1.0
_KEY = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\x68\x01"  # VP8 descriptor and frame tag of a 640×360 keyframe
_DELTA = b"\x10\x01\x00\x00"


@dataclass(frozen=True, slots=True)
class Work:
    """The media of one sender: packets per second and payload bytes."""

    video_rate: float = 57.0
    video_bytes: int = 1090
    audio_rate: float = 50.0
    audio_bytes: int = 80

    @property
    def rate(self) -> float:
        """Packets per second in all."""
        return self.video_rate + self.audio_rate


class _Stream:
    """One paced stream. Every video packet begins a frame, a keyframe when one was asked for."""

    def __init__(self, transceiver: Transceiver, rate: float, size: int) -> None:
        assert transceiver.sender is not None
        self.ssrc = transceiver.sender.ssrc
        self.key_wanted = True
        self.interval = 1.0 / rate
        self.due = 0.0
        self.packets = 0
        self.clock_rate = transceiver.codec().clock_rate
        self._payload_type = transceiver.codec().payload_type
        self._video = transceiver.kind == "video"
        self._body = bytes(size)
        number = transceiver.extension_id(MID)
        self._extensions = {} if number is None else {number: transceiver.mid.encode()}

    @property
    def timestamp(self) -> int:
        return round(self.packets * self.interval * self.clock_rate) & 0xFFFFFFFF

    def next(self) -> bytes:
        head = (_KEY if self.key_wanted else _DELTA) if self._video else b""
        self.key_wanted = False
        packet = build_packet(
            payload_type=self._payload_type, marker=self._video, sequence_number=self.packets & 0xFFFF,
            timestamp=self.timestamp, ssrc=self.ssrc, payload=head + self._body[len(head) :],
            extensions=self._extensions,
        )  # fmt: skip
        self.packets += 1
        return packet


class Publisher:
    """Sends `work` over the peer while `sending` is set. `packets`: how many so far."""

    def __init__(self, peer: Peer, work: Work, clock: Clock) -> None:
        self._peer = peer
        self._clock = clock
        rates = {"video": (work.video_rate, work.video_bytes), "audio": (work.audio_rate, work.audio_bytes)}
        self._streams = {t.kind: _Stream(t, *rates[t.kind]) for t in peer.transceivers if t.sends}
        self.sending = True
        peer.on_rtcp = self._on_rtcp

    @property
    def packets(self) -> int:
        return sum(stream.packets for stream in self._streams.values())

    async def run(self) -> None:
        """Until cancelled: paced evenly, as WebRTC's pacer spreads the packets of a frame."""
        reported = self._clock.now()
        while True:
            now = self._clock.now()
            for stream in self._streams.values():
                if not self.sending or now - stream.due > 0.5:
                    stream.due = now
                if self.sending and stream.due <= now:
                    self._peer.send_rtp(stream.next())
                    stream.due += stream.interval
            if now - reported >= REPORT_SECONDS:
                reported = now
                self._report(now)
            wait = min(stream.due for stream in self._streams.values()) - self._clock.now()
            await asyncio.sleep(max(0.001, wait))

    def _on_rtcp(self, packets: list[RtcpPacket], arrival: float) -> None:
        if any(isinstance(packet, (PictureLoss, FullIntraRequest)) for packet in packets):
            self._streams["video"].key_wanted = True

    def _report(self, now: float) -> None:
        for stream in self._streams.values():
            report = SenderReport(stream.ssrc, self._clock.to_ntp(now), stream.timestamp, stream.packets, 0)
            self._peer.send_rtcp(report.to_bytes() + SourceDescription(((stream.ssrc, "bench"),)).to_bytes())


class Subscriber:
    """Counts what comes, by payload size, and sends receiver reports."""

    def __init__(self, peer: Peer, work: Work, number: int) -> None:
        self._peer = peer
        self._number = number
        self._sizes = {work.video_bytes, work.audio_bytes}
        self._rates = {c.payload_type: c.clock_rate for t in peer.transceivers for c in t.codecs if not c.is_rtx}
        self._streams: dict[int, StreamReceiver] = {}
        self.packets = 0
        self.wrong = 0
        peer.on_rtp, peer.on_rtcp = self._on_rtp, self._on_rtcp

    @property
    def streams(self) -> int:
        """How many have begun."""
        return len(self._streams)

    def _on_rtp(self, data: bytes, header: RtpHeader, arrival: float) -> None:
        rate = self._rates.get(header.payload_type)
        if rate is None:
            return  # a retransmission
        self.packets += 1
        self.wrong += len(data) - header.header_length - header.padding_length not in self._sizes
        stream = self._streams.get(header.ssrc)
        if stream is None:
            stream = self._streams[header.ssrc] = StreamReceiver(header.ssrc, rate)
        stream.on_packet(header.sequence_number, header.timestamp, arrival, len(data))

    def _on_rtcp(self, packets: list[RtcpPacket], arrival: float) -> None:
        for packet in packets:
            if isinstance(packet, SenderReport) and packet.ssrc in self._streams:
                self._streams[packet.ssrc].on_sender_report(packet.ntp, arrival)

    def report(self, now: float) -> None:
        """A receiver report about all streams, with its CNAME."""
        blocks = tuple(stream.report_block(now) for stream in self._streams.values())
        name = SourceDescription(((self._number, f"subscriber-{self._number}"),))
        self._peer.send_rtcp(ReceiverReport(self._number, blocks).to_bytes() + name.to_bytes())


async def report_regularly(subscribers: Sequence[Subscriber], clock: Clock) -> None:
    """Until cancelled: each once a second, spread over the second."""
    while True:
        for subscriber in subscribers:
            subscriber.report(clock.now())
            await asyncio.sleep(REPORT_SECONDS / len(subscribers))
