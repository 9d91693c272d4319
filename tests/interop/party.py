"""Our end of a call with a stranger: a real `Path` with camera and microphone, and everything that it perceives."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

from av import VideoFrame

from probe.client.context import Context, Depth
from probe.client.path import Path
from probe.client.publisher import Publisher
from probe.measure.assembly import Frame, MediaPacket
from probe.measure.health import GeneratorHealth
from probe.media.audio import AudioCursor, EncodedAudio
from probe.media.decoder import VideoDecoder
from probe.media.video import EncodedVideo, VideoCursor
from probe.model.errors import ProbeError
from probe.model.samples import Sample
from probe.rtc.clock import Clock
from probe.rtc.reading import Reading
from probe.rtc.receiver import ReceiverHooks, TrackReceiver
from probe.rtc.sender import TrackSender
from probe.rtc.wheel import TimerWheel
from probe.signalling.base import OpenPath, RemoteDescription, Signalling

Role = Literal["offer", "answer"]
DEADLINE = 15.0


async def until(condition: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    """Wait for it, looking 50 times a second. Fails naming what never came."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)


def make_context(video: EncodedVideo | None, codecs: tuple[str, ...], sink: Callable[[Sample], None]) -> Context:
    """A context of one test; its wheel is to be closed."""
    clock, health = Clock(), GeneratorHealth()
    wheel = TimerWheel(clock, health.pacing_error)
    return Context(clock, wheel, health, sink, "frames", random.Random(7), clock.now(), video=video, codecs=codecs)


@dataclass
class Incoming:
    """One stream from the other side: its frames (video) with the pictures they decoded to, or its packets (audio)."""

    kind: str
    decoder: VideoDecoder | None
    frames: list[Frame] = field(default_factory=list)
    packets: list[MediaPacket] = field(default_factory=list)
    pictures: list[VideoFrame] = field(default_factory=list)

    def on_frame(self, frame: Frame) -> None:
        """What has a hole is kept, but not shown to the decoder."""
        self.frames.append(frame)
        if self.decoder is not None and frame.decodable:
            self.pictures += self.decoder.decode(frame.data)

    @property
    def keyframes(self) -> int:
        return sum(frame.keyframe for frame in self.frames)


class Wire:
    """Signalling to the other end: what the path wants to say waits here for the test to carry it over."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def send_description(self, path: str, type: Literal["offer", "answer"], sdp: str) -> None:
        await self.said.put((type, sdp))

    async def send_connected(self, path: str) -> None:
        """The other end knows for itself."""


class Stranger(Protocol):
    """The other end: what it says to our offer, its own offer, and our answer to that."""

    async def answer(self, sdp: str) -> str: ...

    async def offer(self) -> str: ...

    async def accept(self, sdp: str) -> None: ...


class Party:
    """`role`: who offers first. Use as an async context manager; `party.path` is the connection under test."""

    def __init__(
        self,
        video: EncodedVideo,
        audio: EncodedAudio,
        role: Role,
        codec: str = "VP8",
        depth: Depth = "frames",
        reading: Reading | None = None,
    ) -> None:
        self.participant = "ours"
        self.incoming: list[Incoming] = []
        self.failures: list[ProbeError] = []
        self.phases: list[str] = []
        self.samples: list[Sample] = []
        self.role = role
        self.codec = codec
        self.video = video
        self.context = make_context(video, (codec,), self.samples.append)
        self.context.depth, self.context.reading = depth, reading
        self.wire = Wire()
        self.publisher = Publisher(
            self.context.clock,
            self.context.wheel,
            video=VideoCursor(video),
            fps=float(video.spec.fps),
            audio=AudioCursor(audio),
            phase=0.0,
            receivers=lambda: 1,
        )
        opened = OpenPath("path", "p2p", "theirs", role)
        self.path = Path(self.context, self, cast(Signalling, self.wire), self.publisher, opened, ())

    async def __aenter__(self) -> Party:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.path.close()
        self.publisher.close()
        self.context.wheel.close()
        self.context.chores.close()
        if self.context.reading is not None:
            self.context.reading.close()

    # what the path tells its owner

    def path_phase(self, path: Path, phase: str, time: float) -> None:
        self.phases.append(phase)

    def path_up(self, path: Path) -> None:
        self.phases.append("up")

    def path_down(self, path: Path, error: ProbeError) -> None:
        self.failures.append(error)

    def hooks(self, path: Path, remote: str, receiver_kind: str, codec: str) -> ReceiverHooks:
        stream = Incoming(receiver_kind, VideoDecoder(self.codec) if receiver_kind == "video" else None)
        self.incoming.append(stream)
        return ReceiverHooks(
            first_packet=lambda arrival: None,
            audio=stream.packets.append,
            frame=stream.on_frame,
            feedback=lambda packets: None,
        )

    # descriptions

    async def call(self, theirs: Stranger) -> None:
        """Begin, exchange descriptions by our role, and wait until the call is connected."""
        await self.path.start()
        if self.role == "offer":
            await self.hear("answer", await theirs.answer(await self.say()))
        else:
            await self.hear("offer", await theirs.offer())
            await theirs.accept(await self.say())
        await self.up()

    async def say(self) -> str:
        """Our next description."""
        async with asyncio.timeout(DEADLINE):
            return (await self.wire.said.get())[1]

    async def hear(self, type: Literal["offer", "answer"], sdp: str) -> None:
        """The other side's description."""
        await self.path.on_description(RemoteDescription("path", type, sdp))
        if self.failures:
            raise self.failures[0]

    async def up(self) -> None:
        """ICE and DTLS are connected."""
        await until(lambda: self.path.up or self.failures, "a connected path")
        if self.failures:
            raise self.failures[0]

    # what there is

    def streams(self, kind: str) -> list[Incoming]:
        """Those that came so far, in order of arrival."""
        return [stream for stream in self.incoming if stream.kind == kind]

    def receiver(self, kind: str) -> TrackReceiver:
        return next(r for r in self.path.rtcp.receivers.values() if r.kind == kind)

    def sender(self, kind: str) -> TrackSender:
        found = next(s for s in self.path.rtcp.senders.values() if s.kind == kind)
        assert isinstance(found, TrackSender)  # what `Publisher` sends with
        return found

    def round_trips(self, source: str) -> list[float]:
        """Seconds, by source: rtcp or stun."""
        return [
            sample.value
            for sample in self.samples
            if sample.metric == "round_trip_time_seconds" and sample.tags["source"] == source
        ]

    async def pictures(self, count: int, stream: int = 0) -> Incoming:
        """Wait until a video stream has brought that many decoded pictures."""

        def enough() -> bool:
            found = self.streams("video")
            return len(found) > stream and len(found[stream].pictures) >= count

        await until(enough, f"{count} pictures in video stream {stream}")
        return self.streams("video")[stream]
