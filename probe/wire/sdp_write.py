"""Writes media sections as SDP, in the order of RFC 8829 5.2.1, with CRLF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from probe.wire.codecs import Codec
from probe.wire.sdp_types import MediaSection, SdpError

_KEPT = 64


def write_session(
    sections: Sequence[MediaSection], bundles: Sequence[Sequence[str]], session_id: int, version: int
) -> str:
    """The whole description. ICE and DTLS attributes stand in the sections; `ice-lite` may only stand above them.

    Raises SdpError where a value would break out of its line.
    """
    lines = ["v=0", f"o=- {session_id} {version} IN IP4 127.0.0.1", "s=-", "t=0 0"]
    lines += [f"a=group:BUNDLE {' '.join(mids)}" for mids in bundles if mids]
    lines += ["a=ice-lite"] if any(section.ice_lite for section in sections) else []
    lines.append("a=msid-semantic:WMS *")
    for section in sections:
        lines += _section(section)
    text = "\r\n".join(lines) + "\r\n"
    if text.count("\n") != len(lines) or text.count("\r") != len(lines):
        broken = next(line for line in lines if "\r" in line or "\n" in line)
        raise SdpError(f"a value with a line break: {broken!r}")
    return text


def write_fragment(section: MediaSection) -> str:
    """A trickle-ice-sdpfrag of this section's credentials and candidates (RFC 8840 9), for WHIP and WHEP."""
    lines = [f"a=ice-ufrag:{section.ice_ufrag}", f"a=ice-pwd:{section.ice_pwd}", _media_line(section)]
    lines += [f"a=mid:{section.mid}", *_candidates(section)]
    return "\r\n".join(lines) + "\r\n"


def _media_line(section: MediaSection) -> str:
    formats = [str(codec.payload_type) for codec in section.codecs] + section.formats
    return f"m={section.kind} {section.port} {section.protocol} {' '.join(formats or ['0'])}"


def _section(section: MediaSection) -> Iterator[str]:
    yield _media_line(section)
    yield f"c=IN {'IP6' if ':' in section.address else 'IP4'} {section.address}"
    if section.mid:
        yield f"a=mid:{section.mid}"
    if section.bundle_only:
        yield "a=bundle-only"
    yield from _transport(section)
    if section.is_rtp:
        yield from _media(section)
    yield from (f"a={attribute}" for attribute in section.other)
    yield from _candidates(section)


def _transport(section: MediaSection) -> Iterator[str]:
    if section.ice_ufrag:
        yield f"a=ice-ufrag:{section.ice_ufrag}"
    if section.ice_pwd:
        yield f"a=ice-pwd:{section.ice_pwd}"
    if section.ice_options:
        yield f"a=ice-options:{' '.join(section.ice_options)}"
    yield from (f"a=fingerprint:{algorithm} {value}" for algorithm, value in section.fingerprints)
    if section.setup:
        yield f"a=setup:{section.setup}"


def _media(section: MediaSection) -> Iterator[str]:
    for identifier, uri in section.extensions.items():
        direction = section.extension_directions.get(identifier)
        yield f"a=extmap:{identifier}{'/' + direction if direction else ''} {uri}"
    yield f"a={section.direction}"
    if section.msid:
        yield f"a=msid:{' '.join(part for part in section.msid if part)}"
    if section.rtcp_mux:
        yield "a=rtcp-mux"
    if section.rtcp_rsize:
        yield "a=rtcp-rsize"
    for codec in section.codecs:
        yield from _codec(codec)
    for semantics, sources in section.ssrc_groups:
        yield f"a=ssrc-group:{semantics} {' '.join(map(str, sources))}"
    for source in section.ssrcs:
        if source.cname is not None or source.msid is None:  # RFC 5576 4.1 wants a cname; an empty one keeps the source
            yield f"a=ssrc:{source.ssrc} cname:{source.cname or ''}"
        if source.msid is not None:
            yield f"a=ssrc:{source.ssrc} msid:{source.msid}"


@lru_cache(maxsize=_KEPT)
def _codec(codec: Codec) -> tuple[str, ...]:
    """All lines of a codec. Our own few are written in every description."""
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{codec.payload_type} {feedback}" for feedback in codec.feedback]
    if codec.parameters:
        pairs = (key if value is None else f"{key}={value}" for key, value in codec.parameters)
        lines.append(f"a=fmtp:{codec.payload_type} {';'.join(pairs)}")
    return tuple(lines)


def _candidates(section: MediaSection) -> Iterator[str]:
    yield from (f"a={candidate.to_sdp()}" for candidate in section.candidates)
    if section.end_of_candidates:
        yield "a=end-of-candidates"
