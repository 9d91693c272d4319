"""Sends one track on one peer connection: packetise, number, keep for retransmission, answer feedback.

The media itself is shared: the same encoded frame goes out on every path of a participant, each with its own SSRC, sequence
numbers and timestamps, and with the capture time in a header extension, by which the receiver knows the same media on two
paths for the same.
"""

from __future__ import annotations

import random
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from probe.rtc.clock import Clock
from probe.rtc.transceiver import Transceiver
from probe.wire import extensions as ext
from probe.wire.payload import payloader_for
from probe.wire.rtcp import Nack, SenderReport
from probe.wire.rtp import build_packet

MAX_PAYLOAD = 1100
"""Bytes of payload per packet: with RTP, SRTP, UDP and TURN headers it stays below 1200."""

_HISTORY = 1024


@dataclass(frozen=True, slots=True)
class MediaUnit:
    """One frame (video) or packet (audio) on its way out. `capture_time`: monotonic seconds at which it was handed out;
    `position`: its number on the media's own clock (audio: packets of 20 ms); `index`: frame ID of the content."""

    kind: str
    data: bytes
    keyframe: bool
    capture_time: float
    position: int
    index: int


def as_rtx(packet: bytes, ssrc: int, payload_type: int, sequence: int) -> bytes:
    """RFC 4588 section 4: own SSRC, payload type and sequence; the original sequence number heads the payload."""
    header_length = 12 + (4 + 4 * struct.unpack_from("!H", packet, 14)[0] if packet[0] & 0x10 else 0)
    head = bytearray(packet[:header_length])
    original = head[2:4]
    head[1] = (head[1] & 0x80) | payload_type
    struct.pack_into("!H", head, 2, sequence)
    struct.pack_into("!I", head, 8, ssrc)
    return bytes(head) + bytes(original) + packet[header_length:]


class FeedbackAnswers:
    """How a sender answers feedback, wherever its packets are kept: sent again, or a keyframe wanted."""

    rtx_ssrc: int
    nacks: int
    plis: int
    retransmitted: int
    retransmitted_bytes: int
    _send: Callable[[bytes], None]
    _want_keyframe: Callable[[], None]
    _rtx_payload_type: int | None
    _rtx_sequence: int

    def _kept(self, sequence: int) -> bytes | None:
        """The clear packet of that 16-bit number, None when it is forgotten."""
        raise NotImplementedError

    def _sent_again(self, size: int) -> None:
        """A retransmission of so many bytes is about to go out."""
        raise NotImplementedError

    def on_nack(self, nack: Nack) -> None:
        """Send again what is still known: as RTX (RFC 4588) where negotiated, else the packet itself."""
        self.nacks += 1
        for sequence in nack.sequence_numbers:
            packet = self._kept(sequence)
            if packet is None:
                continue
            self.retransmitted += 1
            again = packet if self._rtx_payload_type is None else self._as_rtx(packet)
            self._sent_again(len(again))
            self._send(again)

    def _as_rtx(self, packet: bytes) -> bytes:
        assert self._rtx_payload_type is not None
        again = as_rtx(packet, self.rtx_ssrc, self._rtx_payload_type, self._rtx_sequence)
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        return again

    def on_picture_loss(self) -> None:
        """PLI or FIR: a keyframe as soon as the source can."""
        self.plis += 1
        self._want_keyframe()


