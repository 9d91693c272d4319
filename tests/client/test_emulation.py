"""Emulated accesses: who goes through whose links, and that nothing goes around them."""

from __future__ import annotations

import asyncio
import random

import pytest

from probe.client.emulation import Emulation, Tunnel
from probe.model.errors import NegotiationError
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.wire.rtp import build_packet
from sfu_shim.core.link.profiles import parse_network

SDP = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host\r\n"
    "a=candidate:2 1 tcp 1 127.0.0.1 9 typ host tcptype active\r\na=end-of-candidates\r\na=mid:0\r\n"
)


def _emulation(addresses: tuple[str, ...] = ("127.0.0.1",)) -> Emulation:
    return Emulation(Clock(), addresses, random.Random(1))


def test_our_own_candidates_are_kept_from_the_other_side() -> None:
    assert Tunnel.outgoing(SDP) == "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"


async def test_their_candidates_are_replaced_by_one_relay_each() -> None:
    emulation = _emulation()
    emulation.enter("anna", parse_network({"up": {"delay": 0.01}}))
    tunnel = emulation.tunnel("anna", "ben")
    assert tunnel is not None
    first, again = await tunnel.incoming(SDP), await tunnel.incoming(SDP)
    assert first == again
    assert "127.0.0.1 5000" not in first
    assert "a=end-of-candidates" in first
    tunnel.close()
    emulation.close()


async def test_nothing_goes_around_the_links_over_tcp() -> None:
    emulation = _emulation()
    emulation.enter("anna", parse_network({"up": {"delay": 0.01}}))
    tunnel = emulation.tunnel("anna", "ben")
    assert tunnel is not None
    described = await tunnel.incoming(SDP)
    assert "tcp" not in described
    assert described.endswith("\r\na=end-of-candidates\r\na=mid:0\r\n")
    assert await tunnel.incoming("candidate:2 1 TCP 1 127.0.0.1 443 typ host tcptype passive") == ""
    tunnel.close()
    emulation.close()


async def test_without_an_access_there_is_no_tunnel() -> None:
    emulation = _emulation()
    emulation.enter("anna", parse_network("lte"))
    assert emulation.tunnel("ben", "cleo") is None
    assert emulation.tunnel("ben", None) is None
    assert emulation.tunnel("ben", "anna") is not None
    emulation.close()


@pytest.mark.parametrize(
    ("addresses", "line"),
    [
        (("127.0.0.1",), "candidate:1 1 udp 1 abc.local 5000 typ host"),
        (("::1",), "candidate:1 1 udp 1 127.0.0.1 5000 typ host"),
    ],
)
async def test_what_can_not_be_emulated_is_an_error(addresses: tuple[str, ...], line: str) -> None:
    emulation = _emulation(addresses)
    emulation.enter("anna", parse_network("lte"))
    tunnel = emulation.tunnel("anna", None)
    assert tunnel is not None
    with pytest.raises(NegotiationError, match="can't emulate"):
        await tunnel.incoming(line)
    emulation.close()


async def test_candidates_that_no_relay_can_reach_are_left_out_where_others_remain() -> None:
    emulation = _emulation()
    emulation.enter("anna", parse_network("lte"))
    tunnel = emulation.tunnel("anna", None)
    assert tunnel is not None
    unreachable = "a=candidate:3 1 udp 9 ::1 5001 typ host\r\na=candidate:4 1 udp 9 abc.local 5002 typ host\r\n"
    got = await tunnel.incoming(SDP.replace("a=end", f"{unreachable}a=end"))
    assert got == await tunnel.incoming(SDP)
    assert got.endswith("a=end-of-candidates\r\na=mid:0\r\n")
    tunnel.close()
    emulation.close()


async def test_a_real_connection_goes_through_both_ends_links() -> None:
    clock, rng = Clock(), random.Random(2)
    emulation = Emulation(clock, ("127.0.0.1",), rng)
    anna = emulation.enter("anna", parse_network({"up": {"delay": 0.03}, "down": {"delay": 0.01}}))
    ben = emulation.enter("ben", parse_network({"up": {"delay": 0.02}, "down": {"delay": 0.05}}))
    tunnel = emulation.tunnel("anna", "ben")
    assert tunnel is not None
    a = Peer(PeerConfig(), label="a", controlling=True, clock=clock)
    b = Peer(PeerConfig(), label="b", controlling=False, clock=clock)
    round_trips: list[float] = []
    arrivals: list[float] = []
    a.on_round_trip = round_trips.append
    b.on_rtp = lambda packet, header, arrival: arrivals.append(arrival)
    a.add_transceiver("audio", "sendonly", ("a", "a-audio"))
    answer = await b.accept_offer(tunnel.outgoing(await a.create_offer()))
    await a.accept_answer(await tunnel.incoming(answer))
    await asyncio.gather(a.connect(), b.connect())
    sender = a.transceivers[0].sender
    assert sender is not None
    sent = clock.now()
    a.send_rtp(
        build_packet(payload_type=111, marker=True, sequence_number=1, timestamp=0, ssrc=sender.ssrc, payload=b"x" * 40)
    )
    await asyncio.sleep(0.3)
    assert min(round_trips) >= 0.03 + 0.05 + 0.02 + 0.01
    assert len(arrivals) == 1
    assert arrivals[0] - sent >= 0.03 + 0.05
    assert anna.up.truth.streams[sender.ssrc].tally.delivered == 1
    assert ben.down.truth.streams[sender.ssrc].tally.delivered == 1
    assert ben.up.truth.kinds["stun"].delivered > 0
    await asyncio.gather(a.close(), b.close())
    tunnel.close()
    emulation.close()


def test_of_who_left_only_the_network_is_remembered() -> None:
    emulation, wifi = _emulation(), parse_network("wifi-busy")
    for participant in ("a", "b"):
        emulation.enter(participant, wifi)
    emulation.leave("a")
    emulation.leave("nobody")
    assert set(emulation.accesses) == {"b"}
    assert emulation.networks == {(wifi.name, wifi.source): 2}
