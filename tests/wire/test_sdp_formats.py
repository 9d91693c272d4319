"""Formats are read once for equal lines, and a bad line is named wherever it stands."""

from __future__ import annotations

import pytest

from probe.wire import sdp_formats
from probe.wire.codecs import Codec
from probe.wire.sdp_formats import FormatError, Formats, read_formats
from probe.wire.sdp_parse import parse_session
from probe.wire.sdp_types import SdpError

LINES = (
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=extmap:5/recvonly urn:x",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:* nack",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
)
VIDEO = Formats(
    codecs=(
        Codec(96, "VP8", 90000, feedback=("nack", "nack pli")),
        Codec(97, "rtx", 90000, parameters=(("apt", "96"),), feedback=("nack",)),
    ),
    undescribed=("98",),
    extensions=((4, "urn:ietf:params:rtp-hdrext:sdes:mid"), (5, "urn:x")),
    extension_directions=((5, "recvonly"),),
)


def test_what_the_lines_say() -> None:
    assert read_formats((96, 97, 98), LINES) == VIDEO
    assert read_formats((0,), ()) == Formats((Codec(0, "PCMU", 8000),), (), (), ())


def test_equal_lines_are_read_once_and_others_anew() -> None:
    sdp_formats._read.cache_clear()
    assert read_formats((96, 97, 98), LINES) is read_formats((96, 97, 98), tuple(line[:] for line in LINES))
    assert sdp_formats._read.cache_info().misses == 1
    assert read_formats((97, 96), LINES).codecs == VIDEO.codecs[::-1]
    assert read_formats((96,), LINES[:3]).codecs == (Codec(96, "VP8", 90000),)


def test_the_cache_is_bounded_in_number_and_in_size() -> None:
    sdp_formats._read.cache_clear()
    for number in range(200):
        read_formats((96,), (f"a=rtpmap:96 codec{number}/90000",))
    assert sdp_formats._read.cache_info().currsize == 64
    huge = (f"a=rtpmap:96 {'x' * 30_000}/90000",)
    before = sdp_formats._read.cache_info()
    assert read_formats((96,), huge).codecs[0].clock_rate == 90000
    assert sdp_formats._read.cache_info() == before


def test_a_bad_line_is_never_kept() -> None:
    for _ in range(2):
        with pytest.raises(FormatError, match="payload type") as failure:
            read_formats((96,), ("a=rtpmap:96 VP8/90000", "a=rtpmap:200 VP8/90000"))
        assert failure.value.line == "a=rtpmap:200 VP8/90000"


def test_a_bad_line_is_told_by_its_number_in_the_description() -> None:
    text = (
        "v=0\r\n\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n a=extmap:x urn:y\r\n"
    )
    with pytest.raises(SdpError, match=r"line 6, 'a=extmap:x urn:y': extension id must be a number"):
        parse_session(text)


def test_a_description_may_be_changed_without_harm_to_the_next() -> None:
    text = "\r\n".join(["v=0", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", *LINES, ""])
    first = parse_session(text).sections[0]
    first.codecs.clear()
    first.extensions.clear()
    first.extension_directions.clear()
    first.formats.clear()
    second = parse_session(text).sections[0]
    assert tuple(second.codecs) == VIDEO.codecs
    assert second.extensions == dict(VIDEO.extensions)
    assert second.extension_directions == {5: "recvonly"}
    assert second.formats == ["98"]
