"""The compiled fan-out against the core that defines what it sends: same steps, same bytes, same counts."""

from __future__ import annotations

import gc
import random
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from probe import native
from probe.rtc.fast_sender import sockaddr
from probe.wire.rtcp import Nack, PictureLoss
from probe.wire.rtp import build_packet, parse_header, payload
from sfu_shim.core.audience import Audience, MakeAudience, Transmit
from sfu_shim.core.forwarding import Forwarder
from sfu_shim.core.history import Packet
from sfu_shim.core.outgoing import MID_PACKETS, Outgoing, OutgoingSpec
from sfu_shim.core.stats import ForwardingStats
from sfu_shim.native_audience import NativeAudience, Routes
from tests.sfu_shim.core.test_forwarding import AUDIO, DELTA, KEY, VIDEO

pytestmark = pytest.mark.skipif(not native.available(), reason="the extension is not built here")

# What subscribers may have negotiated: one-byte and two-byte ids, two ids that fall together, MID in the place of another.
SPECS = (
    OutgoingSpec(7000, 7001, 90000, {96: 120}, {120: 121}, {3: 9}, (2, b"4")),
    OutgoingSpec(7100, 7101, 90000, {96: 0}, {}, {3: 200, 4: 7, 6: 6}, None),
    OutgoingSpec(0xFFFFFFFF, 1, 90000, {96: 127}, {127: 1}, {3: 5, 4: 5, 5: 8}, (8, b"a mid that is long")),
    OutgoingSpec(7300, 7301, 90000, {}, {}, {}, (1, b"0")),
)

Element = tuple[int, bytes]
extensions = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=4) | st.dictionaries(
    st.integers(1, 255), st.binary(max_size=40), max_size=3
)


class Pair:
    """The same room twice: in Python, and compiled without a route, so that all it writes comes back."""

    def __init__(self, seed: int) -> None:
        self.stats = [ForwardingStats(), ForwardingStats()]
        makers: tuple[MakeAudience, ...] = (Audience, partial(NativeAudience, routes=Routes()))
        self.cores = [
            Forwarder(random.Random(seed), stats, 2e6, make)
            for stats, make in zip(self.stats, makers, strict=True)
        ]  # fmt: skip
        for core in self.cores:
            core.add_endpoint("a", "a")
            core.publish("a", VIDEO)
            for number in range(len(SPECS)):
                core.add_endpoint(f"s{number}", "s")

    def both(self, name: str, *given: Any) -> list[Transmit]:
        """Call it on both; the answers have to be the same."""
        ours, theirs = (getattr(core, name)(*given) for core in self.cores)
        assert theirs == ours
        assert asdict(self.stats[1]) == asdict(self.stats[0])
        return list(ours or ())


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    packet = st.tuples(
        st.just("packet"), st.integers(-6, 12), st.booleans(), st.sampled_from((1000, 1000, 1000, 2000)), extensions,
        st.sampled_from((0, 0, 1, 255)), st.binary(max_size=12), st.booleans(),
    )  # fmt: skip
    others = (
        st.tuples(st.just("nack"), st.integers(0, 3), st.lists(st.integers(-3, 20), min_size=1, max_size=4)),
        st.tuples(st.just("rtx"), st.integers(0, 15)),
        st.tuples(st.just("subscribe"), st.integers(0, 3)),
        st.tuples(st.just("unsubscribe"), st.integers(0, 3)),
        st.tuples(st.just("report"), st.integers(0, 3)),
        st.tuples(st.just("picture"), st.integers(0, 3)),
    )
    return draw(st.lists(st.one_of(packet, packet, packet, *others), min_size=1, max_size=60))


@settings(max_examples=200, deadline=None)
@given(steps(), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 1000))
def test_both_ways_write_the_same(steps: list[tuple[Any, ...]], start: int, clock: int, seed: int) -> None:
    pair, sequence, now, sent = Pair(seed), start, 0.0, dict.fromkeys(range(len(SPECS)), 0)
    for number, spec in enumerate(SPECS[:2]):
        pair.both("subscribe", ("a", "1"), f"s{number}", spec)
    for step in steps:
        now += 0.04
        match step:
            case ("packet", ahead, key, ssrc, elements, padding, body, marker):
                sequence = max(0, sequence + ahead)
                data = build_packet(
                    payload_type=96, marker=marker, sequence_number=sequence & 0xFFFF, ssrc=ssrc,
                    timestamp=(clock + 3000 * sequence) & 0xFFFFFFFF, payload=(KEY if key else DELTA) + body,
                    extensions=elements, padding=padding,
                )  # fmt: skip
                for each in pair.both("on_rtp", "a", data, parse_header(data), now):
                    if not each.rtcp:
                        sent[int(each.endpoint[1:])] = parse_header(each.data).sequence_number
            case ("nack", number, behind):
                asked = tuple((sent[number] - back) & 0xFFFF for back in behind)
                pair.both("on_rtcp", f"s{number}", [Nack(1, SPECS[number].ssrc, asked)], now, 3.9e9 + now)
            case ("rtx", back):
                original = ((sequence - back) & 0xFFFF).to_bytes(2, "big")
                data = build_packet(
                    payload_type=97, marker=True, sequence_number=back, timestamp=clock, ssrc=1001,
                    payload=original + DELTA,
                )  # fmt: skip
                pair.both("on_rtp", "a", data, parse_header(data), now)
            case ("subscribe", number):
                pair.both("subscribe", ("a", "1"), f"s{number}", SPECS[number])
            case ("unsubscribe", number):
                pair.both("unsubscribe", ("a", "1"), f"s{number}")
            case ("report", number):
                pair.both("reports", now, 3.9e9 + now, f"s{number}")
            case ("picture", number):
                pair.both("on_rtcp", f"s{number}", [PictureLoss(1, SPECS[number].ssrc)], now, 3.9e9 + now)


