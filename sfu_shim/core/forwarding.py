"""The forwarding of one room: RTP and RTCP of its endpoints in, packets for its endpoints out. Pure.

An endpoint is one participant's SFU path; a track is (endpoint, mid). RTCP is terminated: reports are made here,
NACKs answered from history or passed on, keyframe requests throttled and passed on, all else ends here.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from probe.wire.extensions import MID
from probe.wire.rtcp import FullIntraRequest, Nack, PictureLoss, Remb, RtcpPacket, SenderReport
from probe.wire.rtp import RtpHeader, payload
from sfu_shim.core.audience import Audience, MakeAudience, Transmit
from sfu_shim.core.history import Packet
from sfu_shim.core.outgoing import Outgoing, OutgoingSpec
from sfu_shim.core.reports import PublisherClock, compounds, feedback, sender_report
from sfu_shim.core.source import Source
from sfu_shim.core.stats import ForwardingStats
from sfu_shim.core.track import Track, TrackSpec

_MAX_BOUND = 64
"""SSRCs per endpoint that were bound to a track by MID or payload type."""

TrackId = tuple[str, str]
"""(endpoint, mid) of the publisher."""


@dataclass(slots=True)
class _Endpoint:
    """`by_ssrc` finds incoming streams, `out` outgoing ones by (media or RTX) SSRC."""

    cname: str
    tracks: dict[str, Track] = field(default_factory=dict)
    by_ssrc: dict[int, Track] = field(default_factory=dict)
    out: dict[int, tuple[TrackId, Outgoing]] = field(default_factory=dict)
    clock: PublisherClock = field(default_factory=PublisherClock)
    bound: int = 0


class Forwarder:
    """`video_bitrate` (bits/s) is what publishers are told by REMB. `stats` may be shared between rooms. `make_audience`
    makes the subscribers of one track: another kind may send what it writes by itself."""

    def __init__(
        self,
        rng: random.Random,
        stats: ForwardingStats,
        video_bitrate: float,
        make_audience: MakeAudience = Audience,
    ) -> None:
        self.stats = stats
        self._rng = rng
        self._video_bitrate = int(video_bitrate)
        self._own_ssrc = rng.randrange(1, 1 << 32)
        self._endpoints: dict[str, _Endpoint] = {}
        self._audiences: dict[TrackId, Audience] = {}
        self._make_audience = make_audience

    # who is there

    def add_endpoint(self, endpoint: str, cname: str) -> None:
        self._endpoints[endpoint] = _Endpoint(cname)

    def remove_endpoint(self, endpoint: str) -> None:
        """With all it published and subscribed to. No effect if it is not there."""
        gone = self._endpoints.get(endpoint)
        if gone is None:
            return
        for track, _ in list(gone.out.values()):
            self.unsubscribe(track, endpoint)
        for mid in list(gone.tracks):
            self.unpublish((endpoint, mid))
        del self._endpoints[endpoint]

    def publish(self, endpoint: str, spec: TrackSpec) -> None:
        """A new track of the endpoint, or its changed description (subscribers stay)."""
        found = self._endpoints[endpoint]
        old = found.tracks.get(spec.mid)
        track = found.tracks[spec.mid] = Track(spec)
        if old is not None:
            track.source = old.source
            found.by_ssrc = {ssrc: track if known is old else known for ssrc, known in found.by_ssrc.items()}
        for ssrc in (*spec.ssrcs, *(spec.rtx_ssrcs or {})):
            found.by_ssrc[ssrc] = track
        if (endpoint, spec.mid) not in self._audiences:
            self._audiences[endpoint, spec.mid] = self._make_audience(self._rng)

    def unpublish(self, track: TrackId) -> None:
        found = self._endpoints.get(track[0])
        gone = found.tracks.pop(track[1], None) if found is not None else None
        if found is not None and gone is not None:
            found.by_ssrc = {ssrc: known for ssrc, known in found.by_ssrc.items() if known is not gone}
            self._drop_track(track)

    def subscribe(self, track: TrackId, endpoint: str, spec: OutgoingSpec) -> None:
        """Begin to forward; video at the next keyframe. Call it once the endpoint can receive."""
        self.unsubscribe(track, endpoint)
        outgoing = self._audiences[track].add(endpoint, spec)
        self._endpoints[endpoint].out[spec.ssrc] = (track, outgoing)

    def unsubscribe(self, track: TrackId, endpoint: str) -> None:
        audience = self._audiences.get(track)
        outgoing = audience.remove(endpoint) if audience is not None else None
        if outgoing is not None:
            self._endpoints[endpoint].out.pop(outgoing.spec.ssrc, None)

    def _drop_track(self, track: TrackId) -> None:
        audience = self._audiences.get(track)
        if audience is not None:
            for endpoint in audience.endpoints:
                self.unsubscribe(track, endpoint)
            del self._audiences[track]

    # RTP

    def on_rtp(self, endpoint: str, data: bytes, header: RtpHeader, now: float) -> list[Transmit]:
        """What one packet of a publisher leads to. `now` is its arrival."""
        self.stats.packets_received += 1
        self.stats.bytes_received += len(data)
        found = self._endpoints.get(endpoint)
        track = self._track_of(found, header) if found is not None else None
        if track is None:
            self.stats.packets_unknown += 1
            return []
        packet = track.on_packet(header, payload(data, header), len(data), now)
        if isinstance(packet, str):
            self._count_refused(packet)
            return []
        return self._forward(endpoint, track, packet, now)

    def _forward(self, endpoint: str, track: Track, packet: Packet, now: float) -> list[Transmit]:
        source = track.source
        assert source is not None  # a packet came out of it
        starts = track.starts_keyframe(packet)
        if starts:
            source.keyframes.keyframe_came()
        audience = self._audiences[endpoint, track.spec.mid]
        if audience.waiting(packet.ssrc):
            if starts:
                audience.begin(packet)
            else:
                self.stats.packets_withheld += audience.withheld
                source.keyframes.want()
        forwarded = audience.forward(packet)
        self.stats.packets_sent += forwarded.packets
        self.stats.bytes_sent += forwarded.size
        return [*forwarded.to_send, *self._keyframe_request(endpoint, source, now)]

    def _track_of(self, endpoint: _Endpoint, header: RtpHeader) -> Track | None:
        """By SSRC; else by MID, else by a payload type that only one track has (RFC 8843 section 9.2), then bound."""
        track = endpoint.by_ssrc.get(header.ssrc)
        if track is not None:
            return track
        track = _by_mid(endpoint.tracks.values(), header) or _by_payload_type(endpoint.tracks.values(), header)
        if track is not None and endpoint.bound < _MAX_BOUND:
            endpoint.bound += 1
            endpoint.by_ssrc[header.ssrc] = track
        return track

    def _count_refused(self, reason: str) -> None:
        if reason == "late":
            self.stats.packets_late += 1
        elif reason == "duplicate":
            self.stats.packets_duplicate += 1
        else:
            self.stats.packets_unknown += 1

    # RTCP

    def on_rtcp(self, endpoint: str, packets: Sequence[RtcpPacket], now: float, ntp: float) -> list[Transmit]:
        """`ntp`: the same instant as `now`, in seconds since 1900."""
        found = self._endpoints.get(endpoint)
        sent: list[Transmit] = []
        if found is None:
            return sent
        for packet in packets:
            if isinstance(packet, SenderReport):
                self._on_sender_report(found, packet, now, ntp)
            elif isinstance(packet, Nack):
                sent += self._on_nack(endpoint, found, packet, now)
            elif isinstance(packet, PictureLoss):
                sent += self._on_keyframe_wanted(found, packet.media_ssrc, now)
            elif isinstance(packet, FullIntraRequest):
                for ssrc, _ in packet.requests:
                    sent += self._on_keyframe_wanted(found, ssrc, now)
        return sent

    @staticmethod
    def _on_sender_report(endpoint: _Endpoint, report: SenderReport, now: float, ntp: float) -> None:
        track = endpoint.by_ssrc.get(report.ssrc)
        source = track.source if track is not None else None
        if source is not None and source.ssrc == report.ssrc:
            source.receiver.on_sender_report(report.ntp, now)
            source.sender_report = (report.ntp, report.rtp_timestamp)
            endpoint.clock.on_sender_report(report.ntp, ntp)

    def _source_of(self, endpoint: _Endpoint, ssrc: int) -> tuple[str, Source, Outgoing] | None:
        """(publishing endpoint, source, outgoing stream) behind an SSRC that we send to the endpoint."""
        found = endpoint.out.get(ssrc)
        if found is None:
            return None
        (publisher, mid), outgoing = found
        source = self._endpoints[publisher].tracks[mid].source
        return None if source is None else (publisher, source, outgoing)

    def _on_nack(self, subscriber: str, endpoint: _Endpoint, nack: Nack, now: float) -> list[Transmit]:
        self.stats.nacked_packets += len(nack.sequence_numbers)
        found = self._source_of(endpoint, nack.media_ssrc)
        if found is None:
            return []
        publisher, source, outgoing = found
        if not outgoing.anchored_to(source.ssrc):
            return []
        sent, missing = [], []
        for sequence16 in nack.sequence_numbers:
            sequence = outgoing.source_sequence(sequence16)
            if sequence is None:
                continue
            packet = source.history.get(sequence, now)
            if packet is None:
                missing.append(sequence)
            else:
                sent += self._retransmit(subscriber, outgoing, packet)
        return sent + self._relay_nack(publisher, source, missing, now)

    def _retransmit(self, subscriber: str, outgoing: Outgoing, packet: Packet) -> list[Transmit]:
        again = outgoing.retransmit(packet)
        if again is None:
            return []
        data, as_rtx = again
        self.stats.packets_sent += 1
        self.stats.bytes_sent += len(data)
        if as_rtx:
            self.stats.retransmitted_rtx += 1
        else:
            self.stats.retransmitted_plain += 1
        return [Transmit(subscriber, data)]

    def _relay_nack(self, publisher: str, source: Source, missing: list[int], now: float) -> list[Transmit]:
        wanted = source.ask_again(sorted(missing), now)
        if not wanted:
            return []
        self.stats.nacks_relayed += len(wanted)
        return [self._feedback(publisher, Nack(self._own_ssrc, source.ssrc, tuple(wanted)).to_bytes())]

    def _on_keyframe_wanted(self, endpoint: _Endpoint, ssrc: int, now: float) -> list[Transmit]:
        self.stats.plis_received += 1
        found = self._source_of(endpoint, ssrc)
        if found is None:
            return []
        publisher, source, _ = found
        source.keyframes.want()
        return self._keyframe_request(publisher, source, now)

    def _keyframe_request(self, publisher: str, source: Source, now: float) -> list[Transmit]:
        if not source.keyframes.due(now):
            return []
        self.stats.plis_relayed += 1
        return [self._feedback(publisher, PictureLoss(self._own_ssrc, source.ssrc).to_bytes())]

    def _feedback(self, endpoint: str, packet: bytes) -> Transmit:
        return Transmit(endpoint, feedback(self._own_ssrc, self._endpoints[endpoint].cname, packet), rtcp=True)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._endpoints)

    def reports(self, now: float, ntp: float, only: str | None = None) -> list[Transmit]:
        """The regular reports of all endpoints, or of one; call it at the report interval, and send them at once: a report that
        waits for others after its time was taken adds that wait to the round trips that are read from it."""
        names = self._endpoints if only is None else (only,)
        return [
            Transmit(name, data, rtcp=True)
            for name in names
            for data in self._reports_for(self._endpoints[name], now, ntp)
        ]

    def _reports_for(self, endpoint: _Endpoint, now: float, ntp: float) -> Iterable[bytes]:
        senders = []
        for (publisher, mid), outgoing in endpoint.out.values():
            if outgoing.numbers.packets:
                owner = self._endpoints[publisher]
                senders.append(sender_report(outgoing, owner.tracks[mid].source, owner.clock, now, ntp))
        sources = [(track.spec.kind, track.source) for track in endpoint.tracks.values() if track.source is not None]
        if not senders and not sources:
            return ()
        blocks = [source.receiver.report_block(now) for _, source in sources]
        video = tuple(source.ssrc for kind, source in sources if kind == "video")
        remb = Remb(self._own_ssrc, self._video_bitrate, video) if video else None
        return compounds(self._own_ssrc, endpoint.cname, senders, blocks, remb)


def _by_mid(tracks: Iterable[Track], header: RtpHeader) -> Track | None:
    for track in tracks:
        identifier = next((number for number, uri in track.spec.extensions.items() if uri == MID), None)
        if identifier is not None and header.extensions.get(identifier) == track.spec.mid.encode():
            return track
    return None


def _by_payload_type(tracks: Iterable[Track], header: RtpHeader) -> Track | None:
    # A track that has a source is left alone: a stray packet must not take its place.
    fitting = [track for track in tracks if header.payload_type in track.payload_types and track.source is None]
    return fitting[0] if len(fitting) == 1 else None
