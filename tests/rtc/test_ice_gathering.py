"""Candidates from servers: which are asked, what becomes of their answers, how long nobody waits, and what is told of failures."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aioice import stun

from probe.model.errors import ConnectionFailed
from probe.rtc import ice_gathering, ice_turn
from probe.rtc.ice_server import IceServer
from probe.rtc.ice_stack import IceStack
from probe.wire.sdp import Candidate
from tests.client.fakes import FakeClock
from tests.rtc.turn_server import MAPPED, FakeTurn

LOCAL = "127.0.0.1"


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests; `mapped` is what it tells everybody, None for the truth. `silent`: not a word."""

    def __init__(self, mapped: tuple[str, int] | None, *, silent: bool, refuse: bool) -> None:
        self._mapped, self._silent, self._refuse = mapped, silent, refuse
        self.asked = 0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        request = stun.parse_message(data)
        self.asked += 1
        if self._silent:
            return
        kind, attributes = stun.Class.RESPONSE, {"XOR-MAPPED-ADDRESS": self._mapped or addr[:2]}
        if self._refuse:
            kind, attributes = stun.Class.ERROR, {"ERROR-CODE": (500, "Server Error")}
        answer = stun.Message(request.message_method, kind, request.transaction_id, attributes)
        self.transport.sendto(bytes(answer), addr)

    @property
    def url(self) -> str:
        host, port = self.transport.get_extra_info("sockname")[:2]
        return f"stun:{f'[{host}]' if ':' in host else host}:{port}"


@asynccontextmanager
async def stun_server(
    mapped: tuple[str, int] | None = None, *, silent: bool = False, refuse: bool = False, host: str = LOCAL
) -> AsyncIterator[StunServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: StunServer(mapped, silent=silent, refuse=refuse), local_addr=(host, 0)
    )
    try:
        yield server
    finally:
        transport.close()


class Bench:
    def __init__(self) -> None:
        self.trips: list[float] = []
        self.stack = IceStack(
            FakeClock(), controlling=True, on_media=lambda data, arrival: None, on_round_trip=self.trips.append,
            on_lost=lambda reason: None,
        )  # fmt: skip

    async def gather(self, *urls: str, addresses: tuple[str, ...] = (LOCAL,), **wanted: Any) -> list[ConnectionFailed]:
        return await self.stack.gather(addresses, [IceServer(urls, "ann", "secret")], **wanted)

    def found(self, kind: str) -> list[Candidate]:
        return [candidate for candidate in self.stack.candidates() if candidate.type == kind]


async def test_a_reflexive_candidate_is_learned_and_its_round_trip_is_none_of_ours() -> None:
    bench = Bench()
    async with stun_server(("198.51.100.7", 4000)) as server:
        assert await bench.gather(server.url) == []
    (host,), (reflexive,) = bench.found("host"), bench.found("srflx")
    assert (reflexive.address, reflexive.port) == ("198.51.100.7", 4000)
    assert (reflexive.related_address, reflexive.related_port) == (host.address, host.port)
    assert reflexive.priority < host.priority
    assert bench.trips == []
    await bench.stack.close()


async def test_all_servers_are_asked_and_nothing_is_told_twice() -> None:
    bench = Bench()
    async with (
        stun_server(("198.51.100.7", 4000)) as one,
        stun_server(("198.51.100.7", 4000)) as same,
        stun_server() as near,
    ):
        assert await bench.gather(one.url, same.url, near.url, one.url) == []
        assert [server.asked for server in (one, same, near)] == [1, 1, 1]
    assert [candidate.address for candidate in bench.found("srflx")] == ["198.51.100.7"]
    await bench.stack.close()


async def test_over_ipv6_too() -> None:
    bench = Bench()
    async with stun_server(("2001:db8::7", 4000), host="::1") as six, stun_server(("198.51.100.7", 4000)) as four:
        assert await bench.gather(six.url, four.url, addresses=(LOCAL, "::1")) == []
    bases = {candidate.address: candidate.related_address for candidate in bench.found("srflx")}
    assert bases == {"2001:db8::7": "::1", "198.51.100.7": LOCAL}
    await bench.stack.close()


async def test_a_version_of_ip_that_we_do_not_have_is_told() -> None:
    bench = Bench()
    (trouble,) = await bench.gather("stun:[::1]:3478")
    assert "STUN server stun:[::1]:3478 can't be reached: it has no address of a version of IP" in trouble.message
    await bench.stack.close()


async def test_a_silent_server_is_told_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_gathering, "DEADLINE", 0.05)
    bench = Bench()
    async with stun_server(silent=True) as server:
        (trouble,) = await bench.gather(server.url)
        assert trouble.message == f"the STUN server {server.url} does not answer"
    assert bench.found("host")
    await bench.stack.close()