def test_the_mid_phase_ends_at_the_same_packet() -> None:
    pair = Pair(1)
    pair.both("subscribe", ("a", "1"), "s0", SPECS[0])
    with_mid = []
    for sequence in range(MID_PACKETS + 3):
        data = build_packet(
            payload_type=96, marker=True, sequence_number=sequence, timestamp=0, ssrc=1000,
            payload=KEY if sequence == 0 else DELTA,
        )  # fmt: skip
        (sent,) = pair.both("on_rtp", "a", data, parse_header(data), 0.0)
        with_mid.append(2 in parse_header(sent.data).extensions)
    assert with_mid == [True] * MID_PACKETS + [False] * 3


def test_audio_and_two_subscribers_that_come_and_go() -> None:
    pair = Pair(2)
    pair.both("publish", "a", AUDIO)
    for number in (0, 1):
        pair.both("subscribe", ("a", "0"), f"s{number}", OutgoingSpec(number + 1, 9, 48000, {111: 109}, {}, {}))
    there = ["s0", "s1"]
    for sequence in (65534, 65535, 65536, 65540, 65538):
        if sequence == 65540:
            pair.both("unsubscribe", ("a", "0"), "s0")
            there = ["s1"]
        data = build_packet(
            payload_type=111, marker=False, sequence_number=sequence & 0xFFFF, timestamp=sequence * 960, ssrc=500,
            payload=b"opus",
        )  # fmt: skip
        sent = pair.both("on_rtp", "a", data, parse_header(data), 0.0)
        assert [each.endpoint for each in sent] == there


# with a route


def session(kind: int, ssrc: int = 0) -> Session:
    policy = Policy(
        key=bytes(range(28)), ssrc_type=kind, ssrc_value=ssrc, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    )
    return Session(policy)


class Way:
    """A sending socket, a receiving one, and the SRTP sessions of both ends."""

    def __init__(self, family: int, host: str) -> None:
        self.near, self.far = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self.near, self.far):
            each.bind((host, 0))
        self.far.settimeout(2.0)
        self.outbound = session(Policy.SSRC_ANY_OUTBOUND)
        self.inbound = session(Policy.SSRC_ANY_INBOUND)
        self.route = native.core.Route()
        self.lead(self.outbound)

    def lead(self, outbound: Session) -> None:
        address = sockaddr(self.far.getsockname()[:2])
        self.route.set(self.near, address, outbound, native.srtp_pointer(outbound))

    def receive(self) -> bytes:
        return bytes(self.inbound.unprotect(self.far.recv(2048)))

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    try:
        found = Way(socket.AF_INET6 if ":" in request.param else socket.AF_INET, request.param)
    except OSError:
        pytest.skip(f"no {request.param} here")
    yield found
    found.close()


def output(route: Any, spec: OutgoingSpec = SPECS[0]) -> Any:
    return native.core.Output(
        "b", route, spec.ssrc, dict(spec.payload_types), dict(spec.extensions), spec.mid, MID_PACKETS
    )


def packet(sequence: int, body: bytes = KEY) -> Packet:
    return Packet(1000, sequence, 3000 * sequence, True, 96, body, 0, {3: b"12345678"}, 0.01 * sequence)


def forward(fanout: Any, given: Packet) -> tuple[int, int, list[tuple[str, bytes]]]:
    found: tuple[int, int, list[tuple[str, bytes]]] = fanout.forward(
        given.ssrc, given.sequence, given.timestamp, given.marker, given.payload_type, given.payload, given.padding,
        given.extensions, given.arrival,
    )  # fmt: skip
    return found


