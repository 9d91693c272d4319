"""Receives one track of one peer connection, as a chain of pure stages that all see the same packets.

packet → `StreamReceiver` (loss, jitter, order) → RTX unwrapped → `FrameAssembler` (video) → the observer. How deep a
participant looks only decides how many of these stages it has; the counters are the same at every depth. At `headers` depth
what arrived is written down as records, and handed over every second or two; where the compiled path is there, it counts
and writes, and Python only hears of what can't wait.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from probe.measure.assembly import Frame, FrameAssembler, MediaPacket
from probe.measure.capture_clock import CaptureClock
from probe.measure.nack import NackGenerator
from probe.measure.records import MARKER, RECORD, RECOVERED, RESTARTED, RecordLog
from probe.measure.rtp_stream import PacketFate, StreamReceiver
from probe.native.stream import NativeStream
from probe.rtc.clock import Clock
from probe.rtc.transceiver import Transceiver
from probe.wire import extensions as ext
from probe.wire.payload import format_for
from probe.wire.rtcp import Nack, PictureLoss, RtcpPacket, SenderReport
from probe.wire.rtp import RtpHeader, payload

_PLI_INTERVAL = 0.5
"""Seconds between two requests for a keyframe: longer than a round trip, shorter than a viewer's patience."""
_UNREAD = 0.05
"""Seconds that a packet may lie in the kernel before we read it (the limit of a healthy loop): patience with a hole ends by
arrival times, and what came in time must not be too late for our being busy."""


Records = NDArray[np.void]


def _no_records(records: Records) -> None:
    """For who looks deeper than headers."""


@dataclass(slots=True)
class ReceiverHooks:
    """Where a receiver's facts go. `first_packet(arrival)` once; `audio(packet)` per audio packet and `frame(frame)` per assembled
    video frame, or at `headers` depth `records(array)` now and then (`probe.measure.records.RECORD`, every packet that was
    new, by arrival); `feedback(packets)` RTCP to send now. `pull()` makes the receiver hand over what it holds back. `clock` is told
    what the stream says of its capture times, where somebody asks."""

    first_packet: Callable[[float], None]
    audio: Callable[[MediaPacket], None]
    frame: Callable[[Frame], None]
    feedback: Callable[[list[RtcpPacket]], None]
    records: Callable[[Records], None] = _no_records
    pull: Callable[[], None] = lambda: None
    clock: CaptureClock | None = None


class Lane(Protocol):
    """The compiled path of one connection: it counts the packets of a stream itself, from the clear header."""

    def watch(
        self, stream: NativeStream, payload_type: int, capture_id: int | None, transport_id: int | None
    ) -> bool: ...

    def unwatch(self, stream: NativeStream) -> None: ...


