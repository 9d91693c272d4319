"""The compiled reader on real sockets: every datagram is counted or handed up, and a record says what the packet says."""

from __future__ import annotations

import math
import random
import select
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.records import MARKER, RECORD
from probe.measure.rtp_stream import StreamReceiver
from probe.native import core
from probe.wire import extensions as ext
from probe.wire.rtp import RtpError, RtpHeader, is_rtcp, parse_header
from tests.native.reader_bench import CAPTURE_ID, CLOCK, PAYLOAD_TYPE, SSRC, TAG, TRANSPORT_ID, Bench, rtp

pytestmark = pytest.mark.skipif(core is None, reason="the compiled packet path is not built here")

DATAGRAM = 2048
"""Bytes that are read of one."""


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def records(stream: Any) -> Any:
    return np.frombuffer(stream.take(), RECORD)


def fields(header: RtpHeader, extended: int, size: int) -> tuple[object, ...]:
    """What the record of that packet has to say, its arrival apart. NaN, which equals nothing, as its name."""
    capture, number = header.extensions.get(CAPTURE_ID, b""), header.extensions.get(TRANSPORT_ID, b"")
    at = CLOCK.from_ntp(ext.abs_capture_time_decode(capture)) if len(capture) in (8, 16) else "nan"
    transport = 0x10000 | ext.transport_sequence_decode(number) if len(number) in (2, 4) else 0
    return extended, at, header.timestamp, size, header.marker * MARKER, transport


def told(record: Any) -> tuple[object, ...]:
    sequence, _, capture, timestamp, size, flags, transport = record.tolist()
    return sequence, "nan" if math.isnan(capture) else capture, timestamp, size, flags & MARKER, transport


def expected_header(data: bytes) -> RtpHeader | None:
    """The header, if that datagram is to be counted."""
    try:
        header = parse_header(data, encrypted=True)
    except RtpError:
        return None
    if is_rtcp(data) or header.ssrc != SSRC or header.payload_type != PAYLOAD_TYPE or len(data) > DATAGRAM:
        return None
    if data[0] & 0x10 and data[12 + 4 * len(header.csrcs) :][:2] != b"\xbe\xde":
        return None  # of the two-byte form, or somebody's own
    return header if len(data) >= header.header_length + TAG else None


elements = st.lists(
    st.tuples(st.sampled_from((0, 1, CAPTURE_ID, TRANSPORT_ID, 15)), st.binary(min_size=1, max_size=16)), max_size=4
)


@st.composite
def almost_rtp(draw: st.DrawFn) -> bytes:
    """RTP of the watched stream, more often than not with something wrong."""
    block = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in draw(elements))
    block += bytes(-len(block) % 4)
    csrcs = draw(st.sampled_from((0, 0, 1, 15)))
    first = 0x80 | draw(st.sampled_from((0, 0x10, 0x10, 0x30))) | csrcs
    words = len(block) // 4 + draw(st.sampled_from((0, 0, 0, -1, 1, 0x7FFF)))
    data = struct.pack(
        "!BBHII", first, draw(st.sampled_from((96, 96 | 0x80, 97, 200))), draw(st.integers(0, 40)),
        draw(st.integers(0, 0xFFFFFFFF)), draw(st.sampled_from((SSRC, SSRC, SSRC, 1))),
    )  # fmt: skip
    data += bytes(4 * csrcs)
    if first & 0x10:
        data += struct.pack("!HH", draw(st.sampled_from((0xBEDE, 0xBEDE, 0x1000, 7))), words & 0xFFFF) + block
    data += bytes(draw(st.sampled_from((0, 15, 16, 17, 700, 2100))))
    return data[: draw(st.sampled_from((0, 3, 12, 14, 16, 20, 9999, 9999, 9999)))]


datagrams = st.lists(st.one_of(almost_rtp(), almost_rtp(), almost_rtp(), st.binary(max_size=40)), max_size=40)


