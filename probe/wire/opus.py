"""Opus over RTP, RFC 7587: one packet is one payload, so there is nothing to cut or to join; and its duration."""

from __future__ import annotations

from collections.abc import Sequence

from probe.wire.payload_base import PayloadError

MAX_DURATION = 0.120
"""Seconds that one packet may hold (RFC 6716 3.4 [R5])."""

_SILK, _HYBRID, _CELT = (0.010, 0.020, 0.040, 0.060), (0.010, 0.020), (0.0025, 0.005, 0.010, 0.020)


def packet_duration(payload: bytes) -> float:
    """Seconds of sound in a packet by its TOC byte (RFC 6716 3.1). Raises PayloadError for a malformed one."""
    if not payload:
        raise PayloadError("an empty Opus packet")
    configuration, code = payload[0] >> 3, payload[0] & 0x03
    if configuration < 12:
        frame = _SILK[configuration & 0x03]
    elif configuration < 16:
        frame = _HYBRID[configuration & 0x01]
    else:
        frame = _CELT[configuration & 0x03]
    count = (1, 2, 2)[code] if code < 3 else _frame_count(payload)
    if frame * count > MAX_DURATION + 1e-9:
        raise PayloadError(f"an Opus packet of {count} frames of {frame * 1000:g} ms: 120 ms is the limit")
    return frame * count


def _frame_count(payload: bytes) -> int:
    count = payload[1] & 0x3F if len(payload) > 1 else 0
    if count == 0:
        raise PayloadError("an Opus packet of code 3 without a frame count")
    return count


class OpusFormat:
    """Reads Opus payloads: each is a frame of its own and decodable by itself."""

    name = "opus"
    clock_rate = 48000

    def starts_frame(self, payload: bytes) -> bool:
        """Always, unless empty."""
        return len(payload) > 0

    def surely_starts_frame(self, payload: bytes) -> bool:
        """Always, unless empty."""
        return len(payload) > 0

    def is_keyframe(self, payload: bytes) -> bool:
        """Always, unless empty: a decoder may begin anywhere."""
        return len(payload) > 0

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """The packet itself. Raises PayloadError unless there is exactly one, not empty."""
        if len(payloads) != 1 or not payloads[0]:
            raise PayloadError(
                f"an Opus frame is one packet, not {len(payloads)}" if payloads else "an empty Opus frame"
            )
        return bytes(payloads[0])


class OpusPayloader:
    """Passes Opus packets through."""

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The packet itself. Raises PayloadError if it is empty or larger than `max_size`: it can't be cut."""
        if not frame or len(frame) > max_size:
            raise PayloadError(f"an Opus packet of {len(frame)} bytes; 1 to {max_size} can be sent")
        return [frame]
