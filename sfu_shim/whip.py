"""WHIP and WHEP endpoints (RFC 9725, draft-ietf-wish-whep): whatever speaks them publishes into a room, or watches one.

    POST /whip/{room}                    an offer that sends: a member of the room, whom the SFU carries
    POST /whep/{room}?participant=NAME   an offer that receives: all that is published there, or what one member publishes
    PATCH, DELETE on the Location        more candidates; the end

Who publishes or watches knows the SFU only: the room stays on it for as long as they are in.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from aiohttp import web

from probe.signalling import whip_messages as messages
from probe.wire.sdp import SdpError, SessionDescription
from sfu_shim.config import ShimConfig
from sfu_shim.core import protocol
from sfu_shim.core.schema import MAX_NAME, MAX_SDP
from sfu_shim.hub import Hub, Outbox
from sfu_shim.media import SfuMedia
from sfu_shim.media_path import OneWay

Role = Literal["publisher", "viewer"]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ANSWER_DEADLINE = 10.0
MEDIA_DEADLINE = 3.0
"""Seconds for which a viewer waits for a room that is there to come to the SFU."""
RETRY_AFTER = 2
MAX_SESSIONS = 1000
_LOOK = 0.05
_EXPOSED = "Location, Link, ETag, Retry-After, Accept-Post, Accept-Patch"


class _Refused(Exception):
    """Answered by a problem document."""

    def __init__(self, status: int, title: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.response = web.Response(
            status=status,
            body=messages.write_problem(status, title, detail).encode(),
            headers={"Content-Type": messages.PROBLEM}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )


@dataclass(slots=True)
class _Session:
    """One publisher or viewer. `offer` is what it sent, `etag` names its ICE session."""

    participant: str
    room: str
    role: Role
    offer: str
    path: str = ""
    etag: str = field(default_factory=lambda: f'"{secrets.token_hex(8)}"')
    outbox: Outbox = field(default_factory=Outbox)
    follower: asyncio.Task[None] | None = None

    async def until_answer(self) -> str:
        """The SFU's answer. Raises _Refused where it can't give one."""
        while (text := await self.outbox.take()) is not None:
            message = protocol.decode_server(text)
            if isinstance(message, protocol.Answer) and message.path == self.path:
                return message.sdp
            if isinstance(message, protocol.ErrorMessage):
                raise _Refused(422, "Unprocessable Content", message.message)
        raise _Refused(409, "Conflict", "nobody is left in the room", Retry_After=str(RETRY_AFTER))


class WhipEndpoints:
    """The sessions of one server. `routes` belong into its application, `close` to its end."""

    def __init__(self, config: ShimConfig, hub: Hub, media: SfuMedia) -> None:
        self._config = config
        self._hub = hub
        self._media = media
        self._sessions: dict[str, _Session] = {}

    def routes(self) -> list[web.RouteDef]:
        """Handlers by method and path."""
        found = []
        for kind in ("whip", "whep"):
            door, session = f"/{kind}/{{room}}", f"/{kind}/{{room}}/{{session}}"
            found += [
                web.post(door, self._answered(self._post)),
                web.options(door, self._answered(self._options)),
                web.patch(session, self._answered(self._patch)),
                web.delete(session, self._answered(self._delete)),
                web.options(session, self._answered(self._options)),
            ]
        return found

    async def close(self) -> None:
        """Nobody is followed any more; the hub shows them out."""
        followers = [session.follower for session in self._sessions.values() if session.follower is not None]
        self._sessions.clear()
        for follower in followers:
            follower.cancel()
        if followers:
            await asyncio.wait(followers)

    # what comes before every request

    def _answered(self, handle: _Handler) -> _Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                response = await handle(request)
            except _Refused as refused:
                response = refused.response
            if request.headers.get("Origin") and self._config.token:
                response.headers["Access-Control-Allow-Origin"] = "*"
                response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            return response

        return answer

    def _let_in(self, request: web.Request) -> None:
        token = self._config.token
        if not token:
            origin = request.headers.get("Origin")
            if (
                origin and origin.partition("://")[2] != request.host
            ):  # a page from elsewhere, in a browser on this machine
                raise _Refused(403, "Forbidden", f"origin {origin} is not allowed without a token")
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
            raise _Refused(401, "Unauthorized", "the Bearer token is missing or wrong", WWW_Authenticate="Bearer")

    async def _options(self, request: web.Request) -> web.StreamResponse:
        """What browsers ask before, and clients that want the ICE servers before they gather."""
        response = web.Response(status=204)
        response.headers["Accept-Post"] = messages.SDP
        response.headers["Accept-Patch"] = messages.FRAGMENT
        response.headers["Access-Control-Allow-Methods"] = "OPTIONS, POST, PATCH, DELETE"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, If-Match"
        try:
            self._let_in(request)
        except _Refused:
            return response  # a preflight carries no token, and credentials of servers are not for everybody
        self._name_ice_servers(response)
        return response

    def _name_ice_servers(self, response: web.StreamResponse) -> None:
        servers = tuple((entry.urls, entry.username, entry.credential) for entry in self._config.policy.ice_servers)
        for link in messages.write_links(servers):
            response.headers.add("Link", link)

    # the beginning

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self._let_in(request)
        offer = await _body(request, messages.SDP)
        role: Role = "publisher" if request.path.startswith("/whip/") else "viewer"
        room, watched = request.match_info["room"], request.query.get("participant")
        _check_offer(offer, role)
        if len(room) > MAX_NAME:
            raise _Refused(400, "Bad Request", f"the room's name has more than {MAX_NAME} characters")
        if len(self._sessions) >= MAX_SESSIONS:
            raise _Refused(503, "Service Unavailable", "too many sessions", Retry_After=str(RETRY_AFTER))
        if role == "viewer" and self._hub.rooms.room(room) is None:
            raise _nobody_publishes(room, None)
        session = _Session(self._hub.rooms.new_participant(), room, role, offer)
        up, answer = await self._admit(session, watched)
        name = secrets.token_urlsafe(16)
        self._sessions[name] = session
        session.follower = asyncio.create_task(self._follow(name, session, up))
        headers = {"Content-Type": messages.SDP, "ETag": session.etag}  # bare: some clients compare it as a whole
        response = web.Response(status=201, body=answer.encode(), headers=headers)
        response.headers["Location"] = f"/{request.path.split('/')[1]}/{quote(room, safe='')}/{name}"
        self._name_ice_servers(response)
        return response

    async def _admit(self, session: _Session, watched: str | None) -> tuple[asyncio.Event, str]:
        """As _enter, within a deadline; nothing is left where it fails."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                return await self._enter(session, watched)
        except TimeoutError:
            self._hub.vanish(session.participant)
            raise _Refused(504, "Gateway Timeout", f"no answer within {ANSWER_DEADLINE:g} s") from None
        except BaseException:
            self._hub.vanish(session.participant)
            raise

    async def _enter(self, session: _Session, watched: str | None) -> tuple[asyncio.Event, str]:
        """What is set once media can flow, and the answer."""
        self._hub.enter(session.participant, session.room, "", session.outbox, session.role)
        up = asyncio.Event()
        while not session.path and (text := await session.outbox.take()) is not None:
            message = protocol.decode_server(text)
            if isinstance(message, protocol.Open) and message.kind == "sfu":
                way: OneWay = "publishes" if session.role == "publisher" else "watches"
                session.path, up = message.path, self._media.one_way(message.path, way, watched)
            elif isinstance(message, protocol.ErrorMessage):
                raise _Refused(503, "Service Unavailable", message.message, Retry_After=str(RETRY_AFTER))
        if session.role == "viewer":
            await self._wait_for_media(session.room, watched)
        if self._hub.is_in(session.participant):
            self._hub.receive(session.participant, protocol.Offer(session.path, session.offer))
        return up, await session.until_answer()

    async def _wait_for_media(self, room: str, watched: str | None) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MEDIA_DEADLINE
        while not self._media.publishes(room, watched):
            if loop.time() > deadline:
                raise _nobody_publishes(room, watched)
            await asyncio.sleep(_LOOK)

    # the session

    async def _follow(self, name: str, session: _Session, up: asyncio.Event) -> None:
        """Until the room has no more to say to it, or its path is gone."""
        telling = asyncio.create_task(self._tell_connected(session, up))
        try:
            while (text := await session.outbox.take()) is not None:
                message = protocol.decode_server(text)
                if isinstance(message, protocol.Close) and message.path == session.path:
                    break
        finally:
            telling.cancel()
            self._sessions.pop(name, None)
            self._hub.vanish(session.participant)

    async def _tell_connected(self, session: _Session, up: asyncio.Event) -> None:
        await up.wait()
        if self._hub.is_in(session.participant):
            self._hub.receive(session.participant, protocol.Connected(session.path))

    def _session(self, request: web.Request) -> _Session:
        self._let_in(request)
        session = self._sessions.get(request.match_info["session"])
        if session is None or session.room != request.match_info["room"]:
            raise _Refused(404, "Not Found", "no such session: it has ended, or never was")
        return session

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        text = await _body(request, messages.FRAGMENT, Accept_Patch=messages.FRAGMENT)
        condition = request.headers.get("If-Match")
        if condition is None:
            raise _Refused(428, "Precondition Required", "If-Match with the ETag of this ICE session is missing")
        try:
            fragment = messages.read_fragment(text)
        except messages.MessageError as error:
            raise _Refused(400, "Bad Request", str(error)) from error
        if condition.strip() == "*" or fragment.ufrag != _ufrag(session.offer):
            raise _Refused(422, "Unprocessable Content", "this server trickles, but does not restart ICE")
        if session.etag not in [one.strip() for one in condition.split(",")]:
            raise _Refused(412, "Precondition Failed", "that ETag is not of this ICE session")
        for line in fragment.candidates:
            self._hub.receive(session.participant, protocol.Candidate(session.path, line))
        if fragment.complete:
            self._hub.receive(session.participant, protocol.Candidate(session.path, None))
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        del self._sessions[request.match_info["session"]]
        self._hub.vanish(session.participant)
        session.outbox.end(1000, "deleted")
        return web.Response(status=200)


