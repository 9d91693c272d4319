"""STUN, TURN and ChannelData as nobody should send them: nothing is raised, nothing is heard that was not said."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, cast

from aioice import Candidate, stun
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.rtc.clock import Clock
from probe.rtc.ice_agent import Agent
from probe.rtc.ice_carrier import StreamCarrier
from probe.rtc.ice_protocol import TimedStunProtocol
from probe.rtc.ice_turn import TurnAllocation
from tests.client.fakes import FakeClock
from tests.rtc.turn_server import MAPPED, RELAYED

PEER = ("203.0.113.5", 1000)
Kind, Method = stun.Class, stun.Method
_SAID = [
    stun.Message(
        Method.ALLOCATE, Kind.RESPONSE,
        attributes={"XOR-RELAYED-ADDRESS": RELAYED, "XOR-MAPPED-ADDRESS": MAPPED, "LIFETIME": 600},
    ),
    stun.Message(
        Method.ALLOCATE, Kind.ERROR, attributes={"ERROR-CODE": (401, "Unauthorized"), "REALM": "r", "NONCE": b"n"}
    ),
    stun.Message(Method.DATA, Kind.INDICATION, attributes={"XOR-PEER-ADDRESS": PEER, "DATA": b"\x80media"}),
    stun.Message(Method.BINDING, Kind.RESPONSE, attributes={"XOR-MAPPED-ADDRESS": ("2001:db8::1", 9)}),
    stun.Message(
        Method.BINDING, Kind.REQUEST,
        attributes={"USERNAME": "a:b", "PRIORITY": 7, "ICE-CONTROLLED": 5, "USE-CANDIDATE": None},
    ),
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """One of them with some bytes changed, cut or added; mostly with the length that it then has."""
    data = bytearray(bytes(draw(st.sampled_from(_SAID))))
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(data)))
        data[begin : begin + draw(st.integers(0, 6))] = draw(st.binary(max_size=6))
    if len(data) >= 20 and draw(st.booleans()):
        data[2:4] = struct.pack("!H", len(data) - 20)
    return bytes(data)


class Protocol:
    def __init__(self) -> None:
        self.got: list[tuple[bytes, Any]] = []

    def arrived(self, data: bytes, address: Any, arrival: float) -> None:
        self.got.append((data, address))


@settings(deadline=None)
@given(st.lists(damaged(), max_size=8))
async def test_an_allocation_hears_only_of_those_that_it_let_in(messages: Sequence[bytes]) -> None:
    protocol = Protocol()
    allocation = TurnAllocation("ann", "right", cast(TimedStunProtocol, protocol))
    allocation._new_peer(PEER)
    for message in messages:
        allocation.heard(message, 0.0)
    assert {address[0] for _, address in protocol.got} <= {PEER[0]}


@settings(deadline=None)
@given(st.integers(0, 0xFFFF), st.binary(max_size=40))
def test_channel_data_is_as_long_as_it_says_or_not_there(length: int, data: bytes) -> None:
    protocol = Protocol()
    allocation = TurnAllocation("ann", "right", cast(TimedStunProtocol, protocol))
    allocation._new_peer(PEER)
    allocation.heard(struct.pack("!HH", 0x4000, length) + data, 0.0)
    assert protocol.got == ([(data[:length], PEER)] if len(data) >= length else [])


class Wire:
    def sendto(self, data: bytes, address: Any = None) -> None:
        """Answers to whom nobody knows."""

    def close(self) -> None:
        """Nothing to free."""


@settings(deadline=None)
@given(st.lists(damaged(), max_size=8))
async def test_a_socket_of_ours_survives_any_stun(messages: Sequence[bytes]) -> None:
    trips: list[float] = []
    agent = Agent(controlling=True, on_data=lambda data: None, on_end=lambda reason: None)
    protocol = TimedStunProtocol(agent, Clock(), lambda data, arrival: None, trips.append)
    protocol.connection_made(cast(Any, Wire()))
    protocol.local_candidate = Candidate("1", 1, "udp", 1, "192.0.2.1", 9, "host")
    for message in messages:
        protocol.arrived(message, PEER, 1.0)
    assert trips == []  # nobody asked
    assert agent._check_list == []  # and nobody's check was signed with our password


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=9), st.sampled_from(_SAID)), min_size=1, max_size=8),
    st.lists(st.integers(1, 30), min_size=1),
)
def test_a_stream_is_cut_into_the_same_messages_wherever_its_segments_end(
    said: Sequence[bytes | stun.Message], sizes: Sequence[int]
) -> None:
    messages = [
        struct.pack("!HH", 0x4FFF, len(one)) + one + bytes(-len(one) % 4) if isinstance(one, bytes) else bytes(one)
        for one in said
    ]
    heard: list[bytes] = []
    carrier = StreamCarrier(FakeClock(), lambda data, arrival: heard.append(data), lambda: None)
    stream, turn = b"".join(messages), 0
    while stream:
        size = sizes[turn % len(sizes)]
        carrier.data_received(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert heard == messages
