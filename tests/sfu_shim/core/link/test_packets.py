from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu_shim.core.link.packets import KINDS, Packet, identify
from tests.sfu_shim.core.link.simulate import rtp


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "other"),
        (b"\x00\x01" + bytes(18), "stun"),
        (b"\x16\xfe\xfd", "dtls"),
        (b"\x40\x00", "other"),  # TURN channel data
        (b"\x80\xc8" + bytes(6), "rtcp"),
        (b"\x80\x60", "other"),  # too short for RTP
        (b"\xff", "other"),
    ],
)
def test_kinds(data: bytes, kind: str) -> None:
    assert identify(data) == Packet(kind, len(data))


def test_rtp_is_read_although_encrypted() -> None:
    padded = bytearray(rtp(513, ssrc=0xDEADBEEF, timestamp=77, size=50))
    padded[0] |= 0x20  # padding, whose encrypted count is any number
    assert identify(bytes(padded)) == Packet("rtp", 50, 0xDEADBEEF, 513, 77)


@given(st.binary(max_size=60))
def test_anything_is_something(data: bytes) -> None:
    packet = identify(data)
    assert packet.kind in KINDS
    assert packet.size == len(data)
