"""Payload formats by the codec names of SDP."""

from __future__ import annotations

from collections.abc import Callable

from probe.wire.h264 import H264Format, H264Payloader
from probe.wire.opus import OpusFormat, OpusPayloader
from probe.wire.payload_base import Payloader, PayloadError, PayloadFormat
from probe.wire.vp8 import Vp8Format, Vp8Payloader

__all__ = ["PayloadError", "PayloadFormat", "Payloader", "format_for", "payloader_for"]

# Formats hold no state and are shared; a payloader belongs to one stream.
_FORMATS: dict[str, PayloadFormat] = {"vp8": Vp8Format(), "h264": H264Format(), "opus": OpusFormat()}
_PAYLOADERS: dict[str, Callable[[], Payloader]] = {"vp8": Vp8Payloader, "h264": H264Payloader, "opus": OpusPayloader}


def format_for(codec_name: str) -> PayloadFormat:
    """The format of that codec, compared without case. Raises PayloadError for one that meetprobe does not speak."""
    found = _FORMATS.get(codec_name.lower())
    if found is None:
        raise PayloadError(f"no payload format for {codec_name!r}; meetprobe speaks {', '.join(_FORMATS)}")
    return found


def payloader_for(codec_name: str) -> Payloader:
    """A new payloader of that codec. Raises PayloadError for one that meetprobe does not speak."""
    found = _PAYLOADERS.get(codec_name.lower())
    if found is None:
        raise PayloadError(f"no payloader for {codec_name!r}; meetprobe speaks {', '.join(_PAYLOADERS)}")
    return found()
