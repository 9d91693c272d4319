"""What Janus 1.1.2 said, word for word (descriptions cut short), and what we make of it; what we say, as it took it."""

from __future__ import annotations

import json

import pytest

from probe.model.errors import AccessDenied, ConfigError, ConnectionFailed, ProbeError, ProtocolError
from probe.signalling import janus_messages as janus
from probe.signalling.janus_messages import (
    Done,
    Ended,
    Feed,
    Gone,
    Joined,
    Message,
    MessageError,
    Publishers,
    Section,
    Subscribed,
    Track,
    decode,
)  # fmt: skip

ANN, BEN = 4102967731321511, 1269394504455088
HANDLE = 8669355636128241
TRACKS = (Track("audio", "0"), Track("video", "1"))
STREAMS = (
    '[{"type": "audio", "mindex": 0, "mid": "0", "codec": "opus", "fec": true}, '
    '{"type": "video", "mindex": 1, "mid": "1", "codec": "vp8"}]'
)


def event(data: str, more: str = "", transaction: str = '"transaction": "t5", ') -> str:
    return (
        f'{{"janus": "event", "session_id": 3694770339465901, {transaction}"sender": {HANDLE}, '
        f'"plugindata": {{"plugin": "janus.plugin.videoroom", "data": {data}}}{more}}}'
    )


def told(event_: janus.RoomEvent, transaction: str = "t5") -> Message:
    return Message("event", transaction, HANDLE, event=event_)


