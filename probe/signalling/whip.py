"""Publish to a WHIP endpoint (RFC 9725): a media server with one connection for each session, and nobody else in sight."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import ClassVar, Literal
from urllib.parse import quote, urlsplit

from probe.model.errors import ConfigError, NegotiationError, ProbeError, ProtocolError, SignallingError
from probe.model.url import without_secrets
from probe.signalling import base
from probe.signalling import whip_messages as messages
from probe.signalling.access import Access
from probe.signalling.whip_http import Expected, WhipHttp, nothing_expected, refused
from probe.signalling.whip_messages import Fragment, Response, Session

PATIENCE = 10.0
"""Seconds for which a busy server (503, 429) is asked again: less than a join may take, so that its own word is told."""
LEAVE_DEADLINE = 2.0
ROOM = "{room}"
"""In a URL: the room's name comes here."""

_NO_TRICKLE = frozenset({400, 403, 405, 406, 415, 422, 501})
_NO_PATCH = frozenset({405, 415, 422, 501})
"""To a PATCH, from a server without trickle or without restarts (RFC 9725 section 4.3): its right, and no error."""
_NO_OPTIONS = frozenset({404, 405, 501})
"""From a server that does not know this request: it need not."""
_STALE = frozenset({412, 428})
_GONE = frozenset({404, 410})


