"""Reads a session description into media sections. Unknown attributes are kept raw; malformed ones raise SdpError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

from probe.wire.codecs import Codec
from probe.wire.sdp_types import (
    DIRECTIONS,
    SETUPS,
    Candidate,
    Direction,
    MediaSection,
    SdpError,
    Setup,
    SsrcSource,
    number,
)

MAX_CHARACTERS = 1_000_000
"""A meeting of a thousand sections stays well below; more is not a description."""

# Static payload types that still appear without rtpmap (RFC 3551 6).
_STATIC = {0: Codec(0, "PCMU", 8000), 8: Codec(8, "PCMA", 8000), 9: Codec(9, "G722", 8000)}


@dataclass
class ParsedSession:
    """Everything read: sections in order, BUNDLE groups of known mids, the origin's id and version."""

    sections: list[MediaSection] = field(default_factory=list)
    bundles: list[list[str]] = field(default_factory=list)
    session_id: int = 0
    version: int = 0


@dataclass
class _Draft:
    """A section under construction: its payload types are joined with rtpmap, fmtp and rtcp-fb at the end.

    The session level is a draft too: its attributes are the defaults of the sections.
    """

    section: MediaSection
    payload_types: list[int] = field(default_factory=list)
    rtpmaps: dict[int, Codec] = field(default_factory=dict)
    parameters: dict[int, tuple[tuple[str, str | None], ...]] = field(default_factory=dict)
    feedback: list[tuple[str, str]] = field(default_factory=list)
    sources: dict[int, SsrcSource] = field(default_factory=dict)
    groups: list[list[str]] = field(default_factory=list)
    direction: Direction | None = None
    address: str | None = None


