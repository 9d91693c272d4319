"""Opus payloads: one packet each; durations by RFC 6716 table 2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.opus import OpusFormat, OpusPayloader, packet_duration
from probe.wire.payload import PayloadError


@pytest.mark.parametrize(
    ("configuration", "code", "seconds"),
    [
        (0, 0, 0.010),
        (3, 0, 0.060),
        (11, 1, 0.120),
        (12, 0, 0.010),
        (15, 2, 0.040),
        (16, 0, 0.0025),
        (31, 0, 0.020),
        (29, 1, 0.010),
    ],
)
def test_durations(configuration: int, code: int, seconds: float) -> None:
    assert packet_duration(bytes([configuration << 3 | code])) == pytest.approx(seconds)


def test_counted_frames() -> None:
    assert packet_duration(bytes([31 << 3 | 3, 0x80 | 6])) == pytest.approx(0.120)


@pytest.mark.parametrize(
    "packet", [b"", bytes([31 << 3 | 3]), bytes([31 << 3 | 3, 0]), bytes([31 << 3 | 3, 7]), bytes([3 << 3 | 3, 3])]
)
def test_malformed_packets_raise(packet: bytes) -> None:
    with pytest.raises(PayloadError):
        packet_duration(packet)


@given(st.binary(min_size=1, max_size=200))
def test_packets_pass_unchanged(packet: bytes) -> None:
    payloads = OpusPayloader().packetize(packet, 1200)
    assert payloads == [packet]
    assert OpusFormat().assemble(payloads) == packet
    assert OpusFormat().is_keyframe(packet)
    assert OpusFormat().starts_frame(packet)
    assert OpusFormat().surely_starts_frame(packet)


def test_what_can_not_be_one_packet_raises() -> None:
    for payloads in ([], [b""], [b"a", b"b"]):
        with pytest.raises(PayloadError):
            OpusFormat().assemble(payloads)
    for packet, size in ((b"", 10), (b"123", 2)):
        with pytest.raises(PayloadError):
            OpusPayloader().packetize(packet, size)
