"""The pictures of one stream, looked at for a while beside the headers: what they are worth, and nothing else.

Loss, freezes and frame rate of the stream go on being read from its headers: decoding begins at a keyframe that we ask for,
and the wait for it must not pass for a freeze.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from probe.client.context import Context
from probe.client.path import Path
from probe.client.stream_decoder import Decoded, StreamDecoder
from probe.measure.assembly import Frame, FrameAssembler, MediaPacket
from probe.measure.freeze import FreezeDetector
from probe.measure.observed import PICTURE_MILLISECONDS, PICTURE_SAMPLES
from probe.measure.video_quality import VideoQuality
from probe.rtc.receiver import TrackReceiver
from probe.wire.payload import format_for

SHORTEST = 2.0
"""Seconds of pictures below which a sample has no score."""


class PictureSample:
    """Begins when it is made, ends with `end`. `who` looks at what `remote`, one of ours, sends on a path of `topology`."""

    def __init__(self, context: Context, who: str, remote: str, topology: str, receiver: TrackReceiver) -> None:
        self._context = context
        self._receiver = receiver
        self._remote = remote
        self._who = who
        self._tags = {"topology": topology}
        self._stream = (who, remote, topology)
        self._began: float | None = None
        self._key = (who, remote, f"{topology} sample")
        self._loop = asyncio.get_running_loop()
        self._assembler = FrameAssembler(format_for(receiver.codec_name))
        self._decoder = StreamDecoder(receiver.codec_name, context.video, context.clock)
        self._freezes = FreezeDetector()
        self._quality = VideoQuality()
        self._shown: float | None = None
        self._mos: float | None = None
        self._read = self._unread = self._wrong = 0
        self._ended = False
        receiver.tap(self._on_packet)
        self._want_keyframe()

    def _want_keyframe(self) -> None:
        self._receiver.need_keyframe()
        self._receiver.needs_attention()

    def _on_packet(self, packet: MediaPacket) -> None:
        if not packet.payload:
            return
        for frame in self._assembler.add(packet, packet.arrival):
            if frame.decodable:
                self._decode(frame)
        if self._assembler.missing_keyframe:
            self._want_keyframe()

    def _decode(self, frame: Frame) -> None:
        if frame.keyframe:
            self._receiver.got_keyframe()
        pool = self._context.pool
        assert pool is not None  # made with the run, where pictures are sampled
        if not pool.submit(self._key, self._decoder.decode, frame.data, done=partial(self._hand_over, frame)):
            self._context.health.decode_overload(1)
            self._want_keyframe()

    def _hand_over(self, frame: Frame, decoded: Decoded) -> None:
        """On the decoder thread: back to the loop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_decoded, frame, decoded)

    def _on_decoded(self, frame: Frame, decoded: Decoded) -> None:
        if self._ended:
            return
        reading = decoded.reading
        if reading is None:
            self._want_keyframe()
            return
        self._context.health.decode_delay(max(0.0, decoded.decoded_at - frame.complete))
        self._stood_until(frame.complete)
        self._mos = reading.mos if reading.mos is not None else self._mos
        if self._identify(reading.index, decoded.decoded_at):
            self._keep_worst(decoded, frame.complete)
        for metric, value in (("video_psnr_db", reading.psnr_db), ("video_ssim", reading.ssim)):
            if value is not None:
                self._context.emit(metric, value, self._tags, who=self._who, remote=self._remote)

    def _stood_until(self, time: float) -> None:
        """The picture before stood until now, or was frozen."""
        frozen, before = self._freezes.on_frame(time), self._shown
        self._shown = time if before is None else max(before, time)
        if before is None or time <= before:
            return
        start = before - self._context.epoch
        if frozen:
            self._quality.add_frozen(start, time - before)
        elif self._mos is not None:
            self._quality.add_displayed(start, time - before, self._mos)

    def _keep_worst(self, decoded: Decoded, shown: float) -> None:
        self._began = shown if self._began is None else self._began
        self._context.worst.offer(self._stream, decoded, shown - self._began, shown - self._context.epoch)

    def _identify(self, index: int | None, seen: float) -> bool:
        """Is it a picture that the sender sent lately?"""
        log = self._context.captures.get(self._remote)
        if index is None:
            self._unread += 1
            return False
        if log is not None and log.find(index, seen) is None:
            self._wrong += 1
            return False
        self._read += 1
        return True

    def end(self) -> None:
        """Look no more, and tell what was seen. Idempotent."""
        if self._ended:
            return
        self._ended = True
        self._receiver.tap(None)
        if self._context.pool is not None:
            self._context.pool.forget(self._key)
        decoded = self._read + self._unread + self._wrong
        if not decoded:
            return
        self._emit("frame_id_unread_ratio", self._unread / decoded)
        self._emit("frame_id_wrong", self._wrong)
        self._emit_seconds()
        watched = self._quality.displayed_seconds + self._quality.frozen_seconds
        self._context.observed[PICTURE_SAMPLES] += 1
        self._context.observed[PICTURE_MILLISECONDS] += round(watched * 1000)
        if watched >= SHORTEST and self._quality.score is not None:
            self._emit("video_quality_score", self._quality.score)

    def _emit_seconds(self) -> None:
        """The picture MOS of each second that was seen whole."""
        rated = [second for second in self._quality.series() if second.picture_mos is not None]
        for second in rated[1:-1]:
            if second.picture_mos is not None:
                self._emit("video_mos", second.picture_mos)

    def _emit(self, metric: str, value: float) -> None:
        self._context.emit(metric, value, self._tags, who=self._who, remote=self._remote)


def look_at(context: Context, who: str, paths: Iterable[Path]) -> list[PictureSample]:
    """Begin to look at all video of ours that `who` receives now, on the newest path where it comes on two."""
    found = {
        remote: (path.kind, receiver)
        for path in paths
        if path.up
        for remote, receiver in path.readings.streams("video")
    }
    return [
        PictureSample(context, who, remote, topology, receiver)
        for remote, (topology, receiver) in found.items()
        if remote in context.captures
    ]
