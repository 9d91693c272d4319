"""Header extension elements: exact bytes and both directions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire import extensions as ext
from probe.wire.rtp import RtpError

NTP_2026 = 3_976_000_000.25


def test_abs_capture_time_bytes() -> None:
    assert ext.abs_capture_time_encode(NTP_2026) == (3_976_000_000).to_bytes(4, "big") + b"\x40\x00\x00\x00"
    assert ext.abs_capture_time_decode(ext.abs_capture_time_encode(NTP_2026)) == NTP_2026
    assert ext.abs_capture_time_decode(ext.abs_capture_time_encode(NTP_2026) + b"\xff" * 8) == NTP_2026


def test_the_capturer_s_offset_is_signed_and_may_be_missing() -> None:
    time = ext.abs_capture_time_encode(NTP_2026)
    assert ext.abs_capture_offset_decode(time) is None
    assert ext.abs_capture_offset_decode(time + bytes(8)) == 0.0
    assert ext.abs_capture_offset_decode(time + (3 << 31).to_bytes(8, "big")) == 1.5
    assert ext.abs_capture_offset_decode(time + b"\xff\xff\xff\xff\x40\x00\x00\x00") == -0.75


@given(st.floats(0, 4294967295, allow_nan=False))
def test_abs_capture_time_round_trip_within_a_microsecond(ntp: float) -> None:
    assert abs(ext.abs_capture_time_decode(ext.abs_capture_time_encode(ntp)) - ntp) < 1e-9


@given(st.floats(0, 4e9))
def test_abs_send_time_is_modulo_64(ntp: float) -> None:
    data = ext.abs_send_time_encode(ntp)
    assert len(data) == 3
    assert (ntp - ext.abs_send_time_decode(data)) % 64 < 2**-18


def test_abs_send_time_bytes() -> None:
    assert ext.abs_send_time_encode(64 + 1.5) == (0x60000).to_bytes(3, "big")
    assert ext.abs_send_time_decode(b"\x06\x00\x00") == 1.5


@given(st.integers(0, 0xFFFF))
def test_transport_sequence(sequence: int) -> None:
    data = ext.transport_sequence_encode(sequence)
    assert data == sequence.to_bytes(2, "big")
    assert ext.transport_sequence_decode(data) == ext.transport_sequence_decode(data + b"\0\1") == sequence


@given(st.integers(0, 127), st.booleans())
def test_audio_level(level: int, voice: bool) -> None:
    data = ext.audio_level_encode(level, voice)
    assert data == bytes((level + 128 * voice,))
    assert ext.audio_level_decode(data) == ext.audio_level_decode(data + b"\0") == (level, voice)


def test_text() -> None:
    assert ext.mid_encode("0") == b"0"
    assert ext.mid_decode(b"audio\0\0") == "audio"
    assert ext.rid_decode(ext.rid_encode("hi")) == "hi"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ext.abs_capture_time_decode(b"1234567"),
        lambda: ext.abs_capture_time_encode(-1.0),
        lambda: ext.abs_send_time_decode(b"12"),
        lambda: ext.transport_sequence_decode(b"1"),
        lambda: ext.transport_sequence_encode(65536),
        lambda: ext.audio_level_decode(b""),
        lambda: ext.audio_level_encode(128, False),
        lambda: ext.mid_decode(b"\xff"),
        lambda: ext.mid_decode(b"\0"),
        lambda: ext.mid_encode(""),
        lambda: ext.mid_encode("x" * 256),
    ],
)
def test_errors(wrong: Callable[[], object]) -> None:
    with pytest.raises(RtpError):
        wrong()
