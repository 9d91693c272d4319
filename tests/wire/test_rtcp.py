"""RTCP: exact bytes from the RFCs' layouts, round trips, and everything that can be cut off or lie."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.rtcp import (
    Dlrr,
    FullIntraRequest,
    Goodbye,
    Nack,
    PictureLoss,
    ReceiverReport,
    ReferenceTime,
    Remb,
    ReportBlock,
    RtcpError,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    TransportFeedback,
    Unknown,
    middle32,
    parse_compound,
)

BLOCK = ReportBlock(0x11111111, 0.25, -2, 0x0001FFFE, 90, 0xABCD1234, 1.5)
BLOCK_BYTES = bytes.fromhex("11111111 40FFFFFE 0001FFFE 0000005A ABCD1234 00018000".replace(" ", ""))


def one(data: bytes) -> RtcpPacket:
    (packet,) = parse_compound(data)
    return packet


@pytest.mark.parametrize(
    ("packet", "hexadecimal"),
    [
        (ReceiverReport(7, (BLOCK,)), "81C90007 00000007" + BLOCK_BYTES.hex()),
        (ReceiverReport(7), "80C90001 00000007"),
        (SenderReport(7, 2.5, 1000, 3, 4), "80C80006 00000007 00000002 80000000 000003E8 00000003 00000004"),
        (SourceDescription(((7, "ab"),)), "81CA0003 00000007 01026162 00000000"),
        (SourceDescription(((7, "abc"), (8, ""))), "82CA0005 00000007 01036162 63000000 00000008 00000000"),
        (SourceDescription(((7, "ab"), (8, ""))), "82CA0005 00000007 01026162 00000000 00000008 00000000"),
        (Goodbye((7,)), "81CB0001 00000007"),
        (Goodbye((7, 8), "bye!"), "82CB0004 00000007 00000008 04627965 21000000"),
        (Nack(7, 8, (65535, 0, 15)), "81CD0003 00000007 00000008 FFFF8001"),
        (Nack(7, 8, (10, 27)), "81CD0004 00000007 00000008 000A0000 001B0000"),
        (PictureLoss(7, 8), "81CE0002 00000007 00000008"),
        (FullIntraRequest(7, ((8, 3),)), "84CE0004 00000007 00000000 00000008 03000000"),
        (Remb(7, 0x3FFFF << 4, (8, 9)), "8FCE0006 00000007 00000000 52454D42 0213FFFF 00000008 00000009"),
        (ReferenceTime(7, 2.5), "80CF0004 00000007 04000002 00000002 80000000"),
        (Dlrr(7, ((8, 9, 0.5),)), "80CF0005 00000007 05000003 00000008 00000009 00008000"),
        (Unknown(204, 3, b"\0\0\0\7APPX"), "83CC0002 00000007 41505058"),
        (Unknown(206, 9, b"\0" * 8), "89CE0002 00000000 00000000"),
    ],
)
def test_bytes(packet: RtcpPacket, hexadecimal: str) -> None:
    data = bytes.fromhex(hexadecimal.replace(" ", ""))
    assert packet.to_bytes() == data
    assert one(data) == packet


def test_compound_and_reduced_size() -> None:
    report, description = ReceiverReport(7, (BLOCK,)), SourceDescription(((7, "cname"),))
    nack, pli = Nack(7, 8, (3,)), PictureLoss(7, 8)
    data = b"".join(packet.to_bytes() for packet in (report, description, nack))
    assert parse_compound(data) == parse_compound(memoryview(data)) == [report, description, nack]
    assert parse_compound(nack.to_bytes() + pli.to_bytes()) == [nack, pli], "RFC 5506: no report in front"


def test_padding_of_the_last_packet() -> None:
    data = bytes.fromhex("A0C90002 00000007 00000004".replace(" ", ""))
    assert one(data) == ReceiverReport(7)
    for wrong in (0, 2, 12):
        with pytest.raises(RtcpError, match="padding"):
            parse_compound(data[:-1] + bytes((wrong,)))


def test_a_report_may_carry_a_profile_extension() -> None:
    data = bytes.fromhex("80C90002 00000007 DEADBEEF".replace(" ", ""))
    assert one(data) == ReceiverReport(7)


@pytest.mark.parametrize("lost", [-0x800000, -1, 0, 0x7FFFFF])
def test_cumulative_loss_is_signed(lost: int) -> None:
    block = ReportBlock(1, 0.0, lost, 0, 0, 0, 0.0)
    assert one(ReceiverReport(1, (block,)).to_bytes()) == ReceiverReport(1, (block,))


def test_what_a_block_cannot_hold_is_clamped() -> None:
    block = ReportBlock(1, 1.0, 1 << 24, 0, 0, 0, 70000.0)
    assert one(ReceiverReport(1, (block,)).to_bytes()) == ReceiverReport(
        1, (ReportBlock(1, 255 / 256, 0x7FFFFF, 0, 0, 0, 0xFFFFFFFF / 65536),)
    )


@pytest.mark.parametrize(
    ("hexadecimal", "message"),
    [
        ("", "empty"),
        ("80C9", "ends inside"),
        ("40C90001 00000007", "version 1"),
        ("80600001 00000007", "packet type 96"),
        ("80C90002 00000007", "behind the datagram"),
        ("81C90001 00000007", "ends inside"),
        ("80C90000", "ends inside"),
        ("80C80005 00000007 00000002 80000000 000003E8 00000003", "ends inside"),
        ("81CA0000", "ends inside"),
        ("81CA0002 00000007 01FF6162", "behind its packet"),
        ("81CA0002 00000007 01026162", "ends inside"),
        ("82CB0001 00000007", "ends inside"),
        ("81CB0002 00000007 05627965", "longer than its packet"),
        ("81CD0001 00000007", "two SSRCs"),
        ("81CD0002 00000007 00000008", "names no packet"),
        ("81CE0001 00000007", "two SSRCs"),
        ("84CE0003 00000007 00000000 00000008", "cut off"),
        ("8FCE0004 00000007 00000000 52454D42 02000000", "names 0"),
        ("80CF0002 00000007 04000002", "behind its packet"),
        ("8FCD0003 00000007 00000008 00010000", "ends inside"),
        ("8FCD0004 00000007 00000008 00010001 00000000", "ends inside"),
        ("8FCD0005 00000007 00000008 00010001 00000000 60010000", "reserved"),
    ],
)
def test_malformed(hexadecimal: str, message: str) -> None:
    with pytest.raises(RtcpError, match=message):
        parse_compound(bytes.fromhex(hexadecimal.replace(" ", "")))


def test_a_remb_whose_identifier_is_cut_off_is_unknown() -> None:
    assert one(bytes.fromhex("8FCE000200000007 00000000".replace(" ", ""))) == Unknown(206, 15, b"\0\0\0\7\0\0\0\0")


@pytest.mark.parametrize(
    "packet",
    [
        SenderReport(1 << 32, 0.0, 0, 0, 0),
        SenderReport(1, -1.0, 0, 0, 0),
        SenderReport(1, math.nan, 0, 0, 0),
        ReceiverReport(1, (BLOCK,) * 32),
        ReceiverReport(1, (ReportBlock(1, math.nan, 0, 0, 0, 0, 0.0),)),
        SourceDescription(((1, "x" * 256),)),
        Goodbye((1,), "x" * 256),
        Nack(1, 2, ()),
        Remb(1, -1, ()),
        Remb(1, 1 << 82, ()),
        Remb(1, 1, (0,) * 256),
        Dlrr(1, ((1, 1, math.inf),)),
        TransportFeedback(1, 2, 5, 0, ((6, 1.0),)),
        TransportFeedback(1, 2, 5, 0, ((5, 1.0), (6, 10.0))),
        TransportFeedback(1, 2, 5, 0, ((5, math.nan),)),
        Unknown(204, 0, b"odd"),
    ],
)
def test_what_does_not_fit(packet: RtcpPacket) -> None:
    with pytest.raises(RtcpError):
        packet.to_bytes()


def test_middle32_is_what_the_wire_shows() -> None:
    assert middle32(2.5) == 0x00028000
    report = SenderReport(1, 3_976_000_000.123456, 0, 0, 0).to_bytes()
    assert middle32(3_976_000_000.123456) == int.from_bytes(report[10:14], "big")


@given(st.integers(0, (1 << 64) - 1))
def test_a_foreign_ntp_time_is_quoted_exactly(fixed: int) -> None:
    report = one(b"\x80\xc8\x00\x06\x00\x00\x00\x01" + fixed.to_bytes(8, "big") + bytes(12))
    assert isinstance(report, SenderReport)
    assert middle32(report.ntp) == fixed >> 16 & 0xFFFFFFFF


def test_xr_blocks_become_packets_of_their_own() -> None:
    data = bytes.fromhex(
        "80CF0009 00000007 04000002 0000000280000000 05000000 09000002 1122334455667788".replace(" ", "")
    )
    data = data[:3] + bytes((len(data) // 4 - 1,)) + data[4:]
    unknown = Unknown(207, 0, bytes.fromhex("00000007090000021122334455667788"))
    assert parse_compound(data) == [ReferenceTime(7, 2.5), Dlrr(7, ()), unknown]
    assert parse_compound(unknown.to_bytes()) == [unknown]


def test_transport_feedback_bytes() -> None:
    """Draft section 3.1: base 10, three packets at 64, none, 65 ms; one vector chunk 01 00 01, two small deltas."""
    packet = TransportFeedback(7, 8, 10, 3, ((10, 0.064), (11, None), (12, 0.065)))
    data = bytes.fromhex("8FCD0005 00000007 00000008 000A0003 00000103 D1000004".replace(" ", ""))
    assert packet.to_bytes() == data
    assert one(data) == packet


def test_transport_feedback_run_of_small_deltas_across_the_wrap() -> None:
    """Draft section 3.1.3: eight packets from 65533 on, a millisecond apart from 128 ms: one run, eight deltas of a byte."""
    packet = TransportFeedback(7, 8, 65533, 5, tuple((65533 + i & 0xFFFF, 0.128 + i / 1000) for i in range(8)))
    data = bytes.fromhex("8FCD0007 00000007 00000008 FFFD0008 00000205 2008 0004040404040404 0000".replace(" ", ""))
    assert packet.to_bytes() == data
    found = one(data)
    assert isinstance(found, TransportFeedback)
    assert found.base_sequence == 65533
    assert [sequence for sequence, _ in found.arrivals] == [65533, 65534, 65535, 0, 1, 2, 3, 4]
    assert [arrival for _, arrival in found.arrivals] == pytest.approx([0.128 + i / 1000 for i in range(8)])


def test_transport_feedback_deltas_of_both_sizes() -> None:
    """Draft section 3.1.5: 40 ms on from 15 times 64 ms, 100 ms on, a tick back, one lost, the longest step of one byte:
    symbols 01 10 10 00 01."""
    named = ((100, 1.0), (101, 1.1), (102, 1.09975), (103, None), (104, 1.1635))
    packet = TransportFeedback(7, 8, 100, 255, named)
    data = bytes.fromhex("8FCD0006 00000007 00000008 00640005 00000FFF DA10 A0 0190 FFFF FF".replace(" ", ""))
    assert packet.to_bytes() == data
    assert one(data) == packet


def test_transport_feedback_one_bit_vector_of_other_senders() -> None:
    """Draft section 3.1.4: 10 and fourteen bits, of which three count; 2 ms on from 64 ms, and 3 ms."""
    data = bytes.fromhex("8FCD0005 00000007 00000008 00010003 00000100 A800 080C".replace(" ", ""))
    assert one(data) == TransportFeedback(7, 8, 1, 0, ((1, 0.066), (2, None), (3, 0.069)))


def test_transport_feedback_chunks_of_other_senders() -> None:
    head = "00000007 00000008 FFFE0009 00000100"
    run = bytes.fromhex(f"8FCD0007 {head} 2002 8001 0004 C000 0408 0C00".replace(" ", ""))
    # 2 received, then a 1-bit vector whose 14 symbols outlast the 9 packets: six lost, and one more of nothing
    packet = one(run[:3] + bytes((len(run) // 4 - 1,)) + run[4:])
    assert isinstance(packet, TransportFeedback)
    assert [sequence for sequence, _ in packet.arrivals] == [65534, 65535, 0, 1, 2, 3, 4, 5, 6]
    assert [arrival is not None for _, arrival in packet.arrivals] == [True, True] + [False] * 7


def test_transport_feedback_of_runs_longer_than_a_chunk() -> None:
    lost = tuple((i, None if i < 20_000 else 2.0) for i in range(20_001))
    data = TransportFeedback(1, 2, 0, 0, lost).to_bytes()
    assert len(data) == 4 + 16 + 3 * 2 + 2 + 1 + 3
    assert one(data) == TransportFeedback(1, 2, 0, 0, lost)


def test_transport_feedback_with_steps_back_and_negative_reference() -> None:
    packet = TransportFeedback(1, 2, 0, 255, ((0, -1.0), (1, -1.5), (2, 3.0)))
    assert one(packet.to_bytes()) == packet


ssrcs = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(
    ReportBlock,
    ssrcs,
    st.integers(0, 255).map(lambda n: n / 256),
    st.integers(-0x800000, 0x7FFFFF),
    ssrcs,
    ssrcs,
    ssrcs,
    st.integers(0, 0xFFFFFFFF).map(lambda n: n / 65536),
)
block_lists = st.lists(blocks, max_size=31).map(tuple)
times = st.integers(0, (1 << 53) - 1).map(lambda n: n / (1 << 21))
texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=60)
feedback_arrivals = st.lists(st.none() | st.integers(0, 30_000).map(lambda n: n / 4000), max_size=60)


@st.composite
def transport_feedbacks(draw: st.DrawFn) -> TransportFeedback:
    base, arrivals = draw(st.integers(0, 0xFFFF)), draw(feedback_arrivals)
    repeated = [time for time in arrivals for _ in range(draw(st.integers(1, 9)))]
    named = tuple((base + i & 0xFFFF, time) for i, time in enumerate(repeated))
    return TransportFeedback(draw(ssrcs), draw(ssrcs), base, draw(st.integers(0, 255)), named)


rtcp_packets = st.one_of(
    st.builds(SenderReport, ssrcs, times, ssrcs, ssrcs, ssrcs, block_lists),
    st.builds(ReceiverReport, ssrcs, block_lists),
    st.builds(SourceDescription, st.lists(st.tuples(ssrcs, texts), max_size=31).map(tuple)),
    st.builds(Goodbye, st.lists(ssrcs, max_size=31).map(tuple), texts),
    st.builds(PictureLoss, ssrcs, ssrcs),
    st.builds(FullIntraRequest, ssrcs, st.lists(st.tuples(ssrcs, st.integers(0, 255)), max_size=5).map(tuple)),
    st.builds(Remb, ssrcs, st.integers(0, 0x3FFFF).map(lambda n: n << 12), st.lists(ssrcs, max_size=5).map(tuple)),
    st.builds(ReferenceTime, ssrcs, times),
    st.builds(
        Dlrr, ssrcs, st.lists(st.tuples(ssrcs, ssrcs, st.integers(0, 1 << 31).map(lambda n: n / 65536))).map(tuple)
    ),
    transport_feedbacks(),
)


@given(st.lists(rtcp_packets, min_size=1, max_size=4))
def test_round_trip_of_compounds(packets: list[RtcpPacket]) -> None:
    assert parse_compound(b"".join(packet.to_bytes() for packet in packets)) == packets


@given(st.sets(st.integers(0, 0xFFFF), min_size=1, max_size=60))
def test_a_nack_names_each_packet_once(lost: set[int]) -> None:
    found = one(Nack(1, 2, tuple(sorted(lost))).to_bytes())
    assert isinstance(found, Nack)
    assert sorted(found.sequence_numbers) == sorted(lost)


@given(st.integers(0, 1 << 70))
def test_remb_rounds_down_by_less_than_its_mantissa(bitrate: int) -> None:
    found = one(Remb(1, bitrate, ()).to_bytes())
    assert isinstance(found, Remb)
    assert 0 <= bitrate - found.bitrate_bps <= bitrate / (1 << 17)


@given(st.lists(rtcp_packets, min_size=1, max_size=2), st.data())
def test_every_truncation_is_refused(packets: list[RtcpPacket], draw: st.DataObject) -> None:
    data = b"".join(packet.to_bytes() for packet in packets)
    boundary = len(packets[0].to_bytes()) if len(packets) == 2 else 0
    cut = draw.draw(st.integers(0, len(data) - 1).filter(lambda n: n != boundary or n == 0))
    with pytest.raises(RtcpError):
        parse_compound(data[:cut])


@given(
    st.integers(192, 223) | st.sampled_from([200, 201, 202, 203, 205, 206, 207]),
    st.integers(0, 63),
    st.binary(max_size=80),
)
def test_random_bodies_raise_nothing_but_rtcp_error(packet_type: int, low: int, body: bytes) -> None:
    body = body[: len(body) // 4 * 4]
    data = bytes((0x80 | low, packet_type)) + (len(body) // 4).to_bytes(2, "big") + body
    for candidate in (data, body, data + body):
        try:
            packets = parse_compound(candidate)
        except RtcpError:
            continue
        assert packets or packet_type == 207, "only an extended report can hold nothing"