class TrackSender(FeedbackAnswers):
    """One outgoing stream (RFC 3550). `send(packet)` is the peer's `send_rtp`, `want_keyframe` asks the source."""

    def __init__(
        self,
        transceiver: Transceiver,
        clock: Clock,
        send: Callable[[bytes], None],
        want_keyframe: Callable[[], None],
        rng: random.Random,
    ) -> None:
        assert transceiver.sender is not None
        codec = transceiver.codec()
        self.kind = transceiver.kind
        self.ssrc = transceiver.sender.ssrc
        self.rtx_ssrc = transceiver.sender.rtx_ssrc
        self.cname = transceiver.sender.cname
        self.codec_name = codec.name
        self.packets = 0
        self.octets = 0
        self.wire_bytes = 0
        self.frames = 0
        self.nacks = 0
        self.plis = 0
        self.retransmitted = 0
        self.retransmitted_bytes = 0
        self._clock = clock
        self._send = send
        self._want_keyframe = want_keyframe
        self._payload_type = codec.payload_type
        self._clock_rate = codec.clock_rate
        self._rtx_payload_type = transceiver.rtx_payload_type()
        self._capture_id = transceiver.extension_id(ext.ABS_CAPTURE_TIME)
        self._mid_id = transceiver.extension_id(ext.MID)
        self._mid = transceiver.mid.encode()
        self._payloader = payloader_for(codec.name)
        self._sequence = rng.randrange(1 << 15)
        self._rtx_sequence = rng.randrange(1 << 15)
        self._timestamp_base = rng.randrange(1 << 32)
        self._history: OrderedDict[int, bytes] = OrderedDict()
        self._origin: MediaUnit | None = None
        self._last: MediaUnit | None = None

    @property
    def started(self) -> bool:
        """Whether the first packet is out (video begins with a keyframe)."""
        return self._origin is not None

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """From now on `hear` gets every clear packet that goes out, retransmissions too, before it does."""
        send = self._send

        def both(packet: bytes) -> None:
            hear(packet)
            send(packet)

        self._send = both

    def send(self, unit: MediaUnit) -> None:
        """Send one unit now. Video waits for a keyframe first: what comes before can't be decoded."""
        if self._origin is None:
            if self.kind == "video" and not unit.keyframe:
                self._want_keyframe()
                return
            self._origin = unit
        self._last = unit
        timestamp = self._timestamp(unit)
        payloads = self._payloader.packetize(unit.data, MAX_PAYLOAD)
        for number, payload in enumerate(payloads, start=1):
            marker = number == len(payloads) if self.kind == "video" else self.packets == 0
            self._emit(payload, timestamp, marker, unit)
        self.frames += 1

    def _emit(self, payload: bytes, timestamp: int, marker: bool, unit: MediaUnit) -> None:
        packet = build_packet(
            payload_type=self._payload_type,
            marker=marker,
            sequence_number=self._sequence,
            timestamp=timestamp,
            ssrc=self.ssrc,
            payload=payload,
            extensions=self._extensions(unit),
        )
        self._history[self._sequence] = packet
        if len(self._history) > _HISTORY:
            self._history.popitem(last=False)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        self.wire_bytes += len(packet)
        self._send(packet)

    def _extensions(self, unit: MediaUnit) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        if self._mid_id is not None:
            found[self._mid_id] = self._mid
        if self._capture_id is not None:
            found[self._capture_id] = ext.abs_capture_time_encode(self._clock.to_ntp(unit.capture_time))
        return found

    def _timestamp(self, unit: MediaUnit) -> int:
        """Audio counts samples. Video samples its clock at capture, so a late frame of ours is not jitter of the network."""
        assert self._origin is not None
        if self.kind == "audio":
            elapsed = (unit.position - self._origin.position) * 0.02
        else:
            elapsed = unit.capture_time - self._origin.capture_time
        return (self._timestamp_base + round(elapsed * self._clock_rate)) & 0xFFFFFFFF

    def _kept(self, sequence: int) -> bytes | None:
        return self._history.get(sequence)

    def _sent_again(self, size: int) -> None:
        self.wire_bytes += size
        self.retransmitted_bytes += size

    def report(self, now: float) -> SenderReport | None:
        """RFC 3550 section 6.4.1, without report blocks. None before the first packet."""
        if self._last is None:
            return None
        late = now - self._last.capture_time
        timestamp = (self._timestamp(self._last) + round(late * self._clock_rate)) & 0xFFFFFFFF
        return SenderReport(self.ssrc, self._clock.to_ntp(now), timestamp, self.packets, self.octets, ())
