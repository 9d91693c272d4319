"""A participant's receiving side, from clear packets to figures, in simulated time: demultiplexer, receivers, readings, one view."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probe.client.capture_log import CaptureLog
from probe.client.context import Depth
from probe.client.path_readings import PathReadings
from probe.client.view import View
from probe.client.vmaf_samples import VmafSamples
from probe.native.stream import NativeStream
from probe.rtc.clock import NTP_EPOCH
from probe.rtc.demux import Demultiplexer
from probe.rtc.receiver import TrackReceiver
from probe.rtc.transceiver import Transceiver
from probe.wire import extensions as ext
from probe.wire.rtcp import RtcpPacket
from probe.wire.rtp import build_packet, parse_header
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, Bench

KEY, DELTA, REST = b"\x10\x00\x00\x9d\x01\x2a\x10\x00\x10\x00" + bytes(20), b"\x10\x01\x00" + bytes(27), bytes(30)
"""VP8 payloads (RFC 7741): the first of a keyframe and of another frame, and what follows."""
DELAY = 0.02


@dataclass(frozen=True)
class Packet:
    """`arrival` and `capture` count from START; numbers may be beyond their fields, and wrap."""

    arrival: float
    ssrc: int
    sequence: int
    timestamp: int
    payload: bytes
    payload_type: int = 96
    marker: bool = False
    padding: int = 0
    capture: float | None = None

    def later(self, seconds: float) -> Packet:
        return replace(self, arrival=self.arrival + seconds)


class Lane:
    """Where there is a compiled counter: it counts what the receiver gives it."""

    def watch(self, stream: NativeStream, payload_type: int, capture_id: int | None, transport_id: int | None) -> bool:
        return True

    def unwatch(self, stream: NativeStream) -> None:
        pass


class Switchboard:
    """One path from `you`, with one m-section of each kind that announces no sources. Windows every second, polls every 20 ms."""

    def __init__(self, depth: Depth, *, ours: bool = False, lane: Lane | None = None) -> None:
        self.bench = Bench(depth, captures={"you": CaptureLog()} if ours else {})
        samples = VmafSamples(self.bench.context, enabled=False)
        self.view = View(self.bench.context, "me", "you", lambda *what: None, samples)
        self.readings = PathReadings(self.bench.context, "sfu", "me")
        ids = {1: ext.MID, 2: ext.ABS_CAPTURE_TIME}
        sections = [
            Transceiver(kind, "recvonly", mid=kind, current="recvonly", codecs=list(codecs), extensions=ids)
            for kind, codecs in (("video", OUR_VIDEO), ("audio", OUR_AUDIO))
        ]
        self.receivers: dict[int, TrackReceiver] = {}
        self.feedback: list[RtcpPacket] = []
        self._demux = Demultiplexer(lambda: sections, self._create)
        self._lane = lane
        self.bench.wheel.every(0.02, self._poll)
        self.bench.wheel.every(1.0, self._window, first=START + 1.0)

    def _create(self, transceiver: Transceiver, ssrc: int) -> TrackReceiver:
        hooks = self.view.hooks("path", "sfu", transceiver.kind, transceiver.codec().name, lambda: None)
        hooks.feedback = self.feedback.extend
        frames = self.bench.context.depth != "headers"
        receiver = TrackReceiver(transceiver, ssrc, 999, self.bench.clock, hooks, frames=frames, lane=self._lane)
        self.receivers[ssrc] = receiver
        self.readings.add(receiver, "you")
        return receiver

    def _poll(self, due: float) -> None:
        for receiver in self.receivers.values():
            receiver.poll(due, 0.05)

    def _window(self, due: float) -> None:
        self.readings.window(due, [])
        if self.view.due(due):
            self.view.window(due, 0.05)

    def play(self, packets: list[Packet]) -> Switchboard:
        """All that arrives, and the end directly behind it."""
        for packet in sorted(packets, key=lambda packet: packet.arrival):
            self.bench.wheel.run_until(START + packet.arrival)
            self._take(packet)
        for receiver in self.receivers.values():
            receiver.pull()
        self.view.finish(self.bench.clock.now())
        self.readings.finish_all()
        return self

    def _take(self, packet: Packet) -> None:
        extensions = {1: b"audio" if packet.payload_type == 111 else b"video"}
        if packet.capture is not None:
            extensions[2] = ext.abs_capture_time_encode(START + packet.capture + NTP_EPOCH)
        raw = build_packet(
            payload_type=packet.payload_type, marker=packet.marker, sequence_number=packet.sequence & 0xFFFF,
            timestamp=packet.timestamp & 0xFFFFFFFF, ssrc=packet.ssrc, payload=packet.payload, extensions=extensions,
            padding=packet.padding,
        )  # fmt: skip
        header, arrival = parse_header(raw), START + packet.arrival
        known = self._demux.known(packet.ssrc)
        if known is not None and known.skim(raw, header, arrival):
            return
        receiver = self._demux.receiver(header)
        if receiver is not None:
            receiver.on_packet(raw, header, arrival)

    def values(self, metric: str, **tags: str) -> list[float]:
        return [round(value, 6) for value in self.bench.values(metric, **tags)]
