"""ICE's patience and its haste: pairs that come after the end of candidates, and first checks that were lost."""

from __future__ import annotations

import asyncio
import random
import re
from typing import Any

import pytest
from aioice import Candidate, stun
from aioice import ice as aioice_ice

from probe.model.errors import ConnectionFailed
from probe.rtc import ice_agent, ice_protocol
from probe.rtc.clock import Clock
from probe.rtc.ice_protocol import TimedStunProtocol
from probe.rtc.peer import Peer, PeerConfig
from tests.client.fakes import FakeClock

_CANDIDATES = re.compile(r"a=candidate:.*\r\n")
HIDDEN = "a=candidate:1 1 udp 2122260223 0b1c2d3e-0000-4000-8000-000000000000.local 50000 typ host\r\n"


def _peer(label: str, *, deadline: float = 5.0, addresses: tuple[str, ...] = ("127.0.0.1",)) -> Peer:
    config = PeerConfig(addresses, connect_deadline=deadline)
    peer = Peer(config, label=label, controlling=label == "a", clock=Clock(), rng=random.Random(label))
    peer.add_transceiver("audio", "sendrecv", (label, f"{label}-audio"))
    return peer


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("offerer_hides", [False, True])
async def test_checks_of_a_side_that_names_no_address_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, named: bool, offerer_hides: bool
) -> None:
    """RFC 8863. As Firefox does it: an mDNS name that nobody here can resolve, and the end of candidates."""

    class Mdns:
        async def resolve(self, name: str) -> None:
            return None

    async def mdns(subscriber: object) -> Any:
        return Mdns()

    monkeypatch.setattr(aioice_ice, "get_or_create_mdns_protocol", mdns)

    def hide(sdp: str) -> str:
        assert "a=end-of-candidates" in sdp
        return _CANDIDATES.sub(HIDDEN if named else "", sdp)

    a, b = _peer("a"), _peer("b")
    offer = await a.create_offer()
    answer = await b.accept_offer(hide(offer) if offerer_hides else offer)
    await a.accept_answer(answer if offerer_hides else hide(answer))
    # The one that knows no address begins earlier, and must still be there when the other's check comes.
    blind, other = (b, a) if offerer_hides else (a, b)
    waiting = asyncio.ensure_future(blind.connect())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await asyncio.gather(waiting, other.connect())
    assert blind.selected_pair == ("host", "prflx")
    assert blind.pair_label == "host/prflx"
    assert other.pair_label == "host/host"
    await asyncio.gather(a.close(), b.close())


async def test_the_wait_ends_with_the_deadline_and_says_what_was_tried() -> None:
    a, b = _peer("a", deadline=0.2), _peer("b")
    answer = await b.accept_offer(await a.create_offer())
    await a.accept_answer(_CANDIDATES.sub("", answer))
    with pytest.raises(ConnectionFailed, match=r"not connected within 0.2 s: the other side has no candidate that one"):
        await a.connect()
    await asyncio.gather(a.close(), b.close())
    silent, gone = _peer("a", deadline=0.2), _peer("b")
    answer = await gone.accept_offer(await silent.create_offer())
    await gone.close()
    await silent.accept_answer(answer)
    with pytest.raises(ConnectionFailed, match=r"not connected within 0.2 s: tried 1 host/host"):
        await silent.connect()
    await silent.close()


async def test_two_peers_meet_on_ipv6() -> None:
    a, b = _peer("a", addresses=("::1",)), _peer("b", addresses=("::1",))
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    await asyncio.gather(a.connect(), b.connect())
    assert a.pair_label == b.pair_label == "host/host"
    assert (a._stack.remote_address() or ("",))[0] == "::1"
    await asyncio.gather(a.close(), b.close())


async def test_who_controls_stays_with_the_pair_that_it_chose() -> None:
    """A check on another pair that comes late is answered, and no reason to move."""
    a, b = _peer("a"), _peer("b")
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    await asyncio.gather(a.connect(), b.connect())
    agent = a._stack._connection
    chosen, late = agent._nominated[1], ("127.0.0.1", 9)
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["PRIORITY"] = 2**31 - 1
    agent.check_incoming(request, late, chosen.protocol)
    assert [pair.remote_addr for pair in agent._check_list] == [chosen.remote_addr]
    b._stack._connection.check_incoming(request, late, b._stack._connection._nominated[1].protocol)
    assert late in [
        pair.remote_addr for pair in b._stack._connection._check_list
    ]  # the controlled side follows the other
    assert agent._nominated[1] is chosen
    await asyncio.gather(a.close(), b.close())


async def test_a_check_without_priority_is_none() -> None:
    a, b = _peer("a"), _peer("b")
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    await asyncio.gather(a.connect(), b.connect())
    agent = b._stack._connection
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    agent.check_incoming(request, ("127.0.0.1", 9), agent._nominated[1].protocol)
    assert [pair.remote_addr for pair in agent._check_list] == [agent._nominated[1].remote_addr]
    await asyncio.gather(a.close(), b.close())


