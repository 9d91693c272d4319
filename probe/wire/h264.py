"""H.264 over RTP, RFC 6184, packetization-mode 1: single NAL units, STAP-A and FU-A; frames are Annex B."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.wire.payload_base import PayloadError, balanced_sizes

SLICE, IDR, SEI, SPS, PPS, DELIMITER = 1, 5, 6, 7, 8, 9  # nal_unit_type, H.264 table 7-1
STAP_A, FU_A = 24, 28  # RFC 6184 table 1
_START_CODE = b"\x00\x00\x00\x01"


def split_annex_b(frame: bytes) -> list[bytes]:
    """The NAL units between start codes of three or four bytes (H.264 B.1). Raises PayloadError if there is none."""
    begin = frame.find(b"\x00\x00\x01")
    if begin < 0 or frame[:begin].strip(b"\x00"):
        raise PayloadError("not an H.264 Annex B frame: it does not begin with a start code")
    # Zeros before a start code belong to it or to padding: a NAL unit never ends in a zero byte (H.264 7.4.1).
    units = [part.rstrip(b"\x00") for part in frame[begin + 3 :].split(b"\x00\x00\x01")]
    units = [unit for unit in units if unit]
    if not units:
        raise PayloadError("an H.264 frame without a NAL unit")
    return units


class H264Payloader:
    """Cuts Annex B frames: neighbouring small NAL units share a STAP-A, large ones become FU-A parts of equal size."""

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """Payloads of at most `max_size` bytes. Raises PayloadError."""
        if max_size < 3:
            raise PayloadError(f"{max_size} bytes leave no room beside an FU-A header of 2")
        payloads: list[bytes] = []
        group: list[bytes] = []
        for unit in split_annex_b(frame):
            if group and 1 + sum(2 + len(member) for member in (*group, unit)) > max_size:
                payloads.append(_aggregate(group))
                group = []
            if len(unit) > max_size:
                payloads += _fragment(unit, max_size)
            else:
                group.append(unit)
        return payloads + ([_aggregate(group)] if group else [])


def _aggregate(units: list[bytes]) -> bytes:
    """STAP-A, RFC 6184 5.7.1; a single unit goes as it is."""
    if len(units) == 1:
        return units[0]
    forbidden = max(unit[0] & 0x80 for unit in units)
    importance = max(unit[0] & 0x60 for unit in units)
    return bytes([forbidden | importance | STAP_A]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def _fragment(unit: bytes, max_size: int) -> Iterator[bytes]:
    """FU-A, RFC 6184 5.8: the NAL header is taken apart into indicator and FU header."""
    indicator, kind, body = unit[0] & 0xE0 | FU_A, unit[0] & 0x1F, unit[1:]
    position = 0
    for size in balanced_sizes(len(body), max_size - 2):
        end = position + size
        flags = (0x80 if position == 0 else 0) | (0x40 if end == len(body) else 0)
        yield bytes([indicator, flags | kind]) + body[position:end]
        position = end


class H264Format:
    """Reads H.264 payloads.

    A frame's beginning is not always marked: a parameter set or SEI may have been sent before the packet at hand. Sure
    are a delimiter, an SPS, and the first slice (first_mb_in_slice = 0) of a picture that is not IDR, since WebRTC
    senders send parameter sets with IDR pictures only.
    """

    name = "H264"
    clock_rate = 90000

    def starts_frame(self, payload: bytes) -> bool:
        """Any unit that may stand first: not a later fragment, nor a slice that begins below the picture's top."""
        unit = _first_unit(payload)
        if len(unit) < 2:
            return False
        # first_mb_in_slice is ue(v): 0 is the single bit 1 (H.264 7.3.3, 9.1).
        return unit[1] & 0x80 != 0 if unit[0] & 0x1F in (SLICE, IDR) else unit[0] & 0x1F in (SEI, SPS, PPS, DELIMITER)

    def surely_starts_frame(self, payload: bytes) -> bool:
        """See the class: delimiter, SPS, or first slice of a non-IDR picture."""
        return self.starts_frame(payload) and _first_unit(payload)[0] & 0x1F in (SLICE, SPS, DELIMITER)

    def is_keyframe(self, payload: bytes) -> bool:
        """Whether an SPS or the beginning of an IDR slice is in this payload; aggregates are looked into."""
        try:
            if payload and payload[0] & 0x1F == STAP_A:
                return any(unit[0] & 0x1F in (SPS, IDR) for unit in _members(payload))
        except PayloadError:
            return False
        unit = _first_unit(payload)
        return len(unit) > 0 and unit[0] & 0x1F in (SPS, IDR)

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """Annex B with four-byte start codes. Raises PayloadError for broken aggregates or fragment sequences."""
        frame = bytearray()
        open_kind: int | None = None  # nal_unit_type of the FU-A unit that has begun and not ended
        for payload in payloads:
            if not payload:
                raise PayloadError("an empty H.264 payload")
            if payload[0] & 0x1F == FU_A:
                open_kind = _join(frame, payload, open_kind)
                continue
            if open_kind is not None:
                raise PayloadError("an FU-A fragment without its end")
            for unit in _whole_units(payload):
                frame += _START_CODE + unit
        if open_kind is not None or not frame:
            raise PayloadError("an FU-A fragment without its end" if frame else "an H.264 frame without payloads")
        return bytes(frame)


def _first_unit(payload: bytes) -> bytes:
    """Header byte and beginning of the first NAL unit in a payload; empty if none begins there or it can't be read."""
    kind = payload[0] & 0x1F if payload else 0
    if kind == FU_A:
        begins = len(payload) > 2 and payload[1] & 0x80
        return bytes([payload[0] & 0xE0 | payload[1] & 0x1F, payload[2]]) if begins else b""
    if kind == STAP_A:
        return payload[3:5] if len(payload) > 4 else b""
    return payload[:2] if 1 <= kind <= 23 else b""


def _whole_units(payload: bytes) -> list[bytes]:
    kind = payload[0] & 0x1F
    if kind == STAP_A:
        return _members(payload)
    if not 1 <= kind <= 23:
        raise PayloadError(f"H.264 packet type {kind} does not belong to packetization-mode 1")
    return [payload]


def _members(payload: bytes) -> list[bytes]:
    """The NAL units of a STAP-A. Raises PayloadError if a size runs past the end or there is no unit."""
    units, position = [], 1
    while position < len(payload):
        size = int.from_bytes(payload[position : position + 2], "big")
        unit = payload[position + 2 : position + 2 + size]
        if size == 0 or len(unit) < size:
            raise PayloadError(f"a STAP-A unit of {size} bytes does not fit at byte {position} of {len(payload)}")
        units.append(unit)
        position += 2 + size
    if not units:
        raise PayloadError("an empty STAP-A")
    return units


def _join(frame: bytearray, payload: bytes, open_kind: int | None) -> int | None:
    """Append an FU-A part; the NAL type that stays open, None after the end part."""
    if len(payload) < 3:
        raise PayloadError(f"an FU-A payload of {len(payload)} bytes")
    header = payload[1]
    kind, begins = header & 0x1F, bool(header & 0x80)
    if begins == (open_kind is not None) or (not begins and kind != open_kind):
        raise PayloadError("FU-A fragments out of sequence")
    if begins:
        frame += _START_CODE
        frame.append(payload[0] & 0xE0 | kind)
    frame += payload[2:]
    return None if header & 0x40 else kind
