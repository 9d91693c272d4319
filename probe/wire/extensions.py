"""RTP header extension elements: the URIs that descriptions name them by, and their bytes."""

from __future__ import annotations

from struct import Struct

from probe.wire.rtp import RtpError, ntp_from_fixed, ntp_to_fixed

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

_UINT16 = Struct("!H")
_UINT64 = Struct("!Q")
_INT64 = Struct("!q")


class ExtensionError(RtpError):
    """The bytes are not such an element, or the value does not fit into one."""


def abs_capture_time_encode(ntp_seconds: float) -> bytes:
    """Capture instant, seconds since 1900, as UQ32.32 in 8 bytes. Raises RtpError for a negative or infinite time."""
    return _UINT64.pack(ntp_to_fixed(ntp_seconds))


def abs_capture_time_decode(data: bytes) -> float:
    """Capture instant in seconds since 1900, by the capturer's clock. The 16-byte form, which adds a mixer's estimate
    of the clock offset between the two hops, is read too; its offset is left alone."""
    if len(data) not in (8, 16):
        raise ExtensionError(f"abs-capture-time has 8 or 16 bytes, not {len(data)}")
    return ntp_from_fixed(_UINT64.unpack_from(data)[0])


def abs_capture_offset_decode(data: bytes) -> float | None:
    """How far the capturer's clock is ahead of the sender's, in seconds, as the sender estimates: Q32.32 in the last 8 of 16 bytes.
    None in the 8-byte form, which does not say."""
    return int(_INT64.unpack_from(data, 8)[0]) / 2**32 if len(data) == 16 else None


def abs_send_time_encode(ntp_seconds: float) -> bytes:
    """Time of sending as 6.18 fixed point in 3 bytes: seconds modulo 64, in steps of 3.8 µs."""
    return (ntp_to_fixed(ntp_seconds) >> 14 & 0xFFFFFF).to_bytes(3, "big")


def abs_send_time_decode(data: bytes) -> float:
    """Time of sending in seconds modulo 64."""
    if len(data) != 3:
        raise ExtensionError(f"abs-send-time has 3 bytes, not {len(data)}")
    return int.from_bytes(data, "big") / 262144.0


def transport_sequence_encode(sequence: int) -> bytes:
    """Transport-wide sequence number, 16 bits."""
    if not 0 <= sequence <= 0xFFFF:
        raise ExtensionError(f"transport sequence {sequence} is not within 0 … 65535")
    return _UINT16.pack(sequence)


def transport_sequence_decode(data: bytes) -> int:
    """Transport-wide sequence number. The second version of the extension appends a feedback request, ignored here."""
    if len(data) not in (2, 4):
        raise ExtensionError(f"a transport sequence has 2 or 4 bytes, not {len(data)}")
    return int(_UINT16.unpack_from(data)[0])


def audio_level_encode(level_dbov: int, voice: bool) -> bytes:
    """RFC 6464: level in −dBov (0 loudest … 127 silence) and whether there is voice in it."""
    if not 0 <= level_dbov <= 127:
        raise ExtensionError(f"audio level {level_dbov} is not within 0 … 127 (-dBov)")
    return bytes((level_dbov | (0x80 if voice else 0),))


def audio_level_decode(data: bytes) -> tuple[int, bool]:
    """(level in −dBov, voice). RFC 6464 section 3: the two-byte form may carry one more byte, to be ignored."""
    if len(data) not in (1, 2):
        raise ExtensionError(f"an audio level has 1 byte, not {len(data)}")
    return data[0] & 0x7F, data[0] >= 0x80


def text_encode(text: str) -> bytes:
    """An SDES item (RFC 7941): UTF-8, 1 to 255 bytes."""
    data = text.encode()
    if not 1 <= len(data) <= 255:
        raise ExtensionError(f"an SDES item has 1 to 255 bytes, not {len(data)}")
    return data


def text_decode(data: bytes) -> str:
    """The text of an SDES item. Trailing zero bytes, with which some senders fill up words, are dropped."""
    try:
        text = bytes(data).rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise ExtensionError(f"an SDES item is not UTF-8: {data!r}") from error
    if not text:
        raise ExtensionError("an SDES item is empty")
    return text


mid_encode = rid_encode = text_encode
mid_decode = rid_decode = text_decode
