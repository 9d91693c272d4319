"""The server over real WebSockets: ways in, ways out, and every kind of client that misbehaves."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from probe.model.errors import ConfigError
from sfu_shim.config import ShimConfig
from sfu_shim.core import protocol as p
from sfu_shim.core.policy import Policy
from sfu_shim.hub import Outbox
from sfu_shim.server import ShimServer
from tests.sfu_shim.client import Signalling


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def url() -> AsyncIterator[str]:
    server = ShimServer(ShimConfig(port=0, join_deadline=0.2, policy=Policy(max_participants=2)))
    yield await server.start()
    await server.stop()


def http(url: str, path: str) -> str:
    return url.replace("ws://", "http://").replace("/ws", path)


async def closed(client: Signalling) -> int | None:
    """The close code, after whatever was still to come."""
    async with asyncio.timeout(5):
        while (await client.socket.receive()).type == aiohttp.WSMsgType.TEXT:
            pass
    return client.socket.close_code


async def test_join_ping_leave(session: aiohttp.ClientSession, url: str) -> None:
    client = Signalling(session)
    welcome = await client.join(url, "room")
    assert client.socket.protocol == p.SUBPROTOCOL
    assert (welcome.room, welcome.topology, welcome.members, welcome.p2p_limit) == ("room", "p2p", (), 2)
    await client.say(p.Ping(id=9))
    assert await client.receive() == p.Pong(id=9)
    await client.say(p.Leave())
    assert await client.receive() == p.Left()
    assert await closed(client) == 1000


async def test_a_vanished_websocket_is_a_leave(session: aiohttp.ClientSession, url: str) -> None:
    a, b = Signalling(session), Signalling(session)
    await a.join(url, "room")
    await b.join(url, "room")
    gone = await a.expect(p.MemberJoined)
    await b.socket.close()
    await a.expect(p.Close)
    assert await a.expect(p.MemberLeft) == p.MemberLeft(participant=gone.participant, reason="vanished")
    await a.socket.close()


async def test_wrong_token(session: aiohttp.ClientSession) -> None:
    server = ShimServer(ShimConfig(port=0, token="right"))
    url = await server.start()
    client = Signalling(session)
    await client.connect(url)
    await client.say(p.Join(room="r", token="wrong"))
    assert await client.receive() == p.ErrorMessage(code="bad_token", message="join.token: wrong token")
    assert await closed(client) == 4401
    other = Signalling(session)
    assert (await other.join(url, "r", "right")).members == ()
    await other.socket.close()
    await server.stop()


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("rubbish", "bad_message", "message: is not JSON"),
        ('{"type":"ping","id":1}', "bad_message", "the first message must be join, not ping"),
        ('{"type":"join"}', "bad_message", "join.room: is missing"),
        ('{"type":"join","room":"r","v":2}', "version", "join.v: this server speaks version 1, not 2"),
    ],
)
async def test_first_message_is_wrong(
    session: aiohttp.ClientSession, url: str, text: str, code: str, said: str
) -> None:
    client = Signalling(session)
    await client.connect(url)
    await client.socket.send_str(text)
    error = await client.expect(p.ErrorMessage)
    assert error.code == code
    assert error.message.startswith(said)
    assert await closed(client) == 4400


async def test_bad_message_later_is_a_leave_too(session: aiohttp.ClientSession, url: str) -> None:
    a, b = Signalling(session), Signalling(session)
    await a.join(url, "room")
    await b.join(url, "room")
    await b.socket.send_bytes(b"\x00")
    assert (await b.expect(p.ErrorMessage)).message == "message: text is wanted, not binary"
    assert await closed(b) == 4400
    assert (await a.expect(p.MemberLeft)).reason == "vanished"
    await a.socket.close()


async def test_no_join_in_time(session: aiohttp.ClientSession, url: str) -> None:
    client = Signalling(session)
    await client.connect(url)
    assert (await client.expect(p.ErrorMessage)).code == "join_timeout"
    assert await closed(client) == 4408


async def test_full_room(session: aiohttp.ClientSession, url: str) -> None:
    clients = [Signalling(session) for _ in range(3)]
    for client in clients[:2]:
        await client.join(url, "room")
    await clients[2].connect(url)
    await clients[2].say(p.Join(room="room"))
    assert (await clients[2].expect(p.ErrorMessage)).code == "room_full"
    assert await closed(clients[2]) == 4403
    for client in clients[:2]:
        await client.socket.close()


async def test_too_large_a_message_closes(session: aiohttp.ClientSession, url: str) -> None:
    client = Signalling(session)
    await client.join(url, "room")
    await client.socket.send_str(" " * (3 * 1024 * 1024))
    assert await closed(client) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_pages_from_elsewhere_are_kept_out(session: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(url, origin="https://evil.example")
    assert caught.value.status == 403
    own = await session.ws_connect(url, origin=http(url, "").removesuffix("/"))
    await own.close()


async def test_health_and_metrics(session: aiohttp.ClientSession, url: str) -> None:
    client = Signalling(session)
    await client.join(url, "room")
    await client.say(p.Connected(path="nowhere"))
    await client.expect(p.ErrorMessage)
    async with session.get(http(url, "/healthz")) as answer:
        body = json.loads(await answer.text())
    assert (answer.status, body["status"], body["participants"], body["protocol"]) == (200, "ok", 1, 1)
    async with session.get(http(url, "/metrics")) as answer:
        families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
    rooms = {sample.labels["topology"]: sample.value for sample in families["sfu_shim_rooms"].samples}
    assert rooms == {"p2p": 1.0, "sfu": 0.0}
    assert families["sfu_shim_participants"].samples[0].value == 1.0
    errors = {sample.labels["code"]: sample.value for sample in families["sfu_shim_errors"].samples}
    assert errors == {"unknown_path": 1.0}
    assert families["sfu_shim_packets_sent"].samples[0].value == 0.0
    await client.socket.close()


async def test_stop_says_goodbye(session: aiohttp.ClientSession) -> None:
    server = ShimServer()
    client = Signalling(session)
    await client.join(await server.start(), "room")
    _, code = await asyncio.gather(server.stop(), closed(client))
    assert code == aiohttp.WSCloseCode.GOING_AWAY
    await server.stop()


async def test_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = ShimServer(ShimConfig(port=taken.getsockname()[1]))
        with pytest.raises(ConfigError, match="can't listen on"):
            await server.start()


async def test_outbox_ends_with_its_code_and_drops_who_does_not_read() -> None:
    outbox = Outbox()
    outbox.put("one")
    outbox.end(4400, "why")
    outbox.end(1000, "too late")
    outbox.put("never")
    assert (await outbox.take(), await outbox.take(), outbox.ending) == ("one", None, (4400, "why"))
    slow = Outbox()
    for number in range(5000):
        slow.put(str(number))
    assert (await slow.take(), slow.ending) == (None, (1013, "messages are not read"))
