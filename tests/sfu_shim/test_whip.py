"""The WHIP and WHEP endpoints over plain HTTP: who is let in, what is refused with which status, how sessions end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.signalling import whip_messages as messages
from probe.signalling.whip_messages import Fragment
from sfu_shim.config import ShimConfig
from sfu_shim.core.policy import Policy
from sfu_shim.core.protocol import IceServerEntry
from sfu_shim.server import HUB, ShimServer
from tests.interop.party import until

TOKEN = "t"
SERVERS = (IceServerEntry(("stun:s.example", "turn:t.example"), "user", 'pass"word'),)


class Client:
    """Speaks HTTP to a server of its own; `offer` is one that sends, `wish` one that receives."""

    def __init__(self, session: aiohttp.ClientSession, server: ShimServer, url: str, offer: str, wish: str) -> None:
        self.server = server
        self.url = url
        self.offer = offer
        self.wish = wish
        self._session = session

    async def ask(
        self, method: str, path: str, body: str = "", type: str = "application/sdp", token: str = TOKEN, **headers: str
    ) -> messages.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told |= {"Authorization": f"Bearer {token}"} if token else {}
        told |= {"Content-Type": type} if body else {}
        async with self._session.request(method, self.url + path, data=body or None, headers=told) as answer:
            return messages.Response(answer.status, str(answer.url), tuple(answer.headers.items()), await answer.text())

    async def publish(self, room: str = "r") -> str:
        """The path of the new session."""
        answer = await self.ask("POST", f"/whip/{room}", self.offer)
        assert answer.status == 201, answer.body
        return answer.header("Location") or ""

    @property
    def inside(self) -> int:
        return self.server.app[HUB].rooms.participants


async def _offer(direction: str, codec: str = "") -> tuple[Peer, str]:
    """Of audio and video, or with a `codec` of video alone."""
    peer = Peer(PeerConfig(codecs=(codec,) if codec else ()), label="c", controlling=True, clock=Clock())
    for kind in ("video",) if codec else ("audio", "video"):
        peer.add_transceiver(kind, direction, ("cam", kind) if direction == "sendonly" else None)
    return peer, await peer.create_offer()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    server = ShimServer(ShimConfig(port=0, token=TOKEN, policy=Policy(ice_servers=SERVERS, max_participants=2)))
    url = (await server.start()).replace("ws://", "http://").removesuffix("/ws")
    (sender, offer), (receiver, wish) = await _offer("sendonly"), await _offer("recvonly")
    async with aiohttp.ClientSession() as session:
        yield Client(session, server, url, offer, wish)
    await sender.close()
    await receiver.close()
    await server.stop()


async def test_a_session_is_created_and_ended_once(client: Client) -> None:
    answer = await client.ask("POST", "/whip/blue%20room", client.offer)
    assert (answer.status, answer.header("Content-Type")) == (201, "application/sdp")
    session = messages.read_session(answer)
    assert session.url is not None
    assert session.url.startswith(f"{client.url}/whip/blue%20room/")
    assert session.etag is not None
    assert session.etag.startswith('"')
    assert not session.offers
    assert session.ice_servers == tuple(((url,), "user", 'pass"word') for url in SERVERS[0].urls)
    assert [line for line in session.sdp.split("\r\n") if line in ("a=recvonly", "a=sendonly")] == ["a=recvonly"] * 2
    path = session.url.removeprefix(client.url)
    assert client.inside == 1
    assert [(await client.ask("DELETE", path)).status for _ in range(2)] == [200, 404]
    assert client.inside == 0


async def test_a_viewer_gets_what_there_is(client: Client) -> None:
    nobody = await client.ask("POST", "/whep/r", client.wish)
    assert (nobody.status, nobody.header("Retry-After"), nobody.content_type) == (409, "2", messages.PROBLEM)
    assert messages.read_problem(nobody) == "nobody publishes in room 'r'"
    path = await client.publish()
    answer = await client.ask("POST", "/whep/r", client.wish)
    [member] = client.server.app[HUB].rooms.room("r").members  # type: ignore[union-attr]
    assert set(messages.read_streams(answer.body).values()) == {"cam"}
    assert client.inside == 2
    assert (await client.ask("POST", f"/whep/r?participant={member}", client.wish)).status == 201
    await client.ask("DELETE", path)
    assert client.inside == 0
    gone = await client.ask("DELETE", (answer.header("Location") or ""))
    assert gone.status == 404


async def test_who_is_not_there_can_not_be_watched(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfu_shim.whip.MEDIA_DEADLINE", 0.1)
    await client.publish()
    answer = await client.ask("POST", "/whep/r?participant=bob", client.wish)
    assert (answer.status, messages.read_problem(answer)) == (409, "participant 'bob' publishes nothing in room 'r'")
    assert client.inside == 1


_DATA = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"body": "v=0\r\nnonsense\r\n"}, 400, "unusable SDP"),
        ({"body": "hello"}, 400, "unusable SDP"),
        ({"body": _DATA}, 422, "no audio or video section that would send"),
        ({"type": "text/plain"}, 415, "application/sdp is wanted, not text/plain"),
        ({"token": ""}, 401, "Bearer token"),
        ({"token": "wrong"}, 401, "Bearer token"),
        ({"path": "/whip/" + "x" * 129}, 400, "more than 128"),
        ({"body": "v=0\r\n" + "x" * 400_000}, 413, "bytes"),
    ],
)
async def test_what_is_refused(client: Client, change: dict[str, Any], status: int, said: str) -> None:
    asked = {"method": "POST", "path": "/whip/r", "body": client.offer} | change
    answer = await client.ask(**asked)
    assert (answer.status, answer.content_type) == (status, messages.PROBLEM)
    assert said in messages.read_problem(answer)
    assert client.inside == 0


async def test_offers_of_the_wrong_direction_and_without_our_codecs(client: Client) -> None:
    assert (await client.ask("POST", "/whip/r", client.wish)).status == 422
    await client.publish()
    assert (await client.ask("POST", "/whep/r", client.offer)).status == 422
    strange = client.offer.replace("VP8/90000", "XYZ/90000").replace("H264/90000", "XYZ/90000").replace("VP9/", "XYZ/")
    answer = await client.ask("POST", "/whip/r", strange)
    assert answer.status == 422
    assert "no codec in common" in messages.read_problem(answer)
    assert client.inside == 1


async def test_a_viewer_who_understands_nothing_of_it(client: Client) -> None:
    (sender, offer), (receiver, wish) = await _offer("sendonly", "VP8"), await _offer("recvonly", "H264")
    assert (await client.ask("POST", "/whip/r", offer)).status == 201
    answer = await client.ask("POST", "/whep/r", wish)
    assert (answer.status, client.inside) == (422, 1)
    assert "nothing of what is published" in messages.read_problem(answer)
    await sender.close()
    await receiver.close()


async def test_offers_of_both_directions_are_taken_for_the_one_that_is_meant(client: Client) -> None:
    await client.publish()
    both = client.offer.replace("a=sendonly", "a=sendrecv")
    answer = await client.ask("POST", "/whep/r", both)
    assert set(messages.read_streams(answer.body).values()) == {"cam"}
    assert answer.body.count("a=sendonly") == 2
    answer = await client.ask("POST", "/whip/r", both)
    assert (answer.status, answer.body.count("a=recvonly")) == (201, 2)


async def test_a_full_room_is_busy(client: Client) -> None:
    for _ in range(2):
        await client.publish()
    answer = await client.ask("POST", "/whip/r", client.offer)
    assert (answer.status, answer.header("Retry-After")) == (503, "2")
    assert "its limit" in messages.read_problem(answer)


async def test_methods_that_endpoints_do_not_have(client: Client) -> None:
    path = await client.publish()
    for method in ("GET", "HEAD", "PUT"):
        assert (await client.ask(method, "/whip/r")).status == 405
        assert (await client.ask(method, path)).status == 405
    assert (await client.ask("DELETE", path, token="wrong")).status == 401
    assert (await client.ask("DELETE", path.replace("/r/", "/other/"))).status == 404
    assert client.inside == 1


async def test_trickling(client: Client) -> None:
    answer = await client.ask("POST", "/whip/r", client.offer)
    path, etag = answer.header("Location") or "", answer.header("ETag") or ""
    more = messages.write_trickle(client.offer, ["candidate:1 1 udp 2122260223 127.0.0.1 9 typ host", None])
    fresh = messages.write_restart(client.offer, Fragment("newu", "n" * 24))

    async def patch(body: str, type: str = messages.FRAGMENT, **headers: str) -> int:
        return (await client.ask("PATCH", path, body, type, **headers)).status

    assert await patch(more, If_Match=etag) == 204
    assert await patch(more) == 428
    assert await patch(more, If_Match='"other"') == 412
    assert await patch(more, If_Match=f'"other", {etag}') == 204
    assert await patch(fresh, If_Match="*") == 422
    assert await patch(fresh, If_Match=etag) == 422
    assert await patch("nonsense", If_Match=etag) == 400
    assert await patch(more, "application/sdp", If_Match=etag) == 415
    await client.ask("DELETE", path)
    assert await patch(more, If_Match=etag) == 404


async def test_browsers_may_ask_from_elsewhere_where_a_token_is_wanted(client: Client) -> None:
    preflight = await client.ask("OPTIONS", "/whip/r", token="", Origin="http://elsewhere")
    assert (preflight.status, preflight.header("Accept-Post")) == (204, "application/sdp")
    assert preflight.header("Access-Control-Allow-Origin") == "*"
    assert "Authorization" in (preflight.header("Access-Control-Allow-Headers") or "")
    assert preflight.all("Link") == []
    assert len((await client.ask("OPTIONS", "/whip/r")).all("Link")) == 2
    refused = await client.ask("POST", "/whip/r", client.offer, token="", Origin="http://elsewhere")
    assert (refused.status, refused.header("Access-Control-Allow-Origin")) == (401, "*")
    open_server = ShimServer(ShimConfig(port=0))
    client.url = (await open_server.start()).replace("ws://", "http://").removesuffix("/ws")
    foreign = await client.ask("POST", "/whip/r", client.offer, Origin="http://elsewhere")
    assert (foreign.status, foreign.header("Access-Control-Allow-Origin")) == (403, None)
    assert (await client.ask("POST", "/whip/r", client.offer, Origin=client.url)).status == 201
    await open_server.stop()


async def test_a_client_that_never_connects_is_shown_out(client: Client) -> None:
    server = ShimServer(ShimConfig(port=0, connect_deadline=0.2))
    client.server, client.url = server, (await server.start()).replace("ws://", "http://").removesuffix("/ws")
    path = await client.publish()
    await until(lambda: not client.inside, "the end of the session")
    assert (await client.ask("DELETE", path)).status == 404
    await server.stop()


async def test_two_streams_of_one_name_are_told_apart(client: Client) -> None:
    for _ in range(2):
        await client.publish()
    room = client.server.app[HUB].rooms.room("r")
    assert room is not None
    peer = Peer(PeerConfig(), label="c", controlling=True, clock=Clock())
    for kind in ("audio", "video", "audio", "video", "video"):
        peer.add_transceiver(kind, "recvonly")
    answer = await client.ask("POST", "/whep/r", await peer.create_offer())
    await peer.close()
    second = list(room.members)[1]
    assert list(messages.read_streams(answer.body).values()) == ["cam", "cam", second, second]
    assert [line for line in answer.body.split("\r\n") if line == "a=inactive"] == ["a=inactive"]
