"""H.264 over RTP against RFC 6184, packetization-mode 1."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.h264 import H264Format, H264Payloader, split_annex_b
from probe.wire.payload import PayloadError

FORMAT = H264Format()
SPS, PPS, SEI, AUD = b"\x67sps", b"\x68pp", b"\x06sei", b"\x09\xf0"
IDR, SLICE = b"\x65\x88idr", b"\x41\x9aslice"
START = b"\x00\x00\x00\x01"


def annex_b(*units: bytes) -> bytes:
    return b"".join(START + unit for unit in units)


def test_start_codes_of_three_and_four_bytes_and_padding() -> None:
    frame = b"\x00\x00\x01" + SPS + b"\x00\x00\x00\x01" + PPS + b"\x00\x00\x00\x00\x01" + IDR + b"\x00\x00"
    assert split_annex_b(frame) == [SPS, PPS, IDR]


@pytest.mark.parametrize(
    "frame", [b"", b"no start code", b"\x00\x00", b"x\x00\x00\x01\x65", b"\x00\x00\x01", b"\x00\x00\x01\x00\x00\x01"]
)
def test_what_is_not_annex_b_raises(frame: bytes) -> None:
    with pytest.raises(PayloadError):
        split_annex_b(frame)


def test_small_units_share_a_stap_a() -> None:
    (payload,) = H264Payloader().packetize(annex_b(SPS, PPS, IDR), 100)
    assert payload == b"\x78" + b"\x00\x04" + SPS + b"\x00\x03" + PPS + b"\x00\x05" + IDR
    assert FORMAT.assemble([payload]) == annex_b(SPS, PPS, IDR)


def test_stap_a_is_filled_to_the_limit_and_not_beyond() -> None:
    frame = annex_b(SPS, PPS, IDR)
    assert len(H264Payloader().packetize(frame, 19)) == 1
    assert H264Payloader().packetize(frame, 18) == [b"\x78\x00\x04" + SPS + b"\x00\x03" + PPS, IDR]


def test_a_single_unit_goes_as_it_is() -> None:
    assert H264Payloader().packetize(annex_b(SLICE), len(SLICE)) == [SLICE]


def test_fu_a_headers() -> None:
    payloads = H264Payloader().packetize(annex_b(b"\x65" + b"abcdefghi"), 5)
    assert payloads == [b"\x7c\x85abc", b"\x7c\x05def", b"\x7c\x45ghi"]
    assert FORMAT.assemble(payloads) == annex_b(b"\x65abcdefghi")


def test_parameter_sets_then_fragments() -> None:
    unit = b"\x65\x88" + bytes(range(1, 101))
    payloads = H264Payloader().packetize(annex_b(SPS, PPS, unit), 40)
    assert payloads[0][0] & 0x1F == 24
    assert [payload[0] & 0x1F for payload in payloads[1:]] == [28, 28, 28]
    assert FORMAT.assemble(payloads) == annex_b(SPS, PPS, unit)


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


@pytest.mark.parametrize(
    ("payload", "starts", "surely", "keyframe"),
    [
        (SPS, True, True, True),
        (PPS, True, False, False),
        (SEI, True, False, False),
        (AUD, True, True, False),
        (IDR, True, False, True),  # its SPS may have gone before, and be lost
        (SLICE, True, True, False),
        (b"\x41\x40lower", False, False, False),  # first_mb_in_slice > 0
        (b"\x65\x40lower", False, False, True),
        (stap(SPS, PPS), True, True, True),
        (stap(SEI, IDR), True, False, True),
        (stap(AUD, SLICE), True, True, False),
        (b"\x7c\x85\x88", True, False, True),  # FU-A, first part of an IDR slice
        (b"\x7c\x05\x88", False, False, False),
        (b"\x5c\x81\x9a", True, True, False),
        (b"\x5c\x81\x4a", False, False, False),
        (b"", False, False, False),
        (b"\x7c", False, False, False),
        (b"\x7c\x85", False, False, False),
        (b"\x78\x00\xff\x67", False, False, False),
        (b"\x79\x00\x00\x00\x02\x67\x01", False, False, False),  # STAP-B
    ],
)
def test_what_a_payload_begins(payload: bytes, starts: bool, surely: bool, keyframe: bool) -> None:
    assert FORMAT.starts_frame(payload) == starts
    assert FORMAT.surely_starts_frame(payload) == surely
    assert FORMAT.is_keyframe(payload) == keyframe


@pytest.mark.parametrize(
    "payloads",
    [
        [],
        [b""],
        [b"\x00x"],
        [b"\x79xx"],
        [b"\x1dxxxx"],
        [b"\x78"],
        [b"\x78\x00\x00"],
        [b"\x78\x00\x09\x67"],
        [b"\x78\x00"],
        [b"\x7c\x85"],
        [b"\x7c\x05abc"],
        [b"\x7c\x85abc"],
        [b"\x7c\x85abc", b"\x7c\x85abc"],
        [b"\x7c\x85abc", b"\x7c\x41abc"],
        [b"\x7c\x85abc", SLICE],
    ],
)
def test_broken_sequences_raise(payloads: list[bytes]) -> None:
    with pytest.raises(PayloadError):
        FORMAT.assemble(payloads)


def test_no_room_raises() -> None:
    with pytest.raises(PayloadError, match="no room"):
        H264Payloader().packetize(annex_b(SLICE), 2)


# A NAL unit has a type of 1 to 23, no start code within and no zero at its end.
units = st.builds(
    lambda head, body: bytes([head]) + body.replace(b"\x00", b"\x03"),
    st.sampled_from([0x67, 0x68, 0x65, 0x41, 0x06, 0x09]),
    st.binary(min_size=1, max_size=300),
)


@given(st.lists(units, min_size=1, max_size=8), st.integers(3, 400))
def test_frames_there_and_back(parts: list[bytes], max_size: int) -> None:
    payloads = H264Payloader().packetize(annex_b(*parts), max_size)
    assert max(len(payload) for payload in payloads) <= max_size
    assert FORMAT.assemble(payloads) == annex_b(*parts)
    keyframe = any(unit[0] & 0x1F in (5, 7) for unit in parts)
    assert any(FORMAT.is_keyframe(payload) for payload in payloads) == keyframe


@given(st.lists(st.binary(max_size=12), max_size=4))
def test_any_bytes_are_read_or_refused(payloads: list[bytes]) -> None:
    for payload in payloads:
        assert FORMAT.surely_starts_frame(payload) <= FORMAT.starts_frame(payload)
        assert FORMAT.is_keyframe(payload) in (True, False)
    with contextlib.suppress(PayloadError):
        assert FORMAT.assemble(payloads).startswith(START)
