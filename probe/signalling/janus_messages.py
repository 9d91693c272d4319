"""The words of Janus and of its VideoRoom plugin (1.x, multistream): requests as JSON objects, what comes back as values.

Pure. A request is answered by `success` or `error`, or by `ack` and an `event` with the same transaction, which may come first.
The plugin's own errors come as events, or as `success` where it answered at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from probe.model.errors import AccessDenied, ConfigError, ConnectionFailed, NegotiationError, ProbeError, ProtocolError

Json = dict[str, Any]
Id = int | str
"""Of rooms and feeds: numbers, or words where Janus has string_ids."""
PLUGIN = "janus.plugin.videoroom"
SUBPROTOCOL = "janus-protocol"
ROOM_EXISTS = 427
NO_SUCH_FEED = 428
NOT_PUBLISHED = 435
_ROOM_FOR = 100
"""Publishers in a room that we create; the plugin's default is 3."""


class MessageError(ValueError):
    """Janus sent what its protocol does not allow; the text names the field."""


# requests


def create() -> Json:
    """A new session."""
    return {"janus": "create"}


def attach() -> Json:
    """A new handle of the plugin in the session."""
    return {"janus": "attach", "plugin": PLUGIN}


def keepalive() -> Json:
    """Due every minute at the latest (`session_timeout`); answered by `ack` alone."""
    return {"janus": "keepalive"}


def detach(handle: int) -> Json:
    return {"janus": "detach", "handle_id": handle}


def destroy() -> Json:
    """The session with all its handles."""
    return {"janus": "destroy"}


def trickle(handle: int, candidate: str | None) -> Json:
    """One of our candidates, None for the end; all are bundled into the first section. Answered by `ack` alone."""
    content: Json = {"completed": True} if candidate is None else {"sdpMLineIndex": 0, "candidate": candidate}
    return {"janus": "trickle", "handle_id": handle, "candidate": content}


def join(handle: int, room: Id, display: str, pin: str = "") -> Json:
    """Enter as one who may publish."""
    body = {"request": "join", "ptype": "publisher", "room": room, "display": display}
    return _message(handle, body | _pin(pin))


def publish(handle: int, offer: str) -> Json:
    return _message(handle, {"request": "publish"}, ("offer", offer))


def subscribe_first(handle: int, room: Id, streams: Iterable[tuple[Id, str]], pin: str = "") -> Json:
    """Become a subscriber, to these (feed, mid). The answer carries an offer."""
    body = {"request": "join", "ptype": "subscriber", "room": room, "streams": _streams(streams)}
    return _message(handle, body | _pin(pin))


def subscribe(handle: int, streams: Iterable[tuple[Id, str]]) -> Json:
    """To these (feed, mid) besides. The answer carries an offer, or says that one will follow."""
    return _message(handle, {"request": "subscribe", "streams": _streams(streams)})


def unsubscribe(handle: int, mids: Iterable[str]) -> Json:
    """From what these sections of the subscriber's own description carry."""
    return _message(handle, {"request": "unsubscribe", "streams": [{"sub_mid": mid} for mid in mids]})


def start(handle: int, answer: str) -> Json:
    """The answer to the subscriber's offer."""
    return _message(handle, {"request": "start"}, ("answer", answer))


def configure(handle: int, mid: str, substream: int, temporal: int | None = None) -> Json:
    """Choose the simulcast layer that a section brings: `substream` 0 (lowest) to 2, `temporal` likewise."""
    stream: Json = {"mid": mid, "substream": substream}
    if temporal is not None:
        stream["temporal"] = temporal
    return _message(handle, {"request": "configure", "streams": [stream]})


def unpublish(handle: int) -> Json:
    return _message(handle, {"request": "unpublish"})


def leave(handle: int) -> Json:
    return _message(handle, {"request": "leave"})


def create_room(handle: int, room: Id) -> Json:
    """A room that is kept until Janus stops, if there is none of that name."""
    return _message(handle, {"request": "create", "room": room, "publishers": _ROOM_FOR, "permanent": False})


