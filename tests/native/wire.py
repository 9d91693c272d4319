"""A loopback wire with SRTP, and small loops to send over it, for tests of the compiled sending path."""

from __future__ import annotations

import random
import socket

import numpy as np
from pylibsrtp import Policy, Session

from probe.media.audio import AudioSpec, EncodedAudio
from probe.media.video import EncodedFrame, EncodedVideo, VideoSpec
from probe.rtc.fast_sender import Outlet
from probe.rtc.sealing import OutboundSession

_KEY = bytes(range(30))


def session(direction: int, profile: int = Policy.SRTP_PROFILE_AEAD_AES_128_GCM) -> Session:
    """An SRTP session for any SSRC of that direction; all have one key."""
    return Session(Policy(_KEY, direction, srtp_profile=profile))


class Wire:
    """Two UDP sockets on a loopback address; what is sent by `outlet` is read back with `clear`."""

    def __init__(self, address: str = "127.0.0.1", profile: int = Policy.SRTP_PROFILE_AEAD_AES_128_GCM) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.near, self.far = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        for end in (self.near, self.far):
            end.bind((address, 0))
            end.setblocking(False)
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        policy = Policy(_KEY, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        self.session = OutboundSession(policy, profile, _KEY[:28])
        self._inbound = session(Policy.SSRC_ANY_INBOUND, profile)

    def outlet(self, *, connected: bool = False) -> Outlet:
        """Where a track's packets leave."""
        destination = self.far.getsockname()[:2]
        if connected:
            self.near.connect(destination)
        return Outlet(self.near, destination, self.session, connected)

    def datagrams(self) -> list[bytes]:
        """What has arrived since the last time, as it was on the wire."""
        found: list[bytes] = []
        while True:
            try:
                found.append(self.far.recv(4096))
            except BlockingIOError:
                return found

    def clear(self) -> list[bytes]:
        """The same, authenticated and decrypted."""
        return [self._inbound.unprotect(datagram) for datagram in self.datagrams()]

    def close(self) -> None:
        self.near.close()
        self.far.close()


def video_loop(codec: str = "VP8", *, fps: int = 10, seconds: int = 3, seed: int = 1) -> EncodedVideo:
    """A loop of frames of one to four packets; each GOP has one frame that is no whole number of packets."""
    rng = random.Random(seed)
    frames = []
    for index in range(fps * seconds):
        keyframe = index % fps == 0
        body = bytes(rng.choices(range(1, 256), k=3500 if keyframe else rng.choice((60, 1096, 1097, 2083))))
        frames.append(EncodedFrame(_annex_b(body, keyframe) if codec == "H264" else body, keyframe, index))
    spec = VideoSpec(fps=fps, seconds=seconds, codec=codec)
    return EncodedVideo(spec, 1, tuple(frames), np.zeros((0, 0, 0), np.uint8), ())


def _annex_b(body: bytes, keyframe: bool) -> bytes:
    start = b"\0\0\0\1"
    return start + b"\x67set" + start + b"\x68set" + start + b"\x65" + body if keyframe else start + b"\x41" + body


def audio_loop(packets: int = 50, seed: int = 2) -> EncodedAudio:
    """A loop of packets of 60 to 100 bytes."""
    rng = random.Random(seed)
    return EncodedAudio(AudioSpec(), tuple(rng.randbytes(rng.randint(60, 100)) for _ in range(packets)), ())
