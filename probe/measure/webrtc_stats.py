"""Our readings as W3C's dictionaries (webrtc-stats, "Identifiers for WebRTC's Statistics API"): its names, its units, no others.

What we do not know is left out, never written as 0: a viewer shows a gap then, and no false figure. Seconds and bytes are W3C's
units as they are ours; only timestamps differ, which are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from probe.wire.codecs import Codec
from probe.wire.rtcp import ReportBlock, SenderReport
from probe.wire.sdp_types import Candidate

Stats = dict[str, Any]
Report = dict[str, Stats]
"""By `id`, as getStats() returns it."""

NTP_EPOCH = 2_208_988_800.0
TRANSPORT, CONNECTION = "T", "P"


@dataclass(frozen=True, slots=True)
class Stream:
    """What an RTP stream is. `track`: the MediaStreamTrack's id, None where nobody named it; `rtx_ssrc`: where it is
    retransmitted (RFC 4588), None without."""

    ssrc: int
    kind: str
    mid: str
    payload_type: int
    track: str | None = None
    rtx_ssrc: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """Of an incoming stream so far. `packets`: distinct first transmissions; `duplicates`: what the network repeated;
    `retransmitted`: packets on the RTX stream; `expected`: RFC 3550 A.3; `payload_bytes` of `wire_bytes` of clear RTP.
    `frames`: None where nobody assembles them; `jitter`: seconds, None before the second packet."""

    packets: int
    duplicates: int
    retransmitted: int
    expected: int
    jitter: float | None
    payload_bytes: int
    wire_bytes: int
    nacks: int
    plis: int
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Of an outgoing stream so far. `packets` and `payload_bytes` without retransmissions, `wire_bytes` of clear RTP with them;
    all the stream's headers are equally long. `plis`, `firs`, `nacks`: feedback messages that came."""

    packets: int
    payload_bytes: int
    wire_bytes: int
    retransmitted: int
    retransmitted_wire_bytes: int
    frames: int
    nacks: int
    plis: int
    firs: int


@dataclass(frozen=True, slots=True)
class Trips:
    """Round trips from report blocks: the last, their sum (seconds) and their number."""

    last: float
    total: float
    count: int


def milliseconds(ntp: float) -> float:
    """Seconds since 1900 as a DOMHighResTimeStamp: milliseconds since 1970, to the microsecond."""
    return round((ntp - NTP_EPOCH) * 1000, 3)


def report(entries: Iterable[Stats]) -> Report:
    """The entries by their ids."""
    return {entry["id"]: entry for entry in entries}


def _entry(type: str, id: str, at: float, members: Stats) -> Stats:
    """RTCStats: `at` in milliseconds; what is None is not known."""
    known = {name: value for name, value in members.items() if value is not None}
    return {"id": id, "timestamp": at, "type": type, **known}


def _codec_id(mid: str, payload_type: int) -> str:
    return f"C{mid}_{payload_type}"


def _stream(stream: Stream) -> Stats:
    """RTCRtpStreamStats."""
    codec = _codec_id(stream.mid, stream.payload_type)
    return {"ssrc": stream.ssrc, "kind": stream.kind, "transportId": TRANSPORT, "codecId": codec}


def peer_connection(at: float) -> Stats:
    """RTCPeerConnectionStats. We open no data channels, and take none."""
    return _entry("peer-connection", CONNECTION, at, {"dataChannelsOpened": 0, "dataChannelsClosed": 0})


def codec(at: float, mid: str, known: Codec) -> Stats:
    """RTCCodecStats."""
    pairs = [name if value is None else f"{name}={value}" for name, value in known.parameters]
    members = {
        "transportId": TRANSPORT,
        "payloadType": known.payload_type,
        "mimeType": f"{'audio' if known.name.lower() == 'opus' else 'video'}/{known.name}",
        "clockRate": known.clock_rate,
        "channels": known.channels if known.channels > 1 else None,
        "sdpFmtpLine": ";".join(pairs) or None,
    }
    return _entry("codec", _codec_id(mid, known.payload_type), at, members)


def inbound_rtp(at: float, stream: Stream, got: Received, remote_known: bool) -> Stats:
    """RTCInboundRtpStreamStats. W3C counts packets as RFC 3550 section 6.4.1 does, with what the network repeated, and with
    retransmissions where they come on an SSRC of their own; `packetsLost` is of first transmissions, and may be negative."""
    video = stream.kind == "video"
    members = _stream(stream) | {
        "mid": stream.mid,
        "trackIdentifier": stream.track,
        "remoteId": f"RO{stream.ssrc}" if remote_known else None,
        "packetsReceived": got.packets + got.duplicates + got.retransmitted,
        "packetsLost": got.expected - got.packets - got.duplicates,
        "jitter": got.jitter,
        "bytesReceived": got.payload_bytes,
        "headerBytesReceived": got.wire_bytes - got.payload_bytes,
        "retransmittedPacketsReceived": got.retransmitted if stream.rtx_ssrc is not None else None,
        "rtxSsrc": stream.rtx_ssrc,
        "nackCount": got.nacks if video else None,
        "pliCount": got.plis if video else None,
        "firCount": 0 if video else None,  # we ask with PLI only
        "framesReceived": got.frames if video else None,
    }
    return _entry("inbound-rtp", f"I{stream.ssrc}", at, members)