@settings(max_examples=60)
@given(datagrams, st.integers(1, 7), st.randoms(use_true_random=False))
def test_each_is_counted_or_handed_up(kinds: list[bytes], repeat: int, rng: random.Random) -> None:
    sent = kinds * repeat
    rng.shuffle(sent)
    counted = [(data, header) for data in sent if (header := expected_header(data)) is not None]
    python, expected = StreamReceiver(SSRC, 90_000), []
    for data, header in counted:
        fate = python.on_packet(header.sequence_number, header.timestamp, 0.0, len(data) - TAG)
        if fate.new:
            expected.append(fields(header, fate.extended, len(data) - TAG - header.header_length))
    with Bench() as bench:
        stream = bench.watch()
        assert bench.exchange(sent) == [data[:DATAGRAM] for data in sent if expected_header(data) is None]
        assert bench.socket.packets == len(counted)
        assert bench.socket.bytes_received == sum(len(data) for data, _ in counted)
        assert [told(record) for record in records(stream)] == expected
        names = ("packets", "bytes", "duplicates", "reordered", "expected", "loss_runs")
        assert [getattr(stream, name) for name in names] == [getattr(python, name) for name in names]
        assert bench.socket.socket_drops == stream.overrun == 0


@settings(max_examples=15)
@given(st.lists(st.one_of(almost_rtp(), st.binary(max_size=60)), max_size=100))
def test_hostile_packets_that_are_authenticated(sent: list[bytes]) -> None:
    counted = [data for data in sent if expected_header(data) is not None]
    with Bench() as bench:
        stream = bench.watch(every=1)
        assert len(bench.exchange(sent)) == len(sent) - len(counted)
        assert (stream.refused, stream.packets, stream.authenticated) == (len(counted), 0, 0)
        bench.send(bench.outbound.protect(rtp(1, tag=b"")))
        assert bench.drain() == []
        assert (stream.packets, stream.authenticated) == (1, 1)


packet = st.fixed_dictionaries(
    {
        "marker": st.booleans(),
        "timestamp": st.integers(0, 0xFFFFFFFF),
        "payload": st.binary(min_size=1, max_size=300),
        "extensions": st.dictionaries(st.sampled_from((1, 2, 3, 14)), st.binary(min_size=1, max_size=16))
        | st.fixed_dictionaries({CAPTURE_ID: st.binary(min_size=8, max_size=8), TRANSPORT_ID: st.binary(min_size=2, max_size=2)}),
        "csrcs": st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
        "padding": st.integers(0, 255),
    }
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(packet, min_size=1, max_size=30), st.sampled_from((0, 1)))
def test_a_record_says_what_the_parser_reads(packets: list[dict[str, Any]], every: int) -> None:
    clear = [rtp(0xFFF0 + number, tag=b"", **packet) for number, packet in enumerate(packets)]
    with Bench() as bench:
        stream = bench.watch(every=every)
        assert bench.exchange([bench.outbound.protect(data) for data in clear]) == []
        headers = [parse_header(data, encrypted=not every) for data in clear]  # padding is told by what is decrypted
        expected = [
            fields(header, 0xFFF0 + number, len(data) - header.header_length - header.padding_length)
            for number, (data, header) in enumerate(zip(clear, headers, strict=True))
        ]
        assert [told(record) for record in records(stream)] == expected
        assert stream.authenticated == every * len(clear)
        assert stream.bytes == sum(map(len, clear))


def test_a_replay_counts_as_a_duplicate(bench: Bench) -> None:
    stream, data = bench.watch(every=1), bench.outbound.protect(rtp(5, tag=b""))
    bench.send(data, data)
    assert bench.drain() == []
    assert (stream.packets, stream.duplicates, stream.authenticated, stream.refused) == (1, 1, 1, 0)
    assert len(records(stream)) == 1


@pytest.mark.parametrize(
    "data",
    [rtp(1, extensions={200: b"1"}), rtp(1, payload_type=97), rtp(1, ssrc=SSRC + 1), rtp(1, tag=bytes(8)), rtp(1)[:11], b"",
     b"\0" + rtp(1)[1:], b"\x8f" + rtp(1)[1:40], b"\x90" + rtp(1)[1:14], b"\x80" + bytes((200,)) + rtp(1)[2:],
     b"\x90" + rtp(1)[1:12] + b"\xbe\xde\0\1" + b"\x23123" + bytes(50),
     b"\x90" + rtp(1)[1:12] + b"\xbe\xde\0\x20" + bytes(50), rtp(1, payload=bytes(2100))],
    ids=["two-byte form", "retransmission", "unknown", "no room for a tag", "11 bytes", "nothing", "version 0",
         "CSRCs that are not there", "extension that is not there", "RTCP", "element that ends too late",
         "extension that ends too late", "too long"],
)  # fmt: skip
def test_what_the_reader_cannot_count_goes_up(bench: Bench, data: bytes) -> None:
    bench.watch()
    bench.send(data)
    assert [data for _, data, _, _ in bench.drain()] == [data[:DATAGRAM]]
    assert bench.socket.packets == 0


