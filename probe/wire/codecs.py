"""Codecs as SDP describes them (RFC 8866 6.6 rtpmap, 6.15 fmtp; RFC 4585 rtcp-fb), and those meetprobe speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Codec:
    """One payload type of a section. `clock_rate` in Hz; `parameters` are the fmtp pairs in order, the value None where
    there is no `=` (telephone-event's `0-15`); `feedback` holds rtcp-fb values such as `nack pli`."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: tuple[tuple[str, str | None], ...] = ()
    feedback: tuple[str, ...] = ()

    def parameter(self, key: str) -> str | None:
        """The value of an fmtp parameter (names compare without case), None if absent."""
        wanted = key.lower()
        return next((value for name, value in self.parameters if name.lower() == wanted), None)

    @property
    def is_rtx(self) -> bool:
        """Retransmission payload, RFC 4588."""
        return self.name.lower() == "rtx"

    @property
    def apt(self) -> int | None:
        """The payload type an RTX codec repairs (RFC 4588 8.1), None for others or where it is not a number."""
        value = self.parameter("apt") if self.is_rtx else None
        return int(value) if value is not None and value.isascii() and value.isdigit() else None


_AUDIO_FEEDBACK = ("transport-cc",)
_VIDEO_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")


def _rtx(payload_type: int, apt: int) -> Codec:
    return Codec(payload_type, "rtx", 90000, parameters=(("apt", str(apt)),))


_OPUS = (("minptime", "10"), ("useinbandfec", "1"))

OUR_AUDIO: tuple[Codec, ...] = (Codec(111, "opus", 48000, 2, _OPUS, _AUDIO_FEEDBACK),)

# Constrained Baseline, level 3.1: what every WebRTC endpoint must take (RFC 7742 6.2).
_H264 = (("level-asymmetry-allowed", "1"), ("packetization-mode", "1"), ("profile-level-id", "42e01f"))

OUR_VIDEO: tuple[Codec, ...] = (
    Codec(96, "VP8", 90000, feedback=_VIDEO_FEEDBACK),
    _rtx(97, 96),
    Codec(102, "H264", 90000, parameters=_H264, feedback=_VIDEO_FEEDBACK),
    _rtx(103, 102),
)


def rtx_for(codecs: Sequence[Codec], payload_type: int) -> int | None:
    """The payload type that retransmits `payload_type`, None if none was described."""
    return next((codec.payload_type for codec in codecs if codec.apt == payload_type), None)
