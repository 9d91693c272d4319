"""The reference work: made-up media of exact packet sizes, for depths at which nobody decodes.

Encoders make packets of whatever size the picture wants. To compare machines, versions and other clients, every packet has to
cost the same each time: video of so many packets a second of one size, and audio of 50.
"""

from __future__ import annotations

import random
import struct

import numpy as np

from probe.media.audio import AudioSpec, EncodedAudio
from probe.media.video import EncodedFrame, EncodedVideo, VideoSpec
from probe.model.errors import ConfigError
from probe.rtc.sender import MAX_PAYLOAD
from probe.wire.vp8 import Vp8Descriptor

AUDIO_PAYLOAD = 80
"""Bytes of Opus in 20 ms: 32 kbit/s."""
_AUDIO_PACKETS = 50
_OPUS_HEAD = b"\xf8"
"""RFC 6716 section 3.1: CELT, full band, 20 ms, mono, one frame."""
_DESCRIPTOR = len(Vp8Descriptor(True, picture_id=0).to_bytes())
_WIDTH, _HEIGHT, _FPS = 640, 360, 30
_SECONDS = 4


def frame_packets(packets: int) -> list[int]:
    """How many packets each frame of a second has, spread evenly: 30 frames, or as many as there are packets."""
    frames = min(_FPS, packets)
    return [(i + 1) * packets // frames - i * packets // frames for i in range(frames)]


def payload_size(packets: int, bitrate_bps: int) -> int:
    """Bytes of RTP payload in each of `packets` a second at `bitrate_bps`. Raises ConfigError where no frames could be cut so:
    the packetiser fills packets, so many small ones are not made of few frames."""
    size = round(bitrate_bps / 8 / packets)
    room, body = MAX_PAYLOAD - _DESCRIPTOR, size - _DESCRIPTOR
    most = max(frame_packets(packets))
    smallest = room * (most - 1) // most + 1 if most > 1 else 32
    if not smallest <= body <= room:
        allowed = f"{smallest + _DESCRIPTOR} to {MAX_PAYLOAD}"
        raise ConfigError(
            f"{packets} video packets a second at {bitrate_bps} bit/s would have {size} bytes each",
            who="--video-packets",
            hint=f"{allowed} bytes can be made of {len(frame_packets(packets))} frames a second",
        )
    return size


def reference_video(packets: int, bitrate_bps: int) -> EncodedVideo:
    """A loop whose frames fall into exactly `packets` a second of equal size. VP8 by its headers, noise behind them: good for
    everything but decoding. A keyframe each second. Raises ConfigError."""
    body = payload_size(packets, bitrate_bps) - _DESCRIPTOR
    counts = frame_packets(packets)
    frames = [
        EncodedFrame(
            _vp8_frame(count * body, index, keyframe=index % len(counts) == 0), index % len(counts) == 0, index
        )
        for index, count in enumerate(counts * _SECONDS)
    ]
    spec = VideoSpec(_WIDTH, _HEIGHT, len(counts), bitrate_bps, seconds=_SECONDS)
    return EncodedVideo(spec, 0, tuple(frames), np.empty((0, 0, 0), np.uint8), ())


def _vp8_frame(size: int, seed: int, *, keyframe: bool) -> bytes:
    """RFC 6386 section 9.1: the frame tag (shown, version 0), on keyframes the start code and the picture's size."""
    tag = (0 if keyframe else 1) | 1 << 4 | (size & 0x7FFFF) << 5
    head = tag.to_bytes(3, "little")
    if keyframe:
        head += b"\x9d\x01\x2a" + struct.pack("<HH", _WIDTH, _HEIGHT)
    return head + random.Random(seed).randbytes(size - len(head))


def reference_audio() -> EncodedAudio:
    """One second of Opus packets of AUDIO_PAYLOAD bytes: right by their first byte, noise behind it."""
    rng = random.Random(0)
    packets = tuple(_OPUS_HEAD + rng.randbytes(AUDIO_PAYLOAD - 1) for _ in range(_AUDIO_PACKETS))
    bitrate = AUDIO_PAYLOAD * 8 * _AUDIO_PACKETS
    return EncodedAudio(AudioSpec(bitrate, 1), packets, ())
