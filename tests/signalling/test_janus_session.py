"""Requests and their answers, whatever comes between; and what is left when Janus goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from probe.model.errors import AccessDenied, ProtocolError, SignallingError
from probe.signalling import janus_messages as janus
from probe.signalling import janus_session
from probe.signalling.access import Access
from probe.signalling.janus_messages import Done
from probe.signalling.janus_session import JanusSession
from probe.signalling.janus_transport import Lost
from tests.signalling.fake_janus import PUBLISHER, FakeJanus, event
from tests.signalling.test_calls import Ear


@pytest.fixture
def fake() -> FakeJanus:
    return FakeJanus()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def session(fake: FakeJanus, ear: Ear) -> AsyncIterator[JanusSession]:
    found = JanusSession(fake, Access("secret", heard=ear))
    await found.open()
    yield found
    await found.close()


STARTED = event(PUBLISHER, {"videoroom": "event", "started": "ok"})


async def test_the_session_and_the_token_go_with_each_request(fake: FakeJanus, session: JanusSession) -> None:
    await session.request(janus.attach(), "room_join")
    assert fake.said == [
        {"janus": "create", "token": "secret", "transaction": "t1"},
        {
            "janus": "attach",
            "plugin": "janus.plugin.videoroom",
            "session_id": 5,
            "token": "secret",
            "transaction": "t2",
        },
    ]


async def test_an_event_may_come_before_its_ack(fake: FakeJanus, session: JanusSession) -> None:
    fake.answers["start"] = [STARTED, {"janus": "ack"}]
    assert (await session.request(janus.start(PUBLISHER, ""), "offer_answer")).event == Done("started")
    fake.say({"janus": "webrtcup", "sender": PUBLISHER})
    assert (await session.incoming()).kind == "webrtcup"  # and not that ack


async def test_an_ack_is_no_answer_except_where_there_is_no_other(fake: FakeJanus, session: JanusSession) -> None:
    fake.answers["start"] = [{"janus": "ack"}, STARTED]
    assert (await session.request(janus.start(PUBLISHER, ""), "offer_answer")).event == Done("started")
    assert (await session.request(janus.keepalive(), "signalling", acknowledged=True)).kind == "ack"


async def test_a_refusal_is_told_in_words(fake: FakeJanus, session: JanusSession) -> None:
    fake.answers["attach"] = [{"janus": "error", "error": {"code": 460, "reason": "No such plugin"}}]
    with pytest.raises(
        ProtocolError, match=r"janus.test: room_join: .*error 460: No such plugin.*VideoRoom plugin enabled"
    ):
        await session.request(janus.attach(), "room_join")


async def test_what_was_posted_comes_back_with_its_subject(fake: FakeJanus, session: JanusSession) -> None:
    fake.answers["start"] = [{"janus": "ack"}, STARTED]
    await session.post(janus.start(PUBLISHER, ""), "start")
    answer = await session.incoming()
    assert (answer.event, answer.subject) == (Done("started"), "start")


async def test_no_answer_in_time_is_an_error(
    fake: FakeJanus, session: JanusSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janus_session, "ANSWER_DEADLINE", 0.01)
    fake.silent = {"start", "attach"}
    with pytest.raises(ProtocolError, match=r"no answer to attach within 0.01 s \(Janus hangs\)"):
        await session.request(janus.attach(), "room_join")
    await session.post(janus.start(PUBLISHER, ""), "start")
    answer = await session.incoming()
    assert (answer.subject, answer.error) == ("start", (0, "no answer to start within 0.01 s"))


async def test_a_janus_that_answers_no_keepalive_is_gone(fake: FakeJanus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janus_session, "KEEPALIVE", 0.01)
    monkeypatch.setattr(janus_session, "ANSWER_DEADLINE", 0.01)
    fake.silent = {"keepalive"}
    session = JanusSession(fake, Access())
    await session.open()
    for _ in range(2):
        with pytest.raises(Lost, match="no answer to keepalive"):
            await session.incoming()
    await session.close()
    assert fake.requests() == ["create", "keepalive"]


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ({"janus": "timeout", "session_id": 5}, "Janus ended the session"),
        ({"no": "message"}, "what its protocol does not allow"),
        (None, "the WebSocket broke"),
    ],
)
async def test_who_waits_hears_that_janus_is_gone(
    fake: FakeJanus, session: JanusSession, last: janus.Json | None, reason: str
) -> None:
    fake.silent = {"attach"}
    waiting = asyncio.create_task(session.request(janus.attach(), "room_join"))
    await asyncio.sleep(0)
    if last is None:
        fake.die("the WebSocket broke")
    else:
        fake.say(last)
    with pytest.raises(ProtocolError, match=reason):
        await waiting
    with pytest.raises(Lost, match=reason):
        await session.incoming()
    with pytest.raises(SignallingError, match=reason):
        await session.post(janus.attach(), "")


async def test_closing_ends_the_session_and_may_be_repeated(fake: FakeJanus, session: JanusSession) -> None:
    await session.close()
    await session.close()
    assert fake.requests() == ["create", "destroy"]
    with pytest.raises(Lost):
        await session.incoming()


# how its calls are told


NO_SUCH_ROOM = event(PUBLISHER, {"videoroom": "event", "error_code": 426, "error": "No such room (1)"})
NOT_PUBLISHED = event(PUBLISHER, {"videoroom": "event", "error_code": 435, "error": "Can't unpublish, not published"})


def told(ear: Ear) -> list[tuple[str, str]]:
    return [(call.name, call.outcome) for call in ear.calls]


async def test_a_transaction_is_a_call_up_to_its_final_answer(fake: FakeJanus, session: JanusSession, ear: Ear) -> None:
    fake.silent = {"start"}
    await session.post(janus.start(PUBLISHER, ""), "start")
    await session.request(janus.attach(), "room_join")
    fake.say({"janus": "ack", "transaction": "t2"})
    await session.request(janus.keepalive(), "signalling", acknowledged=True)
    assert told(ear) == [("create", "answered"), ("attach", "answered"), ("keepalive", "answered")]
    fake.say({**STARTED, "transaction": "t2"})
    await session.incoming()
    await session.tell(janus.trickle(PUBLISHER, None))  # nobody waits for its answer
    assert told(ear)[3:] == [("start", "answered")]


async def test_both_kinds_of_join_and_of_create_have_names_of_their_own(
    fake: FakeJanus, session: JanusSession, ear: Ear
) -> None:
    await session.request(janus.create_room(PUBLISHER, 1), "room_join")
    await session.request(janus.join(PUBLISHER, 1, "me"), "room_join")
    await session.request(janus.subscribe_first(2, 1, []), "signalling")
    assert [name for name, _ in told(ear)] == ["create", "create room", "join", "subscribe"]


async def test_an_error_of_janus_is_a_refusal_unless_it_is_as_good_as_an_answer(
    fake: FakeJanus, session: JanusSession, ear: Ear
) -> None:
    fake.answers |= {"join": [NO_SUCH_ROOM], "unpublish": [NOT_PUBLISHED], "start": [NO_SUCH_ROOM]}
    with pytest.raises(AccessDenied):
        await session.request(janus.join(PUBLISHER, 1, "me"), "room_join")
    await session.ask(janus.unpublish(PUBLISHER), "leave", expected=janus.NOT_PUBLISHED)
    await session.post(janus.start(PUBLISHER, ""), "start")
    await session.post(janus.start(PUBLISHER, ""), "start", expected=426)
    for _ in range(2):
        await session.incoming()
    assert told(ear)[1:] == [
        ("join", "refused"), ("unpublish", "answered"), ("start", "refused"), ("start", "answered"),
    ]  # fmt: skip


async def test_no_answer_in_time_is_told_once(
    fake: FakeJanus, session: JanusSession, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janus_session, "ANSWER_DEADLINE", 0.01)
    fake.silent = {"start", "attach"}
    with pytest.raises(ProtocolError):
        await session.request(janus.attach(), "room_join")
    await session.post(janus.start(PUBLISHER, ""), "start")
    await session.incoming()
    fake.say({**STARTED, "transaction": "t3"})  # too late
    await session.incoming()
    assert told(ear)[1:] == [("attach", "timeout"), ("start", "timeout")]


async def test_what_is_under_way_when_janus_goes_is_unreachable_and_what_can_t_be_sent_too(
    fake: FakeJanus, session: JanusSession, ear: Ear
) -> None:
    fake.silent = {"start", "attach"}
    await session.post(janus.start(PUBLISHER, ""), "start")
    waiting = asyncio.create_task(session.request(janus.attach(), "room_join"))
    await asyncio.sleep(0)
    fake.die("the WebSocket broke")
    with pytest.raises(ProtocolError):
        await waiting
    fake.deaf = True
    with pytest.raises(SignallingError):
        await session.post(janus.start(PUBLISHER, ""), "start")
    assert sorted(told(ear)[1:]) == [("attach", "unreachable"), ("start", "unreachable"), ("start", "unreachable")]


async def test_who_is_called_off_or_leaves_tells_nothing(fake: FakeJanus, session: JanusSession, ear: Ear) -> None:
    fake.silent = {"start", "attach"}
    await session.post(janus.start(PUBLISHER, ""), "start")
    waiting = asyncio.create_task(session.request(janus.attach(), "room_join"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    session.call_off()
    fake.die("the WebSocket broke")
    with pytest.raises(Lost):
        await session.incoming()
    await session.close()
    assert told(ear) == [("create", "answered")]


async def test_a_goodbye_that_is_not_answered_is_told(
    fake: FakeJanus, session: JanusSession, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janus_session, "LAST_DEADLINE", 0.01)
    fake.silent = {"start", "unpublish", "destroy"}
    await session.post(janus.start(PUBLISHER, ""), "start")  # nobody will want to know
    session.call_off()
    with pytest.raises(ProtocolError, match=r"no answer to unpublish within 0\.01 s"):
        await session.ask(janus.unpublish(PUBLISHER), "leave")
    await session.close()
    assert told(ear)[1:] == [("unpublish", "timeout"), ("destroy", "timeout")]


async def test_closing_alone_calls_off_too(
    fake: FakeJanus, session: JanusSession, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janus_session, "LAST_DEADLINE", 0.01)
    fake.silent = {"destroy"}
    async with asyncio.timeout(5.0):
        await session.close()
    assert told(ear)[1:] == [("destroy", "timeout")]