def test_what_is_sent_is_what_python_would_write(way: Way) -> None:
    fanout, theirs = native.core.Fanout(), output(way.route)
    fanout.add(theirs)
    compiled, plain = Outgoing(SPECS[0], random.Random(3), theirs), Outgoing(SPECS[0], random.Random(3))
    total = 0
    for sequence in range(5):
        given = packet(sequence, KEY + bytes(200 * sequence))
        if sequence == 0:
            compiled.anchor(given)
            plain.anchor(given)
        expected = plain.rewrite(given)
        assert expected is not None
        assert forward(fanout, given) == (1, len(expected), [])
        assert way.receive() == expected
        total += len(expected) + 16
    assert way.route.bytes_sent == total
    assert (theirs.packets, theirs.octets) == (plain.numbers.packets, plain.numbers.octets)


def test_a_route_that_was_cleared_hands_back(way: Way) -> None:
    fanout, theirs = native.core.Fanout(), output(way.route)
    fanout.add(theirs)
    Outgoing(SPECS[0], random.Random(3), theirs).anchor(packet(0))
    assert forward(fanout, packet(0))[2] == []
    way.route.clear()
    ((endpoint, data),) = forward(fanout, packet(1))[2]
    assert endpoint == "b"
    header = parse_header(data)
    assert (header.ssrc, payload(data, header)) == (7000, KEY)
    assert header.sequence_number == (parse_header(way.receive()).sequence_number + 1) & 0xFFFF


def test_what_cannot_be_sent_is_counted(way: Way) -> None:
    fanout, theirs = native.core.Fanout(), output(way.route)
    fanout.add(theirs)
    Outgoing(SPECS[0], random.Random(3), theirs).anchor(packet(0))
    way.lead(session(Policy.SSRC_SPECIFIC, 4711))  # it knows no other SSRC
    assert forward(fanout, packet(0))[0] == 1
    assert (way.route.refused, way.route.bytes_sent) == (1, 0)
    way.lead(way.outbound)
    way.near.close()
    forward(fanout, packet(1))
    assert (way.route.unreachable, way.route.bytes_sent) == (1, 0)


def test_what_was_removed_gets_nothing_and_nothing_leaks() -> None:
    fanout, route = native.core.Fanout(), native.core.Route()
    theirs = output(route)
    fanout.add(theirs)
    Outgoing(SPECS[0], random.Random(3), theirs).anchor(packet(0))
    body = bytes(range(200))
    given = packet(1, body)
    before = sys.getrefcount(body), sys.getrefcount(given.extensions)
    for sequence in range(50):
        forward(fanout, given._replace(sequence=sequence))
    assert (sys.getrefcount(body), sys.getrefcount(given.extensions)) == before
    fanout.remove(theirs)
    fanout.remove(theirs)
    assert forward(fanout, given) == (0, 0, [])
    assert sys.getrefcount(theirs) == 2
    del theirs
    gc.collect()
    assert sys.getrefcount(route) == 2


def test_a_route_lets_go_of_what_it_held() -> None:
    way = Way(socket.AF_INET, "127.0.0.1")
    held = sys.getrefcount(way.near), sys.getrefcount(way.outbound)
    way.route.clear()
    assert (sys.getrefcount(way.near), sys.getrefcount(way.outbound)) == (held[0] - 1, held[1] - 1)
    way.close()


def test_what_makes_no_sense_is_refused() -> None:
    core, route = native.core, native.core.Route()
    with pytest.raises(ValueError, match="sockaddr"):
        route.set(object(), b"\x02\x00short", object(), 1)
    with pytest.raises(ValueError, match="address"):
        route.set(object(), sockaddr(("127.0.0.1", 9)), object(), 0)
    with pytest.raises(ValueError, match="32 bits"):
        core.Output("b", route, 1 << 32, {}, {}, None, 1)
    with pytest.raises(ValueError, match="0 to 127"):
        core.Output("b", route, 1, {96: 128}, {}, None, 1)
    with pytest.raises(ValueError, match="1 to 255"):
        core.Output("b", route, 1, {}, {0: 1}, None, 1)
    with pytest.raises(ValueError, match="mid"):
        core.Output("b", route, 1, {}, {}, (256, b""), 1)
    with pytest.raises(TypeError):
        core.Fanout().add(route)
    with pytest.raises(ValueError, match="payload types"):
        core.Fanout().forward(1, 1, 1, False, 128, b"", 0, {}, 0.0)
    with pytest.raises(ValueError, match="extension elements"):
        core.Fanout().forward(1, 1, 1, False, 1, b"", 0, {1: bytes(256)}, 0.0)


def test_a_packet_too_long_for_any_datagram_is_refused() -> None:
    fanout, theirs = native.core.Fanout(), output(native.core.Route())
    fanout.add(theirs)
    Outgoing(SPECS[0], random.Random(3), theirs).anchor(packet(0))
    with pytest.raises(ValueError, match="too long"):
        forward(fanout, packet(0, bytes(5000)))
