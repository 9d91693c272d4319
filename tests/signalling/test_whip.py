"""The WHIP and WHEP adapters against endpoints of every temper: what each answer becomes, and what is sent when."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from probe.model.errors import (
    AccessDenied,
    ConfigError,
    NegotiationError,
    ProbeError,
    ProtocolError,
    ServerUnreachable,
    SignallingError,
)
from probe.signalling import base, whip, whip_http
from probe.signalling import whip_messages as messages
from probe.signalling.access import Access
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling
from probe.signalling.whip_messages import Fragment
from tests.integration import servers
from tests.interop.party import until
from tests.signalling.test_calls import Ear
from tests.signalling.test_whip_messages import ANSWER, CANDIDATE, OFFER
from tests.web_server import answering, web_server

Answer = web.Response | Callable[[], Awaitable[web.Response]]


@dataclass
class Asked:
    """One request as the server got it."""

    method: str
    path: str
    type: str
    body: str
    token: str | None
    if_match: str | None


@dataclass
class Server:
    """Answers each "METHOD /path" by the next answer of its list, the last one again and again; 404 to all others."""

    answers: dict[str, list[Answer]]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(
            Asked(
                request.method, request.path_qs, request.headers.get("Content-Type", ""), await request.text(),
                request.headers.get("Authorization"), request.headers.get("If-Match"),
            )
        )  # fmt: skip
        known = self.answers.get(f"{request.method} {request.path}")
        if not known:
            return web.Response(status=404)
        answer = known.pop(0) if len(known) > 1 else known[0]
        if callable(answer):
            return await answer()
        return web.Response(status=answer.status, text=answer.text, headers=answer.headers)

    def heard(self, method: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method]


@asynccontextmanager
async def serving(answers: dict[str, list[Answer]], tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(answers)
    async with web_server(answering(server.handle), tls=tls) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server


def created(sdp: str = ANSWER, status: int = 201, **headers: str) -> web.Response:
    told = {"Content-Type": "application/sdp", "Location": "/s/1", "ETag": '"one"'}
    return web.Response(
        status=status, text=sdp, headers=told | {name.replace("_", "-"): v for name, v in headers.items()}
    )


def status(code: int, text: str = "", **headers: str) -> web.Response:
    return web.Response(status=code, text=text, headers={name.replace("_", "-"): v for name, v in headers.items()})


async def entered(way: WhipSignalling) -> base.Joined:
    await way.connect()
    joined = await way.join("blue room", "me")
    assert isinstance(await way.next_event(), base.OpenPath)
    return joined


async def test_a_session_from_its_offer_to_its_end() -> None:
    link = '<turn:t>; rel="ice-server"; username="u"; credential="c"'
    answers: dict[str, list[Answer]] = {
        "OPTIONS /whip/{room}": [status(204, Link=link)],
        "POST /whip/blue room": [created(Link='<stun:s>; rel="ice-server"')],
        "DELETE /s/1": [status(200)],
    }
    async with serving(answers) as server:
        way = WhipSignalling(f"whip+{server.url}/whip/{{room}}?key=1", Access("secret"))
        await way.connect()
        joined = await way.join("blue room", "me")
        assert joined == base.Joined("me", (), "sfu", ((("turn:t",), "u", "c"),), awaits="connection")
        assert await way.next_event() == base.OpenPath("whip", "sfu", None, "offer")
        await way.send_description("whip", "offer", OFFER)
        assert await way.next_event() == base.RemoteDescription("whip", "answer", ANSWER)
        assert way.ice_servers[-1] == (("stun:s",), None, None)
        await way.send_connected("whip")
        await way.leave()
        await way.leave()
        assert await way.next_event() == base.SignallingLost("left")
        await way.send_description("whip", "offer", OFFER)  # who has left has nothing more to say
    assert [(one.method, one.path, one.type, one.if_match) for one in server.asked] == [
        ("OPTIONS", "/whip/%7Broom%7D?key=1", "", None),
        ("POST", "/whip/blue%20room?key=1", "application/sdp", None),
        ("DELETE", "/s/1", "", None),
    ]
    assert server.heard("POST")[0].body == OFFER
    assert {one.token for one in server.asked} == {"Bearer secret"}


async def test_redirects_are_followed_with_body_and_token() -> None:
    answers: dict[str, list[Answer]] = {
        "POST /a": [status(307, Location="b/c")],
        "POST /b/c": [status(308, Location="/d/e")],
        "POST /d/e": [created(Location="s")],
        "DELETE /d/s": [status(307, Location="/gone")],
        "DELETE /gone": [status(404)],
    }
    async with serving(answers) as server:
        way = WhipSignalling(f"{server.url}/a", Access("t"))
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        await way.leave()
    assert [one.path for one in server.heard("POST")] == ["/a", "/b/c", "/d/e"]
    assert {(one.body, one.token) for one in server.heard("POST")} == {(OFFER, "Bearer t")}
    assert [(one.path, one.token) for one in server.heard("DELETE")] == [("/d/s", "Bearer t"), ("/gone", "Bearer t")]


async def test_a_circle_of_redirects_ends() -> None:
    async with serving({"POST /a": [status(307, Location="/a")]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        with pytest.raises(ProtocolError, match="more than 5 redirects"):
            await way.send_description("whip", "offer", OFFER)
        assert len(server.heard("POST")) == 6
        await way.leave()


async def test_a_busy_server_is_asked_again() -> None:
    busy = [status(503, Retry_After="0"), status(429, Retry_After="0"), created()]
    async with serving({"POST /a": list[Answer](busy)}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        assert len(server.heard("POST")) == 3
        assert {one.token for one in server.asked} == {None}
        await way.leave()


async def test_patience_ends_before_a_wait_that_is_too_long() -> None:
    async with serving({"POST /a": [status(503, Retry_After="3600")]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        with pytest.raises(ServerUnreachable, match="HTTP 503"):
            await way.send_description("whip", "offer", OFFER)
        assert len(server.heard("POST")) == 1
        await way.leave()


async def test_a_viewer_waits_for_a_publisher() -> None:
    nobody = status(
        409, messages.write_problem(409, "Conflict", "nobody"), Retry_After="0", Content_Type=messages.PROBLEM
    )
    async with serving({"POST /a": [nobody, created(OFFER.replace("actpass", "passive"))]}) as server:
        way = WhepSignalling(f"whep+{server.url}/a", Access())
        await way.connect()
        assert await way.join("r", "me") == base.Joined("me", (), "sfu", (), awaits="media")
        assert await way.next_event() == base.OpenPath("whep", "sfu", None, "offer", publish=False)
        await way.send_description("whep", "offer", ANSWER.replace("passive", "actpass"))
        assert await way.next_event() == base.MemberJoined("cam")
        description = await way.next_event()
        assert isinstance(description, base.RemoteDescription)
        assert description.type == "answer"
        assert len(server.heard("POST")) == 2
        await way.leave()


REFUSALS: list[tuple[web.Response, type[ProbeError], str]] = [
    (status(400, "no SDP there", Content_Type="text/plain"), ProtocolError, "HTTP 400: no SDP there"),
    (status(401), AccessDenied, "MEETPROBE_TOKEN"),
    (status(403), AccessDenied, "not allowed"),
    (status(404), ProtocolError, "check the URL"),
    (status(405), ProtocolError, "HTTP 405"),
    (status(406, "codec", Content_Type="text/plain"), NegotiationError, "HTTP 406: codec"),
    (status(409), ProtocolError, "HTTP 409"),
    (status(415), ProtocolError, "HTTP 415"),
    (status(422), NegotiationError, "codecs"),
    (status(499), ProtocolError, "HTTP 499"),
    (status(302, Location="/b"), ProtocolError, "HTTP 302"),
    (status(500), ServerUnreachable, "HTTP 500"),
    (status(599), ServerUnreachable, "HTTP 599"),
    (status(200, "<html>", Content_Type="text/html"), ProtocolError, "where application/sdp was expected"),
    (status(201), ProtocolError, "without a description"),
    (status(307), ProtocolError, "without Location"),
    (created(OFFER), ProtocolError, "an offer came where an answer was expected"),
    (created(Location="gopher://x"), ProtocolError, "leads to gopher"),
]


@pytest.mark.parametrize(("answer", "kind", "said"), REFUSALS)
async def test_refusals(answer: web.Response, kind: type[ProbeError], said: str) -> None:
    async with serving({"POST /a": [answer]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access("secret"))
        await entered(way)
        with pytest.raises(kind, match=said) as failure:
            await way.send_description("whip", "offer", OFFER)
        assert failure.value.phase == "offer_answer"
        assert "secret" not in str(failure.value)
        await way.leave()


async def test_an_unknown_success_is_one_and_a_session_without_location_is_complained_of() -> None:
    answer = status(299, ANSWER, Content_Type="application/sdp")
    async with serving({"POST /a": [answer]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        complaint = await way.next_event()
        assert isinstance(complaint, base.ServerComplaint)
        assert complaint.code == "no_location"
        assert isinstance(await way.next_event(), base.RemoteDescription)
        await way.send_candidate("whip", CANDIDATE)
        await way.leave()
        assert [one.method for one in server.asked] == ["OPTIONS", "POST"]


async def test_candidates_wait_for_the_session_and_go_with_its_etag() -> None:
    more = messages.write_trickle(OFFER, [CANDIDATE.replace("192.0.2.1", "192.0.2.9")])
    answers: dict[str, list[Answer]] = {
        "POST /a": [created()],
        "PATCH /s/1": [status(204), status(200, more, Content_Type=messages.FRAGMENT)],
    }
    async with serving(answers) as server:
        way = WhipSignalling(f"{server.url}/a", Access("t"))
        await entered(way)
        await way.send_candidate("whip", CANDIDATE)
        await way.send_candidate("whip", None)
        await way.send_description("whip", "offer", OFFER)
        await way.send_candidate("whip", CANDIDATE)
        await way.next_event()
        assert await way.next_event() == base.RemoteCandidate("whip", CANDIDATE.replace("192.0.2.1", "192.0.2.9"))
        first, second = server.heard("PATCH")
        assert (first.type, first.if_match, first.token) == (messages.FRAGMENT, '"one"', "Bearer t")
        assert messages.read_fragment(first.body).complete
        assert messages.read_fragment(second.body).candidates == (CANDIDATE,)
        await way.leave()


@pytest.mark.parametrize("code", [400, 403, 405, 406, 415, 422, 501])
async def test_a_server_that_does_not_trickle_is_left_alone(code: int) -> None:
    async with serving({"POST /a": [created()], "PATCH /s/1": [status(code)]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        for _ in range(3):
            await way.send_candidate("whip", CANDIDATE)
        assert len(server.heard("PATCH")) == 1
        await way.leave()


async def test_a_stale_etag_is_told_and_a_session_that_is_gone_is_lost() -> None:
    async with serving({"POST /a": [created()], "PATCH /s/1": [status(412), status(404)]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        await way.next_event()
        await way.send_candidate("whip", CANDIDATE)
        complaint = await way.next_event()
        assert isinstance(complaint, base.ServerComplaint)
        assert complaint.code == "stale_etag"
        await way.send_candidate("whip", CANDIDATE)
        assert await way.next_event() == base.SignallingLost("the server has ended the session")
        await way.leave()


async def test_a_restart_renames_the_ice_session() -> None:
    ours, theirs = Fragment("newu", "n" * 22, (CANDIDATE,)), Fragment("thru", "t" * 22)
    body = messages.write_restart(OFFER, theirs)
    answers: dict[str, list[Answer]] = {
        "POST /a": [created()],
        "PATCH /s/1": [status(200, body, Content_Type=messages.FRAGMENT, ETag='"two"'), status(204), status(422)],
    }
    async with serving(answers) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        with pytest.raises(SignallingError, match="no session"):
            await way.restart_ice(ours)
        await way.send_description("whip", "offer", OFFER)
        assert await way.restart_ice(ours) == theirs
        await way.send_candidate("whip", CANDIDATE)
        with pytest.raises(NegotiationError, match="restarts no ICE"):
            await way.restart_ice(ours)
        assert [one.if_match for one in server.heard("PATCH")] == ["*", '"two"', "*"]
        assert messages.read_fragment(server.heard("PATCH")[0].body) == ours
        await way.leave()


@pytest.mark.parametrize("answer", [created(OFFER, 406), created(OFFER)])
async def test_a_counter_offer_gets_an_answer(answer: web.Response) -> None:
    answers: dict[str, list[Answer]] = {"POST /a": [answer], "PATCH /s/1": [status(204)]}
    async with serving(answers) as server:
        way = WhepSignalling(f"{server.url}/a", Access("t"))
        await entered(way)
        with pytest.raises(SignallingError, match="made no offer"):
            await way.send_description("whep", "answer", ANSWER)
        await way.send_description("whep", "offer", ANSWER.replace("passive", "actpass"))
        assert await way.next_event() == base.MemberJoined("cam")
        assert await way.next_event() == base.RemoteDescription("whep", "offer", OFFER, {"0": "cam", "1": "cam"})
        await way.send_description("whep", "answer", ANSWER)
        [patch] = server.heard("PATCH")
        assert (patch.type, patch.body, patch.token) == ("application/sdp", ANSWER, "Bearer t")
        await way.leave()
        assert [one.path for one in server.heard("DELETE")] == ["/s/1"]


async def test_a_server_that_makes_the_offer_from_the_start() -> None:
    answers: dict[str, list[Answer]] = {"POST /a": [created(OFFER)], "PATCH /s/1": [status(415)]}
    async with serving(answers) as server:
        way = WhepSignalling(f"{server.url}/a", Access(), server_offers=True)
        await way.connect()
        await way.join("r", "me")
        assert await way.next_event() == base.OpenPath("whep", "sfu", None, "answer", publish=False)
        assert await way.next_event() == base.MemberJoined("cam")
        assert await way.next_event() == base.RemoteDescription("whep", "offer", OFFER, {"0": "cam", "1": "cam"})
        assert (server.heard("POST")[0].body, server.heard("POST")[0].type) == ("", "")
        with pytest.raises(ProtocolError, match="HTTP 415"):
            await way.send_description("whep", "answer", ANSWER)
        await way.leave()


async def test_who_leaves_while_the_server_thinks_ends_the_session_that_comes_of_it() -> None:
    posted = asyncio.Event()

    async def slowly() -> web.Response:
        posted.set()
        await asyncio.sleep(0.1)
        return created()

    async with serving({"POST /a": [slowly], "DELETE /s/1": [status(200)]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        sending = asyncio.create_task(way.send_description("whip", "offer", OFFER))
        await posted.wait()
        sending.cancel()
        await way.leave()
        assert [one.method for one in server.asked] == ["OPTIONS", "POST", "DELETE"]


@pytest.mark.parametrize("stuck", ["POST /a", "DELETE /s/1"])
async def test_leaving_does_not_wait_for_a_server_that_hangs(stuck: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whip, "LEAVE_DEADLINE", 0.2)
    asked = asyncio.Event()

    async def never() -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        return status(200)

    answers: dict[str, list[Answer]] = {"POST /a": [created()]}
    answers[stuck] = [never]
    async with serving(answers) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        sending = asyncio.create_task(way.send_description("whip", "offer", OFFER))
        await asyncio.wait([sending], timeout=0.3)
        begun = time.monotonic()
        await way.leave()
        assert time.monotonic() - begun < 5.0
        assert asked.is_set()
        await asyncio.wait([sending], timeout=1.0)
        assert sending.done()


async def test_who_leaves_while_nobody_publishes_waits_no_longer() -> None:
    async with serving({"POST /a": [status(409, Retry_After="15")]}) as server:
        way = WhepSignalling(f"{server.url}/a", Access())
        await entered(way)
        sending = asyncio.create_task(way.send_description("whep", "offer", OFFER))
        await until(lambda: server.heard("POST"), "the offer")
        begun = time.monotonic()
        await way.leave()
        assert time.monotonic() - begun < 5.0
        with pytest.raises(ProtocolError, match="409"):
            await sending


async def test_one_session_has_one_offer_and_no_p2p() -> None:
    async with serving({"POST /a": [created()]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        with pytest.raises(SignallingError, match="negotiated anew"):
            await way.send_description("whip", "offer", OFFER)
        with pytest.raises(SignallingError, match="made no offer"):
            await way.send_description("whip", "answer", OFFER)
        await way.force_topology("sfu")
        await way.force_topology(None)
        with pytest.raises(ConfigError, match="no P2P"):
            await way.force_topology("p2p")
        await way.leave()


async def test_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    away = WhipSignalling(f"http://127.0.0.1:{servers.UNUSED_PORT}/whip", Access("secret"))
    with pytest.raises(ServerUnreachable, match="is the server running"):
        await away.connect()
    await away.leave()
    monkeypatch.setattr(whip_http, "REQUEST_DEADLINE", 0.1)

    async def never() -> web.Response:
        await asyncio.sleep(5)
        return status(200)

    async with serving({"OPTIONS /a": [never]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access())
        with pytest.raises(ServerUnreachable, match="no answer within"):
            await way.connect()
        await way.leave()


@pytest.mark.parametrize(
    "url", ["ws://h/x", "whip://h", "whip+ftp://h/x", "http://", "http://h:x/", "nonsense", "http://[::1"]
)
def test_urls_that_no_endpoint_has(url: str) -> None:
    with pytest.raises(ConfigError, match="no WHIP or WHEP endpoint"):
        WhipSignalling(url, Access())


# how its calls are told


def told(ear: Ear) -> list[tuple[str, int | None, str]]:
    return [(call.name, call.status, call.outcome) for call in ear.calls]


async def test_each_exchange_is_a_call_and_so_is_each_redirect_and_each_new_attempt() -> None:
    answers: dict[str, list[Answer]] = {
        "OPTIONS /a": [status(204)],
        "POST /a": [status(307, Location="/b")],
        "POST /b": [status(503, Retry_After="0"), status(429, Retry_After="0"), created()],
        "PATCH /s/1": [status(204)],
        "DELETE /s/1": [status(200)],
    }
    ear = Ear()
    async with serving(answers) as server:
        way = WhipSignalling(f"{server.url}/a", Access(heard=ear))
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        await way.send_candidate("whip", CANDIDATE)
        await way.leave()
    assert told(ear) == [
        ("OPTIONS", 204, "answered"),
        ("POST", 307, "answered"), ("POST", 503, "5xx"),
        ("POST", 307, "answered"), ("POST", 429, "4xx"),
        ("POST", 307, "answered"), ("POST", 201, "answered"),
        ("PATCH", 204, "answered"),
        ("DELETE", 200, "answered"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "options", "patch", "delete"),
    [
        (404, "answered", "4xx", "answered"),
        (405, "answered", "answered", "4xx"),
        (410, "4xx", "4xx", "answered"),
        (415, "4xx", "answered", "4xx"),
        (422, "4xx", "answered", "4xx"),
        (501, "answered", "answered", "5xx"),
        (429, "4xx", "4xx", "4xx"),
        (503, "5xx", "5xx", "5xx"),
    ],
)
async def test_what_a_server_need_not_know_is_no_error(code: int, options: str, patch: str, delete: str) -> None:
    answers: dict[str, list[Answer]] = {
        "OPTIONS /a": [status(code)],
        "POST /a": [created()],
        "PATCH /s/1": [status(code)],
        "DELETE /s/1": [status(code)],
    }
    ear = Ear()
    async with serving(answers) as server:
        way = WhipSignalling(f"{server.url}/a", Access(heard=ear))
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        with suppress(SignallingError):
            await way.send_candidate("whip", CANDIDATE)
        await way.leave()
    assert told(ear) == [
        ("OPTIONS", code, options),
        ("POST", 201, "answered"),
        ("PATCH", code, patch),
        ("DELETE", code, delete),
    ]


async def test_a_viewer_s_wait_and_a_counter_offer_are_answers_like_others() -> None:
    answers: dict[str, list[Answer]] = {"POST /a": [status(409, Retry_After="0"), status(409), created(OFFER, 406)]}
    ear = Ear()
    async with serving(answers) as server:
        way = WhepSignalling(f"{server.url}/a", Access(heard=ear))
        await entered(way)
        await way.send_description("whep", "offer", OFFER)
        await way.leave()
    assert told(ear)[1:4] == [("POST", 409, "answered"), ("POST", 409, "4xx"), ("POST", 406, "answered")]


async def test_a_publisher_s_conflict_is_an_error_and_so_is_a_refusal_without_an_offer() -> None:
    ear = Ear()
    answers: dict[str, list[Answer]] = {"POST /a": [status(409, Retry_After="0")], "POST /b": [status(406)]}
    async with serving(answers) as server:
        for way in (
            WhipSignalling(f"{server.url}/a", Access(heard=ear)),
            WhepSignalling(f"{server.url}/b", Access(heard=ear)),
        ):
            await entered(way)
            with pytest.raises(ProbeError):
                await way.send_description(way.path, "offer", OFFER)
            await way.leave()
    assert [one for one in told(ear) if one[0] == "POST"] == [("POST", 409, "4xx"), ("POST", 406, "4xx")]


async def test_who_leaves_does_not_count_what_the_server_still_thinks_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whip, "LEAVE_DEADLINE", 0.1)
    ear, thinking = Ear(), asyncio.Event()

    async def thinks() -> web.Response:
        thinking.set()
        await asyncio.sleep(30)
        return status(500)

    async with serving({"POST /a": [thinks]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access(heard=ear))
        await entered(way)
        offering = asyncio.ensure_future(way.send_description("whip", "offer", OFFER))
        await thinking.wait()
        offering.cancel()
        await way.leave()
    assert told(ear) == [("OPTIONS", 404, "answered")]


async def test_a_goodbye_that_is_not_answered_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whip_http, "LAST_DEADLINE", 0.1)
    ear = Ear()

    async def never() -> web.Response:
        await asyncio.sleep(30)
        return status(200)

    async with serving({"POST /a": [created()], "DELETE /s/1": [never]}) as server:
        way = WhipSignalling(f"{server.url}/a", Access(heard=ear))
        await entered(way)
        await way.send_description("whip", "offer", OFFER)
        await way.leave()
    assert told(ear)[-1] == ("DELETE", None, "timeout")
