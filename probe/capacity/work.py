"""What is measured: who meets whom, how often somebody joins, what everybody sends, and how deep it is looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from probe.capacity.content import AUDIO_PAYLOAD, payload_size, reference_audio, reference_video
from probe.client.context import Depth
from probe.media.video import VideoSpec
from probe.model.errors import ConfigError
from probe.model.scenario import AudioMedia, Media, Observe, Scenario, VideoMedia
from probe.stage import Contents, prepare

Topology = Literal["p2p", "sfu"]

VIDEO_PACKETS = 57
VIDEO_BITRATE = 497_040
"""57 packets a second of 1090 bytes."""
KINDS = 2
"""Audio and video: as many streams come from each of the others."""
JOIN_DEADLINE = 15.0
_FOREVER = 86_400.0
"""Seconds a meeting lasts if nobody ends it: the measurement does."""


@dataclass(frozen=True, slots=True)
class Work:
    """`video` None: the reference work of `video_packets` a second and `video_bitrate` bit/s; else encoded pictures.

    `join_rate`: intended joins per second of the whole machine. `authenticate`: share of the received packets that are
    authenticated where only headers are read; deeper looks need every packet. Raises ConfigError.
    """

    topology: Topology = "p2p"
    meeting_size: int = 2
    depth: Depth = "headers"
    video_packets: int = VIDEO_PACKETS
    video_bitrate: int = VIDEO_BITRATE
    video: VideoSpec | None = None
    join_rate: float = 100.0
    authenticate: float = 0.01

    def __post_init__(self) -> None:
        rules = (
            (2 <= self.meeting_size <= 200, "--meeting-size", self.meeting_size, "2 to 200"),
            (0.1 <= self.join_rate <= 10_000, "--join-rate", self.join_rate, "0.1 to 10000 a second"),
            (0.001 <= self.authenticate <= 1, "--authenticate", self.authenticate, "a share, 0.001 to 1"),
            (1 <= self.video_packets <= 10_000, "--video-packets", self.video_packets, "1 to 10000 a second"),
            (10_000 <= self.video_bitrate <= 50_000_000, "--video-bitrate", self.video_bitrate, "10000 to 50000000"),
        )
        for valid, option, value, allowed in rules:
            if not valid:
                raise ConfigError(f"{value} can't be used", who=option, hint=f"allowed: {allowed}")
        if self.video is None and self.depth != "headers":
            raise ConfigError(f"the reference work can't be decoded at depth {self.depth}", who="--depth")
        if self.video is None:
            payload_size(self.video_packets, self.video_bitrate)

    def scenario(self, meetings: int, processes: int = 1) -> Scenario:
        """What one of so many processes does: its meetings, at its share of the joins."""
        spacing = processes / self.join_rate
        return Scenario(
            name="capacity",
            # Left to itself a room of this size stays on P2P: nobody waits until it is pinned, and joins keep their times.
            topology="hybrid" if self.topology == "p2p" else "sfu",
            p2p_limit=self.meeting_size,
            meetings=meetings,
            participants=self.meeting_size,
            join_spacing=spacing,
            meeting_spacing=spacing * self.meeting_size,
            settle=_FOREVER,
            join_deadline=JOIN_DEADLINE,
            observe=Observe(depth=self.depth, authenticate=self.authenticate),
            media=Media(video=self._video, audio=AudioMedia(bitrate_bps=32_000)),
        )

    @property
    def _video(self) -> VideoMedia:
        video = self.video
        if video is None:
            return VideoMedia(bitrate_bps=self.video_bitrate)
        return VideoMedia(width=video.width, height=video.height, fps=video.fps, bitrate_bps=video.bitrate_bps)

    async def contents(self) -> Contents:
        """What everybody sends; encoded pictures come from the cache where they have been made before."""
        if self.video is None:
            return Contents(reference_video(self.video_packets, self.video_bitrate), reference_audio())
        return await prepare(self.scenario(1))

    @property
    def streams_each(self) -> int:
        """Incoming streams of a participant."""
        return KINDS * (self.meeting_size - 1)

    @property
    def fan_out(self) -> int:
        """Copies that the others get of one packet that is sent: over P2P each copy is sent on its own."""
        return self.meeting_size - 1 if self.topology == "sfu" else 1

    @property
    def sent(self) -> str:
        """In words, what each participant sends."""
        if self.video is None:
            size = payload_size(self.video_packets, self.video_bitrate)
            video = f"made-up video, {self.video_packets} packets/s of {size} B"
            return f"{video}, and audio, 50 packets/s of {AUDIO_PAYLOAD} B"
        v = self.video
        return f"{v.codec} {v.width}×{v.height} at {v.fps} fps, {v.bitrate_bps / 1000:g} kbit/s, and Opus, 32 kbit/s"

    def to_dict(self) -> dict[str, Any]:
        """For another process of ours: `from_dict` reads it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Work:
        """What `to_dict` wrote. Raises ConfigError, or TypeError for what it did not write."""
        video = data["video"]
        return cls(**data | {"video": VideoSpec(**video) if video is not None else None})
