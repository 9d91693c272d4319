"""Decodes the frames of one stream, and survives whatever the network made of them."""

from __future__ import annotations

import av
from av import VideoFrame
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from probe.model.errors import MediaError

_DECODERS = {"VP8": "vp8", "H264": "h264"}


class VideoDecoder:
    """One thread, no delay: what goes in comes out at once. Not thread-safe: one stream, one decoder.

    `errors` counts the frames that could not be decoded. Raises MediaError for a codec name it does not know.
    """

    def __init__(self, codec_name: str) -> None:
        name = _DECODERS.get(codec_name)
        if name is None:
            raise MediaError(f"no decoder for {codec_name!r}", phase="decode", hint=f"known: {', '.join(_DECODERS)}")
        context = av.CodecContext.create(name, "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1
        context.flags |= Flags.low_delay  # H.264: no waiting for pictures that might have to be shown earlier
        self._context = context
        self.errors = 0

    def decode(self, data: bytes) -> list[VideoFrame]:
        """The pictures, mostly one, of a VP8 frame or an H.264 access unit (Annex B). Data that can't be decoded gives
        none and counts in `errors`."""
        if not data:  # an empty packet would tell the codec that the stream ends
            self.errors += 1
            return []
        try:
            return list(self._context.decode(av.Packet(data)))
        except av.FFmpegError:
            self.errors += 1
            return []
