"""What a Seal makes of a packet is what libsrtp makes of it, byte for byte, for as long as a stream may last."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from probe.native import core
from probe.rtc.sealing import OutboundSession
from tests.native.wire import session

pytestmark = pytest.mark.skipif(core is None or not core.seals(), reason="no compiled path, or a processor without AES")

MASTER = bytes(range(28))
GCM_128, GCM_256 = Policy.SRTP_PROFILE_AEAD_AES_128_GCM, Policy.SRTP_PROFILE_AEAD_AES_256_GCM


def outbound(master: bytes = MASTER) -> Session:
    policy = Policy(master + b"00", Policy.SSRC_ANY_OUTBOUND, srtp_profile=GCM_128)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


def rtp(
    sequence: int, payload: bytes = b"payload", ssrc: int = 1, csrcs: int = 0, extension: int | None = None
) -> bytes:
    """`extension`: words of one."""
    head = bytes((0x80 | csrcs | (0x10 if extension is not None else 0), 96)) + (sequence & 0xFFFF).to_bytes(2, "big")
    head += bytes(4) + ssrc.to_bytes(4, "big") + bytes(range(4 * csrcs))
    if extension is not None:
        head += b"\xbe\xde" + extension.to_bytes(2, "big") + bytes(4 * extension)
    return head + payload


@given(
    st.binary(min_size=28, max_size=28), st.binary(max_size=1400), st.integers(0, 15), st.none() | st.integers(0, 20),
    st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF),
)  # fmt: skip
def test_any_packet(master: bytes, payload: bytes, csrcs: int, extension: int | None, sequence: int, ssrc: int) -> None:
    packet = rtp(sequence, payload, ssrc, csrcs, extension)
    assert core.Seal(master).protect(packet) == outbound(master).protect(packet)


def test_every_length_of_a_payload() -> None:
    seal, keeper = core.Seal(MASTER), outbound()
    for size in range(600):
        packet = rtp(size, random.Random(size).randbytes(size))
        assert seal.protect(packet) == keeper.protect(packet)


def test_numbers_wrap_and_the_receiver_follows() -> None:
    seal, far = core.Seal(MASTER), session(Policy.SSRC_ANY_INBOUND)
    for number in range(3 << 16):
        if number % 37 and number & 0xFFFF <= 0xFF00:
            continue  # lost
        protected = seal.protect(rtp(number))
        assert far.unprotect(protected) == rtp(number)


def test_streams_count_for_themselves() -> None:
    seal, keeper = core.Seal(MASTER), outbound()
    for number in range(0, 1 << 17, 4096):
        for ssrc in range(11):
            packet = rtp(number + 77 * ssrc, ssrc=ssrc)
            assert seal.protect(packet) == keeper.protect(packet)


def test_no_number_protects_two_packets() -> None:
    seal = core.Seal(MASTER)
    for sequence in (65_000, 65_535, 3):
        seal.protect(rtp(sequence))
    for used in (3, 2, 65_535, 65_000, 40_000):
        with pytest.raises(ValueError, match="number was used"):
            seal.protect(rtp(used, b"another"))
    seal.protect(rtp(4))


def test_what_is_sent_again_is_the_same() -> None:
    seal, far = core.Seal(MASTER), session(Policy.SSRC_ANY_INBOUND)
    sent = {number: seal.protect(rtp(number)) for number in range(65_500, 65_600)}
    for number, protected in sent.items():
        assert seal.protect(rtp(number), True) == protected
    lost = (65_530, 65_540)
    for number in sorted(sent.keys() - lost):
        assert far.unprotect(sent[number]) == rtp(number)
    for number in lost:
        assert far.unprotect(seal.protect(rtp(number), True)) == rtp(number)
    for never in (65_600, 100):
        with pytest.raises(ValueError, match="number was used"):
            seal.protect(rtp(never), True)
    with pytest.raises(ValueError, match="number was used"):
        seal.protect(rtp(65_500, ssrc=2), True)
    seal.protect(rtp(65_600))


@pytest.mark.parametrize(
    "data",
    [b"", bytes(11), bytes(40), rtp(1)[:5], rtp(1, b"", csrcs=3)[:-1], rtp(1, b"", extension=3)[:-1], bytes(9000)],
)
def test_what_is_no_rtp_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no RTP packet"):
        core.Seal(MASTER).protect(data)


@pytest.mark.parametrize("size", [0, 16, 27, 29, 30, 44])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="16 bytes, and its salt 12"):
        core.Seal(bytes(size))


def test_a_session_has_one_where_the_profile_is_its() -> None:
    made = OutboundSession(Policy(MASTER + b"00", Policy.SSRC_ANY_OUTBOUND, srtp_profile=GCM_128), GCM_128, MASTER)
    assert made.seal is not None
    assert made.seal.protect(rtp(1)) == made.protect(rtp(1))
    key = bytes(46)
    assert OutboundSession(Policy(key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=GCM_256), GCM_256, key[:44]).seal is None
