"""What a section says of its payload types and header extensions: read once, for it stands the same in every description.

In a run of many participants these lines make more than half of every description, and are the same in all of them; what
differs (credentials, candidates, sources) is read elsewhere. A small cache by the lines themselves is all the template that
is needed: a description that differs is simply read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import cast

from probe.wire.codecs import Codec
from probe.wire.sdp_types import DIRECTIONS, Direction, SdpError, number

# Static payload types that still appear without rtpmap (RFC 3551 6).
_STATIC = {0: Codec(0, "PCMU", 8000), 8: Codec(8, "PCMA", 8000), 9: Codec(9, "G722", 8000)}

_KEPT = 64
_KEPT_CHARACTERS = 20_000
"""Sections that are kept, and the longest worth keeping: some megabytes at the very most. Chromium's video takes 5 000."""


class FormatError(SdpError):
    """The attribute in `line` can't be read."""

    def __init__(self, line: str, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Formats:
    """The described codecs in the m-line's order, the payload types that nothing describes, and the header extensions as
    (id, URI) and (id, direction) where that is not sendrecv."""

    codecs: tuple[Codec, ...]
    undescribed: tuple[str, ...]
    extensions: tuple[tuple[int, str], ...]
    extension_directions: tuple[tuple[int, Direction], ...]


@dataclass(slots=True)
class _Reading:
    rtpmaps: dict[int, Codec] = field(default_factory=dict)
    parameters: dict[int, tuple[tuple[str, str | None], ...]] = field(default_factory=dict)
    feedback: list[tuple[str, str]] = field(default_factory=list)
    extensions: dict[int, str] = field(default_factory=dict)
    directions: dict[int, Direction] = field(default_factory=dict)


def read_formats(payload_types: tuple[int, ...], lines: tuple[str, ...]) -> Formats:
    """The m-line's payload types, and all lines of the section that begin with one of `ATTRIBUTES`. Raises FormatError."""
    if sum(map(len, lines)) > _KEPT_CHARACTERS:
        return _read.__wrapped__(payload_types, lines)
    return _read(payload_types, lines)


@lru_cache(maxsize=_KEPT)
def _read(payload_types: tuple[int, ...], lines: tuple[str, ...]) -> Formats:
    reading = _Reading()
    for line in lines:
        name, _, value = line.partition(":")
        try:
            _READERS[name](reading, value.strip())
        except SdpError as error:
            raise FormatError(line, str(error)) from None
    return Formats(
        *_codecs(reading, payload_types), tuple(reading.extensions.items()), tuple(reading.directions.items())
    )


def _codecs(reading: _Reading, payload_types: tuple[int, ...]) -> tuple[tuple[Codec, ...], tuple[str, ...]]:
    codecs, undescribed = [], []
    for payload_type in dict.fromkeys(payload_types):
        codec = reading.rtpmaps.get(payload_type) or _STATIC.get(payload_type)
        if codec is None:
            undescribed.append(str(payload_type))
            continue
        feedback = dict.fromkeys(text for target, text in reading.feedback if target in ("*", str(payload_type)))
        parameters = reading.parameters.get(payload_type, ())
        codecs.append(replace(codec, parameters=parameters, feedback=tuple(feedback)))
    return tuple(codecs), tuple(undescribed)


def _rtpmap(reading: _Reading, value: str) -> None:
    payload_type, _, encoding = value.partition(" ")
    name, *numbers = encoding.strip().split("/")
    if not name or len(numbers) not in (1, 2):
        raise SdpError("expected 'a=rtpmap:type name/rate' or 'name/rate/channels'")
    key = number(payload_type, "payload type", 0, 127)
    channels = number(numbers[1], "channels", 1, 255) if len(numbers) == 2 else 1
    reading.rtpmaps[key] = Codec(key, name, number(numbers[0], "clock rate", 1, 10**9), channels)


def _fmtp(reading: _Reading, value: str) -> None:
    payload_type, _, rest = value.partition(" ")
    if not payload_type.isdigit():  # data channels: `a=fmtp:webrtc-datachannel …` (old Firefox)
        return
    pairs = (part.strip().partition("=") for part in rest.split(";") if part.strip())
    key = number(payload_type, "payload type", 0, 127)
    reading.parameters[key] = tuple((name.strip(), text.strip() if equals else None) for name, equals, text in pairs)


def _rtcp_fb(reading: _Reading, value: str) -> None:
    payload_type, _, feedback = value.partition(" ")
    if payload_type != "*":
        number(payload_type, "payload type", 0, 127)
    reading.feedback.append((payload_type, " ".join(feedback.split())))


def _extmap(reading: _Reading, value: str) -> None:
    words = value.split()
    if len(words) < 2:
        raise SdpError("expected 'a=extmap:id uri' or 'a=extmap:id/direction uri'")
    identifier, slash, direction = words[0].partition("/")
    key = number(identifier, "extension id", 1, 4351)  # RFC 8285 7: 4096..4351 are offered by who runs out of ids
    if slash and direction not in DIRECTIONS:
        raise SdpError(f"{direction!r} is no direction; valid: {', '.join(DIRECTIONS)}")
    reading.extensions[key] = words[1]
    if slash and direction != "sendrecv":
        reading.directions[key] = cast(Direction, direction)


_READERS: dict[str, Callable[[_Reading, str], None]] = {
    "a=rtpmap": _rtpmap,
    "a=fmtp": _fmtp,
    "a=rtcp-fb": _rtcp_fb,
    "a=extmap": _extmap,
}
ATTRIBUTES = frozenset(_READERS)
