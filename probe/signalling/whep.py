"""Watch a stream at a WHEP endpoint (draft-ietf-wish-whep): a publisher's mirror image, with offers that may be the server's."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from probe.model.errors import SignallingError
from probe.signalling import base
from probe.signalling import whip_messages as messages
from probe.signalling.access import Access
from probe.signalling.whip import PATIENCE, ROOM, WhipSignalling
from probe.signalling.whip_http import refused
from probe.signalling.whip_messages import Response, Session


class WhepSignalling(WhipSignalling):
    """One session at `url`: http(s)://…, with or without whep+ before it.

    Where nobody publishes yet (409) it asks again, as often as the server says. The server may answer our offer by one of
    its own; `server_offers`: it is asked for one from the start, by an empty POST. Members of the meeting are the streams
    that its description names.
    """

    path = "whep"
    schemes = ("whep+http", "whep+https")

    def __init__(self, url: str, access: Access, patience: float = PATIENCE, *, server_offers: bool = False) -> None:
        super().__init__(url, access, patience)
        self._server_offers = server_offers

    async def join(self, room: str, name: str) -> base.Joined:
        """Nothing is sent yet, unless the server is to make the offer."""
        self._target = self._url.replace(ROOM, quote(room, safe=""))
        role: Literal["offer", "answer"] = "answer" if self._server_offers else "offer"
        self._events.put_nowait(base.OpenPath(self.path, "sfu", None, role, publish=False))
        if self._server_offers:
            await self.send_description(self.path, "offer", "")
        return base.Joined(name, (), "sfu", self.ice_servers, awaits="media")

    @property
    def _busy(self) -> tuple[int, ...]:
        return *super()._busy, 409

    def _is_counter_offer(self, response: Response) -> bool:
        return response.status == 406 and response.content_type == messages.SDP and bool(response.body)

    def _is_expected(self, response: Response) -> bool:
        waits = response.status == 409 and response.header("Retry-After") is not None
        return waits or self._is_counter_offer(response)

    def _opened(self, session: Session) -> None:
        self.session = session
        self.ice_servers += session.ice_servers
        if session.url is None:
            message = "no Location came with the description: the session can't be ended"
            self._events.put_nowait(base.ServerComplaint("no_location", message))
            if session.offers:
                raise messages.MessageError("an offer came without Location: there is nowhere to answer it")
        streams = messages.read_streams(session.sdp)
        for stream in dict.fromkeys(streams.values()):
            self._events.put_nowait(base.MemberJoined(stream))
        kind: Literal["offer", "answer"] = "offer" if session.offers else "answer"
        self._events.put_nowait(base.RemoteDescription(self.path, kind, session.sdp, streams))

    async def _answer(self, sdp: str) -> None:
        if self.session is None or not self.session.offers:
            raise SignallingError("the server made no offer", who=self._who, phase="offer_answer")
        self._described = sdp
        response = await self._patch(sdp, self.session.etag, messages.SDP)
        if not response.ok:
            raise refused(response, "offer_answer")
        self._new_etag(response)
