"""Receives one track of one peer connection, as a chain of pure stages that all see the same packets.

packet → `StreamReceiver` (loss, jitter, order) → RTX unwrapped → `FrameAssembler` (video) → the observer. How deep a
participant looks only decides how many of these stages it has; the counters are the same at every depth.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from probe.measure.assembly import Frame, FrameAssembler, MediaPacket
from probe.measure.nack import NackGenerator
from probe.measure.rtp_stream import StreamReceiver
from probe.rtc.clock import Clock
from probe.rtc.transceiver import Transceiver
from probe.wire import extensions as ext
from probe.wire.payload import format_for
from probe.wire.rtcp import Nack, PictureLoss, RtcpPacket
from probe.wire.rtp import RtpHeader, payload

_PLI_INTERVAL = 0.5
"""Seconds between two requests for a keyframe: longer than a round trip, shorter than a viewer's patience."""
_UNREAD = 0.05
"""Seconds that a packet may lie in the kernel before we read it (the limit of a healthy loop): patience with a hole ends by
arrival times, and what came in time must not be too late for our being busy."""


@dataclass(slots=True)
class ReceiverHooks:
    """Where a receiver's facts go. `audio(packet)` per audio packet, `frame(frame)` per assembled video frame, `keyframe_packet`
    the arrival of the first packet of the first keyframe, `feedback(packets)` RTCP to send now."""

    first_packet: Callable[[float], None]
    audio: Callable[[MediaPacket], None]
    frame: Callable[[Frame], None]
    feedback: Callable[[list[RtcpPacket]], None]


class TrackReceiver:
    """One incoming stream: the media SSRC and, for video, its RTX stream."""

    def __init__(
        self, transceiver: Transceiver, ssrc: int, our_ssrc: int, clock: Clock, hooks: ReceiverHooks, *, frames: bool
    ) -> None:
        codec = transceiver.codec()
        self.kind = transceiver.kind
        self.codec_name = codec.name
        self.ssrc = ssrc
        self.mid = transceiver.mid
        self.stream = StreamReceiver(ssrc, codec.clock_rate)
        self.nacks = 0
        self.plis = 0
        self.wire_bytes = 0
        self.rtx_packets = 0
        self._clock = clock
        self._hooks = hooks
        self._our_ssrc = our_ssrc
        self._payload_types = {c.payload_type for c in transceiver.codecs if c.name.lower() != "rtx"}
        self._rtx_payload_types = {c.payload_type for c in transceiver.codecs if c.name.lower() == "rtx"}
        self._capture_id = transceiver.extension_id(ext.ABS_CAPTURE_TIME)
        self._nack = NackGenerator() if self.kind == "video" and "nack" in codec.feedback else None
        self._assembler = FrameAssembler(format_for(codec.name)) if self.kind == "video" and frames else None
        self._last_pli = -_PLI_INTERVAL
        self._wants_keyframe = False
        self._started = False

    def on_packet(self, packet: bytes, header: RtpHeader, arrival: float) -> None:
        """One clear packet of the media or the RTX stream."""
        self.wire_bytes += len(packet)
        if header.payload_type in self._rtx_payload_types:
            self._on_rtx(packet, header, arrival)
            return
        if header.payload_type not in self._payload_types:
            return
        fate = self.stream.on_packet(header.sequence_number, header.timestamp, arrival, len(packet))
        if not self._started:
            self._started = True
            self._hooks.first_packet(arrival)
        if not fate.new:
            return
        if self._nack is not None:
            self._nack.on_packet(fate.extended, arrival)
        self._deliver(payload(packet, header), header, fate.extended, arrival, recovered=False)

    def on_replay(self, header: RtpHeader, size: int, arrival: float) -> None:
        """The clear header of a packet that SRTP refused as seen before: a duplicate made by the network."""
        if header.payload_type in self._payload_types:
            self.stream.on_packet(header.sequence_number, header.timestamp, arrival, size)

    def _on_rtx(self, packet: bytes, header: RtpHeader, arrival: float) -> None:
        """RFC 4588 section 4: the first two payload bytes are the original sequence number."""
        self.rtx_packets += 1
        body = payload(packet, header)
        if len(body) < 2:
            return  # padding only: bandwidth probing
        (original,) = struct.unpack_from("!H", body)
        fate = self.stream.on_recovered(original)
        if fate is None or not fate.new:
            return
        if self._nack is not None:
            self._nack.on_packet(fate.extended, arrival)
        self._deliver(body[2:], header, fate.extended, arrival, recovered=True)

    def _deliver(self, body: bytes, header: RtpHeader, sequence: int, arrival: float, *, recovered: bool) -> None:
        media = MediaPacket(
            sequence, header.timestamp, header.marker, body, arrival, recovered, self._capture_time(header)
        )
        if self.kind == "audio":
            self._hooks.audio(media)
        elif self._assembler is not None:
            if body:
                self._frames(self._assembler.add(media, arrival))
        elif header.marker:
            # Headers only: the marker ends a frame, and its arrival is all that is known of it.
            frame = Frame(header.timestamp, b"", False, arrival, arrival, 1, recovered, media.capture_time, True)
            self._hooks.frame(frame)

    def _capture_time(self, header: RtpHeader) -> float | None:
        value = header.extensions.get(self._capture_id) if self._capture_id is not None else None
        if value is None or len(value) < 8:
            return None
        return self._clock.from_ntp(ext.abs_capture_time_decode(value))

    def _frames(self, frames: list[Frame]) -> None:
        for frame in frames:
            # Only a keyframe ends the wait for one: the decoder may have asked, whatever the assembler thinks.
            self._wants_keyframe = not frame.keyframe and (self._wants_keyframe or not frame.decodable)
            self._hooks.frame(frame)

    def poll(self, now: float, rtt: float) -> None:
        """Ask for what is missing: packets by NACK (RFC 4585), a keyframe by PLI. Call it every 20 ms or so."""
        if self._assembler is not None:
            self._frames(self._assembler.poll(now - _UNREAD))
            if self._assembler.missing_keyframe:
                self._wants_keyframe = True
        wanted = self._nack.due(now, rtt) if self._nack is not None else []
        feedback: list[RtcpPacket] = []
        if wanted:
            self.nacks += 1
            feedback.append(Nack(self._our_ssrc, self.ssrc, tuple(sequence & 0xFFFF for sequence in wanted)))
        if self._wants_keyframe and now - self._last_pli >= _PLI_INTERVAL:
            self._last_pli = now
            self.plis += 1
            feedback.append(PictureLoss(self._our_ssrc, self.ssrc))
        if feedback:
            self._hooks.feedback(feedback)

    def need_keyframe(self) -> None:
        """The decoder can't go on: ask for a keyframe at the next poll."""
        self._wants_keyframe = True

    @property
    def frames_given_up(self) -> int:
        """Frames known to be incomplete for good."""
        return 0 if self._assembler is None else self._assembler.lost_frames
