"""Who of a track's subscribers waits, who gets what, and how a packet is written."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from probe.wire.rtp import build_packet
from sfu_shim.core.audience import Audience
from sfu_shim.core.history import Packet
from sfu_shim.core.outgoing import Outgoing, OutgoingSpec

SPEC = OutgoingSpec(ssrc=7, rtx_ssrc=8, clock_rate=90000, payload_types={96: 120}, rtx={}, extensions={3: 9})


def packet(sequence: int, ssrc: int = 1, payload_type: int = 96) -> Packet:
    return Packet(ssrc, sequence, 3000 * sequence, False, payload_type, b"body", 0, {}, 0.0)


def test_nothing_is_forwarded_to_who_waits() -> None:
    audience = Audience(random.Random(1))
    audience.add("b", SPEC)
    assert audience.waiting(1)
    assert audience.withheld == 1
    assert audience.forward(packet(5)).packets == 0
    audience.begin(packet(6))
    assert not audience.waiting(1)
    forwarded = audience.forward(packet(6))
    assert (forwarded.packets, forwarded.size) == (1, 16)
    assert [each.endpoint for each in forwarded.to_send] == ["b"]
    assert audience.forward(packet(5)).packets == 0  # before its beginning


def test_who_comes_later_waits_alone_and_all_wait_at_a_new_source() -> None:
    audience = Audience(random.Random(1))
    audience.add("b", SPEC)
    assert audience.waiting(1)
    audience.begin(packet(0))
    audience.add("c", SPEC)
    assert audience.waiting(1)
    assert audience.withheld == 1
    assert [each.endpoint for each in audience.forward(packet(1)).to_send] == ["b"]
    assert audience.waiting(2)
    assert audience.withheld == 2
    assert audience.forward(packet(2, ssrc=2)).packets == 0
    assert audience.remove("c") is not None
    assert audience.remove("c") is None
    assert (audience.withheld, audience.endpoints) == (1, ("b",))


def test_a_payload_type_that_was_not_negotiated_is_not_forwarded() -> None:
    audience = Audience(random.Random(1))
    audience.add("b", SPEC)
    assert audience.waiting(1)
    audience.begin(packet(0))
    assert audience.forward(packet(1, payload_type=100)).packets == 0


@given(
    st.integers(0, 1 << 40), st.integers(0, 0xFFFFFFFF), st.booleans(), st.binary(max_size=8), st.integers(0, 255),
    st.dictionaries(st.sampled_from((3, 4)), st.binary(min_size=1, max_size=9)),
)  # fmt: skip
def test_a_packet_is_written_as_build_packet_writes_it(
    sequence: int, timestamp: int, marker: bool, body: bytes, padding: int, extensions: dict[int, bytes]
) -> None:
    outgoing = Outgoing(SPEC, random.Random(4))
    given = Packet(1, sequence, timestamp, marker, 96, body, padding, extensions, 0.0)
    outgoing.anchor(given)
    first, numbers = outgoing.numbers.next_sequence, outgoing.numbers
    assert outgoing.rewrite(given) == build_packet(
        payload_type=120, marker=marker, sequence_number=first & 0xFFFF, ssrc=7, payload=body, padding=padding,
        timestamp=(timestamp + numbers.timestamp_offset) & 0xFFFFFFFF,
        extensions={9: extensions[3]} if 3 in extensions else {},
    )  # fmt: skip
    assert (numbers.next_sequence, numbers.packets, numbers.octets) == (first + 1, 1, len(body))