def _rival(agent: Any, priority: int, port: int) -> aioice_ice.CandidatePair:
    """Another pair that was checked and nominated."""
    remote = Candidate("x", 1, "udp", priority, "127.0.0.1", port, "host")
    pair = aioice_ice.CandidatePair(agent._nominated[1].protocol, remote)
    pair.state, pair.nominated = aioice_ice.CandidatePair.State.SUCCEEDED, True
    return pair


async def test_of_pairs_that_are_nominated_together_the_best_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = _peer("a"), _peer("b")
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    await asyncio.gather(a.connect(), b.connect())
    agent: Any = b._stack._connection
    chosen = agent._nominated[1]
    worse, better = _rival(agent, 1, 9), _rival(agent, 2**31 - 1, 10)
    agent.check_complete(worse)
    assert agent._nominated[1] is chosen
    agent.check_complete(better)
    assert agent._nominated[1] is better
    monkeypatch.setattr(ice_agent, "_ONE_CHOICE", 0.0)  # later it is the other side's change of mind
    agent.check_complete(worse)
    assert agent._nominated[1] is worse
    agent._nominated[1] = chosen
    await asyncio.gather(a.close(), b.close())


class Wire:
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, data: bytes, addr: Any) -> None:
        self.sent.append(data)

    def close(self) -> None:
        """Nothing to free."""


ADDRESS = ("192.0.2.1", 9)


def _protocol() -> tuple[TimedStunProtocol, Wire, list[float]]:
    trips: list[float] = []
    wire: Any = Wire()
    connection = aioice_ice.Connection(ice_controlling=True)
    protocol = TimedStunProtocol(connection, Clock(), lambda data, arrival: None, trips.append)
    protocol.connection_made(wire)
    return protocol, wire, trips


async def test_a_lost_check_is_repeated_when_the_other_side_s_check_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_protocol, "_SOON", 0.0)
    protocol, wire, trips = _protocol()
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    asking = asyncio.ensure_future(protocol.request(request, ADDRESS))
    await asyncio.sleep(0)
    protocol.ask_again_soon(ADDRESS)
    protocol.ask_again_soon(ADDRESS)
    protocol.ask_again_soon(("192.0.2.2", 9))
    await asyncio.sleep(0.05)
    assert wire.sent == [bytes(request)] * 2
    answer = stun.Message(request.message_method, stun.Class.RESPONSE, request.transaction_id)
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("198.51.100.7", 4000)
    protocol.local_candidate = None  # type: ignore[assignment]
    protocol.arrived(bytes(answer), ADDRESS, 1.0)
    await asking
    assert trips == []  # which of the two was answered is not known (Karn)
    assert protocol.mapped(ADDRESS) == ("198.51.100.7", 4000)


async def test_an_answered_check_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_protocol, "_SOON", 0.0)
    protocol, wire, trips = _protocol()
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    asking = asyncio.ensure_future(protocol.request(request, ADDRESS))
    await asyncio.sleep(0)
    protocol.ask_again_soon(ADDRESS)
    answer = stun.Message(request.message_method, stun.Class.RESPONSE, request.transaction_id)
    protocol.arrived(bytes(answer), ADDRESS, 1e9)
    await asking
    await asyncio.sleep(0.02)
    assert len(wire.sent) == 1
    assert len(trips) == 1
    assert protocol.mapped(ADDRESS) is None


@pytest.mark.parametrize("waited", [True, False])
async def test_a_check_that_waited_for_its_way_is_timed_from_when_it_went(waited: bool) -> None:
    protocol, wire, trips = _protocol()
    clock = protocol._clock = FakeClock()
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    asking = asyncio.ensure_future(protocol.request(request, ADDRESS))
    await asyncio.sleep(0)
    clock.time += 0.25
    if waited:
        protocol.goes_out(wire.sent[0])
    protocol.goes_out(b"\x16" + wire.sent[0][1:])  # no check
    clock.time += 0.5
    protocol.goes_out(bytes(stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)))
    answer = stun.Message(request.message_method, stun.Class.RESPONSE, request.transaction_id)
    protocol.arrived(bytes(answer), ADDRESS, clock.time + 0.125)
    await asking
    assert trips == [0.625 if waited else 0.875]


async def test_malformed_stun_is_nobody_s_crash() -> None:
    protocol, wire, _ = _protocol()
    malformed = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    data = (
        bytes(malformed)[:2] + b"\x00\x08" + bytes(malformed)[4:] + b"\x00\x24\x00\x02\x00\x01\x00\x00"
    )  # PRIORITY of two bytes
    protocol.arrived(data, ADDRESS, 1.0)
    assert wire.sent == []


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("address", [("198.51.100.7", 4000), ("255.255.255.255", 65535), ("2001:db8::7", 4000), None])
def test_how_the_other_side_sees_us(address: tuple[str, int] | None, first: bool) -> None:
    attributes: dict[str, Any] = {} if first else {"SOFTWARE": "somebody's"}
    if address is not None:
        attributes["XOR-MAPPED-ADDRESS"] = address
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, attributes=attributes)
    assert ice_protocol._mapped_in(bytes(answer)) == address
    assert ice_protocol._mapped_in(bytes(answer)[:30]) is None
