"""The other end of a call, made by aiortc's own RTCPeerConnection: its gathering, its receiver, its encoders."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from av import VideoFrame

from tests.interop.conftest import FPS
from tests.interop.party import DEADLINE

WIDTH, HEIGHT = 160, 120


class Bars(MediaStreamTrack):
    """A small moving picture, FPS times a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._start: float | None = None

    async def recv(self) -> VideoFrame:
        loop = asyncio.get_running_loop()
        self._start = loop.time() if self._start is None else self._start
        await asyncio.sleep(max(0.0, self._start + self._number / FPS - loop.time()))
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        picture[:HEIGHT] = (np.arange(WIDTH) * 3 + self._number * 5).astype(np.uint8)
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = self._number * 90_000 // FPS, Fraction(1, 90_000)
        self._number += 1
        return frame


class AiortcEnd:
    """`tracks` are what came in. Use as an async context manager."""

    def __init__(self, codec: str) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tracks: list[MediaStreamTrack] = []
        self.states: list[str] = []
        self._codec = codec
        self._own: list[MediaStreamTrack] = []
        self.pc.on("track", self.tracks.append)
        self.pc.on("connectionstatechange", lambda: self.states.append(self.pc.connectionState))

    async def __aenter__(self) -> AiortcEnd:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pc.close()
        for track in self._own:
            track.stop()

    def add(self, track: MediaStreamTrack) -> None:
        """Send it."""
        self._own.append(track)
        self.pc.addTrack(track)

    def add_camera_and_microphone(self) -> None:
        self.add(AudioStreamTrack())
        self.add(Bars())

    def _prefer(self) -> None:
        capabilities = RTCRtpSender.getCapabilities("video")
        assert capabilities is not None
        wanted: list[RTCRtpCodecCapability] = [
            codec for codec in capabilities.codecs if codec.mimeType in (f"video/{self._codec}", "video/rtx")
        ]
        for transceiver in self.pc.getTransceivers():
            if transceiver.kind == "video":
                transceiver.setCodecPreferences(wanted)

    async def offer(self) -> str:
        self._prefer()
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def answer(self, sdp: str) -> str:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        return self.pc.localDescription.sdp

    async def accept(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def picture(self, position: int = 0) -> VideoFrame:
        """The next decoded picture of an incoming video track."""
        track = [track for track in self.tracks if track.kind == "video"][position]
        async with asyncio.timeout(DEADLINE):
            frame = await track.recv()
        assert isinstance(frame, VideoFrame)
        return frame
