"""The SFU with real peers on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.rtc.transceiver import Transceiver
from probe.wire.extensions import (
    ABS_CAPTURE_TIME,
    MID,
    TRANSPORT_CC,
    abs_capture_time_encode,
    transport_sequence_encode,
)
from probe.wire.rtcp import Nack, PictureLoss, ReceiverReport, Remb, SenderReport, TransportFeedback
from probe.wire.rtp import RtpHeader, build_packet, payload
from sfu_shim.config import ShimConfig
from sfu_shim.core import protocol as p
from sfu_shim.core.policy import Policy
from sfu_shim.server import ShimServer
from tests.sfu_shim.client import Participant, Signalling

KEY = b"\x10\x00\x00\x9d\x01\x2a\x10\x00\x10\x00"  # VP8: start of partition 0, frame tag of a keyframe
DELTA = b"\x10\x01\x00\x00"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def started(p2p_limit: int) -> tuple[ShimServer, str]:
    server = ShimServer(ShimConfig(port=0, policy=Policy(p2p_limit=p2p_limit), report_interval=0.1))
    return server, await server.start()


def sender(participant: Participant, path: str, kind: str) -> Transceiver:
    return next(t for t in participant.peers[path].transceivers if t.kind == kind and t.sender is not None)


def send(
    participant: Participant, kind: str, sequence: int, body: bytes, extensions: dict[str, bytes] | None = None
) -> None:
    path = participant.path("sfu")
    found = sender(participant, path, kind)
    assert found.sender is not None
    packet = build_packet(
        payload_type=found.codec().payload_type,
        marker=True,
        sequence_number=sequence,
        timestamp=sequence * 960,
        ssrc=found.sender.ssrc,
        payload=body,
        extensions={n: data for uri, data in (extensions or {}).items() if (n := found.extension_id(uri)) is not None},
    )
    participant.peers[path].send_rtp(packet)


def from_publisher(participant: Participant, publisher: Participant, kind: str) -> list[tuple[bytes, RtpHeader]]:
    path = participant.path("sfu")
    transceiver = next(
        t for t in participant.peers[path].transceivers
        if t.kind == kind and t.receives and t.remote_msid is not None and t.remote_msid[0] == publisher.name
    )  # fmt: skip
    return [(data, header) for data, header in participant.packets[path] if header.ssrc in transceiver.remote_ssrcs]


def sections(participant: Participant) -> list[tuple[str, str]]:
    """(kind, who) of all sections in which something is received now."""
    peers = participant.peers[participant.path("sfu")]
    return [(t.kind, t.remote_msid[0]) for t in peers.transceivers if t.receives and t.remote_msid is not None]


async def forwarding(server: ShimServer, publisher: Participant, subscriber: Participant) -> None:
    """Send audio until it arrives: then everything between the two is negotiated and connected."""
    for sequence in range(200):
        send(publisher, "audio", 1000 + sequence, b"warm")
        await asyncio.sleep(0.02)
        if ("audio", publisher.name) in sections(subscriber) and from_publisher(subscriber, publisher, "audio"):
            return
    pytest.fail("no audio came through the SFU")


async def connected(session: aiohttp.ClientSession, url: str, count: int) -> list[Participant]:
    found = []
    for _ in range(count):
        participant = Participant(session)
        await participant.join(url, "room")
        await participant.until(lambda each: any(peer.connected for peer in each.peers.values()))
        found.append(participant)
    for one in found:
        await one.until(
            lambda each: "sfu" in {o.kind for o in each.opened.values()} and len(sections(each)) == 2 * (count - 1)
        )
    return found


async def test_forwards_both_kinds_with_extensions_and_keyframe_start(session: aiohttp.ClientSession) -> None:
    server, url = await started(0)
    a, b = await connected(session, url, 2)
    await forwarding(server, a, b)

    send(a, "video", 10, DELTA)  # withheld, and a keyframe is asked for
    await a.until(lambda _: any(isinstance(m, PictureLoss) for m in a.rtcp[a.path("sfu")]))
    assert from_publisher(b, a, "video") == []
    stamp = abs_capture_time_encode(3.9e9)
    send(a, "video", 11, KEY + b"first", {ABS_CAPTURE_TIME: stamp, MID: b"1"})
    send(a, "video", 12, DELTA + b"second", {ABS_CAPTURE_TIME: stamp})
    await b.until(lambda _: len(from_publisher(b, a, "video")) == 2)
    (first, one), (second, two) = from_publisher(b, a, "video")
    assert (payload(first, one), payload(second, two)) == (KEY + b"first", DELTA + b"second")
    assert (two.sequence_number - one.sequence_number, two.timestamp - one.timestamp) == (1, 960)
    receiving = next(t for t in b.peers[b.path("sfu")].transceivers if t.kind == "video" and t.receives)
    capture, mid = receiving.extension_id(ABS_CAPTURE_TIME), receiving.extension_id(MID)
    assert capture is not None
    assert mid is not None
    assert one.extensions == {capture: stamp, mid: receiving.mid.encode()}
    assert sender(a, a.path("sfu"), "video").sender.ssrc != one.ssrc  # type: ignore[union-attr]

    await a.close()
    await b.close()
    await server.stop()


async def test_terminates_rtcp_and_answers_nacks(session: aiohttp.ClientSession) -> None:
    server, url = await started(0)
    a, b = await connected(session, url, 2)
    await forwarding(server, a, b)
    for sequence in (20, 21, 23):  # 22 is lost on the way to the SFU
        send(a, "video", sequence, KEY + bytes([sequence]))
    await b.until(lambda _: len(from_publisher(b, a, "video")) == 3)
    first = from_publisher(b, a, "video")[0][1]
    path = b.path("sfu")
    lost = Nack(1, first.ssrc, tuple((first.sequence_number + n) & 0xFFFF for n in (1, 2)))
    b.peers[path].send_rtcp(ReceiverReport(1, ()).to_bytes() + lost.to_bytes())

    rtx = next(t for t in b.peers[path].transceivers if first.ssrc in t.remote_ssrcs)
    (rtx_ssrc,) = rtx.remote_rtx
    await b.until(lambda _: any(header.ssrc == rtx_ssrc for _, header in b.packets[path]))
    data, header = next(item for item in b.packets[path] if item[1].ssrc == rtx_ssrc)
    assert header.payload_type == rtx.rtx_payload_type()
    assert payload(data, header) == ((first.sequence_number + 1) & 0xFFFF).to_bytes(2, "big") + KEY + bytes([21])

    up = a.path("sfu")
    await a.until(lambda _: any(isinstance(m, Nack) for m in a.rtcp[up]))
    (asked,) = [m for m in a.rtcp[up] if isinstance(m, Nack)]
    assert asked.sequence_numbers == (22,)
    send(a, "video", 22, DELTA + b"late")
    await b.until(lambda _: len(from_publisher(b, a, "video")) == 4)
    data, header = from_publisher(b, a, "video")[-1]
    assert payload(data, header) == DELTA + b"late"
    assert (header.sequence_number - first.sequence_number) & 0xFFFF == 2

    await b.until(lambda _: any(isinstance(m, SenderReport) and m.ssrc == first.ssrc for m in b.rtcp[path]))
    await a.until(lambda _: any(isinstance(m, ReceiverReport) and len(m.reports) == 2 for m in a.rtcp[up]))
    await a.until(lambda _: any(isinstance(m, Remb) and m.bitrate_bps > 4_900_000 for m in a.rtcp[up]))
    await a.close()
    await b.close()
    await server.stop()


async def test_answers_transport_wide_numbers_and_passes_none_on(session: aiohttp.ClientSession) -> None:
    server, url = await started(0)
    a, b = await connected(session, url, 2)
    await forwarding(server, a, b)
    heard = a.rtcp[a.path("sfu")]
    assert not any(isinstance(packet, TransportFeedback) for packet in heard)  # nothing was numbered so far
    for kind, number in (("audio", 65535), ("video", 0), ("video", 2)):
        send(a, kind, 30 + number % 8, KEY, {TRANSPORT_CC: transport_sequence_encode(number)})
    await a.until(lambda _: any(isinstance(packet, TransportFeedback) for packet in heard))
    [told] = [packet for packet in heard if isinstance(packet, TransportFeedback)]
    assert [(sequence, arrival is not None) for sequence, arrival in told.arrivals] == [
        (65535, True), (0, True), (1, False), (2, True),
    ]  # fmt: skip
    video = sender(a, a.path("sfu"), "video").sender
    assert video is not None
    assert told.media_ssrc == video.ssrc
    await b.until(lambda _: len(from_publisher(b, a, "video")) == 2)
    receiving = next(t for t in b.peers[b.path("sfu")].transceivers if t.kind == "video" and t.receives)
    identifier = receiving.extension_id(TRANSPORT_CC)
    assert identifier is not None
    assert all(identifier not in header.extensions for _, header in b.packets[b.path("sfu")])
    assert not any(isinstance(packet, TransportFeedback) for packet in b.rtcp[b.path("sfu")])
    await a.close()
    await b.close()
    await server.stop()


async def test_sections_of_leavers_are_reused(session: aiohttp.ClientSession) -> None:
    server, url = await started(0)
    a, b, c = await connected(session, url, 3)
    assert sorted(sections(a)) == sorted((kind, who.name) for who in (b, c) for kind in ("audio", "video"))
    peer = a.peers[a.path("sfu")]
    before = len(peer.transceivers)
    await c.leave()
    await a.until(lambda _: sorted(sections(a)) == [("audio", b.name), ("video", b.name)])
    d = Participant(session)
    await d.join(url, "room")
    await a.until(lambda _: ("video", d.name) in sections(a))
    await d.until(lambda _: len(sections(d)) == 4 and d.peers[d.path("sfu")].connected)
    assert len(peer.transceivers) == before
    await forwarding(server, d, a)
    await forwarding(server, a, d)
    for one in (a, b, d):
        await one.close()
    await server.stop()


async def test_hybrid_room_moves_to_the_sfu_and_back(session: aiohttp.ClientSession) -> None:
    server, url = await started(2)
    a, b, c = (Participant(session) for _ in range(3))
    await a.join(url, "room")
    await b.join(url, "room")
    for one in (a, b):
        await one.until(lambda each: any(peer.connected for peer in each.peers.values()))
    assert {o.kind for o in (*a.opened.values(), *b.opened.values())} == {"p2p"}
    await c.join(url, "room")
    assert c.welcome.topology == "sfu"
    for one in (a, b, c):
        await one.until(lambda each: bool(each.got(p.Committed)))
        await one.until(lambda each: {o.kind for o in each.opened.values()} == {"sfu"})
        await one.until(lambda each: len(sections(each)) == 4)
    await forwarding(server, a, c)
    await c.leave()
    for one in (a, b):
        await one.until(lambda each: len(each.got(p.Committed)) == 2)
        await one.until(lambda each: {o.kind for o in each.opened.values()} == {"p2p"})
    for one in (a, b):
        assert [peer.connected for peer in one.peers.values()] == [True]
    await a.close()
    await b.close()
    async with session.get(url.replace("ws://", "http://").replace("/ws", "/metrics")) as answer:
        page = await answer.text()
    assert 'sfu_shim_migrations_total{outcome="committed",source="p2p",target="sfu"} 1.0' in page
    assert 'sfu_shim_migrations_total{outcome="committed",source="sfu",target="p2p"} 1.0' in page
    await server.stop()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: p.Offer(path=path, sdp="v=0\r\nnonsense\r\n"), "SDP"),
        (lambda path: p.Answer(path=path, sdp="v=0\r\n"), "without an offer"),
        (lambda path: p.Candidate(path=path, candidate="candidate:rubbish"), "candidate"),
    ],
)
async def test_unusable_descriptions_close_the_path(
    session: aiohttp.ClientSession, make: Callable[[str], p.ClientMessage], said: str
) -> None:
    server, url = await started(0)
    client = Signalling(session)
    await client.join(url, "room")
    opened = await client.expect(p.Open)
    await client.say(make(opened.path))
    error = await client.expect(p.ErrorMessage)
    assert (error.code, error.path) == ("media_failed", opened.path)
    assert said in error.message
    assert await client.expect(p.Close) == p.Close(path=opened.path, reason="failed")
    await client.socket.close()
    await server.stop()


async def test_a_participant_without_a_common_codec_gets_the_other_kind(session: aiohttp.ClientSession) -> None:
    server, url = await started(0)
    a, b = Participant(session, codecs=("H264",)), Participant(session, codecs=("VP8",))
    await a.join(url, "room")
    await b.join(url, "room")
    for one, other in ((a, b), (b, a)):
        await one.until(lambda each: bool(each.opened) and bool(sections(each)))
        assert sections(one) == [("audio", other.name)]
    async with session.get(url.replace("ws://", "http://").replace("/ws", "/metrics")) as answer:
        assert "sfu_shim_negotiation_failures_total 2.0" in await answer.text()
    await a.close()
    await b.close()
    await server.stop()


async def test_a_client_that_never_connects_fails_in_time(session: aiohttp.ClientSession) -> None:
    server = ShimServer(ShimConfig(port=0, policy=Policy(p2p_limit=0), connect_deadline=0.3))
    url = await server.start()
    client = Signalling(session)
    await client.join(url, "room")
    opened = await client.expect(p.Open)
    peer = Peer(PeerConfig(), label="silent", controlling=True, clock=Clock())
    peer.add_transceiver("audio", "sendonly", ("s", "t"))
    await client.say(p.Offer(path=opened.path, sdp=await peer.create_offer()))
    await client.expect(p.Answer)
    assert "ice_connected" in (await client.expect(p.ErrorMessage)).message
    await client.expect(p.Close)
    await peer.close()
    await client.socket.close()
    await server.stop()
