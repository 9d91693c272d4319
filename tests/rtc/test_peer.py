"""Two real peers over loopback: negotiation, connection, packets, and every way it can go wrong."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

import pytest

from probe.model.errors import ConnectionFailed, NegotiationError
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.wire.rtcp import PictureLoss, ReceiverReport, RtcpPacket
from probe.wire.rtp import RtpHeader, build_packet


def _peer(label: str, *, controlling: bool, deadline: float = 5.0, codecs: tuple[str, ...] = ()) -> Peer:
    config = PeerConfig(connect_deadline=deadline, codecs=codecs)
    return Peer(config, label=label, controlling=controlling, clock=Clock(), rng=random.Random(label))


async def _connected() -> tuple[Peer, Peer]:
    a, b = _peer("a", controlling=True), _peer("b", controlling=False)
    for peer in (a, b):
        for kind in ("audio", "video"):
            peer.add_transceiver(kind, "sendrecv", (peer.label, f"{peer.label}-{kind}"))
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    await asyncio.gather(a.connect(), b.connect())
    return a, b


def _packet(peer: Peer, sequence: int, size: int = 100) -> bytes:
    sender = peer.transceivers[0].sender
    assert sender is not None
    return build_packet(
        payload_type=111, marker=False, sequence_number=sequence, timestamp=0, ssrc=sender.ssrc, payload=b"x" * size
    )


async def test_packets_flow_both_ways_with_arrival_times() -> None:
    a, b = await _connected()
    got: list[tuple[bytes, RtpHeader, float]] = []
    back: list[tuple[list[RtcpPacket], float]] = []
    b.on_rtp = lambda *all: got.append(all)
    a.on_rtcp = lambda *all: back.append(all)
    sent = [_packet(a, number) for number in range(5)]
    for packet in sent:
        a.send_rtp(packet)
    b.send_rtcp(PictureLoss(1, 2).to_bytes())
    await asyncio.sleep(0.1)
    assert [packet for packet, _, _ in got] == sent
    assert [header.sequence_number for _, header, _ in got] == list(range(5))
    assert all(later >= earlier for (_, _, earlier), (_, _, later) in itertools.pairwise(got))
    assert [packets for packets, _ in back] == [[PictureLoss(1, 2)]]
    assert a.selected_pair == ("host", "host")
    assert a.bytes_sent == b.bytes_received > 5 * 112
    await asyncio.gather(a.close(), b.close())


async def test_phases_are_told_in_order_and_a_round_trip_is_measured() -> None:
    a, b = _peer("a", controlling=True), _peer("b", controlling=False)
    phases: list[str] = []
    round_trips: list[float] = []
    a.on_phase = lambda phase, time: phases.append(phase)
    a.on_round_trip = round_trips.append
    a.add_transceiver("audio", "sendonly", ("a", "a-audio"))
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    await asyncio.gather(a.connect(), b.connect())
    assert phases == ["ice_gathering", "ice_connected", "dtls_connected"]
    assert round_trips
    assert 0 < min(round_trips) < 0.1
    assert b.transceivers[0].current == "recvonly"
    await asyncio.gather(a.close(), b.close())


async def test_the_other_side_renegotiates_while_media_flows() -> None:
    a, b = await _connected()
    b.add_transceiver("video", "sendonly", ("c", "c-video"))
    await b.accept_answer(await a.accept_offer(await b.create_offer()))
    added = a.transceivers[2]
    assert (added.mid, added.kind, added.current, added.remote_msid) == ("2", "video", "recvonly", ("c", "c-video"))
    assert added.remote_ssrcs == [b.transceivers[2].sender.ssrc]  # type: ignore[union-attr]
    b.transceivers[2].direction = "inactive"
    await b.accept_answer(await a.accept_offer(await b.create_offer()))
    assert a.transceivers[2].current == "inactive"
    got: list[int] = []
    b.on_rtp = lambda packet, header, arrival: got.append(header.sequence_number)
    a.send_rtp(_packet(a, 7))
    await asyncio.sleep(0.05)
    assert got == [7]
    await asyncio.gather(a.close(), b.close())


async def test_a_packet_that_the_network_doubled_is_told_as_replay() -> None:
    a, b = await _connected()
    got: list[int] = []
    replays: list[tuple[int, int]] = []
    b.on_rtp = lambda packet, header, arrival: got.append(header.sequence_number)
    b.on_replay = lambda header, size, arrival: replays.append((header.sequence_number, size))
    stack = a._stack
    send = stack.send
    stack.send = lambda data: send(data) and send(data)  # type: ignore[method-assign]
    a.send_rtp(_packet(a, 3))
    await asyncio.sleep(0.05)
    assert got == [3]
    assert [sequence for sequence, _ in replays] == [3]
    await asyncio.gather(a.close(), b.close())


async def test_rtcp_that_the_network_doubled_is_not_malformed() -> None:
    a, b = await _connected()
    got: list[RtcpPacket] = []
    b.on_rtcp = lambda packets, arrival: got.extend(packets)
    send = a._stack.send
    a._stack.send = lambda data: send(data) and send(data)  # type: ignore[method-assign]
    a.send_rtcp(ReceiverReport(5, ()).to_bytes())
    await asyncio.sleep(0.05)
    assert len(got) == 1
    assert b.malformed.total() == 0
    await asyncio.gather(a.close(), b.close())


async def test_garbage_is_counted_and_never_raises() -> None:
    a, b = await _connected()
    got: list[int] = []
    b.on_rtp = lambda packet, header, arrival: got.append(header.sequence_number)
    for garbage in (
        b"\x80",
        b"\x80\x60",
        b"\x90" + bytes(11),
        b"\x80\xc8",
        b"\xbf" * 1400,
        bytes([0x80, 111]) + bytes(2000),
    ):
        a._stack.send(garbage)
    a.send_rtp(_packet(a, 1))
    await asyncio.sleep(0.1)
    assert got == [1]
    assert b.malformed.total() == 6
    await asyncio.gather(a.close(), b.close())


async def test_closing_one_side_is_told_to_the_other_once() -> None:
    a, b = await _connected()
    reasons: list[str] = []
    b.on_closed = reasons.append
    a.on_closed = lambda reason: reasons.append("own: " + reason)
    await a.close()
    await asyncio.sleep(0.1)
    assert reasons == ["the other side closed the connection"]
    await b.close()
    await b.close()


async def test_nobody_there_fails_in_time_with_the_phase() -> None:
    a, b = _peer("a", controlling=True, deadline=0.5), _peer("b", controlling=False)
    a.add_transceiver("audio", "sendrecv", ("a", "a-audio"))
    answer = await b.accept_offer(await a.create_offer())
    await b.close()
    await a.accept_answer(answer)
    with pytest.raises(ConnectionFailed) as failure:
        await a.connect()
    assert failure.value.phase == "ice_connected"
    await a.close()


async def test_a_wrong_fingerprint_fails_in_dtls() -> None:
    a, b = _peer("a", controlling=True, deadline=3.0), _peer("b", controlling=False, deadline=3.0)
    a.add_transceiver("audio", "sendrecv", ("a", "a-audio"))
    answer = await b.accept_offer(await a.create_offer())
    head, _, tail = answer.partition("a=fingerprint:sha-256 ")
    await a.accept_answer(head + "a=fingerprint:sha-256 " + "00" + tail[2:])
    results = await asyncio.gather(a.connect(), b.connect(), return_exceptions=True)
    assert isinstance(results[0], ConnectionFailed)
    assert results[0].phase == "dtls_connected"
    await asyncio.gather(a.close(), b.close())


async def test_closing_while_connecting_ends_the_wait() -> None:
    a, b = _peer("a", controlling=True), _peer("b", controlling=False)
    a.add_transceiver("audio", "sendrecv", ("a", "a-audio"))
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    connecting = asyncio.create_task(a.connect())
    await asyncio.sleep(0.01)
    await a.close()
    with pytest.raises(ConnectionFailed):
        await connecting
    await b.close()


async def test_closed_as_the_handshake_ends_it_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = _peer("a", controlling=True), _peer("b", controlling=False)
    a.add_transceiver("audio", "sendonly", ("a", "a-audio"))
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    shake_hands = a._stack.dtls.connect

    async def and_close(*anything: Any) -> Any:
        sessions = await shake_hands(*anything)
        closing.append(asyncio.create_task(a.close()))
        await closing[0]
        return sessions

    closing: list[asyncio.Task[None]] = []
    monkeypatch.setattr(a._stack.dtls, "connect", and_close)
    outcomes = await asyncio.gather(a.connect(), b.connect(), return_exceptions=True)
    assert isinstance(outcomes[0], ConnectionFailed)
    assert outcomes[0].message == "closed while connecting"
    assert not a.connected
    assert a.lane is None
    await b.close()


async def test_codecs_that_do_not_meet_are_named() -> None:
    a, b = _peer("a", controlling=True, codecs=("H264",)), _peer("b", controlling=False, codecs=("VP8",))
    a.add_transceiver("video", "sendrecv", ("a", "a-video"))
    b.add_transceiver("video", "sendrecv", ("b", "b-video"))
    with pytest.raises(NegotiationError, match=r"H264.*VP8"):
        await b.accept_offer(await a.create_offer())
    await asyncio.gather(a.close(), b.close())


@pytest.mark.parametrize("sdp", ["", "rubbish", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "m=video x"])
async def test_rubbish_descriptions_are_refused(sdp: str) -> None:
    peer = _peer("a", controlling=False)
    with pytest.raises(NegotiationError):
        await peer.accept_offer(sdp)
    await peer.close()


async def test_a_rubbish_candidate_is_refused() -> None:
    peer = _peer("a", controlling=False)
    with pytest.raises(NegotiationError):
        await peer.add_candidate("candidate:nonsense")
    await peer.close()


async def test_an_address_that_is_not_ours_gathers_nothing() -> None:
    peer = Peer(PeerConfig(addresses=("203.0.113.1",)), label="a", controlling=True, clock=Clock())
    with pytest.raises(ConnectionFailed) as failure:
        await peer.create_offer()
    assert failure.value.phase == "ice_gathering"
    await peer.close()