def name_of(message: Json) -> str:
    """What a request is called in errors and in the times of calls: "attach", "join", "subscribe" …"""
    body = message.get("body", {})
    if body.get("ptype") == "subscriber":
        return "subscribe"
    return "create room" if body.get("request") == "create" else str(body.get("request") or message["janus"])


def _message(handle: int, body: Json, jsep: tuple[str, str] | None = None) -> Json:
    message: Json = {"janus": "message", "handle_id": handle, "body": body}
    if jsep is not None:
        message["jsep"] = {"type": jsep[0], "sdp": jsep[1]}
    return message


def _streams(streams: Iterable[tuple[Id, str]]) -> list[Json]:
    return [{"feed": feed, "mid": mid} if mid else {"feed": feed} for feed, mid in streams]


def _pin(pin: str) -> Json:
    return {"pin": pin} if pin else {}


# what comes back


@dataclass(frozen=True, slots=True)
class Track:
    """What a feed publishes under one mid. A feed of a plugin that does not list them has one with mid "", for all."""

    kind: str
    mid: str
    simulcast: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """One who publishes."""

    id: Id
    display: str
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """We are in, as `feed`."""

    feed: Id
    publishers: tuple[Feed, ...]


@dataclass(frozen=True, slots=True)
class Publishers:
    """These publish now, besides the others or in other ways than before."""

    feeds: tuple[Feed, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """A feed ended. `how`: unpublished, leaving or kicked."""

    feed: Id
    how: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the subscriber's description. `feed` is None where it carries nothing."""

    mid: str
    kind: str
    feed: Id | None
    feed_mid: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """All that the subscriber gets from now on. None: what it asked for changed nothing, or will be told later."""

    sections: tuple[Section, ...] | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The room is over for us."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """A request was carried out: configured, started, created, leaving, unpublished …"""

    what: str


RoomEvent = Joined | Publishers | Gone | Subscribed | Ended | Done


@dataclass(frozen=True, slots=True)
class Message:
    """`kind` is Janus's own word: ack, success, error, event, trickle, hangup, webrtcup, media, slowlink, detached, timeout …

    `id`: of what was created. `error`: (code, words) from Janus or from the plugin. `candidate`: None is the end of them.
    `subject` is what the request was about that it answers, put there by the session.
    """

    kind: str
    transaction: str = ""
    handle: int | None = None
    id: int | None = None
    error: tuple[int, str] | None = None
    event: RoomEvent | None = None
    jsep: tuple[Literal["offer", "answer"], str] | None = None
    candidate: str | None = None
    reason: str = ""
    subject: str = ""

    @property
    def final(self) -> bool:
        """Whether it answers its request for good, which `ack` does not."""
        return bool(self.transaction) and self.kind in ("success", "error", "event")


def decode(message: object) -> Message:
    """One JSON object of Janus. What we have no use for decodes too. Raises MessageError."""
    if not isinstance(message, dict) or not isinstance(kind := message.get("janus"), str):
        raise MessageError("not an object with the field janus")
    transaction, handle = message.get("transaction", ""), message.get("sender")
    if not isinstance(transaction, str) or not (handle is None or isinstance(handle, int)):
        raise MessageError("transaction or sender is of the wrong type")
    found = Message(kind, transaction, handle, reason=str(message.get("reason", "")))
    try:
        return _complete(found, message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MessageError(f"{kind}: missing or wrong: {error}") from error


def _complete(found: Message, message: Mapping[str, Any]) -> Message:
    made: Json = {}
    if found.kind == "error":
        made["error"] = (int(message["error"]["code"]), str(message["error"]["reason"]))
    elif found.kind == "trickle":
        made["candidate"] = message["candidate"].get("candidate") or None
    elif "plugindata" in message:
        data = message["plugindata"]["data"]
        if "error_code" in data:
            made["error"] = (int(data["error_code"]), str(data.get("error", "")))
        else:
            made["event"] = _room_event(data)
    elif "data" in message:
        made["id"] = int(message["data"]["id"])
    if "jsep" in message:
        kind, sdp = message["jsep"]["type"], message["jsep"]["sdp"]
        if kind not in ("offer", "answer") or not isinstance(sdp, str):
            raise MessageError(f"{found.kind}: jsep is no offer or answer")
        made["jsep"] = (cast(Literal["offer", "answer"], kind), sdp)
    values = {name: getattr(found, name) for name in ("kind", "transaction", "handle", "reason")}
    return Message(**values, **made)


def _room_event(data: Mapping[str, Any]) -> RoomEvent:
    what = data.get("videoroom", "")
    if what == "joined":
        return Joined(_id(data["id"]), _feeds(data.get("publishers", ())))
    if what in ("attached", "updated", "updating"):
        return Subscribed(tuple(map(_section, data["streams"])) if "streams" in data else None)
    if what == "destroyed" and "permanent" not in data:  # who asked for it is told that too
        return Ended("the room was destroyed")
    if what != "event":
        return Done(str(what))
    if "publishers" in data:
        return Publishers(_feeds(data["publishers"]))
    for how in ("unpublished", "leaving", "kicked"):
        if data.get(how, "ok") != "ok":
            return Gone(_id(data[how]), how)
    if data.get("leaving") == "ok" and "reason" in data:
        return Ended(f"taken out of the room: {data['reason']}")
    return Done(next((name for name in data if data[name] == "ok"), "event"))


def _id(value: object) -> Id:
    if not isinstance(value, (int, str)):
        raise MessageError(f"{value!r} is no id")
    return value


def _feeds(publishers: Iterable[Mapping[str, Any]]) -> tuple[Feed, ...]:
    return tuple(Feed(_id(p["id"]), str(p.get("display") or ""), _tracks(p)) for p in publishers)


def _tracks(publisher: Mapping[str, Any]) -> tuple[Track, ...]:
    if "streams" not in publisher:
        return (Track("", ""),)
    return tuple(
        Track(str(s["type"]), str(s["mid"]), bool(s.get("simulcast")))
        for s in publisher["streams"]
        if s["type"] in ("audio", "video") and not s.get("disabled")
    )


def _section(stream: Mapping[str, Any]) -> Section:
    feed = _id(stream["feed_id"]) if stream.get("active") and "feed_id" in stream else None
    return Section(str(stream["mid"]), str(stream["type"]), feed, str(stream.get("feed_mid", "")))


# errors in words

_ERRORS: dict[int, tuple[type[ProbeError], str, str]] = {
    403: (AccessDenied, "Janus wants a token or an API secret", "set MEETPROBE_TOKEN, or --token-file"),
    423: (ProtocolError, "the VideoRoom plugin does not know the request", "is this Janus 1.x, with multistream?"),
    425: (ProtocolError, "this handle is in the room already", ""),
    426: (AccessDenied, "there is no such room", "create it in Janus, or give another by ?room=, or add create=1 to the URL"),
    428: (ProtocolError, "that feed does not exist, or not any more", "its publisher has left meanwhile"),
    430: (ConfigError, "that is not how this Janus names rooms", "give a number by ?room=1234; words need string_ids in Janus"),
    432: (AccessDenied, "the room has as many publishers as it takes", "raise `publishers` of the room"),
    433: (AccessDenied, "the room is closed to us", "it wants a PIN (?pin=…) or a token"),
    458: (ProtocolError, "the session does not exist, or not any more", "it expired: Janus heard nothing for session_timeout"),
    459: (ProtocolError, "the handle does not exist, or not any more", ""),
    460: (ProtocolError, "the plugin could not take the message", "is the VideoRoom plugin enabled? See Janus's log"),
    465: (NegotiationError, "Janus can't use our description", "see Janus's log"),
    490: (ConnectionFailed, "Janus could not set up its end of the connection", "its ICE has no usable address: see its log"),
}  # fmt: skip


def explain(error: tuple[int, str], *, who: str, phase: str) -> ProbeError:
    """What Janus's error number means, and what to do."""
    code, reason = error
    kind, words, hint = _ERRORS.get(code, (ProtocolError, "Janus refused the request", "see Janus's log"))
    return kind(f"{words} (error {code}: {reason})", who=who, phase=phase, hint=hint)
