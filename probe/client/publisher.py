"""What a participant sends: one camera and one microphone, shared by all its paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from probe.client.capture_log import CaptureLog
from probe.measure.migration import Kind
from probe.measure.savings import Path as Via
from probe.measure.savings import SavingsLedger
from probe.measure.timeline import TOLERANCE
from probe.rtc.beat import on_the_beat
from probe.rtc.clock import Clock
from probe.rtc.fast_sender import AnySender
from probe.rtc.sender import MediaUnit, TrackSender
from probe.rtc.wheel import TimerWheel

AUDIO_INTERVAL = 0.02
_APART = 2 * TOLERANCE


class VideoFrames(Protocol):
    """A source of encoded frames; `request_keyframe` makes the next one a keyframe."""

    def next(self) -> EncodedLike: ...

    def request_keyframe(self) -> None: ...


class EncodedLike(Protocol):
    """An encoded frame with its content index, which is the frame ID in the picture."""

    @property
    def data(self) -> bytes: ...

    @property
    def keyframe(self) -> bool: ...

    @property
    def index(self) -> int: ...


class AudioPackets(Protocol):
    """A source of Opus packets of 20 ms."""

    def next(self) -> bytes: ...


class Publisher:
    """Ticks the media and hands each unit to every attached sender. `phase` (0–1) spreads participants in time;
    `receivers` says how many others get what is sent."""

    def __init__(
        self,
        clock: Clock,
        wheel: TimerWheel,
        *,
        video: VideoFrames | None,
        fps: float,
        audio: AudioPackets | None,
        phase: float,
        receivers: Callable[[], int],
    ) -> None:
        self.captures = CaptureLog()
        self.kinds: tuple[Kind, ...] = (
            *(("audio",) if audio is not None else ()),
            *(("video",) if video is not None else ()),
        )
        self._clock = clock
        self._video = video
        self._audio = audio
        self._receivers = receivers
        self._senders: list[tuple[TrackSender, Via]] = []
        self._carried: Counter[tuple[Via, int, bool]] = Counter()
        self._last_capture: dict[Kind, float] = {}
        self._video_ticks = 0
        self._audio_start: float | None = None
        self._stops: list[Callable[[], None]] = []
        start = clock.now()
        if video is not None:
            self._stops.append(wheel.every(1 / fps, self._video_tick, on_the_beat(start + phase / fps)))
        if audio is not None:
            first = on_the_beat(start + phase * AUDIO_INTERVAL)
            self._stops.append(wheel.every(AUDIO_INTERVAL, self._audio_tick, first))

    def attach(self, sender: TrackSender, via: Via) -> None:
        """From the next unit on, send on this sender too. Video starts with a keyframe, made at once."""
        self._senders.append((sender, via))
        if sender.kind == "video":
            self.request_keyframe()

    def detach(self, sender: AnySender) -> None:
        """Send no more on it."""
        self._senders = [(known, via) for known, via in self._senders if known is not sender]

    def request_keyframe(self) -> None:
        """PLI: the next frame is a keyframe, on all paths."""
        if self._video is not None:
            self._video.request_keyframe()

    def _video_tick(self, due: float) -> None:
        assert self._video is not None
        frame, time = self._video.next(), self._capture_time("video")
        self.captures.note(frame.index, self._video_ticks, time)
        unit = MediaUnit("video", frame.data, frame.keyframe, time, self._video_ticks, frame.index)
        self._video_ticks += 1
        self._send(unit)

    def _audio_tick(self, due: float) -> None:
        """The position is the time that is due, not a count: ticks that a stall left out are time that has passed."""
        assert self._audio is not None
        self._audio_start = due if self._audio_start is None else self._audio_start
        position = round((due - self._audio_start) / AUDIO_INTERVAL)
        unit = MediaUnit("audio", self._audio.next(), True, self._capture_time("audio"), position, 0)
        self._send(unit)

    def _capture_time(self, kind: Kind) -> float:
        """Now; but units that a late timer hands out in one go stay apart, for the capture time is their identity."""
        time = max(self._clock.now(), self._last_capture.get(kind, 0.0) + _APART)
        self._last_capture[kind] = time
        return time

    def _send(self, unit: MediaUnit) -> None:
        ways: set[Via] = set()
        for sender, via in self._senders:
            if sender.kind == unit.kind:
                sender.send(unit)
                ways.add(via)
        # While a meeting migrates the same unit goes two ways; a pure SFU would have carried it once.
        for number, way in enumerate(sorted(ways)):
            self._carried[way, self._receivers(), number > 0] += len(unit.data)

    def members_changed(self) -> None:
        """`receivers` counts otherwise from now on: it is asked for every unit, so there is nothing to do."""

    def settle(self, ledger: SavingsLedger) -> None:
        """Add the media bytes (without RTP headers) that went each way to the ledger, once."""
        for (way, receivers, second), size in self._carried.items():
            ledger.add_stream(way, size, receivers, second_path=second)
        self._carried.clear()

    def close(self) -> None:
        """Camera and microphone off."""
        for stop in self._stops:
            stop()
        self._senders.clear()
