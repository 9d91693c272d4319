"""RTP headers: exact bytes, every way to be malformed, numbers that wrap."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.rtp import (
    RtpError,
    RtpHeader,
    SequenceUnwrapper,
    TimestampUnwrapper,
    build_packet,
    is_rtcp,
    ntp_from_fixed,
    ntp_to_fixed,
    parse_header,
    payload,
    seq_newer,
)

FIXED = bytes.fromhex("8060 1234 01020304 AABBCCDD".replace(" ", ""))


def with_extension(profile: int, block: bytes) -> bytes:
    assert len(block) % 4 == 0
    head = bytes((FIXED[0] | 0x10,)) + FIXED[1:]
    return head + profile.to_bytes(2, "big") + (len(block) // 4).to_bytes(2, "big") + block + b"media"


def test_fixed_header() -> None:
    header = parse_header(bytes((0x80, 0xE0)) + FIXED[2:] + b"xyz")
    assert header == RtpHeader(96, True, 0x1234, 0x01020304, 0xAABBCCDD, (), {}, 12, 0)
    assert payload(bytes((0x80, 0xE0)) + FIXED[2:] + b"xyz", header) == b"xyz"


def test_csrcs_extension_and_padding_together() -> None:
    data = bytes((0x80 | 0x20 | 0x10 | 2,)) + FIXED[1:] + bytes.fromhex("00000001 00000002 BEDE0001 10AB2100")
    data = data[:-2] + b"\x00\x00" + b"body" + b"\x00\x00\x03"
    header = parse_header(data)
    assert header.csrcs == (1, 2)
    assert header.extensions == {1: b"\xab"}
    assert header.header_length == 12 + 8 + 4 + 4
    assert header.padding_length == 3
    assert payload(data, header) == b"body"
    assert payload(memoryview(data), parse_header(memoryview(data))) == b"body"


def test_padding_only_packet_has_an_empty_payload() -> None:
    data = build_packet(payload_type=97, marker=False, sequence_number=1, timestamp=2, ssrc=3, payload=b"", padding=255)
    header = parse_header(data)
    assert (len(data), header.padding_length, payload(data, header)) == (12 + 255, 255, b"")


def test_encrypted_packets_hide_their_padding() -> None:
    data = bytes((0xA0,)) + FIXED[1:] + b"\x00" * 20
    assert parse_header(data, encrypted=True).padding_length == 0
    with pytest.raises(RtpError, match="padding"):
        parse_header(data)


@pytest.mark.parametrize(
    ("profile", "block", "expected"),
    [
        (0xBEDE, "10AA 0000", {1: b"\xaa"}),
        (0xBEDE, "00 10AA 00", {1: b"\xaa"}),
        (0xBEDE, "10AA 00 00 21 BBCC 00", {1: b"\xaa", 2: b"\xbb\xcc"}),
        (0xBEDE, "10AA F0BB 30CC 0000", {1: b"\xaa"}),  # id 15 ends it
        (0xBEDE, "10AA 03BB 30CC 0000", {1: b"\xaa"}),  # id 0 with a length ends it
        (0xBEDE, "1F" + "11" * 16 + "000000", {1: b"\x11" * 16}),
        (0xBEDE, "10AA 10BB", {1: b"\xbb"}),
        (0xBEDE, "", {}),
        (0x1000, "0100 0202 BBCC 0F01 DD00 0000", {1: b"", 2: b"\xbb\xcc", 15: b"\xdd"}),
        (0x100A, "00 00 01 01 AA 00 00 00", {1: b"\xaa"}),  # application bits, padding in front
        (0x1234, "11AABBCC", {}),  # another profile: skipped, not guessed at
    ],
)
def test_extension_forms(profile: int, block: str, expected: dict[int, bytes]) -> None:
    data = with_extension(profile, bytes.fromhex(block.replace(" ", "")))
    header = parse_header(data)
    assert header.extensions == expected
    assert payload(data, header) == b"media"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "too short"),
        (FIXED[:11], "too short"),
        (b"\x40" + FIXED[1:], "version 1"),
        (b"\x00" + FIXED[1:], "version 0"),
        (b"\xc0" + FIXED[1:], "version 3"),
        (b"\x8f" + FIXED[1:] + b"\0" * 59, "15 CSRCs"),
        (b"\x90" + FIXED[1:] + b"\xbe\xde\x00", "extension header"),
        (b"\x90" + FIXED[1:] + b"\xbe\xde\x00\x02" + b"\0" * 7, "header extension of 8 bytes"),
        (b"\xa0" + FIXED[1:], "padding"),
        (b"\xa0" + FIXED[1:] + b"\x00", "0 bytes of padding"),
        (b"\xa0" + FIXED[1:] + b"\x00\x03", "3 bytes of padding in 2"),
        (with_extension(0xBEDE, b"\x10\xaa\x33\xbb"), "element 3 ends 3 bytes behind"),
        (with_extension(0x1000, b"\x01\x03\xaa\xbb"), "element 1 ends 1 bytes behind"),
        (with_extension(0x1000, b"\x01\x01\xaa\x02"), "element 2 ends 1 bytes behind"),
    ],
)
def test_malformed(data: bytes, message: str) -> None:
    with pytest.raises(RtpError, match=message):
        parse_header(data)


@given(st.binary(max_size=100), st.booleans())
def test_random_bytes_raise_nothing_but_rtp_error(tail: bytes, encrypted: bool) -> None:
    for data in (tail, bytes((0x80 | (tail[0] if tail else 0) & 0x3F,)) + FIXED[1:] + tail):
        try:
            header = parse_header(data, encrypted=encrypted)
        except RtpError:
            continue
        assert header.header_length + header.padding_length <= len(data)
        assert len(payload(data, header)) == len(data) - header.header_length - header.padding_length


packets = st.fixed_dictionaries(
    {
        "payload_type": st.integers(0, 127),
        "marker": st.booleans(),
        "sequence_number": st.integers(0, 0xFFFF),
        "timestamp": st.integers(0, 0xFFFFFFFF),
        "ssrc": st.integers(0, 0xFFFFFFFF),
        "payload": st.binary(max_size=30),
        "extensions": st.dictionaries(st.integers(1, 255), st.binary(max_size=40), max_size=4)
        | st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=4),
        "csrcs": st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
        "padding": st.integers(0, 255),
    }
)


@given(packets)
def test_round_trip(fields: dict[str, object]) -> None:
    data = build_packet(**fields)  # type: ignore[arg-type]
    header = parse_header(data)
    for name in ("payload_type", "marker", "sequence_number", "timestamp", "ssrc", "csrcs", "extensions"):
        assert getattr(header, name) == fields[name]
    assert header.padding_length == fields["padding"]
    assert payload(data, header) == fields["payload"]


@given(packets, st.data())
def test_every_truncated_header_is_refused(fields: dict[str, object], draw: st.DataObject) -> None:
    data = build_packet(**fields)  # type: ignore[arg-type]
    cut = draw.draw(st.integers(0, parse_header(data).header_length - 1))
    with pytest.raises(RtpError):
        parse_header(data[:cut])


def build(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "payload_type": 96, "marker": True, "sequence_number": 1, "timestamp": 2, "ssrc": 3, "payload": b"x",
    }  # fmt: skip
    return build_packet(**(fields | changes))  # type: ignore[arg-type]


def test_the_short_extension_form_is_used_where_it_fits() -> None:
    assert build(extensions={1: b"a"})[12:20] == b"\xbe\xde\x00\x01\x10a\x00\x00"
    assert build(extensions={14: b"a" * 16})[12:14] == b"\xbe\xde"
    for long in ({15: b"a"}, {1: b""}, {1: b"a" * 17}):
        assert build(extensions=long)[12:14] == b"\x10\x00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload_type": 128}, {"sequence_number": 0x10000}, {"sequence_number": -1}, {"timestamp": 1 << 32},
        {"ssrc": 1 << 32}, {"csrcs": (0,) * 16}, {"csrcs": (1 << 32,)}, {"padding": 256}, {"extensions": {0: b"a"}},
        {"extensions": {256: b"a"}}, {"extensions": {1: b"a" * 256}},
    ],
)  # fmt: skip
def test_fields_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(RtpError):
        build(**wrong)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x80\xbf", False), (b"\x80\xc0", True), (b"\x80\xdf", True), (b"\x80\xe0", False),
        (b"\x80\x60", False), (b"\x80", False), (b"", False),
    ],
)  # fmt: skip
def test_demultiplexing(data: bytes, expected: bool) -> None:
    assert is_rtcp(data) is expected


@pytest.mark.parametrize(
    ("a", "b", "newer"),
    [
        (1, 0, True),
        (0, 1, False),
        (0, 65535, True),
        (65535, 0, False),
        (5, 5, False),
        (32767, 0, True),
        (32769, 0, False),
    ],
)
def test_seq_newer(a: int, b: int, newer: bool) -> None:
    assert seq_newer(a, b) is newer


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_of_two_different_numbers_exactly_one_is_newer(a: int, b: int) -> None:
    assert seq_newer(a, b) + seq_newer(b, a) == (a != b)


def test_unwrap_keeps_the_start_and_survives_reordering_across_the_wrap() -> None:
    unwrapper = SequenceUnwrapper()
    assert [unwrapper.unwrap(n) for n in (65534, 0, 65535, 1, 65533, 2)] == [65534, 65536, 65535, 65537, 65533, 65538]
    first_zero = SequenceUnwrapper()
    assert [first_zero.unwrap(n) for n in (0, 65535, 1)] == [0, -1, 1]


def test_an_old_number_does_not_move_the_reference() -> None:
    unwrapper = SequenceUnwrapper()
    assert unwrapper.unwrap(40000) == 40000
    assert unwrapper.unwrap(10000) == 10000
    assert unwrapper.unwrap(50000) == 50000, "10000 as reference would put 50000 below it"


@given(st.integers(0, 1 << 33), st.lists(st.integers(1, 1000), max_size=50), st.randoms(use_true_random=False))
def test_unwrap_follows_any_stream(start: int, steps: list[int], rng: random.Random) -> None:
    numbers = list(itertools.accumulate(steps, initial=start))
    shuffled = sorted(numbers, key=lambda n: n + rng.uniform(0, 5000))
    for unwrapper, modulus in ((SequenceUnwrapper(), 1 << 16), (TimestampUnwrapper(), 1 << 32)):
        found = [unwrapper.unwrap(n % modulus) for n in shuffled]
        assert [n - found[0] for n in found] == [n - shuffled[0] for n in shuffled]


def test_ntp_fixed_point() -> None:
    assert ntp_to_fixed(1.5) == 0x1_8000_0000
    assert ntp_from_fixed(0x1_8000_0000) == 1.5
    assert ntp_to_fixed(4294967296.0 + 3) == 3 << 32, "the next era"
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(RtpError):
            ntp_to_fixed(wrong)


@given(st.integers(0, (1 << 64) - 1))
def test_ntp_keeps_its_middle_32_bits(fixed: int) -> None:
    again = ntp_to_fixed(ntp_from_fixed(fixed))
    assert again >> 16 == fixed >> 16
    assert 0 <= fixed - again < 1 << 11
