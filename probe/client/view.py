"""What one participant perceives of another, on whatever path it comes: the same media on two paths counts once."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from probe.client.context import Context
from probe.client.listening import Listening
from probe.client.perceived import Perceived, perceive
from probe.client.rating import rate
from probe.client.recent_frames import RecentFrames
from probe.client.skimming import LOOK, MOST_HELD, Media, Skimmed, by_arrival
from probe.client.sources import Sources
from probe.client.stream_decoder import Decoded
from probe.client.vmaf_samples import VmafSamples
from probe.client.watching import Watching
from probe.measure.assembly import Frame, MediaPacket
from probe.measure.recognition import Flow
from probe.measure.records import Records
from probe.measure.timeline import MediaTimeline
from probe.native.analysis import freeze_detector, media_timeline
from probe.rtc.receiver import ReceiverHooks

Kind = Literal["audio", "video"]
_KINDS: tuple[Kind, ...] = ("audio", "video")
_STALE = 3.0
"""Seconds without media after which a stream's receiver is asked whether it really is silent."""
_STRETCHES = 8
"""Stretches of watching that are remembered: those across a migration and its rollback, and some before."""
Milestone = Callable[[str, str, float], None]


class View:
    """`who` perceives `remote`. `milestone(path, name, time)` hears first_rtp, first_keyframe, first_decoded and flowing.

    `captures` is asked for the sender's log when there is one in this process; for foreign senders the capture time in the
    packets' header extension identifies the media, and where that is missing too, nothing can be told apart.

    At depth `headers` the streams' records are gathered, and looked at when somebody asks, which is every two seconds.
    """

    def __init__(self, context: Context, who: str, remote: str, milestone: Milestone, samples: VmafSamples) -> None:
        self.remote = remote
        self.watching: Watching | None = None
        self._timelines: dict[str, MediaTimeline] = {"audio": media_timeline(), "video": media_timeline()}
        self._freezes = freeze_detector()  # one for all paths: a freeze across a migration is a freeze
        self._last_shown: float | None = None
        self._stretches: deque[Watching] = deque(maxlen=_STRETCHES)
        self._carrier = ""
        self._context = context
        self._who = who
        self._milestone = milestone
        self._samples = samples
        self._sources = Sources()
        self._topologies: dict[str, str] = {}  # of every path there was, in the order in which they came
        self._recent = RecentFrames()
        self._last_media: float | None = None
        self._catching = False
        self._looked = -math.inf
        self._loop = asyncio.get_running_loop()

    def hooks(
        self, path: str, topology: str, kind: str, codec: str, want_keyframe: Callable[[], None]
    ) -> ReceiverHooks:
        """The callbacks for one stream of `remote` on a path."""
        stream = perceive(self._context, self._who, self.remote, topology, kind, codec)
        if (gone := self._sources.add(path, kind, stream)) is not None:
            gone.finish()
        self._topologies[path] = topology
        hooks = ReceiverHooks(
            first_packet=partial(self._first_packet, path, kind),
            audio=partial(self._on_audio, path, stream),
            frame=partial(self._on_frame, path, stream, want_keyframe),
            feedback=lambda packets: None,
            clock=stream.foreign.clock if stream.foreign is not None else None,
        )
        if self._context.depth == "headers":
            stream.skimmed = Skimmed(stream.listening, lambda: hooks.pull())  # the receiver puts its own there
            hooks.records = partial(self._on_records, stream)
        return hooks

    @property
    def timelines(self) -> dict[str, MediaTimeline]:
        """By kind, up to this moment."""
        self._catch_up()
        return self._timelines

    def _first_packet(self, path: str, kind: str, arrival: float) -> None:
        self._milestone(path, "first_rtp", arrival)

    # audio

    def _on_audio(self, path: str, stream: Perceived, packet: MediaPacket) -> None:
        timestamp = stream.unwrap.unwrap(packet.timestamp)
        if stream.listening is not None:
            stream.listening.on_packet(packet, timestamp)
        identity = packet.capture_time if packet.capture_time is not None else packet.arrival
        self._timelines["audio"].on_media(identity, packet.arrival, path)
        self._flowing(path, stream, packet.arrival, packet.arrival)

    # video

    def _on_frame(self, path: str, stream: Perceived, want_keyframe: Callable[[], None], frame: Frame) -> None:
        if frame.keyframe and not stream.keyframe_seen:
            stream.keyframe_seen = True
            self._milestone(path, "first_keyframe", frame.complete)
        if self._context.depth != "headers":
            tags = {"topology": self._topologies[path]}
            self._context.emit("frame_assembly_seconds", frame.complete - frame.first_arrival, tags)
        if not frame.decodable:
            return  # a decoder fed with holes shows garbage: the viewer waits for the keyframe, and so do we
        if stream.decoder is None:
            self._shown(path, stream, frame, None, frame.complete)
            return
        pool, done = self._context.pool, partial(self._hand_over, path, stream, want_keyframe, frame)
        assert pool is not None
        if not pool.submit((self._who, self.remote, path), stream.decoder.decode, frame.data, done=done):
            self._context.health.decode_overload(1)
            want_keyframe()

    def _hand_over(
        self, path: str, stream: Perceived, want_keyframe: Callable[[], None], frame: Frame, decoded: Decoded
    ) -> None:
        """On the decoder thread: back to the loop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_decoded, path, stream, want_keyframe, frame, decoded)

    def _on_decoded(
        self, path: str, stream: Perceived, want_keyframe: Callable[[], None], frame: Frame, decoded: Decoded
    ) -> None:
        if decoded.reading is None:
            want_keyframe()
            return
        tags = {"topology": self._topologies[path]}
        delay = max(0.0, decoded.decoded_at - frame.complete)
        self._context.emit("frame_decode_seconds", delay, tags)
        self._context.health.decode_delay(delay)
        self._shown(path, stream, frame, decoded, decoded.decoded_at)

    def _shown(self, path: str, stream: Perceived, frame: Frame, decoded: Decoded | None, seen: float) -> None:
        """A picture (or at lesser depth a frame) is there. New ones count for the viewer; its capture is its identity."""
        captured, tick = self._identify(stream, decoded, frame, seen)
        if not stream.media:
            self._milestone(path, "first_decoded", seen)
        identity = captured if captured is not None else frame.complete
        new = self._timelines["video"].on_media(identity, frame.complete, path) or captured is None
        self._flowing(path, stream, seen, seen)
        if not new:
            return
        if tick is not None:
            self._recent.on_frame(frame.complete, tick)
        reading = decoded.reading if decoded is not None else None
        mos = reading.mos if reading is not None else None
        watching = self._show(frame.complete, path, tick, mos, len(frame.data))
        if captured is not None and self.remote in self._context.captures:  # a foreign sender's clock is not ours
            tags = {"topology": watching.topology, "kind": "video"}
            self._context.emit(
                "one_way_delay_seconds", max(0.0, seen - captured), tags, who=self._who, remote=self.remote
            )
        if decoded is not None and reading is not None:
            stream_of = self._who, self.remote
            rate(self._context, self._samples, stream_of, watching, decoded, frame.complete, plausible=tick is not None)
        if stream.foreign is not None:
            stream.foreign.on_shown(frame, decoded.picture if decoded is not None else None, seen)
            watching.pictures = stream.foreign.pictures

    def _show(self, shown: float, path: str, tick: int | None, mos: float | None, size: int) -> Watching:
        """The picture changes: what was shown before stood until now."""
        watching = self._stretch(path)
        frozen = self._freezes.on_frame(shown)
        if self._last_shown is not None and shown > self._last_shown:
            watching.on_interval(self._last_shown, shown, frozen=frozen)
        self._last_shown = shown if self._last_shown is None else max(shown, self._last_shown)
        watching.on_frame(shown, tick, mos, size)
        return watching

    def _identify(
        self, stream: Perceived, decoded: Decoded | None, frame: Frame, seen: float
    ) -> tuple[float | None, int | None]:
        """Capture time and the sender's tick: by frame ID where the sender is ours, else by the header extension."""
        if stream.foreign is not None:
            return stream.foreign.identity(frame), None
        log = self._context.captures.get(self.remote)
        if decoded is None or decoded.reading is None or log is None:
            return frame.capture_time, None
        index = decoded.reading.index
        capture = log.find(index, seen) if index is not None else None
        return (frame.capture_time, None) if capture is None else (capture.time, capture.tick)

    def _stretch(self, path: str) -> Watching:
        """The stretch that a new picture counts for. The newest path that brought one carries the view: what an older
        path still brings first, while both are open, is no step back to it."""
        order = list(self._topologies)
        still_open = path in self._sources.paths
        if still_open and (not self._carrier or order.index(path) > order.index(self._carrier)):
            self._carrier = path
        topology = self._topologies[self._carrier or path]
        if self.watching is None or self.watching.topology != topology:
            self._end_stretch()
            before, self.watching = self.watching, Watching(self._context, self._who, self.remote, topology)
            self.watching.last_mos = before.last_mos if before is not None else None
            self._stretches.append(self.watching)
        return self.watching

    # both, by records

    def _on_records(self, stream: Perceived, records: Records) -> None:
        """What begins is looked at at once, for somebody waits for it; the rest can wait."""
        if stream.skimmed is None:
            return  # it is over
        stream.skimmed.put(records)
        if not stream.media or stream.skimmed.held > MOST_HELD:
            self._catch_up()

    def _catch_up(self, now: float | None = None) -> None:
        """Take in all that has arrived, of all streams: one look at it all keeps the order in which it came."""
        if self._catching or self._context.depth != "headers":
            return
        self._catching = True
        try:
            for kind in _KINDS:
                batches = []
                for path, its_kind, stream in self._sources:
                    if its_kind == kind and stream.skimmed is not None:
                        batches += [((path, stream), media) for media in stream.skimmed.take(now)]
                for (path, stream), media in by_arrival(batches):
                    self._came(kind, path, stream, media)
        finally:
            self._catching = False

    def _came(self, kind: Kind, path: str, stream: Perceived, media: Media) -> None:
        arrival = media.arrival
        if kind == "video" and not stream.media:
            self._milestone(path, "first_decoded", arrival.item(0))
        identity = media.identity if stream.foreign is None else stream.foreign.identities(media)
        new = self._timelines[kind].on_many(identity, arrival, path)
        self._flowing(path, stream, arrival.item(0), arrival.item(-1), len(arrival))
        if kind == "audio":
            return
        new |= identity == arrival  # what tells no capture is no repetition: frames behind a hole are there all at once
        if np.count_nonzero(new) < len(new):
            media = media.at(new)
        if len(media.arrival):
            self._saw(path, media)
            if stream.foreign is not None:
                stream.foreign.on_skimmed(len(media.arrival))

    def _saw(self, path: str, media: Media) -> None:
        """New frames, on one path."""
        watching, shown = self._stretch(path), media.arrival
        watching.on_frames(self._last_shown, shown, self._freezes.on_frames(shown), int(np.add.reduce(media.size)))
        self._last_shown = shown.item(-1) if self._last_shown is None else max(shown.item(-1), self._last_shown)
        if self.remote in self._context.captures:  # a foreign sender's clock is not ours
            self._context.observe("one_way_delay_seconds", media.delay, watching.video_tags, self._who)

    # both

    def _flowing(self, path: str, stream: Perceived, first: float, last: float, count: int = 1) -> None:
        self._last_media = last
        if stream.came(first, last, count):
            self._milestone(path, "flowing", first)

    def flows_on(self, path: str, kinds: tuple[str, ...]) -> bool:
        """Whether media of all these kinds has come through that path."""
        return self._sources.flows_on(path, kinds)

    def flows(self) -> list[Flow]:
        """Where its media has come, up to this moment."""
        self._catch_up()
        return self._sources.flows(self.remote)

    def due(self, now: float) -> bool:
        """Whether it is time for a window: always, but where records are gathered, when audio is to be rated or some time has
        passed since the last look."""
        if self._context.depth != "headers" or now - self._looked >= LOOK:
            return True
        return any(stream.listening is not None and stream.listening.due(now) for _, _, stream in self._sources)

    def window(self, now: float, round_trip: float | None) -> int:
        """Call it once a second or so, when it is due. Returns how many new frames there have been so far."""
        self._looked = now
        self._catch_up(now)
        for _, _, stream in self._sources:
            stream.window(now, round_trip)
        return self._timelines["video"].new

    @property
    def last_audio(self) -> Listening | None:
        """The stream of audio that came last."""
        return self._sources.heard

    def mean_mos(self, start: float, end: float) -> float | None:
        """Mean video score between two times, over all stretches."""
        self._catch_up()
        found = [value for stretch in self._stretches if (value := stretch.mean_mos(start, end)) is not None]
        return sum(found) / len(found) if found else None

    def lowest_mos(self, start: float, end: float) -> float | None:
        """Lowest second between two times."""
        self._catch_up()
        return min((value for s in self._stretches if (value := s.lowest_mos(start, end)) is not None), default=None)

    def frames_lost(self, start: float, end: float) -> int | None:
        """Frames that the sender sent between two times and that never were seen, on any path. None where no frame ID tells."""
        return self._recent.lost(start, end)

    def path_closed(self, path: str) -> None:
        """The path is gone: the call quality heard on it is final."""
        if self._context.pool is not None:
            self._context.pool.forget((self._who, self.remote, path))
        self._catch_up()
        for stream in self._sources.close(path):
            stream.finish()
        if path == self._carrier:
            self._carrier = ""

    def silent_for(self, now: float) -> float:
        """Seconds since the last media of any kind; 0 before the first."""
        if self._last_media is not None and now - self._last_media > _STALE:
            self._catch_up()
        return 0.0 if self._last_media is None else now - self._last_media

    def finish(self, at: float) -> None:
        """The other left, or we do, at monotonic `at`. A freeze that no frame ended is a freeze all the same."""
        self._catch_up(at)
        for path in self._sources.paths:
            self.path_closed(path)
        if self.watching is not None and self._last_shown is not None and self._freezes.open_freeze(at) > 0:
            self.watching.on_interval(self._last_shown, at, frozen=True)
            self.watching.stood_until(at)
        self._end_stretch()

    def _end_stretch(self) -> None:
        if self.watching is not None:
            self.watching.finish()
            self._samples.ended(self.watching.topology, id(self.watching))