def test_what_the_kernel_dropped_is_counted() -> None:
    with Bench(receive_buffer=4096) as bench:
        stream = bench.watch()
        bench.send(*(rtp(number) for number in range(100)))
        assert bench.drain() == []
        received = bench.socket.packets
        assert 0 < received < 100
        bench.send(rtp(100))  # a datagram brings the drops before it
        bench.drain()
        assert bench.socket.socket_drops == 100 - received
        assert stream.expected - stream.packets == 100 - received


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_addresses(address: str) -> None:
    try:
        bench = Bench(address)
    except OSError:
        pytest.skip(f"no {address} here")
    with bench, socket.socket(bench.near.family, socket.SOCK_DGRAM) as other:
        other.bind((address, 0))
        order = [bench.near, bench.near, other, bench.near, other]
        for number, sender in enumerate(order):
            sender.sendto(bytes((number,)), bench.far.getsockname())
        before = CLOCK.now()
        others = bench.drain()
        assert [(token, data, where) for token, data, where, _ in others] == [
            (bench.token, bytes((number,)), sender.getsockname()) for number, sender in enumerate(order)
        ]
        assert all(arrival <= before for *_, arrival in others)


def test_arrival_is_the_kernels_and_nonsense_the_time_of_reading(bench: Bench) -> None:
    def arrival(shift: float) -> float:
        bench.send(b"?")
        ((*_, found),) = bench.drain(shift)
        return float(found)

    start = time.monotonic()
    assert start - 1.001 < arrival(-1.0) < time.monotonic() - 1.0 + 0.001
    for shift in (5.0, -20.0, math.nan, math.inf):
        before = time.monotonic()
        assert before <= arrival(shift) <= time.monotonic()


def test_who_has_to_look(bench: Bench) -> None:
    stream = bench.watch()

    def after(*sequences: int) -> int:
        bench.attention.clear()
        bench.send(*map(rtp, sequences))
        bench.drain()
        assert set(bench.attention) <= {stream}
        return len(bench.attention)

    assert after(1) == 1  # the first
    assert after(2, 5, 9) == 0  # is in the list, until somebody looks
    stream.take()
    assert [after(10, 11), after(13, 14, 16), after(15)] == [0, 1, 0]
    stream.take()
    assert after(12) == 1  # what came late closes a hole
    stream.take()
    stream.eager = True
    assert after(17) == 1


def test_a_call_is_bounded_and_the_rest_waits(bench: Bench) -> None:
    poll = select.poll()
    poll.register(bench.reader.fileno(), select.POLLIN)
    bench.send(*(bytes((number,)) for number in range(150)))
    assert poll.poll(0)
    assert [data for _, data, _, _ in bench.drain()] == [bytes((number,)) for number in range(128)]
    assert poll.poll(0)
    assert [data for _, data, _, _ in bench.drain()] == [bytes((number,)) for number in range(128, 150)]
    assert not poll.poll(0)


def test_an_unreachable_peer_costs_no_datagram(bench: Bench) -> None:
    bench.far.connect(bench.near.getsockname())
    bench.send(b"1", b"2")
    bench.near.close()
    bench.far.send(b"nobody is there")
    assert [data for _, data, _, _ in bench.drain()] == [b"1", b"2"]


def test_a_full_log_tells_what_it_left_out() -> None:
    stream = core.StreamCounter(1, 90_000)
    for number in range(65_540):
        stream.append(number, 0.0, 0.0, 0, 0, 2 * (number >= 65_536), 0)
    assert stream.overrun == 4
    assert not records(stream)["flags"].any()
