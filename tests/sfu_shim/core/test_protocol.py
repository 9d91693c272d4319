"""The wire format: everything survives a round trip, everything wrong is named."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu_shim.core import protocol as p
from sfu_shim.core import schema

EXAMPLES: list[p.Message] = [
    p.Join(room="r", token="t", name="n"),
    p.Offer(path="p2p:a:b:1", sdp="v=0\r\n"),
    p.Answer(path="p2p:a:b:1", sdp="v=0\r\n"),
    p.Candidate(path="x", candidate="candidate:1 1 udp 1 127.0.0.1 9 typ host", mid="0"),
    p.Candidate(path="x", candidate=None),
    p.Connected(path="x"),
    p.Ready(migration="m:1"),
    p.Failed(migration="m:1", reason="no ICE"),
    p.ForceTopology(topology="sfu"),
    p.ForceTopology(topology=None),
    p.Leave(),
    p.Ping(id=7),
    p.Welcome(participant="a", room="r", topology="p2p", members=("b", "c")),
    p.Welcome(
        participant="a",
        room="r",
        topology="sfu",
        members=(),
        ice_servers=(p.IceServerEntry(urls=("turn:t.example",), username="u", credential="c"),),
        p2p_limit=0,
    ),
    p.Open(path="x", kind="p2p", peer="b", role="offer", migration="m:1"),
    p.Open(path="x", kind="sfu", peer=None, role="answer"),
    p.Close(path="x", reason="migrated"),
    p.MemberJoined(participant="a"),
    p.MemberLeft(participant="a", reason="vanished"),
    p.Migration(migration="m:1", source="p2p", target="sfu", deadline_seconds=10.0, members=("b",)),
    p.Committed(migration="m:1", topology="sfu"),
    p.RolledBack(migration="m:1", topology="p2p", reason="deadline"),
    p.ErrorMessage(code="unknown_path", message="no", path="x"),
    p.Left(),
    p.Pong(id=7),
]


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.type)
def test_round_trip(message: p.Message) -> None:
    text = p.encode(message)
    for kinds, decode in ((p.CLIENT_TYPES, p.decode_client), (p.SERVER_TYPES, p.decode_server)):
        if message.type in kinds:
            assert decode(text) == message
        else:
            with pytest.raises(p.MessageError, match="unknown type"):
                decode(text)


def test_every_type_has_an_example() -> None:
    assert {message.type for message in EXAMPLES} == p.CLIENT_TYPES.keys() | p.SERVER_TYPES.keys()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"type": "ofer"}, "message.type: unknown type 'ofer', did you mean 'offer'?"),
        ({}, "message.type: is missing or not a string"),
        ({"type": 3}, "message.type: is missing or not a string"),
        ({"type": "join"}, "join.room: is missing"),
        ({"type": "join", "rom": "r"}, "join.rom: unknown field, did you mean 'room'?"),
        ({"type": "join", "room": ""}, "join.room: must not be empty"),
        ({"type": "join", "room": 5}, "join.room: a string is wanted, not int"),
        ({"type": "join", "room": None}, "join.room: a string is wanted, not NoneType"),
        ({"type": "join", "room": "r" * 129}, "join.room: 129 characters, at most 128 are allowed"),
        ({"type": "join", "room": "r", "v": "1"}, "join.v: a whole number from 0 to 65536 is wanted, not '1'"),
        ({"type": "join", "room": "r", "v": True}, "join.v: a whole number from 0 to 65536 is wanted, not True"),
        ({"type": "join", "room": "\ud800"}, "join.room: holds half of a surrogate pair, which is no text"),
        ({"type": "force_topology", "topology": "mcu"}, "force_topology.topology: 'mcu' is not one of p2p, sfu"),
        ({"type": "candidate", "path": "x"}, "candidate.candidate: is missing"),
        ({"type": "ping", "id": -1}, f"ping.id: a whole number from 0 to {2**53 - 1} is wanted, not -1"),
    ],
)
def test_names_what_is_wrong(values: dict[str, Any], said: str) -> None:
    with pytest.raises(p.MessageError) as caught:
        p.decode_client(json.dumps(values))
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"members": "ab"}, "welcome.members: a list is wanted, not str"),
        ({"members": ["a", 1]}, r"welcome.members\[1\]: a string is wanted, not int"),
        ({"members": ["a"] * 2049}, "welcome.members: 2049 entries, at most 2048 are allowed"),
        ({"ice_servers": [3]}, r"welcome.ice_servers\[0\]: an object is wanted, not int"),
        ({"ice_servers": [{"url": "x"}]}, r"welcome.ice_servers\[0\].url: unknown field, did you mean 'urls'\?"),
    ],
)
def test_names_what_is_wrong_inside(values: dict[str, Any], said: str) -> None:
    welcome = {"type": "welcome", "participant": "a", "room": "r", "topology": "p2p", "members": [], **values}
    with pytest.raises(p.MessageError, match=said):
        p.decode_server(json.dumps(welcome))


@pytest.mark.parametrize(
    "text", ["", "[", "3", '"x"', "null", "[" * 100_000, '{"type":"ping","id":' + "9" * 6000 + "}"]
)
def test_rejects_what_is_no_message(text: str) -> None:
    with pytest.raises(p.MessageError):
        p.decode_client(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1", "1e300", "true"])
def test_rejects_times_that_are_none(number: str) -> None:
    text = p.encode(p.Migration(migration="m", source="p2p", target="sfu", deadline_seconds=10.0, members=()))
    with pytest.raises(p.MessageError, match=r"migration\.deadline_seconds"):
        p.decode_server(text.replace("10.0", number))


def test_rejects_what_is_too_long() -> None:
    with pytest.raises(p.MessageError, match="at most"):
        p.decode_client(" " * (schema.MAX_MESSAGE + 1))
    with pytest.raises(p.MessageError, match=r"offer\.sdp"):
        p.decode_client(json.dumps({"type": "offer", "path": "x", "sdp": "s" * (schema.MAX_SDP + 1)}))


_json = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["p2p", "sfu", [], ["a"], [1], {}, {"urls": []}, [{"urls": ["stun:x"]}]]),
)
_fields = st.sampled_from(sorted({f.name for kind in p.CLIENT_TYPES.values() for f in dataclasses.fields(kind)}))


@given(st.sampled_from(sorted(p.CLIENT_TYPES)), st.dictionaries(_fields, _json, max_size=4))
def test_anything_decodes_or_is_refused(name: str, values: dict[str, Any]) -> None:
    text = json.dumps({"type": name, **values})
    try:
        message = p.decode_client(text)
    except p.MessageError:
        with pytest.raises(p.MessageError, match=f"^{name}"):
            p.decode_client(text)
    else:
        assert p.decode_client(p.encode(message)) == message


def test_the_document_shows_every_message_as_it_is() -> None:
    """Each JSON example in docs/signalling.md decodes, and each message type has one; each error code is explained."""
    page = (Path(__file__).parents[3] / "docs" / "signalling.md").read_text(encoding="utf-8")
    shown = set()
    for example in re.findall(r"^(?:→|←|↔) `(\{.*\})`", page, flags=re.MULTILINE):
        name = json.loads(example)["type"]
        for kinds, decode in ((p.CLIENT_TYPES, p.decode_client), (p.SERVER_TYPES, p.decode_server)):
            if name in kinds:
                decode(example)
        shown.add(name)
    assert shown == p.CLIENT_TYPES.keys() | p.SERVER_TYPES.keys()
    for code in p.ERROR_CODES:
        assert f"`{code}`" in page
