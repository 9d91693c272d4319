"""Reads a session description into media sections. Unknown attributes are kept raw; malformed ones raise SdpError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from probe.wire.sdp_formats import ATTRIBUTES as FORMAT_ATTRIBUTES
from probe.wire.sdp_formats import FormatError, read_formats
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


@dataclass
class ParsedSession:
    """Everything read: sections in order, BUNDLE groups of known mids, the origin's id and version."""

    sections: list[MediaSection] = field(default_factory=list)
    bundles: list[list[str]] = field(default_factory=list)
    session_id: int = 0
    version: int = 0


@dataclass(slots=True)
class _Source:
    """What the lines of one source have told so far."""

    cname: str | None = None
    msid: str | None = None


@dataclass(slots=True)
class _Draft:
    """A section under construction: what describes its formats (rtpmap, fmtp, rtcp-fb, extmap) is read in one go at the end.

    The session level is a draft too: its attributes are the defaults of the sections.
    """

    section: MediaSection
    payload_types: list[int] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    sources: dict[int, _Source] = field(default_factory=dict)
    groups: list[list[str]] = field(default_factory=list)
    direction: Direction | None = None
    address: str | None = None


def parse_session(text: str, *, fragment: bool = False) -> ParsedSession:
    """Read a description, or with `fragment` a trickle-ice-sdpfrag (RFC 8840), which has no v= and o= lines.

    Raises SdpError naming the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise SdpError(f"a description of {len(text)} characters: the limit is {MAX_CHARACTERS}")
    lines = [line.strip() for line in text.split("\n")]
    first = next((line for line in lines if line), "")
    if not fragment and first != "v=0":
        raise SdpError(f"not a session description: it begins with {text[:40]!r}, not with 'v=0'")
    parsed, session, drafts = ParsedSession(), _Draft(MediaSection("session")), list[_Draft]()
    for count, line in enumerate(lines, 1):
        try:
            _line(line, parsed, session, drafts)
        except SdpError as error:
            raise _located(count, line, error) from None
    for draft in (session, *drafts):
        try:
            _read_formats(draft)
        except FormatError as error:  # the same line would have failed the first time it stood anywhere
            raise _located(lines.index(error.line) + 1, error.line, error) from None
    parsed.sections = [_finish(draft, session) for draft in drafts]
    _check_mids(parsed, session.groups)
    return parsed


def _located(count: int, line: str, error: SdpError) -> SdpError:
    return SdpError(f"line {count}, {line[:120]!r}: {error}")


def _line(line: str, parsed: ParsedSession, session: _Draft, drafts: list[_Draft]) -> None:
    head, _, rest = line.partition(":")
    current = drafts[-1] if drafts else session
    if head in FORMAT_ATTRIBUTES:  # more than half of all lines
        current.formats.append(line)
    elif read := _ATTRIBUTES.get(head):
        read(current, head[2:], rest.strip())
    elif line:
        _other_line(line, parsed, current, drafts)


def _other_line(line: str, parsed: ParsedSession, current: _Draft, drafts: list[_Draft]) -> None:
    kind, equals, value = line.partition("=")
    if not equals or len(kind) != 1:
        raise SdpError("expected a line of the form 'x=value'")
    if kind == "m":
        drafts.append(_media(value))
    elif kind == "a":
        name, _, rest = value.partition(":")
        _unknown(current, name, rest.strip())
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
    source = draft.sources.get(ssrc)
    if source is None:
        source = draft.sources[ssrc] = _Source()
    name, _, text = attribute.strip().partition(":")
    if name == "cname":
        source.cname = text or None
    elif name == "msid":
        source.msid = text


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


_READERS: dict[str, Callable[[_Draft, str, str], None]] = {
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
_ATTRIBUTES = {f"a={name}": read for name, read in _READERS.items()}


def _read_formats(draft: _Draft) -> None:
    section, formats = draft.section, read_formats(tuple(draft.payload_types), tuple(draft.formats))
    section.codecs = list(formats.codecs)
    section.formats += formats.undescribed
    section.extensions = dict(formats.extensions)
    section.extension_directions = dict(formats.extension_directions)


def _finish(draft: _Draft, session: _Draft) -> MediaSection:
    section, common = draft.section, session.section
    section.ssrcs = [SsrcSource(ssrc, source.cname, source.msid) for ssrc, source in draft.sources.items()]
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
