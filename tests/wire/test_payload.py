"""Formats found by the names that SDP uses."""

from __future__ import annotations

import pytest

from probe.wire.payload import PayloadError, format_for, payloader_for
from probe.wire.payload_base import balanced_sizes

FRAMES = {"VP8": b"\x01frame", "H264": b"\x00\x00\x00\x01\x41\x9aslice", "opus": b"\xf8packet"}


@pytest.mark.parametrize(("name", "rate"), [("VP8", 90000), ("H264", 90000), ("opus", 48000)])
def test_formats_and_payloaders_fit_each_other(name: str, rate: int) -> None:
    read = format_for(name.swapcase())
    assert (read.name, read.clock_rate) == (name, rate)
    assert read.assemble(payloader_for(name.swapcase()).packetize(FRAMES[name], 1200)) == FRAMES[name]


def test_each_stream_gets_its_own_payloader() -> None:
    assert payloader_for("VP8") is not payloader_for("VP8")


def test_other_codecs_are_named() -> None:
    with pytest.raises(PayloadError, match="no payload format for 'AV1'; meetprobe speaks vp8, h264, opus"):
        format_for("AV1")
    with pytest.raises(PayloadError, match="no payloader for 'VP9'"):
        payloader_for("VP9")


@pytest.mark.parametrize(
    ("total", "limit", "sizes"),
    [(10, 4, [4, 3, 3]), (8, 4, [4, 4]), (1, 9, [1]), (0, 9, [0]), (1201, 1200, [601, 600])],
)
def test_balanced_sizes(total: int, limit: int, sizes: list[int]) -> None:
    assert balanced_sizes(total, limit) == sizes
