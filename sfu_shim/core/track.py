"""A published track: an m-section in which a publisher sends, with the source that feeds it now. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probe.wire.payload import PayloadError, PayloadFormat, format_for
from probe.wire.rtp import RtpHeader
from probe.wire.sdp import Codec
from sfu_shim.core.history import Packet
from sfu_shim.core.source import Source

MAX_RETIRED = 16


@dataclass(frozen=True, slots=True)
class TrackSpec:
    """What the publisher's session negotiated for the m-section. `rtx_ssrcs` maps RTX SSRCs to media SSRCs, `stream` is
    what the publisher calls the stream that it belongs to (msid)."""

    kind: str
    mid: str
    codecs: Sequence[Codec]
    extensions: Mapping[int, str]
    ssrcs: Sequence[int] = ()
    rtx_ssrcs: Mapping[int, int] | None = None
    stream: str = ""


def rtx_types(codecs: Sequence[Codec]) -> dict[int, int]:
    """RTX payload type -> the media payload type it repairs (a=fmtp apt, RFC 4588 section 8.1)."""
    found = {}
    for codec in codecs:
        apt = dict(codec.parameters).get("apt") if codec.name.lower() == "rtx" else None
        if apt is not None and apt.isdigit():
            found[codec.payload_type] = int(apt)
    return found


class Track:
    """Packets in, packets to forward out. A new SSRC retires the one before it: late packets of that are dropped."""

    def __init__(self, spec: TrackSpec) -> None:
        self.spec = spec
        self.rtx = rtx_types(spec.codecs)
        self.codecs = {c.payload_type: c for c in spec.codecs if c.payload_type not in self.rtx}
        self.source: Source | None = None
        self._formats = {number: found for number, c in self.codecs.items() if (found := _format(c)) is not None}
        self._retired: list[int] = []

    @property
    def payload_types(self) -> set[int]:
        return {*self.codecs, *self.rtx}

    def on_packet(self, header: RtpHeader, payload: bytes, size: int, now: float) -> Packet | str:
        """The packet to forward, or why there is none: "unknown" (payload type, retired SSRC), "late", "duplicate"."""
        media_type = self.rtx.get(header.payload_type)
        if media_type is not None:
            return self._on_rtx(header, media_type, payload, now)
        codec = self.codecs.get(header.payload_type)
        if codec is None or header.ssrc in self._retired:
            return "unknown"
        source = self.source
        if source is None or source.ssrc != header.ssrc:
            source = self._switch(header.ssrc, codec.clock_rate)
        return source.on_packet(header, payload, size, now)

    def _on_rtx(self, header: RtpHeader, media_type: int, payload: bytes, now: float) -> Packet | str:
        if self.source is None or len(payload) < 2:
            return "unknown"  # RTX of nothing, or padding that probes for bandwidth
        if self.spec.rtx_ssrcs and self.spec.rtx_ssrcs.get(header.ssrc, self.source.ssrc) != self.source.ssrc:
            return "unknown"
        original = int.from_bytes(payload[:2], "big")
        return self.source.on_retransmission(header, original, media_type, payload[2:], now)

    def _switch(self, ssrc: int, clock_rate: int) -> Source:
        if self.source is not None:
            self._retired = [*self._retired[1 - MAX_RETIRED :], self.source.ssrc]
        self.source = Source(ssrc, clock_rate)
        return self.source

    def starts_keyframe(self, packet: Packet) -> bool:
        """Whether a subscriber can begin with this packet: any of audio, the first of a keyframe for video."""
        if self.spec.kind != "video":
            return True
        form = self._formats.get(packet.payload_type)
        return form is not None and form.starts_frame(packet.payload) and form.is_keyframe(packet.payload)


def _format(codec: Codec) -> PayloadFormat | None:
    try:
        return format_for(codec.name)
    except PayloadError:
        return None  # a codec we can't look into: audio is forwarded all the same, video never begins