class WhipSignalling:
    """One session at `url`: http(s)://…, with or without whip+ before it. The token goes as Bearer with every request.

    The offer goes out by POST and the answer comes back as an event; from then on the server says nothing by itself.
    `ice_servers` are those that it named so far: what comes with the answer is too late for our gathering.
    """

    path = "whip"
    schemes: ClassVar[tuple[str, ...]] = ("whip+http", "whip+https")
    topologies = ("sfu",)

    def __init__(self, url: str, access: Access, patience: float = PATIENCE) -> None:
        self._url = _plain(url)
        self._patience = patience
        self.ice_servers: messages.IceServers = ()
        self.session: Session | None = None
        self._http = WhipHttp(access)
        self._events: asyncio.Queue[base.Event] = asyncio.Queue()
        self._target = self._url
        self._described = ""
        self._untold: list[str | None] = []
        self._trickles = True
        self._posting: asyncio.Task[None] | None = None
        self._left = False

    async def connect(self) -> None:
        """Asks for the endpoint's ICE servers (OPTIONS); a server that does not know this request has none to name."""
        self._http.open()
        try:
            response = await self._http.request(
                "OPTIONS", self._url, phase="signalling_connect", expected=_of(_NO_OPTIONS)
            )
        except ProbeError:
            await self._http.close()
            raise
        if response.ok:
            self.ice_servers = messages.read_links(response.all("Link"))

    async def join(self, room: str, name: str) -> base.Joined:
        """Nothing is sent yet: the offer enters the room."""
        self._target = self._url.replace(ROOM, quote(room, safe=""))
        self._events.put_nowait(base.OpenPath(self.path, "sfu", None, "offer"))
        return base.Joined(name, (), "sfu", self.ice_servers, awaits="connection")

    async def next_event(self) -> base.Event:
        return await self._events.get()

    # descriptions

    async def send_description(self, path: str, type: Literal["offer", "answer"], sdp: str) -> None:
        if self._left:
            return
        if type == "answer":
            await self._answer(sdp)
            return
        if self._posting is not None:
            raise SignallingError("a session can't be negotiated anew", who=self._who, phase="offer_answer")
        self._described = sdp
        # Whoever is called off while the server opens a session must still be able to end it.
        self._posting = asyncio.ensure_future(self._post(sdp))
        self._posting.add_done_callback(_seen)
        await asyncio.shield(self._posting)

    async def _post(self, offer: str) -> None:
        headers = {"Content-Type": messages.SDP, "Accept": messages.SDP}
        response = await self._http.request(
            "POST", self._target, phase="offer_answer", body=offer, headers=headers if offer else {},
            wait_on=self._busy, patience=self._patience, expected=self._is_expected,
        )  # fmt: skip
        if not response.ok and not self._is_counter_offer(response):
            raise refused(response, "offer_answer")
        try:
            self._opened(messages.read_session(response))
        except messages.MessageError as error:
            raise ProtocolError(str(error), who=self._who, phase="offer_answer") from error
        await self._tell_candidates()

    @property
    def _busy(self) -> tuple[int, ...]:
        return 429, 503

    def _is_counter_offer(self, response: Response) -> bool:
        return False

    def _is_expected(self, response: Response) -> bool:
        """Of the answers to our offer."""
        return False

    def _opened(self, session: Session) -> None:
        self.session = session
        self.ice_servers += session.ice_servers
        if session.url is None:
            message = "no Location came with the answer: the session can't be ended"
            self._events.put_nowait(base.ServerComplaint("no_location", message))
        if session.offers:
            raise messages.MessageError("an offer came where an answer was expected")
        self._events.put_nowait(base.RemoteDescription(self.path, "answer", session.sdp))

    async def _answer(self, sdp: str) -> None:
        raise SignallingError("the server made no offer", who=self._who, phase="offer_answer")

    # candidates

    async def send_candidate(self, path: str, candidate: str | None) -> None:
        """What comes before the session is there goes with it, in one request."""
        self._untold.append(candidate)
        await self._tell_candidates()

    async def _tell_candidates(self) -> None:
        if self.session is None or self.session.url is None or not self._untold or self._left or not self._trickles:
            return
        told, self._untold = self._untold, []
        try:
            body = messages.write_trickle(self._described, told)
        except messages.MessageError as error:
            raise SignallingError(str(error), who=self._who, phase="signalling") from error
        response = await self._patch(body, self.session.etag, expected=_of(_NO_PATCH))
        if response.ok:
            self._take_fragment(response)
        elif response.status in _NO_TRICKLE:
            self._trickles = False  # its right (RFC 9725 section 4.3): our description had the candidates of that time
        elif response.status in _STALE:
            self._events.put_nowait(base.ServerComplaint("stale_etag", str(refused(response, "signalling"))))
        elif response.status in _GONE:
            self._events.put_nowait(base.SignallingLost("the server has ended the session"))
        else:
            raise SignallingError(str(refused(response, "signalling")), who=self._who, phase="signalling")

    async def restart_ice(self, fresh: Fragment) -> Fragment:
        """Hand over new credentials of ours with their candidates; the server's new ones. The session goes on as it was when
        the server refuses, which raises NegotiationError or another ProbeError."""
        if self.session is None or self.session.url is None:
            raise SignallingError("no session to restart", who=self._who, phase="ice_connected")
        restart = messages.write_restart(self._described, fresh)
        response = await self._patch(restart, "*", expected=_of(_NO_PATCH))
        if response.status in _NO_TRICKLE:
            raise NegotiationError("the server restarts no ICE", who=self._who, phase="ice_connected")
        if not response.ok:
            raise refused(response, "ice_connected")
        try:
            found = messages.read_fragment(response.body)
        except messages.MessageError as error:
            raise ProtocolError(str(error), who=self._who, phase="ice_connected") from error
        self._new_etag(response)
        return found

    async def _patch(
        self, body: str, etag: str | None, type: str = messages.FRAGMENT, expected: Expected = nothing_expected
    ) -> Response:
        assert self.session is not None
        headers = {"Content-Type": type} | ({"If-Match": etag} if etag is not None else {})
        return await self._http.request(
            "PATCH", self.session.url or "", phase="signalling", body=body, headers=headers, expected=expected
        )

    def _take_fragment(self, response: Response) -> None:
        """Candidates of the server's may come with its yes."""
        self._new_etag(response)
        if response.content_type != messages.FRAGMENT:
            return
        try:
            found = messages.read_fragment(response.body)
        except messages.MessageError as error:
            raise ProtocolError(str(error), who=self._who, phase="signalling") from error
        for line in found.candidates:
            self._events.put_nowait(base.RemoteCandidate(self.path, line))

    def _new_etag(self, response: Response) -> None:
        etag = response.header("ETag")
        if etag is not None and self.session is not None:
            self.session = self.session.renamed(etag)

    # what such a server has no word for

    async def send_connected(self, path: str) -> None:
        """It sees that for itself."""

    async def send_ready(self, migration: str) -> None:
        """Nothing moves there."""

    async def send_failed(self, migration: str, reason: str) -> None:
        """Nothing moves there."""

    async def force_topology(self, topology: base.Topology | None) -> None:
        """It is an SFU; raises ConfigError for p2p."""
        if topology == "p2p":
            hint = "set topology: sfu in the scenario"
            raise ConfigError("a WHIP or WHEP server has no P2P", who=self._who, phase="room_join", hint=hint)

    # the end

    async def leave(self) -> None:
        if self._left:
            return
        self._left = True
        self._http.hurry()
        try:
            async with asyncio.timeout(LEAVE_DEADLINE):
                await self._end_session()
        except (ProbeError, TimeoutError):
            pass  # the server is gone, or sees for itself that we are
        if self._posting is not None and not self._posting.done():
            self._posting.cancel()
            await asyncio.wait([self._posting], timeout=LEAVE_DEADLINE)
        await self._http.close()
        self._events.put_nowait(base.SignallingLost("left"))

    async def _end_session(self) -> None:
        if self._posting is not None and not self._posting.done():
            await asyncio.wait([self._posting], timeout=LEAVE_DEADLINE / 2)
        if self.session is not None and self.session.url is not None:
            await self._http.request("DELETE", self.session.url, phase="leave", expected=_of(_GONE))

    @property
    def _who(self) -> str:
        return without_secrets(self._target)


def _of(statuses: Collection[int]) -> Expected:
    return lambda response: response.status in statuses


def _seen(task: asyncio.Task[None]) -> None:
    """Who waited for it was told; where nobody waits any more, nobody needs to know."""
    if not task.cancelled():
        task.exception()


def _plain(url: str) -> str:
    """The URL to send to. Raises ConfigError for what is none of http and https."""
    scheme, _, rest = url.partition("://")
    plain = f"{scheme.rpartition('+')[2]}://{rest}"
    try:
        parts = urlsplit(plain)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 - the property raises on a bad port
    except ValueError:
        usable = False
    if not usable:
        hint = "give one like whip+https://host/whip/room"
        raise ConfigError(f"no WHIP or WHEP endpoint: {without_secrets(url)!r}", phase="url", hint=hint)
    return plain
