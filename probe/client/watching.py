"""What one participant sees of another while one topology carries it: pictures, freezes, frame rate, the score."""

from __future__ import annotations

from probe.client.context import Context
from probe.measure.freeze import FreezeDetector
from probe.measure.video_quality import VideoQuality


class Watching:
    """One stretch of watching. Feed it every *new* frame, in the order of display; `finish` emits what it amounts to.

    Frames are timed by their complete arrival, not by our decoder: a busy generator is not a frozen meeting.
    """

    def __init__(self, context: Context, who: str, remote: str, topology: str) -> None:
        self.topology = topology
        self.frames = 0
        self.last_mos: float | None = None
        self._context = context
        self._who = who
        self._remote = remote
        self._tags = {"topology": topology}
        self._freezes = FreezeDetector()
        self._quality = VideoQuality()
        self._first: float | None = None
        self._last: float | None = None
        self._ticks: tuple[int, int] | None = None
        self._unread = 0
        self._wrong = 0
        self._read = 0
        self._finished = False

    def on_frame(self, shown: float, tick: int | None, mos: float | None) -> None:
        """A new frame was complete at `shown`. `tick`: the sender's number of it, `mos`: of the picture, if known."""
        froze = self._freezes.on_frame(shown)
        if self._last is not None and shown > self._last and self.last_mos is not None:
            start, duration = self._last - self._context.epoch, shown - self._last
            if froze:
                self._quality.add_frozen(start, duration)
            else:
                self._quality.add_displayed(start, duration, self.last_mos)
        self._first = shown if self._first is None else self._first
        self._last = shown if self._last is None else max(shown, self._last)
        self.last_mos = mos if mos is not None else self.last_mos
        self.frames += 1
        if tick is not None:
            self._ticks = (
                (tick, tick) if self._ticks is None else (min(tick, self._ticks[0]), max(tick, self._ticks[1]))
            )

    def on_reading(self, *, read: bool, plausible: bool) -> None:
        """A picture was decoded: could its ID be read, and was it one that the sender sent lately?"""
        self._read += read and plausible
        self._unread += not read
        self._wrong += read and not plausible

    @property
    def frame_rate(self) -> float | None:
        """New frames per second from the first to the last."""
        if self._first is None or self._last is None or self._last <= self._first:
            return None
        return (self.frames - 1) / (self._last - self._first)

    def mean_mos(self, start: float, end: float) -> float | None:
        """Mean score of the full seconds within [start, end] (monotonic)."""
        return self._quality.mean_between(start - self._context.epoch, end - self._context.epoch)

    def lowest_mos(self, start: float, end: float) -> float | None:
        """Lowest score of the seconds that [start, end] (monotonic) touches."""
        return self._quality.lowest_second(start - self._context.epoch, end - self._context.epoch)

    def finish(self) -> None:
        """Emit the stretch. Nothing where fewer than two frames were seen."""
        if self._finished or self._first is None or self._last is None or self.frames < 2:
            return
        self._finished = True
        watched = self._last - self._first
        self._emit("frame_rate", self.frame_rate)
        self._emit("harmonic_frame_rate", self._freezes.harmonic_frame_rate)
        self._emit("freeze_count", self._freezes.count)
        self._emit("freeze_ratio", min(1.0, self._freezes.total_seconds / watched) if watched > 0 else None)
        if self._ticks is not None:
            self._emit("frames_lost", max(0, self._ticks[1] - self._ticks[0] + 1 - self.frames))
        decoded = self._read + self._unread + self._wrong
        if decoded:
            self._emit("frame_id_unread_ratio", self._unread / decoded)
            self._emit("frame_id_wrong", self._wrong)
        for second in self._quality.series():
            self._emit("video_mos", second.picture_mos)
        self._emit("video_quality_score", self._quality.score)

    def _emit(self, metric: str, value: float | None) -> None:
        if value is not None:
            self._context.emit(metric, value, self._tags, who=self._who, remote=self._remote)
