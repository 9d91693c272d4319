"""VP8 over RTP against the layout of RFC 7741."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.payload import PayloadError
from probe.wire.vp8 import Vp8Descriptor, Vp8Format, Vp8Payloader

FORMAT = Vp8Format()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", Vp8Descriptor(True)),
        ("23", Vp8Descriptor(False, partition=3, non_reference=True)),
        ("908011", Vp8Descriptor(True, picture_id=17, picture_id_bits=7, size=3)),
        ("90809234", Vp8Descriptor(True, picture_id=0x1234, size=4)),
        ("9080ffff", Vp8Descriptor(True, picture_id=0x7FFF, size=4)),
        ("804007", Vp8Descriptor(False, tl0_picture_index=7, size=3)),
        ("8020a0", Vp8Descriptor(False, temporal_layer=2, layer_sync=True, size=3)),
        ("80101f", Vp8Descriptor(False, key_index=31, size=3)),
        ("90f0810203ec", None),  # too much: see below
        ("90f0810203", Vp8Descriptor(True, 0, False, 0x0102, 15, 3, None, False, None, 0)),
    ],
)
def test_descriptor_fields(text: str, expected: Vp8Descriptor | None) -> None:
    data = bytes.fromhex(text)
    if expected is None:
        parsed = Vp8Descriptor.parse(data + b"\0")
        assert parsed == Vp8Descriptor(True, 0, False, 0x0102, 15, 3, 3, True, 12, 6)
        assert parsed.to_bytes() == data
    elif expected.size == 0:  # T and K are set but their byte is the last of the payload: nothing follows
        with pytest.raises(PayloadError):
            Vp8Descriptor.parse(data)
    else:
        assert Vp8Descriptor.parse(data + b"\0") == expected
        assert expected.to_bytes() == data


@pytest.mark.parametrize("text", ["", "10", "90", "9080", "908081", "90808111", "9040", "904001", "90f0", "90f08101"])
def test_cut_descriptors_raise(text: str) -> None:
    with pytest.raises(PayloadError):
        Vp8Descriptor.parse(bytes.fromhex(text))


@pytest.mark.parametrize(
    "broken",
    [
        Vp8Descriptor(True, partition=8),
        Vp8Descriptor(True, picture_id=0x8000),
        Vp8Descriptor(True, picture_id=128, picture_id_bits=7),
        Vp8Descriptor(True, tl0_picture_index=256),
        Vp8Descriptor(True, temporal_layer=4),
        Vp8Descriptor(True, key_index=-1),
    ],
)
def test_values_beyond_their_field_raise(broken: Vp8Descriptor) -> None:
    with pytest.raises(PayloadError, match="is not below"):
        broken.to_bytes()


descriptors = st.builds(
    lambda start, part, nonref, bits, picture, tl0, layer, sync, key: Vp8Descriptor(
        start, part, nonref, None if picture is None else picture % (1 << bits), 15 if picture is None else bits,
        tl0, layer, sync and layer is not None, key,
    ),
    st.booleans(), st.integers(0, 7), st.booleans(), st.sampled_from([7, 15]), st.none() | st.integers(0, 0x7FFF),
    st.none() | st.integers(0, 255), st.none() | st.integers(0, 3), st.booleans(), st.none() | st.integers(0, 31),
)  # fmt: skip


@given(descriptors)
def test_descriptor_there_and_back(descriptor: Vp8Descriptor) -> None:
    data = descriptor.to_bytes()
    parsed = Vp8Descriptor.parse(data + b"x")
    assert parsed.size == len(data)
    assert parsed.to_bytes() == data
    assert (parsed.picture_id, parsed.temporal_layer, parsed.key_index) == (
        descriptor.picture_id,
        descriptor.temporal_layer,
        descriptor.key_index,
    )


@given(st.binary(max_size=12))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert FORMAT.is_keyframe(data) <= FORMAT.starts_frame(data)
    try:
        assert 1 <= Vp8Descriptor.parse(data).size < len(data)
    except PayloadError:
        assert not FORMAT.is_keyframe(data)


@given(st.binary(min_size=1, max_size=5000), st.integers(5, 1200))
def test_frames_there_and_back_in_balanced_packets(frame: bytes, max_size: int) -> None:
    payloads = Vp8Payloader(5).packetize(frame, max_size)
    assert len(payloads) == -(-len(frame) // (max_size - 4)), "no more packets than needed"
    sizes = [len(payload) for payload in payloads]
    assert max(sizes) <= max_size
    assert max(sizes) - min(sizes) <= 1
    assert [FORMAT.starts_frame(payload) for payload in payloads] == [True] + [False] * (len(payloads) - 1)
    assert FORMAT.is_keyframe(payloads[0]) == (frame[0] & 1 == 0)
    assert not any(FORMAT.is_keyframe(payload) for payload in payloads[1:])
    assert FORMAT.assemble(payloads) == frame


def test_picture_ids_count_frames_and_wrap() -> None:
    payloader = Vp8Payloader(0x7FFF)
    payloads = [payloader.packetize(b"frame", 1000)[0] for _ in range(2)]
    assert [Vp8Descriptor.parse(payload).picture_id for payload in payloads] == [0x7FFF, 0]


def test_bad_frames_and_sizes_raise() -> None:
    with pytest.raises(PayloadError, match="empty VP8 frame"):
        Vp8Payloader().packetize(b"", 1000)
    with pytest.raises(PayloadError, match="no room"):
        Vp8Payloader().packetize(b"x", 4)


def test_frames_that_do_not_fit_together_raise() -> None:
    first, second = Vp8Payloader().packetize(b"0123456789", 9)
    for payloads in ([], [second], [first, first], [first, b""], [first, b"\x80"]):
        with pytest.raises(PayloadError):
            FORMAT.assemble(payloads)


def test_a_second_partition_may_begin_within_the_frame() -> None:
    first, second = Vp8Descriptor(True).to_bytes() + b"a", Vp8Descriptor(True, partition=1).to_bytes() + b"b"
    assert FORMAT.assemble([first, second]) == b"ab"
