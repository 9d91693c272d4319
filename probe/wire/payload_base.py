"""What every payload format must offer: the protocols that the assembler and the senders are written against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class PayloadError(ValueError):
    """A payload or a frame that its format does not allow."""


class Payloader(Protocol):
    """Cuts encoded frames into RTP payloads."""

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The frame's payloads of at most `max_size` bytes, descriptors included; the last one gets the marker.

        Raises PayloadError for a frame that is none, or a `max_size` that leaves no room.
        """
        ...


class PayloadFormat(Protocol):
    """Reads RTP payloads. The predicates answer False to payloads they can't read; only `assemble` raises."""

    @property
    def name(self) -> str:
        """The encoding name in rtpmap."""
        ...

    @property
    def clock_rate(self) -> int:
        """RTP timestamp units per second."""
        ...

    def starts_frame(self, payload: bytes) -> bool:
        """Could this payload be the first of a frame?"""
        ...

    def surely_starts_frame(self, payload: bytes) -> bool:
        """Is it the first of a frame, whatever may have been lost before it?"""
        ...

    def is_keyframe(self, payload: bytes) -> bool:
        """Does the frame that begins here start a decodable sequence?"""
        ...

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """The frame, as a decoder wants it, from all its payloads in order. Raises PayloadError."""
        ...


def balanced_sizes(total: int, limit: int) -> list[int]:
    """`total` bytes in the fewest parts of at most `limit` (> 0), sizes differing by one at most: equal packets
    leave no tiny last one that would cost a whole header."""
    parts = max(1, -(-total // limit))
    small, larger = divmod(total, parts)
    return [small + 1] * larger + [small] * (parts - larger)
