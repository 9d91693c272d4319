"""A transceiver: one m-section of a peer connection, what we send in it and what the other side does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO, Codec, MediaSection, SsrcSource, rtx_for


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What we send under: `rtx_ssrc` is for RFC 4588 retransmissions, `msid` names (stream, track)."""

    ssrc: int
    rtx_ssrc: int
    cname: str
    msid: tuple[str, str]


@dataclass(slots=True)
class Transceiver:
    """`direction` is what we want (RFC 8829 section 4.2.4), `current` what both sides agreed on, '' before."""

    kind: str
    direction: str
    sender: SenderInfo | None = None
    mid: str = ""
    current: str = ""
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[int, str] = field(default_factory=dict)
    remote_msid: tuple[str, str] | None = None
    remote_ssrcs: list[int] = field(default_factory=list)
    remote_rtx: dict[int, int] = field(default_factory=dict)

    @property
    def sends(self) -> bool:
        """Whether both sides agreed that we send."""
        return self.current in ("sendonly", "sendrecv")

    @property
    def receives(self) -> bool:
        """Whether both sides agreed that the other side sends."""
        return self.current in ("recvonly", "sendrecv")

    def codec(self) -> Codec:
        """The codec to send: the first negotiated one that is not RTX."""
        return next(codec for codec in self.codecs if codec.name.lower() != "rtx")

    def rtx_payload_type(self) -> int | None:
        """The payload type of retransmissions of `codec()`, None when not negotiated."""
        return rtx_for(self.codecs, self.codec().payload_type)

    def extension_id(self, uri: str) -> int | None:
        """The negotiated id of a header extension, None when not negotiated."""
        return next((number for number, known in self.extensions.items() if known == uri), None)

    def take_remote(self, section: MediaSection) -> None:
        """Keep what a remote description says about the sources of this section (RFC 5576, RFC 8830)."""
        groups = [ssrcs for semantics, ssrcs in section.ssrc_groups if semantics == "FID" and len(ssrcs) == 2]
        self.remote_rtx = {rtx: media for media, rtx in groups}
        self.remote_ssrcs = [source.ssrc for source in section.ssrcs if source.ssrc not in self.remote_rtx]
        self.remote_msid = section.msid

    def write_sources(self, section: MediaSection) -> None:
        """Add our sources to a section of a local description."""
        if self.sender is None or section.direction not in ("sendonly", "sendrecv"):
            return
        section.msid = self.sender.msid
        stream_and_track = " ".join(self.sender.msid)
        section.ssrcs.append(SsrcSource(self.sender.ssrc, self.sender.cname, stream_and_track))
        if any(codec.name.lower() == "rtx" for codec in section.codecs):
            section.ssrcs.append(SsrcSource(self.sender.rtx_ssrc, self.sender.cname, stream_and_track))
            section.ssrc_groups.append(("FID", (self.sender.ssrc, self.sender.rtx_ssrc)))


def new_sender(msid: tuple[str, str], cname: str, rng: random.Random) -> SenderInfo:
    """Fresh random SSRCs (RFC 3550 section 8)."""
    return SenderInfo(rng.randrange(1, 1 << 32), rng.randrange(1, 1 << 32), cname, msid)


def default_codecs(kind: str) -> Sequence[Codec]:
    """What we speak, best first."""
    return OUR_AUDIO if kind == "audio" else OUR_VIDEO


@lru_cache(maxsize=16)
def preferred_codecs(kind: str, preferred: tuple[str, ...]) -> tuple[Codec, ...]:
    """What to offer: the codecs named in `preferred` (lower case) with their RTX, all we speak where none of them is ours."""
    known = tuple(default_codecs(kind))
    media = [codec for codec in known if codec.name.lower() in preferred]
    kept = {codec.payload_type for codec in media}
    return (*media, *(codec for codec in known if codec.apt in kept)) or known
