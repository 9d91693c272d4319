"""The active end of ICE over TCP, against an end that listens: frames on the wire, and whole connections."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probe.model.errors import ConnectionFailed
from probe.rtc import ice_stack, ice_tcp
from probe.rtc.clock import Clock
from probe.rtc.ice_tcp import FramedStream
from probe.rtc.peer import Peer, PeerConfig
from probe.wire.rtp import build_packet
from probe.wire.sdp import SessionDescription
from probe.wire.sdp_types import Candidate

LOCAL = "127.0.0.1"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  packets and ends come from sockets, which set no event
            await asyncio.sleep(0.01)


class Listener:
    """Listens on TCP and hands frames on as datagrams to `peer`, and back: what an SFU with TCP candidates does inside."""

    def __init__(self) -> None:
        self.peer = (LOCAL, 9)
        self.connections = 0
        self.framed: list[int] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, LOCAL, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                writer.write(struct.pack("!H", len(data)) + data)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Back, local_addr=(LOCAL, 0))
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                transport.sendto(await reader.readexactly(length), self.peer)
                self.framed.append(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side closed it
        finally:
            transport.close()
            writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    async def stop(self) -> None:
        self.hang_up()
        self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Listener, Candidate]]:
    listener = Listener()
    port = await listener.start()
    try:
        yield listener, Candidate("1", 1, "tcp", 1000, LOCAL, port, "host", tcp_type="passive")
    finally:
        await listener.stop()


def offering(offer: str, listener: Listener, *instead: Candidate, keep_udp: bool = False) -> str:
    """The offer as a server would make it that is met where the candidates say."""
    description = SessionDescription.parse(offer)
    for section in description.sections:
        udp = list(section.candidates)
        if udp:
            listener.peer = udp[0].address, udp[0].port
        section.candidates = [*(udp if keep_udp else ()), *instead]
    return description.to_sdp()


def peers(**ours: Any) -> tuple[Peer, Peer]:
    """The server's, which makes the offer, and ours."""
    server = Peer(PeerConfig(), label="server", controlling=True, clock=Clock(), rng=random.Random(1))
    config = PeerConfig(**{"connect_deadline": 5.0, **ours})
    mine = Peer(config, label="mine", controlling=False, clock=Clock(), rng=random.Random(2))
    for peer in (server, mine):
        peer.add_transceiver("audio", "sendrecv", (peer.label, f"{peer.label}-audio"))
    return server, mine


def packet(peer: Peer, sequence: int, size: int) -> bytes:
    sender = peer.transceivers[0].sender
    assert sender is not None
    return build_packet(
        payload_type=111, marker=False, sequence_number=sequence, timestamp=0, ssrc=sender.ssrc, payload=bytes(size)
    )


async def test_where_udp_is_blocked_the_server_is_met_over_tcp() -> None:
    async with listening() as (listener, candidate):
        server, mine = peers(udp=False)
        got: list[int] = []
        back: list[int] = []
        server.on_rtp = lambda data, header, arrival: got.append(header.sequence_number)
        mine.on_rtp = lambda data, header, arrival: back.append(header.sequence_number)
        offer = offering(await server.create_offer(), listener, candidate)
        answer = await mine.accept_offer(offer)
        assert "a=candidate" not in answer
        await server.accept_answer(answer)
        await asyncio.gather(server.connect(), mine.connect())
        # The listener hands on from a port of its own, as a NAT would.
        assert (mine.pair_label, mine.selected_pair) == ("prflx-tcp/host", ("prflx", "host"))
        assert mine.remote_address == (LOCAL, candidate.port)
        assert mine.outlet() is None, "the compiled path reads and writes datagrams only"
        for number in range(20):
            mine.send_rtp(packet(mine, number, 60 * number))
            server.send_rtp(packet(server, number, 60 * number))
        await until(lambda: len(got) >= 20 and len(back) >= 20)
        assert got == back == list(range(20))
        assert mine.socket_drops == 0
        await asyncio.gather(server.close(), mine.close())


async def test_where_udp_works_nothing_is_opened() -> None:
    async with listening() as (listener, candidate):
        server, mine = peers()
        offer = offering(await server.create_offer(), listener, candidate, keep_udp=True)
        await server.accept_answer(await mine.accept_offer(offer))
        await asyncio.gather(server.connect(), mine.connect())
        assert mine.pair_label == "host/host"
        assert listener.connections == 0
        await asyncio.gather(server.close(), mine.close())


async def test_where_udp_leads_nowhere_tcp_is_tried_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_stack, "UDP_FIRST", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((LOCAL, 0))
        nowhere = Candidate("2", 1, "udp", 2000, LOCAL, deaf.getsockname()[1], "host")
        async with listening() as (listener, candidate):
            server, mine = peers()
            offer = offering(await server.create_offer(), listener, nowhere, candidate)
            description = SessionDescription.parse(await mine.accept_offer(offer))
            for section in description.sections:
                section.candidates = []  # or the server's checks would find us
            await server.accept_answer(description.to_sdp())
            await asyncio.gather(server.connect(), mine.connect())
            assert mine.pair_label == "prflx-tcp/host"
            await asyncio.gather(server.close(), mine.close())