async def test_the_slow_one_of_two_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_gathering, "DEADLINE", 60.0)
    monkeypatch.setattr(ice_gathering, "PATIENCE", 0.02)
    bench = Bench()
    async with stun_server(("198.51.100.7", 4000)) as quick, stun_server(silent=True) as slow, asyncio.timeout(10.0):
        (trouble,) = await bench.gather(slow.url, quick.url)
        assert trouble.message.startswith(f"the STUN server {slow.url} had not answered when others had")
    assert len(bench.found("srflx")) == 1
    await bench.stack.close()


async def test_a_server_that_is_down_keeps_nobody_long_from_meeting_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_gathering, "DEADLINE", 60.0)
    monkeypatch.setattr(ice_gathering, "BESIDE", 0.02)
    monkeypatch.setattr(ice_turn, "_TRANSACTION", 60.0)
    relays, bench = Relays(monkeypatch, silent=True), Bench()
    async with asyncio.timeout(10.0):
        (trouble,) = await bench.gather("turn:127.0.0.1")
    assert trouble.message == "the TURN server turn:127.0.0.1:3478 does not answer"
    assert bench.found("host")
    assert relays.opened[0].closed == 1
    await bench.stack.close()


async def test_an_error_answer_is_told() -> None:
    bench = Bench()
    async with stun_server(refuse=True) as server:
        (trouble,) = await bench.gather(server.url)
    assert trouble.message == f"the STUN server {server.url} answers with an error (500 Server Error)"
    await bench.stack.close()


async def test_names_and_urls_that_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    bench = Bench()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    bad, name = await bench.gather("http://x", "turn:no.such.example")
    assert bad.message == "'http://x' is no STUN or TURN URL"
    assert name.message == "the TURN server turn:no.such.example:3478 is not to be found: Name or service not known"
    await bench.stack.close()


async def test_nothing_listens_there_and_a_relay_was_the_only_way() -> None:
    with socket.socket() as taken:
        taken.bind((LOCAL, 0))  # bound, and not listening
        url = f"turn:{LOCAL}:{taken.getsockname()[1]}?transport=tcp"
        bench = Bench()
        with pytest.raises(ConnectionFailed, match="gathered no relayed candidate: the TURN server") as failure:
            await bench.gather(url, "stun:127.0.0.1:9", relay_only=True)
    assert "is not there: nothing listens on TCP port" in failure.value.message
    assert "stun:" not in failure.value.message  # it was not asked
    await bench.stack.close()


async def _gathered_and_connected(bench: Bench, url: str, **wanted: Any) -> None:
    """With nobody who could have listened on TCP."""
    await bench.gather(url, **wanted)
    await bench.stack.add_remote(None)
    await bench.stack.connect("ufrag", "password", lite=False)


@pytest.mark.parametrize("wanted", [{"relay_only": True}, {"udp": False}])
async def test_without_udp_of_ours_no_socket_is_opened(wanted: dict[str, Any]) -> None:
    bench = Bench()
    async with stun_server() as server:
        with pytest.raises(ConnectionFailed, match="a relayed candidate was wanted"):
            await _gathered_and_connected(bench, server.url, **wanted)
        assert server.asked == 0
    assert bench.stack._connection._protocols == []
    await bench.stack.close()


