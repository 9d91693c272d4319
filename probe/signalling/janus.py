"""Enter a Janus VideoRoom (1.x, multistream) as a `Signalling` adapter.

Two paths: "publish", which we offer, and "subscribe", on which Janus offers, and offers again whenever a publisher comes or
goes. Who publishes is a member; who only watches is nobody's business. Janus is an SFU: there is no P2P to be had.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Literal

from probe.model.errors import ConfigError, ProbeError, ProtocolError, SignallingError
from probe.signalling import base
from probe.signalling import janus_messages as janus
from probe.signalling.access import Access
from probe.signalling.janus_feeds import Feeds, Wish, participant
from probe.signalling.janus_session import JanusSession
from probe.signalling.janus_transport import Lost, open_transport
from probe.signalling.janus_url import JanusUrl

PUBLISH = "publish"
SUBSCRIBE = "subscribe"
LEAVE_DEADLINE = 1.5
"""Seconds; beyond that of the one answer that is waited for then."""
_WISH = "wish"
_START = "start"


def check_topology(topology: str | None, who: str) -> None:
    """Raises ConfigError for what Janus can't do: anything but `sfu`."""
    if topology not in (None, "sfu"):
        raise ConfigError(
            f"topology {topology} can't be had: Janus is an SFU, and nothing else",
            who=who,
            phase="topology",
            hint="use --topology sfu, or topology: sfu in the scenario",
        )


