"""Which publisher and which senders a participant has: compiled ones where the run has them, else those in Python. Same streams."""

from __future__ import annotations

from collections.abc import Callable

from probe.client.context import Context
from probe.client.fast_publisher import FastPublisher
from probe.client.publisher import Publisher
from probe.client.seams import Media
from probe.measure.savings import Path as Via
from probe.media.audio import AudioCursor
from probe.media.video import VideoCursor
from probe.rtc.fast_sender import AnySender, FastTrackSender
from probe.rtc.peer import Peer
from probe.rtc.sender import TrackSender
from probe.rtc.transceiver import Transceiver
from probe.signalling.base import OpenPath

AnyPublisher = Publisher | FastPublisher


def open_publisher(context: Context, media: Media, receivers: Callable[[], int]) -> AnyPublisher:
    """Camera and microphone on. The compiled one plays prepared loops, and nothing else."""
    video, audio = media.video, media.audio
    if (
        context.pacing is not None
        and (video is None or isinstance(video, VideoCursor))
        and (audio is None or isinstance(audio, AudioCursor))
    ):
        return FastPublisher(
            context.clock,
            context.pacing,
            video=video,
            fps=media.fps,
            audio=audio,
            phase=media.phase,
            receivers=receivers,
        )
    return Publisher(
        context.clock,
        context.wheel,
        video=video,
        fps=media.fps,
        audio=audio,
        phase=media.phase,
        receivers=receivers,
    )


def add_sections(peer: Peer, publisher: AnyPublisher, open: OpenPath, participant: str) -> None:
    """The m-sections that we bring into a path: what `publisher` has, or what who only watches wants to be offered."""
    if open.publish:
        direction = "sendrecv" if open.kind == "p2p" else "sendonly"
        for kind in publisher.kinds:
            peer.add_transceiver(kind, direction, (participant, f"{participant}-{kind}"))
    elif open.role == "offer":
        for wanted in ("audio", "video"):
            peer.add_transceiver(wanted, "recvonly")


def send_track(publisher: AnyPublisher, peer: Peer, transceiver: Transceiver, context: Context, via: Via) -> AnySender:
    """Send what `publisher` has on that transceiver, beginning with the next unit."""
    outlet = peer.outlet() if isinstance(publisher, FastPublisher) and peer.lane is not None else None
    if isinstance(publisher, FastPublisher) and outlet is not None:
        fast = FastTrackSender(
            transceiver, context.clock, outlet, peer.send_rtp, publisher.request_keyframe, context.rng
        )
        publisher.attach(fast, via)
        return fast
    sender = TrackSender(transceiver, context.clock, peer.send_rtp, publisher.request_keyframe, context.rng)
    publisher.attach(sender, via)
    return sender
