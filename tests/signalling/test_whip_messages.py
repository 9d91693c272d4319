"""The words of WHIP and WHEP: headers as real servers write them, fragments, problems, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.signalling import whip_messages as w
from probe.signalling.whip_messages import Fragment, MessageError, Response, Session

URL = "https://media.example/whip/room"
OFFER = "\r\n".join(
    [
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=ice-options:trickle",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:0", "a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        "a=fingerprint:sha-256 DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09:AF:D8:07:09:AF:D8:07:09:AF:D8:07:09",
        "a=setup:actpass", "a=sendonly", "a=msid:cam t1", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2",
        "m=video 0 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:1", "a=bundle-only", "a=sendonly", "a=msid:cam t2",
        "a=rtcp-mux", "a=rtpmap:96 VP8/90000", "",
    ]
)  # fmt: skip
ANSWER = OFFER.replace("actpass", "passive").replace("sendonly", "recvonly")
CANDIDATE = "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host"


def _response(status: int, body: str = "", **headers: str) -> Response:
    return Response(status, URL, tuple((name.replace("_", "-"), value) for name, value in headers.items()), body)


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/sessions/abc", "https://media.example/sessions/abc"),
        ("abc", "https://media.example/whip/abc"),
        ("//eu.media.example/s/1?x=2", "https://eu.media.example/s/1?x=2"),
        (" https://other.example:8443/s ", "https://other.example:8443/s"),
        ("?id=7", "https://media.example/whip/room?id=7"),
    ],
)
def test_a_location_may_be_relative(location: str, found: str) -> None:
    session = w.read_session(_response(201, ANSWER, content_type="application/sdp", location=location, ETag='"xyzzy"'))
    assert session == Session(found, ANSWER, offers=False, etag='"xyzzy"')


@pytest.mark.parametrize(
    ("location", "said"),
    [("http://media.example/s", "in the clear"), ("ftp://x/y", "leads to ftp"), ("http://[::1", "unusable Location")],
)
def test_a_location_that_is_refused(location: str, said: str) -> None:
    with pytest.raises(MessageError, match=said):
        w.read_session(_response(201, ANSWER, Location=location))


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (_response(201), "without a description"),
        (_response(201, "<html>", Content_Type="text/html; charset=utf-8"), "text/html where application/sdp"),
        (_response(201, "hello", Content_Type="application/sdp"), "unusable description"),
    ],
)
def test_an_answer_that_is_none(response: Response, said: str) -> None:
    with pytest.raises(MessageError, match=said):
        w.read_session(response)


def test_offers_of_the_server_are_told_from_answers() -> None:
    assert [w.read_session(_response(status, sdp)).offers for status, sdp in [(201, ANSWER), (201, OFFER), (406, OFFER)]] == [
        False, True, True,
    ]  # fmt: skip


def test_one_presentation_has_one_name() -> None:
    apart = OFFER.replace("a=msid:cam t1", "a=msid:- t1").replace("a=msid:cam t2", "a=msid:b t2")
    nameless = apart.replace("a=msid:- t1\r\n", "").replace("a=msid:b t2\r\n", "")
    two = apart.replace("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video 9 UDP/TLS/RTP/SAVPF 111").replace(
        "opus/48000/2", "H264/90000"
    )
    assert w.read_streams(OFFER) == {"0": "cam", "1": "cam"}
    assert w.read_streams(apart) == {"0": "b", "1": "b"}
    assert w.read_streams(nameless) == {"0": "stream", "1": "stream"}
    assert w.read_streams(two) == {"0": "0", "1": "b"}
    assert w.read_streams(ANSWER) == {}


LINKS: list[tuple[list[str], w.IceServers]] = [
    ([], ()),
    (['<stun:stun.example.net>; rel="ice-server"'], ((("stun:stun.example.net",), None, None),)),
    (
        [
            '<stun:s.example>; rel="ice-server", <turn:t.example?transport=udp>; rel="ice-server"; '
            'username="user"; credential="my, \\"pass\\"; word"; credential-type="password"'
        ],
        ((("stun:s.example",), None, None), (("turn:t.example?transport=udp",), "user", 'my, "pass"; word')),
    ),
    (
        ["<turns:t.example:443?transport=tcp>;credential=c;username=u;REL=ice-server", "<https://x/,y>; rel=next"],
        ((("turns:t.example:443?transport=tcp",), "u", "c"),),
    ),
    (['<stun:a>; rel="preload ice-server"; rel="next"'], ((("stun:a",), None, None),)),
    (["stun:naked; rel=ice-server", "", ",,;", '<stun:a; rel="ice-server"', '"unclosed'], ()),
]


@pytest.mark.parametrize(("values", "servers"), LINKS)
def test_ice_servers_in_links(values: list[str], servers: w.IceServers) -> None:
    assert w.read_links(values) == servers
    assert w.read_links(w.write_links(servers)) == servers
    assert w.read_links([", ".join(w.write_links(servers))]) == servers


@given(st.text(), st.text(), st.sampled_from(["stun:a.example", "turn:b.example:3478?transport=tcp"]))
def test_any_credential_comes_through_a_link(username: str, credential: str, url: str) -> None:
    servers: w.IceServers = (((url,), username, credential),)
    assert w.read_links([", ".join(w.write_links(servers))]) == servers


@given(st.text(alphabet='<>";,= \\rel-icsv'))
def test_no_link_header_is_too_strange(value: str) -> None:
    w.read_links([value])


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0), ("0", 0.0), ("99999999999999", 86400.0), ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0), ("soon", None), ("-1", None), ("²", None), ("", None),
    ],
)  # fmt: skip
def test_when_to_ask_again(value: str, seconds: float | None) -> None:
    assert w.retry_after(_response(503, Retry_After=value), NOW) == seconds
    assert w.retry_after(_response(503), NOW) is None


def test_redirects_keep_the_method_or_are_none() -> None:
    assert w.redirect(_response(307, Location="/eu")) == "https://media.example/eu"
    assert w.redirect(_response(308, Location="https://b.example/whip")) == "https://b.example/whip"
    assert [w.redirect(_response(status, Location="/eu")) for status in (201, 301, 302, 303)] == [None] * 4
    with pytest.raises(MessageError, match="HTTP 307 without Location"):
        w.redirect(_response(307))
    with pytest.raises(MessageError, match="in the clear"):
        w.redirect(_response(307, Location="http://media.example/eu"))


def test_trickling() -> None:
    text = w.write_trickle(OFFER, [CANDIDATE, None])
    assert text.split("\r\n") == [
        "a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0",
        f"a={CANDIDATE}", "a=end-of-candidates", "",
    ]  # fmt: skip
    assert w.read_fragment(text) == Fragment("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1", (CANDIDATE,), complete=True)
    with pytest.raises(MessageError, match="unusable candidate"):
        w.write_trickle(OFFER, ["candidate:rubbish"])


def test_restarting() -> None:
    fresh = Fragment("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k", (CANDIDATE,))
    assert w.read_fragment(w.write_restart(OFFER, fresh)) == fresh
    bare = "a=ice-lite\r\na=ice-options:trickle\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    assert w.read_fragment(bare + "a=ice-ufrag:289b\r\na=ice-pwd:0123456789abcdefghijkl\r\n") == Fragment(
        "289b", "0123456789abcdefghijkl"
    )
    with pytest.raises(MessageError, match="no a=ice-ufrag"):
        w.read_fragment(bare)
    with pytest.raises(MessageError, match="unusable"):
        w.read_fragment("m=audio\r\n")


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (_response(400, w.write_problem(400, "Bad Request", "no codec"), Content_Type=w.PROBLEM), "no codec"),
        (_response(400, '{"title": "T"}', Content_Type="application/problem+json"), "T"),
        (_response(500, '{"error": "E"}', Content_Type="application/json"), "E"),
        (_response(500, "{", Content_Type="application/json"), ""),
        (_response(500, "[1]", Content_Type="application/json"), ""),
        (_response(409, "nobody\n\x1b[31mhere\n", Content_Type="text/plain"), "nobody [31mhere"),
        (_response(404, "<html>not found</html>", Content_Type="text/html"), ""),
        (_response(404), ""),
        (_response(404, "404: Not Found", Content_Type="text/plain; charset=utf-8"), "Not Found"),
    ],
)
def test_what_a_server_says_of_a_problem(response: Response, words: str) -> None:
    assert w.read_problem(response) == words
