"""What a participant sends, through the compiled path (`probe.native`): the streams of `Publisher`, byte for byte.

Loops are cut into packets once per process and codec; all cameras and microphones hang on one pacer with one timer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from probe.client.capture_log import PLAUSIBLE_DELAY, Capture
from probe.client.publisher import AUDIO_INTERVAL
from probe.measure.migration import Kind
from probe.measure.savings import Path as Via
from probe.measure.savings import SavingsLedger
from probe.measure.timeline import TOLERANCE
from probe.media.audio import AudioCursor, EncodedAudio
from probe.media.video import EncodedVideo, VideoCursor
from probe.native import core
from probe.rtc.beat import Beat, Turn, on_the_beat
from probe.rtc.clock import Clock
from probe.rtc.fast_sender import AnySender
from probe.rtc.sender import MAX_PAYLOAD, MediaUnit, TrackSender
from probe.rtc.wheel import TimerWheel
from probe.wire.payload import payloader_for

if TYPE_CHECKING:
    from probe.native._core import Content, Source, Track

_APART = 2 * TOLERANCE
_LATENESS_INTERVAL = 0.25
_ROOM = 320
"""Sources of which the last to go on a beat is still on time, within a millisecond or so."""

_HELPING = 96
"""Frames sent at a time, and so many helpings in one go at most."""
_HELPINGS = 200

_contents: WeakKeyDictionary[Hashable, dict[str, Content]] = WeakKeyDictionary()


def content(loop: EncodedVideo | EncodedAudio, codec: str) -> Content:
    """The loop as packets of that codec, made once for each. Raises PayloadError for frames of another codec."""
    made = _contents.setdefault(loop, {})
    if codec.lower() not in made:
        made[codec.lower()] = _cut(loop, codec)
    return made[codec.lower()]


def _cut(loop: EncodedVideo | EncodedAudio, codec: str) -> Content:
    payloader = payloader_for(codec)
    if isinstance(loop, EncodedAudio):
        frames = [(tuple(payloader.packetize(data, MAX_PAYLOAD)), True, 0, len(data)) for data in loop.packets]
    else:
        frames = [
            (tuple(payloader.packetize(frame.data, MAX_PAYLOAD)), frame.keyframe, frame.index, len(frame.data))
            for frame in loop.frames
        ]
    gop = 1 if isinstance(loop, EncodedAudio) else loop.gop
    # RFC 7741 section 4.2: the 15-bit picture id behind the two bytes of flags. It counts the frames of one stream.
    made: Content = core.Content(frames, gop, 2 if codec.lower() == "vp8" else -1)
    return made


class Pacing:
    """One per process: ticks all sources with one timer. `on_late` gets the pacing errors (seconds, one for each tick) in bulk;
    `now` stands in for the machine's clock in tests.

    Of many sources one is due nearly always. They go with the beat then, while it runs. After each helping of frames `between` is
    called, to read what came: it still lies in the processor's cache, and what fell due meanwhile goes out at once.
    """

    def __init__(
        self,
        clock: Clock,
        wheel: TimerWheel,
        on_late: Callable[[NDArray[np.float64]], None],
        now: Callable[[], float] | None = None,
        beat: Beat | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._pacer = core.Pacer()
        self._between = between
        self._clock = clock
        self._wheel = wheel
        self._on_late = on_late
        self._now = now
        self._armed: float | None = None
        self._told = clock.now()
        self._beat = beat
        if beat is not None:
            beat.follow(Turn.SEND, self._turn, self._arm_next)

    def add(self, source: Source, first_due: float) -> None:
        """Tick it from monotonic time `first_due` on."""
        self._pacer.add(source, first_due)
        self._arm(first_due)

    def place(self, time: float) -> float:
        """When one more source that wants to begin at `time` had better do so: on a beat, and where there is room. The first that
        find none go half a period later, as many as there were before, and who follows takes turns."""
        before = self._pacer.sources
        if self._beat is None or before < _ROOM:
            return on_the_beat(time)
        self._beat.quicken()
        between = self._beat.period if before < 2 * _ROOM or before % 2 else 0.0
        return on_the_beat(time - between) + between

    def remove(self, source: Source) -> None:
        """Tick it no more."""
        self._pacer.remove(source)

    def _arm(self, due: float) -> None:
        if self._beat is not None and self._beat.running:
            return
        if self._armed is None or due < self._armed:
            self._armed = due
            self._wheel.at(due, self._run)

    def _arm_next(self) -> None:
        if (following := self._pacer.next_due) is not None:
            self._arm(following)

    def _run(self, due: float) -> None:
        if due != self._armed:  # an earlier timer took over since
            return
        self._armed = None
        try:
            self._turn(due)
        finally:
            self._arm_next()

    def _turn(self, due: float) -> None:
        """Send what is due."""
        for _ in range(_HELPINGS):
            following = self._pacer.run(None if self._now is None else self._now(), _HELPING)
            now = self._clock.now()
            if following is None or following > now:
                break
            self._between()
        if now >= self._told + _LATENESS_INTERVAL or not self._pacer.sources:
            self._tell(now)

    def _tell(self, now: float) -> None:
        self._told = now
        late = np.frombuffer(self._pacer.take_lateness())
        if len(late):
            self._on_late(late)

    def close(self) -> None:
        """Tell the last pacing errors and tick nothing more."""
        self._tell(self._clock.now())
        self._armed = None
        self._pacer = core.Pacer()


class FastCaptures:
    """The captures of one camera, the last 30 seconds."""

    def __init__(self, source: Source | None) -> None:
        self._source = source

    def find(self, index: int, seen: float) -> Capture | None:
        """The capture that a picture with this ID, decoded at `seen`, must come from. None: it can't be ours."""
        found = self._source.find(index, seen) if self._source is not None else None
        return Capture(*found) if found is not None and seen - found[1] <= PLAUSIBLE_DELAY else None