async def test_an_end_that_hangs_up_is_told() -> None:
    async with listening() as (listener, candidate):
        server, mine = peers(udp=False)
        lost: list[str] = []
        mine.on_closed = lost.append
        await server.accept_answer(await mine.accept_offer(offering(await server.create_offer(), listener, candidate)))
        await asyncio.gather(server.connect(), mine.connect())
        listener.hang_up()
        await until(lambda: lost)
        assert lost == ["the other side closed the connection"]
        await asyncio.gather(server.close(), mine.close())


async def test_who_refuses_is_named() -> None:
    with socket.socket() as taken:
        taken.bind((LOCAL, 0))  # bound, and not listening
        port = taken.getsockname()[1]
        server, mine = peers(udp=False, connect_deadline=0.3)
        refuses = Candidate("1", 1, "tcp", 1000, LOCAL, port, "host", tcp_type="passive")
        await mine.accept_offer(offering(await server.create_offer(), Listener(), refuses))
        with pytest.raises(ConnectionFailed) as failure:
            await mine.connect()
    assert failure.value.phase == "ice_connected"
    assert failure.value.message.endswith(f"the TCP candidate {LOCAL}:{port}: Connection refused")
    await asyncio.gather(server.close(), mine.close())


async def test_without_udp_and_without_a_listener_there_is_no_way_and_no_wait() -> None:
    server, mine = peers(udp=False)
    active = Candidate("1", 1, "tcp", 1000, LOCAL, 9, "host", tcp_type="active")
    await mine.accept_offer(offering(await server.create_offer(), Listener(), active))
    with pytest.raises(ConnectionFailed, match="gathered no candidate: a relayed candidate was wanted") as failure:
        await mine.connect()
    assert failure.value.phase == "ice_gathering"
    await asyncio.gather(server.close(), mine.close())


async def test_where_only_a_relay_is_allowed_nobody_is_connected_to() -> None:
    async with listening() as (_, candidate):
        stack = ice_stack.IceStack(
            Clock(), controlling=True, on_media=lambda data, arrival: None, on_round_trip=lambda seconds: None,
            on_lost=lambda reason: None,
        )  # fmt: skip
        with pytest.raises(ConnectionFailed):
            await stack.gather((LOCAL,), relay_only=True)
        await stack.add_remote(candidate)
        assert not stack._tcp
        await stack.close()


async def test_what_has_an_address_is_opened_and_no_more_than_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_tcp, "_MOST", 2)
    found = ice_tcp.TcpCandidates(Clock(), lambda: pytest.fail("opened"), lambda protocol, remote: None)
    for host, port in ((LOCAL, 0), ("hidden.local", 1), (LOCAL, 1), (LOCAL, 1), (LOCAL, 2), (LOCAL, 3)):
        found.add(Candidate("1", 1, "tcp", 1000, host, port, "host", tcp_type="passive"))
    assert list(found._known) == [(LOCAL, 1), (LOCAL, 2)]
    await found.close()


class Wire(asyncio.Transport):
    """Keeps what is written, and holds back as much as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.held = 0
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.held

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def framed(heard: list[tuple[bytes, Any]]) -> tuple[FramedStream, Wire]:
    wire = Wire()
    stream = FramedStream((LOCAL, 5), Clock(), lambda data, remote, arrival: heard.append((data, remote)), lambda: None)
    stream.connection_made(wire)
    return stream, wire


def test_frames_are_found_however_they_are_cut() -> None:
    datagrams = [b"a", b"", bytes(range(256)) * 5, b"z" * 65_535]
    data = b"".join(struct.pack("!H", len(one)) + one for one in datagrams)
    for step in (1, 7, 1460, len(data)):
        heard: list[tuple[bytes, Any]] = []
        stream, _ = framed(heard)
        for at in range(0, len(data), step):
            stream.data_received(data[at : at + step])
        assert heard == [(one, (LOCAL, 5)) for one in datagrams]


def test_datagrams_are_framed_for_the_other_end_alone() -> None:
    stream, wire = framed([])
    stream.sendto(b"abc", (LOCAL, 5))
    stream.sendto(b"not yours", (LOCAL, 6))
    assert wire.written == b"\x00\x03abc"
    wire.held = 1 << 19
    stream.sendto(b"late", (LOCAL, 5))
    assert (wire.written, stream.drops) == (b"\x00\x03abc", 1)
    wire.closed = True
    stream.sendto(b"gone", (LOCAL, 5))
    assert (wire.written, stream.drops) == (b"\x00\x03abc", 1)