def parse_session(text: str, *, fragment: bool = False) -> ParsedSession:
    """Read a description, or with `fragment` a trickle-ice-sdpfrag (RFC 8840), which has no v= and o= lines.

    Raises SdpError naming the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise SdpError(f"a description of {len(text)} characters: the limit is {MAX_CHARACTERS}")
    lines = [(count, line.strip()) for count, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1)]
    lines = [(count, line) for count, line in lines if line]
    if not fragment and (not lines or lines[0][1] != "v=0"):
        raise SdpError(f"not a session description: it begins with {text[:40]!r}, not with 'v=0'")
    parsed, session, drafts = ParsedSession(), _Draft(MediaSection("session")), list[_Draft]()
    for count, line in lines:
        try:
            _line(line, parsed, session, drafts)
        except SdpError as error:
            raise SdpError(f"line {count}, {line[:120]!r}: {error}") from None
    parsed.sections = [_finish(draft, session) for draft in drafts]
    _check_mids(parsed, session.groups)
    return parsed


def _line(line: str, parsed: ParsedSession, session: _Draft, drafts: list[_Draft]) -> None:
    kind, equals, value = line.partition("=")
    if not equals or len(kind) != 1:
        raise SdpError("expected a line of the form 'x=value'")
    current = drafts[-1] if drafts else session
    if kind == "m":
        drafts.append(_media(value))
    elif kind == "a":
        name, _, rest = value.partition(":")
        _ATTRIBUTES.get(name, _unknown)(current, name, rest.strip())
    elif kind == "c":
        current.address = _connection(value)
    elif kind == "o" and not drafts:
        words = value.split()
        if len(words) < 3:
            raise SdpError("the origin needs a session id and a version")
        parsed.session_id = number(words[1], "session id", 0, 2**64 - 1)
        parsed.version = number(words[2], "session version", 0, 2**64 - 1)


def _media(value: str) -> _Draft:
    words = value.split()
    if len(words) < 4:
        raise SdpError("expected 'm=kind port protocol formats'")
    port = number(words[1].partition("/")[0], "port", 0, 65535)
    draft = _Draft(MediaSection(words[0], port=port, protocol=words[2]))
    if draft.section.is_rtp:
        draft.payload_types = [number(word, "payload type", 0, 127) for word in words[3:]]
    else:
        draft.section.formats = words[3:]
    return draft


def _connection(value: str) -> str:
    words = value.split()
    if len(words) != 3:
        raise SdpError("expected 'c=IN IP4 address'")
    return words[2].partition("/")[0]


def _unknown(draft: _Draft, name: str, value: str) -> None:
    draft.section.other.append(f"{name}:{value}" if value else name)


def _rtpmap(draft: _Draft, _: str, value: str) -> None:
    payload_type, _, encoding = value.partition(" ")
    name, *numbers = encoding.strip().split("/")
    if not name or len(numbers) not in (1, 2):
        raise SdpError("expected 'a=rtpmap:type name/rate' or 'name/rate/channels'")
    key = number(payload_type, "payload type", 0, 127)
    channels = number(numbers[1], "channels", 1, 255) if len(numbers) == 2 else 1
    draft.rtpmaps[key] = Codec(key, name, number(numbers[0], "clock rate", 1, 10**9), channels)


def _fmtp(draft: _Draft, _: str, value: str) -> None:
    payload_type, _, rest = value.partition(" ")
    if not payload_type.isdigit():  # data channels: `a=fmtp:webrtc-datachannel …` (old Firefox)
        return
    pairs = (part.strip().partition("=") for part in rest.split(";") if part.strip())
    key = number(payload_type, "payload type", 0, 127)
    draft.parameters[key] = tuple((name.strip(), text.strip() if equals else None) for name, equals, text in pairs)


def _rtcp_fb(draft: _Draft, _: str, value: str) -> None:
    payload_type, _, feedback = value.partition(" ")
    if payload_type != "*":
        number(payload_type, "payload type", 0, 127)
    draft.feedback.append((payload_type, " ".join(feedback.split())))


def _extmap(draft: _Draft, _: str, value: str) -> None:
    words = value.split()
    if len(words) < 2:
        raise SdpError("expected 'a=extmap:id uri' or 'a=extmap:id/direction uri'")
    identifier, slash, direction = words[0].partition("/")
    key = number(identifier, "extension id", 1, 4351)  # RFC 8285 7: 4096..4351 are offered by who runs out of ids
    if slash and direction not in DIRECTIONS:
        raise SdpError(f"{direction!r} is no direction; valid: {', '.join(DIRECTIONS)}")
    draft.section.extensions[key] = words[1]
    if slash and direction != "sendrecv":
        draft.section.extension_directions[key] = cast(Direction, direction)


def _direction(draft: _Draft, name: str, _: str) -> None:
    draft.direction = cast(Direction, name)


def _msid(draft: _Draft, name: str, value: str) -> None:
    if not value:
        raise SdpError("an empty msid")
    if draft.section.msid is None:
        draft.section.msid = _stream_and_track(value)
    else:  # a track in several streams: the first counts, the others stay readable
        _unknown(draft, name, value)


def _stream_and_track(value: str) -> tuple[str, str]:
    stream, _, track = value.partition(" ")
    return stream, track.strip()


def _ssrc(draft: _Draft, _: str, value: str) -> None:
    identifier, _, attribute = value.partition(" ")
    ssrc = number(identifier, "SSRC", 0, 2**32 - 1)
    source = draft.sources.get(ssrc, SsrcSource(ssrc))
    name, _, text = attribute.strip().partition(":")
    if name == "cname":
        source = replace(source, cname=text or None)
    elif name == "msid":
        source = replace(source, msid=text)
    draft.sources[ssrc] = source


def _ssrc_group(draft: _Draft, _: str, value: str) -> None:
    semantics, *sources = value.split() or [""]
    if not sources:
        raise SdpError("expected 'a=ssrc-group:semantics ssrc …'")
    draft.section.ssrc_groups.append((semantics, tuple(number(word, "SSRC", 0, 2**32 - 1) for word in sources)))


def _group(draft: _Draft, _: str, value: str) -> None:
    semantics, *mids = value.split() or [""]
    if semantics == "BUNDLE":
        draft.groups.append(mids)


def _fingerprint(draft: _Draft, _: str, value: str) -> None:
    words = value.split()
    if len(words) != 2:
        raise SdpError("expected 'a=fingerprint:hash value'")
    draft.section.fingerprints.append((words[0].lower(), words[1].upper()))


def _setup(draft: _Draft, _: str, value: str) -> None:
    if value not in (*SETUPS, "holdconn"):
        raise SdpError(f"setup {value!r}; valid: {', '.join(SETUPS)}")
    draft.section.setup = None if value == "holdconn" else cast(Setup, value)


def _word(draft: _Draft, name: str, value: str) -> None:
    if not value:
        raise SdpError(f"a={name} without a value")
    setattr(draft.section, name.replace("-", "_"), value)


def _flag(draft: _Draft, name: str, _: str) -> None:
    setattr(draft.section, name.replace("-", "_"), True)


def _ice_options(draft: _Draft, _: str, value: str) -> None:
    draft.section.ice_options = value.split()


def _candidate(draft: _Draft, _: str, value: str) -> None:
    draft.section.candidates.append(Candidate.parse(value))


_ATTRIBUTES: dict[str, Callable[[_Draft, str, str], None]] = {
    "rtpmap": _rtpmap,
    "fmtp": _fmtp,
    "rtcp-fb": _rtcp_fb,
    "extmap": _extmap,
    "msid": _msid,
    "ssrc": _ssrc,
    "ssrc-group": _ssrc_group,
    "group": _group,
    "fingerprint": _fingerprint,
    "setup": _setup,
    "candidate": _candidate,
    "ice-options": _ice_options,
    **dict.fromkeys(("mid", "ice-ufrag", "ice-pwd"), _word),
    **dict.fromkeys(("ice-lite", "rtcp-mux", "rtcp-rsize", "end-of-candidates", "bundle-only"), _flag),
    **dict.fromkeys(DIRECTIONS, _direction),
}


def _finish(draft: _Draft, session: _Draft) -> MediaSection:
    section, common = draft.section, session.section
    section.codecs, section.formats = _codecs(draft)
    section.ssrcs = list(draft.sources.values())
    section.direction = draft.direction or session.direction or "sendrecv"
    section.address = draft.address or session.address or section.address
    if not section.ice_ufrag and not section.ice_pwd:
        section.ice_ufrag, section.ice_pwd = common.ice_ufrag, common.ice_pwd
    section.ice_options = section.ice_options or list(common.ice_options)
    section.ice_lite = section.ice_lite or common.ice_lite
    section.fingerprints = section.fingerprints or list(common.fingerprints)
    section.setup = section.setup or common.setup
    section.end_of_candidates = section.end_of_candidates or common.end_of_candidates
    section.extensions = {**common.extensions, **section.extensions}
    section.extension_directions = {**common.extension_directions, **section.extension_directions}
    if section.msid is None:
        section.msid = next((_stream_and_track(source.msid) for source in section.ssrcs if source.msid), None)
    return section


def _codecs(draft: _Draft) -> tuple[list[Codec], list[str]]:
    """The described codecs in the m-line's order, and the formats that nothing describes."""
    codecs, formats = [], list(draft.section.formats)
    for payload_type in dict.fromkeys(draft.payload_types):
        codec = draft.rtpmaps.get(payload_type) or _STATIC.get(payload_type)
        if codec is None:
            formats.append(str(payload_type))
            continue
        feedback = dict.fromkeys(text for target, text in draft.feedback if target in ("*", str(payload_type)))
        codecs.append(replace(codec, parameters=draft.parameters.get(payload_type, ()), feedback=tuple(feedback)))
    return codecs, formats


def _check_mids(parsed: ParsedSession, groups: list[list[str]]) -> None:
    """Mids are unique (RFC 5888 4); a group's unknown mids are dropped, a bundle-only section outside is refused."""
    mids = [section.mid for section in parsed.sections if section.mid]
    twice = sorted({mid for mid in mids if mids.count(mid) > 1}) if len(set(mids)) < len(mids) else []
    if twice:
        raise SdpError(f"mid {twice[0]!r} names more than one section")
    known = set(mids)
    parsed.bundles = [[mid for mid in dict.fromkeys(group) if mid in known] for group in groups]
    bundled = {mid for group in parsed.bundles for mid in group}
    for section in parsed.sections:
        # With a port of its own the attribute means nothing (RFC 9143 6), outside a group it can't be honoured.
        section.bundle_only = section.bundle_only and section.port == 0 and section.mid in bundled
