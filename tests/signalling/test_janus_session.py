"""Requests and their answers, whatever comes between; and what is left when Janus goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from probe.model.errors import ProtocolError, SignallingError
from probe.signalling import janus_messages as janus
from probe.signalling import janus_session
from probe.signalling.access import Access
from probe.signalling.janus_messages import Done
from probe.signalling.janus_session import JanusSession
from probe.signalling.janus_transport import Lost
from tests.signalling.fake_janus import PUBLISHER, FakeJanus, event


@pytest.fixture
def fake() -> FakeJanus:
    return FakeJanus()


@pytest.fixture
async def session(fake: FakeJanus) -> AsyncIterator[JanusSession]:
    found = JanusSession(fake, Access("secret"))
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