class FastPublisher:
    """Ticks the media and hands each unit to every attached sender, of either kind. `phase` (0–1) spreads participants in time;
    `receivers` says how many others get what is sent: call `members_changed` whenever it would say something else. The
    cursors are taken over where they stand. Needs `probe.native.core`."""

    def __init__(
        self,
        clock: Clock,
        pacing: Pacing,
        *,
        video: VideoCursor | None,
        fps: float,
        audio: AudioCursor | None,
        phase: float,
        receivers: Callable[[], int],
    ) -> None:
        self._pacing = pacing
        self._receivers = receivers
        self._audience = receivers()
        self._loops: dict[Kind, EncodedVideo | EncodedAudio] = {}
        self._sources: dict[Kind, Source] = {}
        self._senders: list[tuple[AnySender, Via, Track | Callable[[int, float, int], None]]] = []
        self._booked: Counter[Kind] = Counter()
        self._carried: Counter[tuple[Via, int, bool]] = Counter()
        start = clock.now()
        if video is not None:
            self._switch_on("video", video.encoded, video.encoded.spec.codec, 1 / fps, video.position)
            pacing.add(self._sources["video"], pacing.place(start + phase / fps))
        if audio is not None:
            self._switch_on("audio", audio.encoded, "opus", AUDIO_INTERVAL, audio.position)
            pacing.add(self._sources["audio"], pacing.place(start + phase * AUDIO_INTERVAL))
        self.captures = FastCaptures(self._sources.get("video"))
        self.kinds: tuple[Kind, ...] = tuple(sorted(self._sources))

    def _switch_on(
        self, kind: Kind, loop: EncodedVideo | EncodedAudio, codec: str, interval: float, position: int
    ) -> None:
        self._loops[kind] = loop
        self._sources[kind] = core.Source(content(loop, codec), interval, kind, position, _APART)

    def attach(self, sender: AnySender, via: Via) -> None:
        """From the next unit on, send on this sender too. Video starts with a keyframe, made at once."""
        kind: Kind = "video" if sender.kind == "video" else "audio"
        source = self._sources.get(kind)
        if source is None:
            return
        target: Track | Callable[[int, float, int], None]
        if isinstance(sender, TrackSender):
            target = self._by_hand(kind, sender)
            source.attach(target)
        else:
            target = sender.track
            source.attach(target, content(self._loops[kind], sender.codec_name))
        self._book()
        self._senders.append((sender, via, target))
        if kind == "video":
            self.request_keyframe()

    def _by_hand(self, kind: Kind, sender: TrackSender) -> Callable[[int, float, int], None]:
        """For a sender without a compiled track (its packets go through a relay): each unit as Publisher makes it."""
        loop = self._loops[kind]

        def send(number: int, time: float, position: int) -> None:
            if isinstance(loop, EncodedAudio):
                unit = MediaUnit("audio", loop.packets[number], True, time, position, 0)
            else:
                frame = loop.frames[number]
                unit = MediaUnit("video", frame.data, frame.keyframe, time, position, frame.index)
            sender.send(unit)

        return send

    def detach(self, sender: AnySender) -> None:
        """Send no more on it."""
        self._book()
        for known, _, target in self._senders:
            if known is sender:
                self._sources["video" if sender.kind == "video" else "audio"].detach(target)
        self._senders = [entry for entry in self._senders if entry[0] is not sender]

    def request_keyframe(self) -> None:
        """PLI: the next frame is a keyframe, on all paths."""
        if "video" in self._sources:
            self._sources["video"].request_keyframe()

    def members_changed(self) -> None:
        """`receivers` counts otherwise from now on."""
        self._book()

    def _book(self) -> None:
        """What went out since the last time went these ways, to that many."""
        for kind, source in self._sources.items():
            size = source.bytes - self._booked[kind]
            self._booked[kind] = source.bytes
            ways = sorted({via for sender, via, _ in self._senders if sender.kind == kind})
            # While a meeting migrates the same unit goes two ways; a pure SFU would have carried it once.
            for number, way in enumerate(ways if size else ()):
                self._carried[way, self._audience, number > 0] += size
        self._audience = self._receivers()

    def settle(self, ledger: SavingsLedger) -> None:
        """Add the media bytes (without RTP headers) that went each way to the ledger, once."""
        self._book()
        for (way, receivers, second), size in self._carried.items():
            ledger.add_stream(way, size, receivers, second_path=second)
        self._carried.clear()

    def close(self) -> None:
        """Camera and microphone off."""
        self._book()
        for source in self._sources.values():
            self._pacing.remove(source)
        for sender, _, _ in list(self._senders):
            self.detach(sender)
