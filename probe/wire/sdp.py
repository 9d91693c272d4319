"""Session descriptions as WebRTC uses them (RFC 8866, 8829, 8843/9143, 8839, 8842): one import for everything SDP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from probe.wire.codecs import OUR_AUDIO, OUR_VIDEO, Codec, rtx_for
from probe.wire.negotiate import (
    answer_extension_directions,
    answer_setup,
    h264_profile,
    negotiate_codecs,
    negotiate_extensions,
    usable_codecs,
)
from probe.wire.sdp_parse import parse_session
from probe.wire.sdp_types import Candidate, Direction, MediaSection, SdpError, Setup, SsrcSource
from probe.wire.sdp_write import write_fragment, write_session

__all__ = [
    "OUR_AUDIO",
    "OUR_VIDEO",
    "Candidate",
    "Codec",
    "Direction",
    "MediaSection",
    "SdpError",
    "SessionDescription",
    "Setup",
    "SsrcSource",
    "answer_extension_directions",
    "answer_setup",
    "h264_profile",
    "negotiate_codecs",
    "negotiate_extensions",
    "rtx_for",
    "usable_codecs",
    "write_fragment",
]


@dataclass
class SessionDescription:
    """The m= sections in order. `bundle` is the first BUNDLE group's mids, `more_bundles` further groups."""

    sections: list[MediaSection] = field(default_factory=list)
    bundle: list[str] = field(default_factory=list)
    session_id: int = 1
    version: int = 1
    more_bundles: list[list[str]] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str, *, fragment: bool = False) -> SessionDescription:
        """Read SDP; CRLF or LF. What stands at session level is copied into the sections that lack it.

        `fragment` reads a trickle-ice-sdpfrag. Raises SdpError naming the line.
        """
        parsed = parse_session(text, fragment=fragment)
        first, *more = parsed.bundles or [[]]
        return cls(parsed.sections, first, parsed.session_id, parsed.version, more)

    def to_sdp(self) -> str:
        """The description as text with CRLF. Raises SdpError where a value holds a line break."""
        return write_session(self.sections, [self.bundle, *self.more_bundles], self.session_id, self.version)

    def section(self, mid: str) -> MediaSection:
        """The section of that mid. Raises SdpError if there is none."""
        found = next((section for section in self.sections if section.mid == mid), None)
        if found is None:
            known = ", ".join(section.mid for section in self.sections) or "none"
            raise SdpError(f"no section with mid {mid!r} (there are: {known})")
        return found

    def bundled_sections(self, bundle: Iterable[str] | None = None) -> list[MediaSection]:
        """The accepted sections that share a transport, in the group's order; without a group the first accepted."""
        mids = list(self.bundle if bundle is None else bundle)
        shared = [section for mid in mids if not (section := self.section(mid)).rejected]
        return shared or [section for section in self.sections if not section.rejected][:1]

    def bundled_transport_section(self, bundle: Iterable[str] | None = None) -> MediaSection:
        """A copy of the section whose ICE and DTLS attributes count for the group (its first accepted: the tagged
        section of RFC 9143 7), with the candidates of all its sections: peers list them in the first, the last or all.

        Raises SdpError if every section is rejected.
        """
        sections = self.bundled_sections(bundle)
        if not sections:
            raise SdpError("every section is rejected (port 0)" if self.sections else "there is no m= section")
        # A tagged section without credentials is against the RFC, but the group has only one transport to mean.
        tagged = next((section for section in sections if section.transport_problem() is None), sections[0])
        candidates = dict.fromkeys(candidate for section in sections for candidate in section.candidates)
        ended = any(section.end_of_candidates for section in sections)
        return replace(tagged, candidates=list(candidates), end_of_candidates=ended)
