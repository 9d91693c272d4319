"""What a sender really sent: heard packet by packet behind its packetiser, before any network."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.wire import extensions as ext
from probe.wire.payload import format_for
from probe.wire.rtp import SequenceUnwrapper, parse_header, payload


class SentPacket(NamedTuple):
    """`number`: extended sequence number, as the link counts them. `capture`: monotonic seconds."""

    number: int
    timestamp: int
    marker: bool
    payload: bytes
    size: int
    capture: float | None


class SentFrame(NamedTuple):
    """A video frame as it was sent: packets `first` to `last`, captured at `capture` (monotonic seconds)."""

    timestamp: int
    first: int
    last: int
    keyframe: bool
    capture: float
    data: bytes


@dataclass(slots=True)
class SentStream:
    """One SSRC of a sender with its retransmissions: `repairs` says which media packet an RTX packet carries, both by
    extended number."""

    kind: str
    codec: str
    clock_rate: int
    ssrc: int
    rtx_ssrc: int
    capture_id: int | None
    to_monotonic: Callable[[float], float]
    packets: list[SentPacket] = field(default_factory=list)
    repairs: dict[int, int] = field(default_factory=dict)
    _unwrap: SequenceUnwrapper = field(default_factory=SequenceUnwrapper)
    _unwrap_rtx: SequenceUnwrapper = field(default_factory=SequenceUnwrapper)

    def hear(self, packet: bytes) -> None:
        """A clear packet, on its way out."""
        header = parse_header(packet)
        body = payload(packet, header)
        if header.ssrc == self.rtx_ssrc:
            (original,) = struct.unpack_from("!H", body)  # RFC 4588 section 4
            highest = self.packets[-1].number
            self.repairs[self._unwrap_rtx.unwrap(header.sequence_number)] = highest - ((highest - original) & 0xFFFF)
            return
        value = header.extensions.get(self.capture_id) if self.capture_id is not None else None
        capture = self.to_monotonic(ext.abs_capture_time_decode(value)) if value is not None else None
        number = self._unwrap.unwrap(header.sequence_number)
        self.packets.append(SentPacket(number, header.timestamp, header.marker, body, len(packet), capture))

    def frames(self) -> list[SentFrame]:
        """The frames of a video stream, in order. The camera's frames follow each other without a hole."""
        found: list[SentFrame] = []
        group: list[SentPacket] = []
        for packet in self.packets:
            group.append(packet)
            if packet.marker:
                found.append(self._frame(group))
                group = []
        return found

    def _frame(self, group: list[SentPacket]) -> SentFrame:
        form = format_for(self.codec)
        bodies = [packet.payload for packet in group]
        capture = group[0].capture
        if capture is None:
            raise ValueError("a frame without capture time: the header extension was not negotiated")
        keyframe = any(form.is_keyframe(body) for body in bodies)
        return SentFrame(
            group[0].timestamp, group[0].number, group[-1].number, keyframe, capture, form.assemble(bodies)
        )


def frame_of(frames: Sequence[SentFrame], number: int) -> int:
    """Position of the frame that packet `number` belongs to."""
    return bisect_right(frames, number, key=lambda frame: frame.first) - 1