class Relays:
    """Stands in for the way to a TURN server: grants allocations but the first, which it refuses, or says nothing."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, silent: bool = False, refuse: Sequence[tuple[int, str]] = ()
    ) -> None:
        self.opened: list[FakeTurn] = []
        self._silent = silent
        self._refuse = list(refuse)
        monkeypatch.setattr(ice_gathering, "open_carrier", self._open)

    async def _open(self, url: Any, server: Any, clock: Any, tls: Any, heard: Any, ended: Any) -> FakeTurn:
        turn = FakeTurn()
        turn.heard, turn.ended, turn.challenges = heard, ended, False
        turn.silent = {stun.Method.ALLOCATE} if self._silent else set()
        turn.errors = {stun.Method.ALLOCATE: [self._refuse.pop(0)]} if self._refuse else {}
        self.opened.append(turn)
        return turn


async def test_relayed_candidates_show_an_address_of_ours_only_where_it_is_known_anyway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Relays(monkeypatch)
    shown, hidden = Bench(), Bench()
    urls = ("turn:127.0.0.1", "turn:127.0.0.1?transport=tcp", "turns:127.0.0.1")
    assert await shown.gather(*urls[1:]) == []
    assert await hidden.gather(*urls, relay_only=True) == []
    assert [(c.related_address, c.related_port) for c in shown.found("relay")] == [MAPPED] * 2
    relayed = hidden.found("relay")
    assert [(c.related_address, c.related_port) for c in relayed] == [("0.0.0.0", 9)] * 3
    assert hidden.found("host") == []
    ways = [protocol.way for protocol in hidden.stack._connection._protocols]  # type: ignore[attr-defined]
    ranked = sorted(zip(ways, relayed, strict=True), key=lambda one: -one[1].priority)
    assert [way for way, _ in ranked] == ["udp", "tcp", "tls"]
    assert len({candidate.foundation for candidate in relayed}) == 3
    await asyncio.gather(shown.stack.close(), hidden.stack.close())


async def test_a_relay_that_is_refused_is_told_though_its_server_answers_as_a_stun_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Relays(monkeypatch, refuse=[(486, "Quota")])
    bench = Bench()
    async with stun_server(("198.51.100.7", 4000)) as server, stun_server(("198.51.100.7", 4000)) as other:
        (trouble,) = await bench.gather(server.url.replace("stun:", "turn:"), other.url)
    assert "the quota is used up (486 Quota)" in trouble.message
    assert len(bench.found("srflx")) == 1
    await bench.stack.close()


@pytest.mark.parametrize(("known", "ports"), [(2, 3), (3, 3)])
async def test_a_port_that_the_server_still_remembers_is_changed_for_another(
    monkeypatch: pytest.MonkeyPatch, known: int, ports: int
) -> None:
    relays, bench = Relays(monkeypatch, refuse=[(437, "Allocation Mismatch\0")] * known), Bench()
    troubles = await bench.gather("turn:127.0.0.1")
    assert len(relays.opened) == ports
    assert [turn.closed for turn in relays.opened] == [1] * known + [0] * (ports - known)
    assert len(bench.found("relay")) == ports - known
    assert ["(437 Allocation Mismatch)" in trouble.message for trouble in troubles] == [True] * (known == ports)
    await bench.stack.close()


async def test_what_buffers_of_ours_lost_on_the_way_to_a_relay_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    relays, bench = Relays(monkeypatch), Bench()
    await bench.gather("turn:127.0.0.1", "turn:127.0.0.1?transport=tcp")
    bench.stack._endpoints[0].socket_drops, bench.stack._endpoints[0].send_drops = 1, 2
    relays.opened[0].drops, relays.opened[1].drops = 10, 20
    assert bench.stack.socket_drops == 33
    await bench.stack.close()


async def test_who_is_called_off_while_gathering_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    relays, bench = Relays(monkeypatch, silent=True), Bench()
    gathering = asyncio.ensure_future(bench.gather("turn:127.0.0.1", relay_only=True))
    async with asyncio.timeout(5.0):
        while not (relays.opened and relays.opened[0].requests):  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.001)
    gathering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathering
    assert relays.opened[0].closed == 1
    await bench.stack.close()


async def test_a_relay_that_was_there_already_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    relays, bench = Relays(monkeypatch), Bench()
    async with stun_server(silent=True) as silent:
        gathering = asyncio.ensure_future(bench.gather("turn:127.0.0.1?transport=tcp", silent.url))
        async with asyncio.timeout(5.0):
            while not (relays.opened and relays.opened[0].asked):  # noqa: ASYNC110 - bounded
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
        gathering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathering
    assert relays.opened[0].closed == 1
    await bench.stack.close()


async def test_who_closes_while_gathering_keeps_no_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    relays, bench = Relays(monkeypatch), Bench()
    gathering = asyncio.ensure_future(bench.gather("turn:127.0.0.1", relay_only=True))
    await asyncio.sleep(0)
    await bench.stack.close()
    with pytest.raises(ConnectionFailed, match="closed while gathering"):
        await gathering
    assert relays.opened[0].closed == 1


async def test_relays_hear_of_the_other_side_s_addresses_and_of_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    relays, bench = Relays(monkeypatch), Bench()
    await bench.gather("turn:127.0.0.1", relay_only=True)
    for address in ("203.0.113.5", "2001:db8::5", "0b1c2d3e.local", "no.address"):
        bench.stack._let_in(Candidate("1", 1, "udp", 5, address, 4000, "host"))
    async with asyncio.timeout(5.0):
        while len(relays.opened[0].asked) < 2:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.001)
    (_, bound) = relays.opened[0].asked[1]
    assert bound["XOR-PEER-ADDRESS"] == ("203.0.113.5", 4000)
    await bench.stack.close()
    assert [method for method, _ in relays.opened[0].asked][2:] == [stun.Method.REFRESH]
