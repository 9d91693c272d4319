"""VP8 over RTP, RFC 7741: the payload descriptor, cutting and joining of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.wire.payload_base import PayloadError, balanced_sizes


@dataclass(frozen=True, slots=True)
class Vp8Descriptor:
    """RFC 7741 4.2. None where the field is absent; `picture_id_bits` is 7 or 15. `size` is its length in bytes."""

    start_of_partition: bool
    partition: int = 0
    non_reference: bool = False
    picture_id: int | None = None
    picture_id_bits: int = 15
    tl0_picture_index: int | None = None
    temporal_layer: int | None = None
    layer_sync: bool = False
    key_index: int | None = None
    size: int = 1

    @classmethod
    def parse(cls, payload: bytes) -> Vp8Descriptor:
        """Read the descriptor that begins a payload. Raises PayloadError if it is cut short or nothing follows it."""
        if not payload:
            raise PayloadError("an empty VP8 payload")
        first = payload[0]
        extended, position = first & 0x80, 1
        flags = _byte(payload, 1) if extended else 0
        position += 1 if extended else 0
        picture_id, bits = None, 15
        if flags & 0x80:
            picture_id, bits = _picture_id(payload, position)
            position += 2 if bits == 15 else 1
        tl0 = None
        if flags & 0x40:
            tl0 = _byte(payload, position)
            position += 1
        layers = None
        if flags & 0x30:
            layers = _byte(payload, position)
            position += 1
        if position >= len(payload):
            raise PayloadError(f"a VP8 payload of {len(payload)} bytes ends within or right after its descriptor")
        return cls(
            start_of_partition=bool(first & 0x10),
            partition=first & 0x07,
            non_reference=bool(first & 0x20),
            picture_id=picture_id,
            picture_id_bits=bits,
            tl0_picture_index=tl0,
            temporal_layer=layers >> 6 if layers is not None and flags & 0x20 else None,
            layer_sync=bool(layers is not None and flags & 0x20 and layers & 0x20),
            key_index=layers & 0x1F if layers is not None and flags & 0x10 else None,
            size=position,
        )

    def to_bytes(self) -> bytes:
        """The descriptor as sent; `size` is not used. Raises PayloadError for a value that does not fit its field."""
        self._check()
        flags = (self.picture_id is not None) << 7 | (self.tl0_picture_index is not None) << 6
        flags |= (self.temporal_layer is not None) << 5 | (self.key_index is not None) << 4
        first = self.non_reference << 5 | self.start_of_partition << 4 | self.partition
        data = bytearray([first | 0x80, flags] if flags else [first])
        if self.picture_id is not None:
            long_form = self.picture_id_bits == 15
            data += (self.picture_id | 0x8000).to_bytes(2, "big") if long_form else bytes([self.picture_id])
        if self.tl0_picture_index is not None:
            data.append(self.tl0_picture_index)
        if flags & 0x30:
            data.append((self.temporal_layer or 0) << 6 | self.layer_sync << 5 | (self.key_index or 0))
        return bytes(data)

    def _check(self) -> None:
        fields = (
            ("partition", self.partition, 8),
            ("picture id", self.picture_id, 1 << (15 if self.picture_id_bits == 15 else 7)),
            ("TL0PICIDX", self.tl0_picture_index, 256),
            ("temporal layer", self.temporal_layer, 4),
            ("KEYIDX", self.key_index, 32),
        )
        for name, value, limit in fields:
            if value is not None and not 0 <= value < limit:
                raise PayloadError(f"{name} {value} is not below {limit}")


def _byte(payload: bytes, position: int) -> int:
    if position >= len(payload):
        raise PayloadError(f"a VP8 descriptor that ends after {len(payload)} bytes")
    return payload[position]


def _picture_id(payload: bytes, position: int) -> tuple[int, int]:
    first = _byte(payload, position)
    if not first & 0x80:
        return first, 7
    return (first & 0x7F) << 8 | _byte(payload, position + 1), 15


class Vp8Format:
    """Reads VP8 payloads. S with partition index 0 marks a frame's first packet beyond doubt."""

    name = "VP8"
    clock_rate = 90000

    def starts_frame(self, payload: bytes) -> bool:
        """S set and partition index 0 (RFC 7741 4.2); both stand in the first byte."""
        return len(payload) > 1 and payload[0] & 0x17 == 0x10

    def surely_starts_frame(self, payload: bytes) -> bool:
        """The same: VP8 leaves no doubt."""
        return self.starts_frame(payload)

    def is_keyframe(self, payload: bytes) -> bool:
        """A first packet whose frame header has P = 0 (RFC 7741 4.3)."""
        if not self.starts_frame(payload):
            return False
        try:
            return not payload[Vp8Descriptor.parse(payload).size] & 0x01
        except PayloadError:
            return False

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """The frame without descriptors. Raises PayloadError if it does not begin, or another one begins within."""
        if not payloads or not self.starts_frame(payloads[0]):
            raise PayloadError("a VP8 frame whose first packet does not start it")
        if any(self.starts_frame(payload) for payload in payloads[1:]):
            raise PayloadError("a VP8 frame begins within another")
        return b"".join([payload[Vp8Descriptor.parse(payload).size :] for payload in payloads])


class Vp8Payloader:
    """Cuts VP8 frames into packets of equal size with a 15-bit picture id that counts frames from `picture_id`."""

    def __init__(self, picture_id: int = 0) -> None:
        self.picture_id = picture_id & 0x7FFF

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """Payloads of at most `max_size` bytes with a 4-byte descriptor. Raises PayloadError."""
        if not frame:
            raise PayloadError("an empty VP8 frame")
        first = Vp8Descriptor(True, picture_id=self.picture_id).to_bytes()
        later = Vp8Descriptor(False, picture_id=self.picture_id).to_bytes()
        if max_size <= len(first):
            raise PayloadError(f"{max_size} bytes leave no room beside a VP8 descriptor of {len(first)}")
        self.picture_id = (self.picture_id + 1) & 0x7FFF
        payloads, position = [], 0
        for size in balanced_sizes(len(frame), max_size - len(first)):
            payloads.append((later if position else first) + frame[position : position + size])
            position += size
        return payloads
