"""The adapter against a Janus that follows a script: which events it makes of it, and what it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from probe.model.errors import AccessDenied, ConfigError, ProtocolError
from probe.signalling import base, janus
from probe.signalling.access import Access
from probe.signalling.janus import PUBLISH, SUBSCRIBE, JanusSignalling
from tests.signalling.fake_janus import ANN, BEN, OURS, PUBLISHER, SUBSCRIBER, FakeJanus, event, publishers, sections

Made = tuple[FakeJanus, JanusSignalling]
_OPEN_PUBLISH = base.OpenPath(PUBLISH, "sfu", None, "offer")
_OPEN_SUBSCRIBE = base.OpenPath(SUBSCRIBE, "sfu", None, "answer", publish=False)
_OF_ANN = {"0": "ann/11", "1": "ann/11"}


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Made]:
    fake = FakeJanus()
    monkeypatch.setattr(janus, "open_transport", lambda url, access: fake)
    adapter = JanusSignalling("janus+ws://janus.test?substream=1", Access())
    await adapter.connect()
    yield fake, adapter
    await adapter.leave()


async def _subscribed(fake: FakeJanus, adapter: JanusSignalling) -> None:
    """In the room with Ann, and her media on its way."""
    fake.answers["join"] = [
        event(PUBLISHER, {"videoroom": "joined", "id": OURS, "publishers": publishers((ANN, "ann"))})
    ]
    await adapter.join("1234", "me")
    fake.answers["join"] = [
        event(SUBSCRIBER, {"videoroom": "attached", "streams": sections(ANN)}, offer="first"),
        {"janus": "ack"},
    ]
    for expected in (_OPEN_SUBSCRIBE, _OPEN_PUBLISH, base.RemoteDescription(SUBSCRIBE, "offer", "first", _OF_ANN)):
        assert await adapter.next_event() == expected
    await adapter.send_description(SUBSCRIBE, "answer", "ours")


async def test_the_first_one_in_a_room_publishes_and_subscribes_to_who_comes(made: Made) -> None:
    fake, adapter = made
    assert await adapter.join("1234", "me") == base.Joined("me/99", (), "sfu")
    assert await adapter.next_event() == _OPEN_PUBLISH
    fake.answers["publish"] = [event(PUBLISHER, {"videoroom": "event", "configured": "ok"}, answer="theirs")]
    await adapter.send_description(PUBLISH, "offer", "ours")
    assert await adapter.next_event() == base.RemoteDescription(PUBLISH, "answer", "theirs")
    fake.say(event(PUBLISHER, {"videoroom": "event", "publishers": publishers((ANN, "ann"))}))
    fake.answers["join"] = [event(SUBSCRIBER, {"videoroom": "attached", "streams": sections(ANN)}, offer="first")]
    assert await adapter.next_event() == base.MemberJoined("ann/11")
    assert await adapter.next_event() == _OPEN_SUBSCRIBE
    assert await adapter.next_event() == base.RemoteDescription(SUBSCRIBE, "offer", "first", _OF_ANN)
    assert fake.requests() == ["create", "attach", "attach", "join", "publish", "join"]


async def test_janus_offers_again_when_somebody_comes_or_goes(made: Made) -> None:
    fake, adapter = made
    await _subscribed(fake, adapter)
    fake.say(event(PUBLISHER, {"videoroom": "event", "publishers": publishers((BEN, "ben"))}))
    fake.answers["subscribe"] = [
        event(SUBSCRIBER, {"videoroom": "updated", "streams": sections(ANN, BEN)}, offer="second")
    ]
    assert await adapter.next_event() == base.MemberJoined("ben/22")
    tracks = {**_OF_ANN, "2": "ben/22", "3": "ben/22"}
    assert await adapter.next_event() == base.RemoteDescription(SUBSCRIBE, "offer", "second", tracks)
    await adapter.send_description(SUBSCRIBE, "answer", "ours")
    fake.say(event(SUBSCRIBER, {"videoroom": "updated", "streams": sections(None, BEN)}, offer="third"))
    fake.say(event(PUBLISHER, {"videoroom": "event", "unpublished": ANN}))
    fake.say(event(PUBLISHER, {"videoroom": "event", "leaving": ANN}))
    of_ben = {"2": "ben/22", "3": "ben/22"}
    assert await adapter.next_event() == base.RemoteDescription(SUBSCRIBE, "offer", "third", of_ben)
    assert await adapter.next_event() == base.MemberLeft("ann/11", "unpublished")
    fake.say({"janus": "hangup", "sender": PUBLISHER, "reason": "DTLS alert"})
    words = "Janus hung up: DTLS alert"
    assert await adapter.next_event() == base.ServerComplaint("hangup", words, PUBLISH)
    assert await adapter.next_event() == base.ClosePath(PUBLISH, words)
    assert "unsubscribe" not in fake.requests()


async def test_its_candidates_may_come_one_by_one_and_before_the_answer(made: Made) -> None:
    fake, adapter = made
    await adapter.join("1234", "me")
    await adapter.next_event()
    fake.say({"janus": "trickle", "sender": PUBLISHER, "candidate": {"candidate": "candidate:1", "sdpMLineIndex": 0}})
    fake.say({"janus": "trickle", "sender": PUBLISHER, "candidate": {"completed": True}})
    assert await adapter.next_event() == base.RemoteCandidate(PUBLISH, "candidate:1")
    assert await adapter.next_event() == base.RemoteCandidate(PUBLISH, None)
    await adapter.send_candidate(PUBLISH, "candidate:2")
    assert fake.said[-1]["candidate"] == {"sdpMLineIndex": 0, "candidate": "candidate:2"}


async def test_what_janus_refuses_is_told_with_the_path_that_it_is_about(made: Made) -> None:
    fake, adapter = made
    await adapter.join("1234", "me")
    await adapter.next_event()
    refused = {"videoroom": "event", "error_code": 432, "error": "Maximum number of publishers (3) already reached"}
    fake.answers["publish"] = [event(PUBLISHER, refused)]
    await adapter.send_description(PUBLISH, "offer", "ours")
    told = await adapter.next_event()
    assert isinstance(told, base.ServerComplaint)
    assert (told.code, told.path) == ("432", PUBLISH)
    assert told.message.startswith("the room has as many publishers as it takes (error 432: Maximum number")
    assert "raise `publishers`" in told.message


async def test_a_publisher_that_ended_just_now_is_no_complaint(made: Made) -> None:
    fake, adapter = made
    joined = {"videoroom": "joined", "id": OURS, "publishers": publishers((ANN, "ann"), (BEN, "ben"))}
    fake.answers["join"] = [event(PUBLISHER, joined)]
    await adapter.join("1234", "me")
    fake.answers["join"] = [event(SUBSCRIBER, {"videoroom": "event", "error_code": 428, "error": "No such feed (11)"})]
    assert [await adapter.next_event(), await adapter.next_event()] == [_OPEN_SUBSCRIBE, _OPEN_PUBLISH]
    assert [stream["feed"] for stream in fake.said[-1]["body"]["streams"]] == [ANN, ANN, BEN, BEN]
    fake.answers["join"] = [event(SUBSCRIBER, {"videoroom": "attached", "streams": sections(BEN)}, offer="first")]
    of_ben = {"0": "ben/22", "1": "ben/22"}
    assert await adapter.next_event() == base.RemoteDescription(SUBSCRIBE, "offer", "first", of_ben)
    assert [stream["feed"] for stream in fake.said[-1]["body"]["streams"]] == [BEN, BEN]


async def test_layers_are_chosen_for_what_comes_in_layers(made: Made) -> None:
    fake, adapter = made
    feeds = publishers((ANN, "ann"))
    feeds[0]["streams"] = [{"type": "video", "mid": "1", "simulcast": True}]
    fake.answers["join"] = [event(PUBLISHER, {"videoroom": "joined", "id": OURS, "publishers": feeds})]
    await adapter.join("1234", "me")
    fake.answers["join"] = [event(SUBSCRIBER, {"videoroom": "attached", "streams": sections(ANN)}, offer="first")]
    for _ in range(3):
        await adapter.next_event()
    await adapter.send_description(SUBSCRIBE, "answer", "ours")
    await adapter.send_description(SUBSCRIBE, "answer", "ours")
    await adapter.choose_layer("ann/11", 2, 1)
    chosen = [
        message["body"]["streams"] for message in fake.said if message.get("body", {}).get("request") == "configure"
    ]
    assert chosen == [[{"mid": "1", "substream": 1}], [{"mid": "1", "substream": 2, "temporal": 1}]]


async def test_a_refused_room_is_an_error_of_the_join(made: Made) -> None:
    fake, adapter = made
    refused = {"videoroom": "event", "error_code": 426, "error": "No such room (1234)"}
    fake.answers["join"] = [{"janus": "ack"}, event(PUBLISHER, refused)]
    with pytest.raises(AccessDenied, match="there is no such room"):
        await adapter.join("1234", "me")


async def test_the_end_of_the_room_is_the_end(made: Made) -> None:
    fake, adapter = made
    await adapter.join("1234", "me")
    await adapter.next_event()
    fake.say(event(PUBLISHER, {"videoroom": "destroyed", "room": 1234}))
    assert await adapter.next_event() == base.SignallingLost("the room was destroyed")
    assert await adapter.next_event() == base.SignallingLost("the meeting is over")


@pytest.mark.parametrize("topology", ["p2p", "hybrid"])
def test_only_the_topology_of_an_sfu_can_be_had(topology: str) -> None:
    janus.check_topology("sfu", "janus")
    janus.check_topology(None, "janus")
    with pytest.raises(ConfigError, match=rf"topology {topology} can't be had: Janus is an SFU.*use --topology sfu"):
        janus.check_topology(topology, "janus")


async def test_who_leaves_unpublishes_first_and_says_nothing_more(made: Made) -> None:
    fake, adapter = made
    await _subscribed(fake, adapter)
    before = len(fake.said)
    await adapter.leave()
    await adapter.leave()
    await adapter.send_description(PUBLISH, "offer", "late")
    await adapter.send_candidate(PUBLISH, None)
    await adapter.send_connected(PUBLISH)
    assert fake.requests()[before:] == ["detach", "unpublish", "leave", "destroy"]
    assert fake.closed == 1


async def test_leaving_a_deaf_janus_is_no_error(made: Made) -> None:
    fake, adapter = made
    await adapter.join("1234", "me")
    fake.deaf = True
    await adapter.leave()
    assert fake.closed == 1


async def test_a_description_that_janus_does_not_take_is_refused(made: Made) -> None:
    _, adapter = made
    await adapter.join("1234", "me")
    with pytest.raises(ProtocolError, match="takes no offer on the path 'subscribe'"):
        await adapter.send_description(SUBSCRIBE, "offer", "ours")
