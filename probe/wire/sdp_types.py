"""What a session description is made of: candidates, sources and media sections (RFC 8866, 8839, 5576, 9143)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from probe.wire.codecs import Codec

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Setup = Literal["actpass", "active", "passive"]
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
SETUPS = ("actpass", "active", "passive")


class SdpError(ValueError):
    """A description can't be read or offers nothing usable; the message says what and where."""


def number(text: str, what: str, low: int, high: int) -> int:
    """A decimal number within [low, high]. Raises SdpError naming `what` it should have been."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and low <= int(text) <= high):
        raise SdpError(f"{what} must be a number from {low} to {high}, not {text!r}")
    return int(text)


@dataclass(frozen=True)
class Candidate:
    """An ICE candidate, RFC 8839 5.1. `address` may also be an mDNS or domain name; `transport` is lower case."""

    foundation: str
    component: int
    transport: str
    priority: int
    address: str
    port: int
    type: str
    related_address: str | None = None
    related_port: int | None = None
    tcp_type: str | None = None
    ufrag: str | None = None

    @classmethod
    def parse(cls, text: str) -> Candidate:
        """Read `candidate:…`, with or without that prefix (or `a=`). Unknown extensions are skipped.

        Raises SdpError.
        """
        words = text.strip().removeprefix("a=").removeprefix("candidate:").split()
        if len(words) < 8 or words[6] != "typ":
            raise SdpError(f"candidate {text!r} is not 'foundation component transport priority address port typ type'")
        extras = dict(zip(words[8::2], words[9::2], strict=False))
        related_port = extras.get("rport")
        return cls(
            foundation=words[0],
            component=number(words[1], "candidate component", 1, 256),
            transport=words[2].lower(),
            priority=number(words[3], "candidate priority", 0, 2**32 - 1),
            address=words[4],
            port=number(words[5], "candidate port", 0, 65535),
            type=words[7],
            related_address=extras.get("raddr"),
            related_port=None if related_port is None else number(related_port, "candidate rport", 0, 65535),
            tcp_type=extras.get("tcptype"),
            ufrag=extras.get("ufrag"),
        )

    def to_sdp(self) -> str:
        """`candidate:…`, as it stands after `a=` and in a trickled candidate."""
        fields = [f"candidate:{self.foundation}", self.component, self.transport, self.priority, self.address]
        fields += [self.port, "typ", self.type]
        extras = (("raddr", self.related_address), ("rport", self.related_port), ("tcptype", self.tcp_type))
        for name, value in (*extras, ("ufrag", self.ufrag)):
            fields += [] if value is None else [name, value]
        return " ".join(str(item) for item in fields)


@dataclass(frozen=True)
class SsrcSource:
    """An announced source, RFC 5576. `msid` is the raw `stream track` of `a=ssrc:… msid:`."""

    ssrc: int
    cname: str | None = None
    msid: str | None = None


@dataclass
class MediaSection:
    """One m= section. `mid` is empty where the peer sent none; `direction` is the describer's own view.

    `msid` is (stream, track), from `a=msid` or else from the first `a=ssrc … msid:`. `formats` are the m-line's
    formats that no codec describes (all of them for `application`). `other` keeps unread attributes raw, without
    `a=`: rid, simulcast, sctp-port, imageattr. `extension_directions` holds only those that are not sendrecv.
    """

    kind: str
    mid: str = ""
    direction: Direction = "sendrecv"
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[int, str] = field(default_factory=dict)
    port: int = 9
    protocol: str = "UDP/TLS/RTP/SAVPF"
    msid: tuple[str, str] | None = None
    ssrcs: list[SsrcSource] = field(default_factory=list)
    ssrc_groups: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    ice_ufrag: str | None = None
    ice_pwd: str | None = None
    ice_options: list[str] = field(default_factory=list)
    ice_lite: bool = False
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    setup: Setup | None = None
    candidates: list[Candidate] = field(default_factory=list)
    end_of_candidates: bool = False
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    bundle_only: bool = False
    formats: list[str] = field(default_factory=list)
    address: str = "0.0.0.0"
    extension_directions: dict[int, Direction] = field(default_factory=dict)
    other: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> bool:
        """Port 0 refuses the section, unless it is bundle-only (RFC 9143 6)."""
        return self.port == 0 and not self.bundle_only

    @property
    def is_rtp(self) -> bool:
        """Whether the section carries RTP (a data channel does not)."""
        return "RTP/" in self.protocol

    @staticmethod
    def answer_direction(offered: str, wanted: str) -> Direction:
        """What to answer to `offered` when we would like `wanted`, RFC 3264 6.1: never more than the mirror image."""
        send = offered in ("sendrecv", "recvonly") and wanted in ("sendrecv", "sendonly")
        receive = offered in ("sendrecv", "sendonly") and wanted in ("sendrecv", "recvonly")
        if send and receive:
            return "sendrecv"
        if send:
            return "sendonly"
        return "recvonly" if receive else "inactive"

    def rejection(self) -> MediaSection:
        """The answer that refuses this section: same kind, protocol and mid, port 0 (RFC 3264 6, RFC 8829 5.3.1)."""
        formats = [str(codec.payload_type) for codec in self.codecs] + self.formats
        return MediaSection(self.kind, self.mid, "inactive", port=0, protocol=self.protocol, formats=formats or ["0"])

    def rtx_ssrc(self, ssrc: int) -> int | None:
        """The source that retransmits `ssrc` by the FID groups (RFC 5576 4.2), None if unannounced."""
        pairs = (sources for semantics, sources in self.ssrc_groups if semantics == "FID" and len(sources) == 2)
        return next((repair for primary, repair in pairs if primary == ssrc), None)

    def transport_problem(self) -> str | None:
        """Why no ICE and DTLS transport can be made from this section, None if one can."""
        if not self.ice_ufrag or not self.ice_pwd:
            return f"{self.kind} section {self.mid!r} has no ICE credentials (a=ice-ufrag, a=ice-pwd)"
        if not self.fingerprints:
            return f"{self.kind} section {self.mid!r} has no a=fingerprint: meetprobe speaks only DTLS-SRTP"
        return None