class TrackReceiver:
    """One incoming stream: the media SSRC and, for video, its RTX stream. `lane`: who may count its packets for us."""

    def __init__(
        self,
        transceiver: Transceiver,
        ssrc: int,
        our_ssrc: int,
        clock: Clock,
        hooks: ReceiverHooks,
        *,
        frames: bool,
        lane: Lane | None = None,
    ) -> None:
        codec = transceiver.codec()
        self.kind = transceiver.kind
        self.codec_name = codec.name
        self.ssrc = ssrc
        self.mid = transceiver.mid
        self.stream = (
            NativeStream(ssrc, codec.clock_rate) if lane is not None else StreamReceiver(ssrc, codec.clock_rate)
        )
        self.nacks = 0
        self.plis = 0
        self.rtx_packets = 0
        self.frames = 0
        self.payload_bytes = 0
        """Of what was new, where frames are assembled; elsewhere the records have it."""
        self.needs_attention: Callable[[], None] = lambda: None
        self.numbered: Callable[[Records], None] = _no_records
        self._clock = clock
        self._hooks = hooks
        self._our_ssrc = our_ssrc
        self._lane = lane
        self._payload_type = codec.payload_type
        self._payload_types = {c.payload_type for c in transceiver.codecs if c.name.lower() != "rtx"}
        self._rtx_payload_types = {c.payload_type for c in transceiver.codecs if c.name.lower() == "rtx"}
        self._capture_id = transceiver.extension_id(ext.ABS_CAPTURE_TIME)
        self._transport_id = transceiver.extension_id(ext.TRANSPORT_CC)
        self._nack = NackGenerator() if self.kind == "video" and "nack" in codec.feedback else None
        self._format = format_for(codec.name) if self.kind == "video" else None
        self._assembler = FrameAssembler(self._format) if self._format is not None and frames else None
        self._frames_wanted = frames
        self._records = self.stream if isinstance(self.stream, NativeStream) else RecordLog()
        self._noted = -1
        self._tap: Callable[[MediaPacket], None] | None = None
        self._bytes = 0
        self._last_pli = -_PLI_INTERVAL
        self._wants_keyframe = False
        self._started = False
        self._flowing = False
        hooks.pull = self.pull

    @property
    def wire_bytes(self) -> int:
        """RTP bytes that arrived (headers included, SRTP's tags and the network's duplicates not), retransmissions too."""
        counted = self.stream.bytes - self.stream.repeated_bytes if isinstance(self.stream, NativeStream) else 0
        return self._bytes + counted

    def on_packet(self, packet: bytes, header: RtpHeader, arrival: float) -> None:
        """One clear packet of the media or the RTX stream."""
        if header.payload_type in self._rtx_payload_types:
            self._bytes += len(packet)
            self._on_rtx(packet, header, arrival)
            return
        if header.payload_type not in self._payload_types:
            self._bytes += len(packet)
            return
        fate = self.stream.on_packet(header.sequence_number, header.timestamp, arrival, len(packet))
        if not fate.duplicate and not isinstance(self.stream, NativeStream):
            self._bytes += len(packet)
        if not self._started:
            self._start(arrival)
        if fate.new:
            self._deliver(payload(packet, header), header, fate, arrival, recovered=False)

    def _start(self, arrival: float) -> None:
        self._started = True
        self._hooks.first_packet(arrival)
        if not self._frames_wanted and self._tap is None:
            self._watch()

    def _watch(self) -> None:
        """Let the lane count from here on, where there is one."""
        if self._lane is None or not isinstance(self.stream, NativeStream):
            return
        self.stream.attend = self._attend
        self.stream.eager = not self._flowing
        self._lane.watch(self.stream, self._payload_type, self._capture_id, self._transport_id)

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
        if fate is not None and fate.new:
            self._deliver(body[2:], header, fate, arrival, recovered=True)

    def _deliver(self, body: bytes, header: RtpHeader, fate: PacketFate, arrival: float, *, recovered: bool) -> None:
        if not self._frames_wanted:
            self._note(header, len(body), fate, arrival, recovered=recovered)
            if self._tap is not None:
                capture = self._capture_time(header)
                self._tap(
                    MediaPacket(fate.extended, header.timestamp, header.marker, body, arrival, recovered, capture)
                )
            return
        self.payload_bytes += len(body)
        if self._nack is not None:
            self._nack.on_packet(fate.extended, arrival)
        capture = self._capture_time(header)
        media = MediaPacket(
            fate.extended, header.timestamp, header.marker, body, arrival, recovered, capture, fate.restarted
        )
        if self.kind == "audio":
            self._hooks.audio(media)
        elif self._assembler is not None:  # padding alone too: its number is no hole
            self._frames(self._assembler.add(media, arrival))

    # headers only

    def skim(self, packet: bytes, header: RtpHeader, arrival: float) -> bool:
        """A packet still encrypted, without its tag, at `headers` depth: its clear header says enough. False if it has to be
        decrypted: it is no media packet of a stream that runs."""
        if (
            self._tap is not None
            or self._frames_wanted
            or not self._started
            or header.payload_type != self._payload_type
        ):
            return False
        self.on_packet(packet, header, arrival)
        return True

    def tap(self, listener: Callable[[MediaPacket], None] | None) -> None:
        """From now on every new packet goes to `listener` too, decrypted; None ends it. The records go on as before."""
        if self._frames_wanted or (listener is None) == (self._tap is None):
            return
        self._tap = listener
        if listener is None:
            self._watch()
        elif self._lane is not None and isinstance(self.stream, NativeStream):
            self._lane.unwatch(self.stream)

    def _note(self, header: RtpHeader, size: int, fate: PacketFate, arrival: float, *, recovered: bool) -> None:
        capture = self._capture_time(header)
        flags = header.marker * MARKER | recovered * RECOVERED | fate.restarted * RESTARTED
        self._records.append(
            fate.extended, arrival, math.nan if capture is None else capture, header.timestamp, size, flags, 0
        )
        follows, self._noted = fate.extended == self._noted + 1, fate.extended
        if not follows or not self._flowing or (self._nack is not None and self._nack.missing):
            self._attend()

    def _attend(self) -> None:
        """Something that can't wait for the next window: a beginning, a hole, a repair."""
        self.pull()
        if self.needs_poll:
            self.needs_attention()

    def pull(self) -> None:
        """Hand over the records that are held back."""
        records = np.frombuffer(self._records.take(), RECORD)
        if not len(records):
            return
        if not self._flowing and (self.kind == "audio" or bool((records["flags"] & MARKER).any())):
            self._flowing = True
            if isinstance(self.stream, NativeStream):
                self.stream.eager = False
        if self._nack is not None:
            self._seek(self._nack, records)
        self.numbered(records)
        self._hooks.records(records)

    @staticmethod
    def _seek(nack: NackGenerator, records: Records) -> None:
        """Tell the NACK generator: an unbroken run at once, anything else packet by packet."""
        sequences = records["sequence"]
        first, last = sequences.item(0), sequences.item(-1)
        unbroken = last - first == len(records) - 1 and sequences.tobytes() == np.arange(first, last + 1).tobytes()
        if unbroken and nack.on_run(first, last):
            return
        for sequence, arrival in zip(sequences.tolist(), records["arrival"].tolist(), strict=True):
            nack.on_packet(sequence, arrival)

    # every depth

    def _capture_time(self, header: RtpHeader) -> float | None:
        value = header.extensions.get(self._capture_id) if self._capture_id is not None else None
        if value is None or len(value) not in (8, 16):
            return None  # as the compiled path reads it: no clock, and a packet all the same
        captured = ext.abs_capture_time_decode(value)
        if self._hooks.clock is not None:
            self._hooks.clock.on_capture(header.timestamp, captured, ext.abs_capture_offset_decode(value))
        return self._clock.from_ntp(captured)

    def on_sender_report(self, report: SenderReport, arrival: float) -> None:
        """The sender of this stream reports."""
        self.stream.on_sender_report(report.ntp, arrival)
        if self._hooks.clock is not None:
            self._hooks.clock.on_sender_report(report.ntp, report.rtp_timestamp, self._clock.to_ntp(arrival))

    def on_round_trip(self, seconds: float) -> None:
        """There and back between whoever sends this stream and us."""
        if self._hooks.clock is not None:
            self._hooks.clock.on_round_trip(seconds, self._clock.to_ntp(self._clock.now()))

    def _frames(self, frames: list[Frame]) -> None:
        self.frames += len(frames)
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

    @property
    def needs_poll(self) -> bool:
        """Whether `poll` may have something to do: always, once frames are assembled."""
        return self._frames_wanted or self._wants_keyframe or (self._nack is not None and self._nack.missing > 0)

    def need_keyframe(self) -> None:
        """The decoder can't go on: ask for a keyframe at the next poll."""
        self._wants_keyframe = True

    def got_keyframe(self) -> None:
        """Who asked for one has it."""
        self._wants_keyframe = False

    @property
    def assembles(self) -> bool:
        """Whether it puts video frames together, and `frames` counts them."""
        return self._assembler is not None

    @property
    def readings_lost(self) -> int:
        """Packets that were counted, and whose record found no room any more."""
        return self.stream.overrun if isinstance(self.stream, NativeStream) else 0

    @property
    def frames_given_up(self) -> int:
        """Frames known to be incomplete for good."""
        return 0 if self._assembler is None else self._assembler.lost_frames