def outbound_rtp(
    at: float, stream: Stream, sent: Sent, size: tuple[int, int] | None = None, *, remote_known: bool
) -> Stats:
    """RTCOutboundRtpStreamStats; `size` of the pictures in pixels. Retransmissions count, by their payload, wherever they go."""
    first = sent.wire_bytes - sent.retransmitted_wire_bytes - sent.payload_bytes
    header = first // sent.packets if sent.packets else 0
    again = sent.retransmitted_wire_bytes - sent.retransmitted * header
    video = stream.kind == "video"
    members = _stream(stream) | {
        "mid": stream.mid,
        "mediaSourceId": f"S{stream.mid}",
        "remoteId": f"RI{stream.ssrc}" if remote_known else None,
        "packetsSent": sent.packets + sent.retransmitted,
        "bytesSent": sent.payload_bytes + again,
        "headerBytesSent": first + sent.retransmitted * header,
        "retransmittedPacketsSent": sent.retransmitted,
        "retransmittedBytesSent": again,
        "rtxSsrc": stream.rtx_ssrc,
        "nackCount": sent.nacks,
        "pliCount": sent.plis if video else None,
        "firCount": sent.firs if video else None,
        "framesSent": sent.frames if video else None,
        "frameWidth": size[0] if size is not None and video else None,
        "frameHeight": size[1] if size is not None and video else None,
    }
    return _entry("outbound-rtp", f"O{stream.ssrc}", at, members)


def remote_inbound_rtp(at: float, stream: Stream, block: ReportBlock, clock_rate: int, trips: Trips | None) -> Stats:
    """RTCRemoteInboundRtpStreamStats: what the other side's last report block says of our stream; its jitter is in RTP ticks."""
    members = _stream(stream) | {
        "localId": f"O{stream.ssrc}",
        "packetsLost": block.cumulative_lost,
        "fractionLost": block.fraction_lost,
        "jitter": block.jitter / clock_rate,
        "roundTripTime": trips.last if trips else None,
        "totalRoundTripTime": trips.total if trips else None,
        "roundTripTimeMeasurements": trips.count if trips else 0,
    }
    return _entry("remote-inbound-rtp", f"RI{stream.ssrc}", at, members)


def remote_outbound_rtp(at: float, stream: Stream, told: SenderReport) -> Stats:
    """RTCRemoteOutboundRtpStreamStats: what the other side's last sender report says of its stream."""
    members = _stream(stream) | {
        "localId": f"I{stream.ssrc}",
        "packetsSent": told.packet_count,
        "bytesSent": told.octet_count,
        "remoteTimestamp": milliseconds(told.ntp),
    }
    return _entry("remote-outbound-rtp", f"RO{stream.ssrc}", at, members)


def media_source(at: float, stream: Stream, size: tuple[int, int] | None) -> Stats:
    """RTCMediaSourceStats, for video with its `size` in pixels."""
    width, height = size if size is not None and stream.kind == "video" else (None, None)
    members = {"trackIdentifier": stream.track, "kind": stream.kind, "width": width, "height": height}
    return _entry("media-source", f"S{stream.mid}", at, members)


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate pair. `state`: as W3C's RTCStatsIceCandidatePairState; `selected`: media goes this way."""

    local: Candidate
    remote: Candidate
    state: str
    nominated: bool
    selected: bool


@dataclass(frozen=True, slots=True)
class Transport:
    """The one transport of a connection. Bytes: DTLS, SRTP and SRTCP, without STUN, UDP and IP. `round_trip`: the last of STUN."""

    controlling: bool
    dtls_role: str
    connected: bool
    bytes_sent: int
    bytes_received: int
    round_trip: float | None


def transport(at: float, known: Transport, pairs: Sequence[Pair]) -> list[Stats]:
    """RTCTransportStats, and the RTCIceCandidatePairStats and RTCIceCandidateStats below it."""
    selected = next((pair for pair in pairs if pair.selected), None)
    members = {
        "iceRole": "controlling" if known.controlling else "controlled",
        "dtlsRole": known.dtls_role,
        "iceState": "connected" if known.connected else None,
        "dtlsState": "connected" if known.connected else None,
        "bytesSent": known.bytes_sent,
        "bytesReceived": known.bytes_received,
        "selectedCandidatePairId": _pair_id(selected) if selected is not None else None,
    }
    found = [_entry("transport", TRANSPORT, at, members)]
    for pair in pairs:
        found += [_pair(at, pair, known), _candidate(at, "local", pair.local), _candidate(at, "remote", pair.remote)]
    return found


def _pair(at: float, pair: Pair, known: Transport) -> Stats:
    members: Stats = {
        "transportId": TRANSPORT,
        "localCandidateId": _candidate_id("local", pair.local),
        "remoteCandidateId": _candidate_id("remote", pair.remote),
        "state": pair.state,
        "nominated": pair.nominated,
    }
    if (
        pair.selected
    ):  # DTLS begins when a pair is chosen, and the choice stands: all that the transport moved went here
        members["bytesSent"], members["bytesReceived"] = known.bytes_sent, known.bytes_received
        members["currentRoundTripTime"] = known.round_trip
    return _entry("candidate-pair", _pair_id(pair), at, members)


def _candidate(at: float, side: str, known: Candidate) -> Stats:
    members = {
        "transportId": TRANSPORT,
        "address": known.address,
        "port": known.port,
        "protocol": known.transport.lower(),
        "candidateType": known.type,
        "priority": known.priority,
        "foundation": known.foundation,
        "relatedAddress": known.related_address,
        "relatedPort": known.related_port,
        "tcpType": known.tcp_type,
    }
    return _entry(f"{side}-candidate", _candidate_id(side, known), at, members)


def _candidate_id(side: str, known: Candidate) -> str:
    tcp = "_tcp" if known.transport.lower() == "tcp" else ""  # a server may listen on one port for both
    return f"{side[0].upper()}{known.type}_{known.address}_{known.port}{tcp}"


def _pair_id(pair: Pair) -> str:
    return f"CP{_candidate_id('local', pair.local)}_{_candidate_id('remote', pair.remote)}"
