"""Offer and answer: which codecs, extensions and roles both sides share (RFC 3264, 8829 5.3, 6184 8.2.2, 8285 6)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from probe.wire.codecs import Codec, rtx_for
from probe.wire.sdp_types import Direction, MediaSection, SdpError, Setup

_KEPT = 64
"""Agreements that are kept: participants of one run negotiate the same few, over and over."""

# profile_idc, and constraint bits as (mask, value): RFC 6184 8.1 table 5.
_H264_PROFILES: tuple[tuple[str, int, int, int], ...] = (
    ("constrained baseline", 0x42, 0x4F, 0x40),
    ("constrained baseline", 0x4D, 0x8F, 0x80),
    ("constrained baseline", 0x58, 0xCF, 0xC0),
    ("baseline", 0x42, 0x4F, 0x00),
    ("baseline", 0x58, 0xCF, 0x80),
    ("main", 0x4D, 0xAF, 0x00),
    ("constrained high", 0x64, 0xFF, 0x0C),
    ("high", 0x64, 0xFF, 0x00),
)


def negotiate_codecs(offered: Sequence[Codec], supported: Sequence[Codec]) -> list[Codec]:
    """What an answer lists: our order, the offer's payload types, each with the RTX that repairs it.

    Feedback is what both name. H.264 needs the same packetization mode; the same profile is taken first, else another
    one whose decoders also play Constrained Baseline (all of table 5 do), with the offer's profile and a level that
    both allow. Empty if nothing is shared. Also reads an answer: `offered` is then what the peer answered.
    """
    return list(_negotiate(tuple(offered), tuple(supported)))


@lru_cache(maxsize=_KEPT)
def _negotiate(offered: tuple[Codec, ...], supported: tuple[Codec, ...]) -> tuple[Codec, ...]:
    chosen: list[Codec] = []
    for ours in supported:
        theirs = None if ours.is_rtx else _best_match(offered, ours)
        if theirs is None or any(codec.payload_type == theirs.payload_type for codec in chosen):
            continue
        chosen.append(_agreed(theirs, ours))
        repair = rtx_for(offered, theirs.payload_type) if rtx_for(supported, ours.payload_type) is not None else None
        chosen += [codec for codec in offered if codec.payload_type == repair]
    return tuple(chosen)


def usable_codecs(section: MediaSection, supported: Sequence[Codec]) -> list[Codec]:
    """`negotiate_codecs` for a section. Raises SdpError naming what is offered and what we speak if nothing fits."""
    chosen = negotiate_codecs(section.codecs, supported)
    if not chosen:
        where = f"{section.kind} (mid {section.mid})" if section.mid else section.kind
        raise SdpError(f"{where} offers only {_names(section.codecs)}; meetprobe speaks {_names(supported)}")
    return chosen


def negotiate_extensions(offered: dict[int, str], supported: Collection[str]) -> dict[int, str]:
    """The offered header extensions that we know, by the offer's ids. Ids that RTP can't carry (above 255, or 15,
    RFC 8285 4.2) are left out, and so is a URI's second id."""
    chosen: dict[int, str] = {}
    for identifier, uri in offered.items():
        if uri in supported and 1 <= identifier <= 255 and identifier != 15 and uri not in chosen.values():
            chosen[identifier] = uri
    return chosen


def answer_extension_directions(section: MediaSection, chosen: Collection[int]) -> dict[int, Direction]:
    """The direction marks of the answer to a section's extensions: the mirror image of the offer's (RFC 8285 6)."""
    offered = {key: value for key, value in section.extension_directions.items() if key in chosen}
    return {key: MediaSection.answer_direction(value, "sendrecv") for key, value in offered.items()}


def answer_setup(offered: Setup | None) -> Setup:
    """Our DTLS role in an answer: active wherever the offer leaves the choice (RFC 8842 5.3, RFC 8829 5.3.1)."""
    return "passive" if offered == "active" else "active"


def h264_profile(codec: Codec) -> str:
    """The profile's name; what an absent profile-level-id means is Baseline (RFC 6184 8.1). "unknown" if unreadable."""
    _, idc, constraints, _ = _profile_level(codec)
    matches = (name for name, wanted, mask, value in _H264_PROFILES if idc == wanted and constraints & mask == value)
    return next(matches, "unknown")


def _profile_level(codec: Codec) -> tuple[str, int, int, int]:
    text = (codec.parameter("profile-level-id") or "42000a").lower()
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    return (text, data[0], data[1], data[2]) if len(data) == 3 else (text, 0, 0, 0)


def _best_match(offered: Sequence[Codec], ours: Codec) -> Codec | None:
    same = [codec for codec in offered if _same_encoding(codec, ours)]
    if ours.name.lower() != "h264":
        return same[0] if same else None
    mode = ours.parameter("packetization-mode") or "0"
    same = [codec for codec in same if (codec.parameter("packetization-mode") or "0") == mode]
    exact = [codec for codec in same if h264_profile(codec) == h264_profile(ours)]
    playable = [codec for codec in same if h264_profile(codec) != "unknown"]
    return next(iter(exact + playable), None)


def _same_encoding(one: Codec, other: Codec) -> bool:
    names = one.name.lower() == other.name.lower()
    return names and one.clock_rate == other.clock_rate and one.channels == other.channels


def _agreed(theirs: Codec, ours: Codec) -> Codec:
    feedback = tuple(text for text in ours.feedback if text in theirs.feedback)
    parameters = _h264_parameters(theirs, ours) if ours.name.lower() == "h264" else ours.parameters
    return replace(theirs, parameters=parameters, feedback=feedback)


def _h264_parameters(theirs: Codec, ours: Codec) -> tuple[tuple[str, str | None], ...]:
    """Ours, with the offer's profile. Levels may differ only if both say so, else the lower counts (RFC 6184 8.2.2)."""
    text, _, _, their_level = _profile_level(theirs)
    *_, our_level = _profile_level(ours)
    free = theirs.parameter("level-asymmetry-allowed") == ours.parameter("level-asymmetry-allowed") == "1"
    level = our_level if free else min(our_level, their_level)
    profile = f"{text[:4]}{level:02x}"
    changed = {"profile-level-id": profile, "level-asymmetry-allowed": "1" if free else "0"}
    return tuple((key, changed.get(key, value)) for key, value in ours.parameters)


def _names(codecs: Sequence[Codec]) -> str:
    """Names without repair formats; H.264 says why it did not fit."""
    names = [f"{codec.name}{_mode(codec)}" for codec in codecs if codec.name.lower() not in ("rtx", "red", "ulpfec")]
    return ", ".join(dict.fromkeys(names)) or "no codec at all"


def _mode(codec: Codec) -> str:
    mode = codec.parameter("packetization-mode") or "0"
    if codec.name.lower() != "h264" or (mode == "1" and h264_profile(codec) != "unknown"):
        return ""
    return f" (packetization-mode {mode}, profile {h264_profile(codec)})"