OF_ANN = (
    '{"type": "audio", "active": true, "mindex": 0, "mid": "0", "ready": false, "send": true, "feed_id": 4102967731321511, '
    '"feed_display": "ann", "feed_mid": "0", "codec": "opus"}'
)
QUIET = '{"type": "video", "active": false, "mindex": 1, "mid": "1", "ready": false, "send": true}'
HEARD = [
    (
        '{"janus": "success", "transaction": "t1", "data": {"id": 3694770339465901}}',
        Message("success", "t1", id=3694770339465901),
    ),
    ('{"janus": "success", "session_id": 3760597223305031, "transaction": "t8"}', Message("success", "t8")),
    ('{"janus": "ack", "session_id": 3760597223305031, "transaction": "t2"}', Message("ack", "t2")),
    (
        '{"janus": "error", "session_id": 5, "transaction": "t9", "error": {"code": 458, "reason": "No such session 5"}}',
        Message("error", "t9", error=(458, "No such session 5")),
    ),
    (
        event('{"videoroom": "event", "error_code": 426, "error": "No such room (99)"}'),
        Message("event", "t5", HANDLE, error=(426, "No such room (99)")),
    ),
    (  # at once: no ack went before
        '{"janus": "success", "session_id": 1, "transaction": "t3", "sender": 600936947474288, "plugindata": {"plugin": '
        '"janus.plugin.videoroom", "data": {"videoroom": "event", "error_code": 423, "error": "Unknown request \'nonsense\'"}}}',
        Message("success", "t3", 600936947474288, error=(423, "Unknown request 'nonsense'")),
    ),
    (
        '{"janus": "success", "session_id": 1, "transaction": "t3", "sender": 840884435495849, "plugindata": {"plugin": '
        '"janus.plugin.videoroom", "data": {"videoroom": "created", "room": 55, "permanent": false}}}',
        Message("success", "t3", 840884435495849, event=Done("created")),
    ),
    (
        event(
            '{"videoroom": "joined", "room": 1234, "description": "bench", "id": 1269394504455088, "private_id": 507913191, '
            f'"publishers": [{{"id": {ANN}, "display": "ann", "audio_codec": "opus", "streams": {STREAMS}}}]}}'
        ),
        told(Joined(BEN, (Feed(ANN, "ann", TRACKS),))),
    ),
    (
        event(
            f'{{"videoroom": "event", "room": 1234, "publishers": [{{"id": {BEN}, "display": "ben", "streams": {STREAMS}}}]}}',
            transaction="",
        ),
        told(Publishers((Feed(BEN, "ben", TRACKS),)), ""),
    ),
    (
        event(
            '{"videoroom": "event", "room": 1234, "configured": "ok", "audio_codec": "opus", "video_codec": "vp8", '
            f'"streams": {STREAMS}}}',
            ', "jsep": {"type": "answer", "sdp": "v=0\\r\\n"}',
        ),
        Message("event", "t5", HANDLE, event=Done("configured"), jsep=("answer", "v=0\r\n")),
    ),
    (
        event(
            f'{{"videoroom": "attached", "room": 1234, "streams": [{OF_ANN}, {QUIET}]}}',
            ', "jsep": {"type": "offer", "sdp": "v=0\\r\\n"}',
        ),
        Message(
            "event", "t5", HANDLE,
            event=Subscribed((Section("0", "audio", ANN, "0"), Section("1", "video", None, ""))),
            jsep=("offer", "v=0\r\n"),
        ),
    ),
    (event('{"videoroom": "updated", "room": 1234}'), told(Subscribed(None))),
    (event('{"videoroom": "updating", "room": 1234}'), told(Subscribed(None))),
    (event('{"videoroom": "event", "room": 1234, "started": "ok"}'), told(Done("started"))),
    (event('{"videoroom": "event", "room": 1234, "leaving": "ok"}'), told(Done("leaving"))),
    (event(f'{{"videoroom": "event", "room": 1234, "leaving": {ANN}}}'), told(Gone(ANN, "leaving"))),
    (event(f'{{"videoroom": "event", "room": 1234, "unpublished": {ANN}}}'), told(Gone(ANN, "unpublished"))),
    (
        '{"janus": "trickle", "session_id": 1, "sender": 5020971327097967, "candidate": {"sdpMid": "0", "sdpMLineIndex": 0, '
        '"candidate": "candidate:1 1 udp 2015363583 127.0.0.1 22448 typ host"}}',
        Message("trickle", "", 5020971327097967, candidate="candidate:1 1 udp 2015363583 127.0.0.1 22448 typ host"),
    ),
    (
        '{"janus": "trickle", "session_id": 1, "sender": 5020971327097967, "candidate": {"completed": true}}',
        Message("trickle", "", 5020971327097967),
    ),
    (
        '{"janus": "webrtcup", "session_id": 3694770339465901, "sender": 8669355636128241}',
        Message("webrtcup", "", HANDLE),
    ),
    (
        '{"janus": "media", "session_id": 1, "sender": 5020971327097967, "mid": "0", "type": "audio", "receiving": true}',
        Message("media", "", 5020971327097967),
    ),
    (
        '{"janus": "hangup", "session_id": 1, "sender": 5634355137548352, "reason": "DTLS alert"}',
        Message("hangup", "", 5634355137548352, reason="DTLS alert"),
    ),
    ('{"janus": "detached", "session_id": 1, "sender": 600936947474288}', Message("detached", "", 600936947474288)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HEARD)
def test_what_janus_said_is_understood(text: str, expected: Message) -> None:
    assert decode(json.loads(text)) == expected


# By the documentation of the plugin: nobody did it while we listened.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"videoroom": "destroyed", "room": 1234}, Ended("the room was destroyed")),
        ({"videoroom": "destroyed", "room": 1234, "permanent": False}, Done("destroyed")),
        (
            {"videoroom": "event", "room": 1234, "leaving": "ok", "reason": "kicked"},
            Ended("taken out of the room: kicked"),
        ),
        ({"videoroom": "event", "room": 1234, "kicked": ANN}, Gone(ANN, "kicked")),
        ({"videoroom": "event", "room": "standup", "leaving": "a1b2"}, Gone("a1b2", "leaving")),
        (
            {"videoroom": "event", "publishers": [{"id": "a1b2", "streams": [
                {"type": "video", "mid": "v", "simulcast": True}, {"type": "audio", "mid": "a", "disabled": True},
                {"type": "data", "mid": "d"},
            ]}]},
            Publishers((Feed("a1b2", "", (Track("video", "v", True),)),)),
        ),
        ({"videoroom": "event", "publishers": [{"id": 7, "display": "old"}]}, Publishers((Feed(7, "old", (Track("", ""),)),))),
    ],
)  # fmt: skip
def test_what_the_plugin_says_elsewhere_is_understood(data: dict[str, object], expected: janus.RoomEvent) -> None:
    assert decode(json.loads(event(json.dumps(data)))) == told(expected)