class JanusSignalling:
    """`url` is janus+ws(s)://host:port/?room=1234 or janus+http(s)://host:port/janus?room=1234 (see `JanusUrl`).

    `heard` counts what Janus told of its connections: webrtcup, media, slowlink, hangup.
    """

    schemes = ("janus+ws", "janus+wss", "janus+http", "janus+https")
    topologies = ("sfu",)

    def __init__(self, url: str, access: Access) -> None:
        self._url = JanusUrl.parse(url)
        self.heard: Counter[str] = Counter()
        self._session = JanusSession(open_transport(self._url.server, access), access)
        self._where = self._session.where
        self._room: janus.Id = ""
        self._handles: dict[str, int] = {}
        self._feeds = Feeds()
        self._layered: set[str] = set()
        self._events: deque[base.Event] = deque()
        self._subscriber: Literal["none", "opened", "attached", "closed"] = "none"
        self._joined = self._left = self._over = False

    @staticmethod
    def check_url(url: str) -> None:
        """Raises ConfigError for one whose options nobody knows."""
        JanusUrl.parse(url)

    async def connect(self) -> None:
        try:
            await self._session.open()
        except ProbeError:
            await self._session.close()
            raise

    async def join(self, room: str, name: str) -> base.Joined:
        self._room, phase = self._url.room_of(room), "room_join"
        attached = await asyncio.gather(*(self._session.make(janus.attach(), phase) for _ in (PUBLISH, SUBSCRIBE)))
        self._handles = dict(zip((PUBLISH, SUBSCRIBE), attached, strict=True))
        if self._url.create:
            await self._create_room()
        entering = janus.join(self._handles[PUBLISH], self._room, name, self._url.pin)
        joined = (await self._session.request(entering, phase)).event
        if not isinstance(joined, janus.Joined):
            raise ProtocolError(f"Janus answered join with {joined}", who=self._where, phase=phase)
        self._joined = True
        members = self._feeds.publish(joined.publishers)
        if members:
            self._open_subscriber()  # first: what ends the join comes on it
        self._events.append(base.OpenPath(PUBLISH, "sfu", None, "offer"))
        return base.Joined(participant(name, joined.feed), tuple(members), "sfu")

    async def _create_room(self) -> None:
        creating = janus.create_room(self._handles[PUBLISH], self._room)
        answer = await self._session.ask(creating, "room_join", expected=janus.ROOM_EXISTS)
        if answer.error is not None and answer.error[0] != janus.ROOM_EXISTS:
            raise janus.explain(answer.error, who=self._where, phase="room_join")

    def _open_subscriber(self) -> None:
        self._subscriber = "opened"
        self._events.append(base.OpenPath(SUBSCRIBE, "sfu", None, "answer", publish=False))

    # what Janus says

    async def next_event(self) -> base.Event:
        while True:
            try:
                if not self._over:
                    await self._ask()
                if self._events:
                    return self._events.popleft()
                if self._over:
                    return base.SignallingLost("the meeting is over")
                self._take(await self._session.incoming())
            except Lost as error:
                self._lose(str(error))
            except SignallingError as error:
                self._lose(error.message)

    def _lose(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._events.append(base.SignallingLost(reason))

    async def _ask(self) -> None:
        """Send what is to be sent by now: what to subscribe to, and in which layers."""
        wish = self._feeds.next_wish() if self._subscriber != "closed" else None
        if wish is not None:
            await self._session.post(self._request(wish), _WISH, expected=janus.NO_SUCH_FEED)

    def _request(self, wish: Wish) -> janus.Json:
        handle = self._handles[SUBSCRIBE]
        if wish.unsubscribe:
            return janus.unsubscribe(handle, wish.unsubscribe)
        if self._subscriber == "attached":
            return janus.subscribe(handle, wish.subscribe)
        if self._subscriber == "none":
            self._open_subscriber()
        return janus.subscribe_first(handle, self._room, wish.subscribe, self._url.pin)

    def _take(self, message: janus.Message) -> None:
        path = next((path for path, handle in self._handles.items() if handle == message.handle), None)
        if message.error is not None:
            self._refused(message.subject, message.error)
        elif message.event is not None:
            self._on_room_event(message.event, message)
        elif path is None:
            return
        elif message.kind == "trickle":
            self._events.append(base.RemoteCandidate(path, message.candidate))
        else:
            self.heard[message.kind] += 1
            if message.kind in ("hangup", "detached"):
                self._hung_up(path, message)

    def _refused(self, subject: str, error: tuple[int, str]) -> None:
        """What no longer exists is not worth a complaint; whatever else Janus refuses is."""
        if subject == _WISH:
            known = self._feeds.refused(error[1])
            if known and error[0] == janus.NO_SUCH_FEED:
                return
        told = janus.explain(error, who=self._where, phase="signalling")
        path = {_WISH: SUBSCRIBE, _START: SUBSCRIBE}.get(subject, subject or None)
        words = f"{told.message} ({told.hint})" if told.hint else told.message
        self._events.append(base.ServerComplaint(str(error[0]), words, path))

    def _hung_up(self, path: str, message: janus.Message) -> None:
        if path == SUBSCRIBE:
            self._subscriber = "closed"
        reason = f"Janus hung up: {message.reason or message.kind}"
        self._events.append(base.ServerComplaint(message.kind, reason, path))
        self._events.append(base.ClosePath(path, reason))

    def _on_room_event(self, event: janus.RoomEvent, message: janus.Message) -> None:
        match event:
            case janus.Publishers():
                self._events += [base.MemberJoined(name) for name in self._feeds.publish(event.feeds)]
            case janus.Gone():
                if (name := self._feeds.gone(event.feed)) is not None:
                    self._events.append(base.MemberLeft(name, event.how))
            case janus.Subscribed():
                self._subscribed(event, message)
            case janus.Ended():
                self._lose(event.reason)
            case janus.Done() if message.subject == _START:
                self._feeds.busy = False
            case janus.Done() if message.subject == PUBLISH and message.jsep is not None:
                self._events.append(base.RemoteDescription(PUBLISH, "answer", message.jsep[1]))

    def _subscribed(self, event: janus.Subscribed, message: janus.Message) -> None:
        if self._subscriber != "closed":
            self._subscriber = "attached"
        tracks = self._feeds.get(event.sections) if event.sections is not None else {}
        self._feeds.busy = message.jsep is not None  # until our answer to the offer was taken
        if message.jsep is not None:
            self._events.append(base.RemoteDescription(SUBSCRIBE, "offer", message.jsep[1], tracks))

    # what we say

    async def send_description(self, path: str, type: Literal["offer", "answer"], sdp: str) -> None:
        if self._left:
            return
        if (path, type) == (PUBLISH, "offer"):
            await self._session.post(janus.publish(self._handles[PUBLISH], sdp), PUBLISH)
        elif (path, type) == (SUBSCRIBE, "answer"):
            await self._session.post(janus.start(self._handles[SUBSCRIBE], sdp), _START)
            await self._choose_layers()
        else:
            raise ProtocolError(f"Janus takes no {type} on the path {path!r}", who=self._where, phase="offer_answer")

    async def send_candidate(self, path: str, candidate: str | None) -> None:
        if not self._left:
            await self._session.tell(janus.trickle(self._handles[path], candidate))

    async def send_connected(self, path: str) -> None:
        """Janus sees that for itself."""

    async def send_ready(self, migration: str) -> None:
        """There are no migrations."""

    async def send_failed(self, migration: str, reason: str) -> None:
        """There are no migrations."""

    async def force_topology(self, topology: base.Topology | None) -> None:
        check_topology(topology, self._where)

    async def choose_layer(self, member: str, substream: int, temporal: int | None = None) -> None:
        """Receive that simulcast layer of a member's video: `substream` and `temporal` from 0, the lowest, to 2. Janus switches
        with that layer's next keyframe, for which it asks the sender once, and not within a second of the last time."""
        for mid in self._feeds.layered(member):
            await self._session.post(janus.configure(self._handles[SUBSCRIBE], mid, substream, temporal), SUBSCRIBE)

    async def _choose_layers(self) -> None:
        """As the URL says, for what came to be carried since."""
        if self._url.substream is None:
            return
        layered = self._feeds.layered()
        for mid in layered:
            if mid not in self._layered:
                configure = janus.configure(self._handles[SUBSCRIBE], mid, self._url.substream, self._url.temporal)
                await self._session.post(configure, SUBSCRIBE)
        self._layered = set(layered)

    async def leave(self) -> None:
        if self._left:
            return
        self._left = self._over = True
        self._session.call_off()
        try:
            async with asyncio.timeout(LEAVE_DEADLINE):
                await self._take_leave()
        except (ProbeError, TimeoutError):
            pass  # Janus is gone: so are we
        await self._session.close()

    async def _take_leave(self) -> None:
        """Unpublish first, and wait for it: Janus 1.1 offers nothing new to the subscribers of one who just leaves."""
        if self._joined:
            await self._session.tell(janus.detach(self._handles[SUBSCRIBE]))
            await self._session.ask(janus.unpublish(self._handles[PUBLISH]), "leave", expected=janus.NOT_PUBLISHED)
            await self._session.tell(janus.leave(self._handles[PUBLISH]))