async def _body(request: web.Request, wanted: str, **headers: str) -> str:
    if request.content_type != wanted:
        named = headers or {"Accept_Post": wanted}
        raise _Refused(415, "Unsupported Media Type", f"{wanted} is wanted, not {request.content_type}", **named)
    data = await request.content.read(MAX_SDP + 1)
    while data and len(data) <= MAX_SDP and (more := await request.content.read(MAX_SDP + 1)):
        data += more
    if len(data) > MAX_SDP:
        raise _Refused(413, "Content Too Large", f"more than {MAX_SDP} bytes")
    return data.decode("utf-8", "replace")


def _check_offer(offer: str, role: Role) -> None:
    try:
        sections = SessionDescription.parse(offer).sections
    except SdpError as error:
        raise _Refused(400, "Bad Request", f"unusable SDP: {error}") from error
    wanted = ("sendonly", "sendrecv") if role == "publisher" else ("recvonly", "sendrecv")
    usable = [
        one for one in sections if one.kind in ("audio", "video") and not one.rejected and one.direction in wanted
    ]
    if not usable:
        what = "send" if role == "publisher" else "receive"
        raise _Refused(422, "Unprocessable Content", f"the offer has no audio or video section that would {what}")


def _nobody_publishes(room: str, watched: str | None) -> _Refused:
    who = f"participant {watched!r}" if watched is not None else "nobody"
    detail = f"{who} publishes {'nothing ' if watched is not None else ''}in room {room!r}"
    return _Refused(409, "Conflict", detail, Retry_After=str(RETRY_AFTER))


def _ufrag(offer: str) -> str | None:
    return SessionDescription.parse(offer).bundled_transport_section().ice_ufrag