@pytest.mark.parametrize(
    "message",
    [
        [], {}, {"janus": 3}, {"janus": "event", "transaction": 5}, {"janus": "ack", "sender": "x"}, {"janus": "error"},
        {"janus": "success", "data": {}}, {"janus": "trickle"}, {"janus": "event", "plugindata": {"data": 3}},
        {"janus": "event", "jsep": {"type": "rollback", "sdp": ""}}, {"janus": "event", "jsep": {"type": "offer"}},
        {"janus": "event", "plugindata": {"data": {"videoroom": "joined", "id": None}}},
        {"janus": "event", "plugindata": {"data": {"videoroom": "attached", "streams": [{"mid": "0"}]}}},
    ],
)  # fmt: skip
def test_what_is_no_message_of_janus_is_refused(message: object) -> None:
    with pytest.raises(MessageError):
        decode(message)


def test_only_an_answer_ends_a_request() -> None:
    assert Message("event", "t1").final
    assert Message("success", "t1").final
    assert not Message("ack", "t1").final
    assert not Message("event").final


STREAM = [{"feed": ANN, "mid": "0"}]
SAID = [
    (janus.create(), {"janus": "create"}),
    (janus.attach(), {"janus": "attach", "plugin": "janus.plugin.videoroom"}),
    (janus.keepalive(), {"janus": "keepalive"}),
    (janus.detach(7), {"janus": "detach", "handle_id": 7}),
    (janus.destroy(), {"janus": "destroy"}),
    (
        janus.trickle(7, "candidate:1"),
        {"janus": "trickle", "handle_id": 7, "candidate": {"sdpMLineIndex": 0, "candidate": "candidate:1"}},
    ),
    (janus.trickle(7, None), {"janus": "trickle", "handle_id": 7, "candidate": {"completed": True}}),
]
BODIES = [
    (janus.join(7, 1234, "ann"), {"request": "join", "ptype": "publisher", "room": 1234, "display": "ann"}),
    (
        janus.subscribe_first(7, 1234, [(ANN, "0")], "1111"),
        {"request": "join", "ptype": "subscriber", "room": 1234, "streams": STREAM, "pin": "1111"},
    ),
    (janus.subscribe(7, [(ANN, "0"), (BEN, "")]), {"request": "subscribe", "streams": [*STREAM, {"feed": BEN}]}),
    (janus.unsubscribe(7, ["2"]), {"request": "unsubscribe", "streams": [{"sub_mid": "2"}]}),
    (janus.configure(7, "1", 2), {"request": "configure", "streams": [{"mid": "1", "substream": 2}]}),
    (janus.configure(7, "1", 1, 0), {"request": "configure", "streams": [{"mid": "1", "substream": 1, "temporal": 0}]}),
    (janus.unpublish(7), {"request": "unpublish"}),
    (janus.leave(7), {"request": "leave"}),
    (janus.create_room(7, 55), {"request": "create", "room": 55, "publishers": 100, "permanent": False}),
]


@pytest.mark.parametrize(("said", "expected"), SAID)
def test_what_we_say_to_janus(said: janus.Json, expected: janus.Json) -> None:
    assert said == expected


@pytest.mark.parametrize(("said", "body"), BODIES)
def test_what_we_say_to_the_plugin(said: janus.Json, body: janus.Json) -> None:
    assert said == {"janus": "message", "handle_id": 7, "body": body}


def test_descriptions_go_beside_the_body() -> None:
    assert janus.publish(7, "sdp")["jsep"] == {"type": "offer", "sdp": "sdp"}
    assert janus.start(7, "sdp")["jsep"] == {"type": "answer", "sdp": "sdp"}


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (403, AccessDenied, "token"),
        (423, ProtocolError, "does not know the request"),
        (426, AccessDenied, "no such room"),
        (428, ProtocolError, "feed does not exist"),
        (430, ConfigError, "names rooms"),
        (432, AccessDenied, "as many publishers"),
        (433, AccessDenied, "PIN"),
        (458, ProtocolError, "session does not exist"),
        (460, ProtocolError, "could not take the message"),
        (490, ConnectionFailed, "its end of the connection"),
        (499, ProtocolError, "refused the request"),
    ],
)
def test_errors_are_told_in_words(code: int, kind: type[ProbeError], words: str) -> None:
    error = janus.explain((code, "its own words"), who="janus", phase="room_join")
    assert type(error) is kind
    assert words in str(error)
    assert f"(error {code}: its own words)" in str(error)
    assert (error.who, error.phase) == ("janus", "room_join")
